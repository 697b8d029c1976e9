"""Changes of a recipe, and how they are taken back."""

import gc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.layers import Labels

from napari_tessera import step
from napari_tessera.widgets.recipe.edited import EditedRecipe, EditedRecipes

from .conftest import squares


@pytest.fixture
def edited():
    return EditedRecipe(squares().steps)


def names(edited):
    return [each.method for each in edited.steps]


def test_changes_of_one_thing_are_taken_back_together(edited):
    for size in ("6 px", "7 px", "8 px"):
        edited.with_parameters(2, "min_diameter", min_diameter=size)
    edited.with_parameters(2, "max_diameter", max_diameter="20 px")
    assert edited.steps[2].parameters["min_diameter"] == "8 px"
    edited.undo()
    assert edited.steps[2].parameters["max_diameter"] == "0 px"
    edited.undo()
    assert edited.steps == tuple(squares().steps)
    assert not edited.is_edited
    edited.undo()  # there is nothing more
    assert edited.steps == tuple(squares().steps)


def test_what_changes_nothing_is_no_change(edited):
    edited.with_parameters(2, "min_diameter", min_diameter="5 px")
    edited.walk(1, {"over": edited.steps[1].over})
    assert not edited.is_edited


@given(st.lists(st.sampled_from(["size", "walk", "add", "remove", "move", "revert"]), max_size=8))
def test_every_change_is_taken_back(changes):
    edited, before = EditedRecipe(squares().steps), []
    for number, change in enumerate(changes):
        before.append(edited.steps)
        if change == "size":
            edited.with_parameters(0, number, smoothing=f"{number + 1} px")
        elif change == "walk":
            edited.walk(0, {"over": "volume" if number % 2 else "planes"})
        elif change == "add":
            edited.add(step("expand", distance=f"{number + 1} px"))
        elif change == "remove" and edited.can_remove(len(edited.steps) - 1):
            edited.remove(len(edited.steps) - 1)
        elif change == "move" and edited.can_move(len(edited.steps) - 1, 1):
            edited.move(len(edited.steps) - 1, 1)
        else:
            edited.revert()
        if edited.steps == before[-1]:
            before.pop()
    states = [edited.steps]
    while edited.is_edited:
        edited.undo()
        states.append(edited.steps)
    assert states[-1] == tuple(squares().steps)
    assert len(states) <= len(before) + 1


def test_a_change_that_does_not_fit_leaves_the_steps(edited):
    with pytest.raises(ValueError, match=r"steps\[4\]: kmeans takes an image"):
        edited.add(step("kmeans"))
    assert names(edited) == ["threshold", "label", "filter_objects", "measure"]


def test_what_can_be_done_is_known_before(edited):
    assert [edited.can_remove(n) for n in range(4)] == [False, True, True, True]
    assert [edited.can_move(n, n + 1) for n in range(3)] == [False, True, True]
    assert not edited.can_move(1, 0)
    assert not edited.can_move(3, 4)
    found = {each.name for each in edited.can_follow}
    assert {"expand", "contours", "measure", "crf"} <= found
    assert not {"threshold", "predict", "paint", "split"} & found
    assert "threshold" in {each.name for each in EditedRecipe().can_follow}
    with pytest.raises(ValueError, match="no step yet; press Add step"):
        _ = EditedRecipe().recipe


def test_what_steps_gave_counts_up_to_the_first_change(edited):
    assert edited.words("cells") == []
    for asked, words in zip(edited.begin("cells"), "abcd", strict=True):
        edited.tell(asked, words)
    assert edited.words("cells") == list("abcd")
    assert edited.words("wing") == []
    edited.with_parameters(2, "min_diameter", min_diameter="6 px")
    assert edited.words("cells") == list("ab")
    edited.undo()
    assert edited.words("cells") == list("abcd")
    edited.begin("wing")
    assert edited.words("wing") == []


def test_changes_are_kept_by_what_a_recipe_was_read_from(tmp_path):
    known, layer = EditedRecipes(), Labels(np.ones((2, 2), int))
    of_layer = known.of(layer, lambda: squares().steps)
    of_layer.remove(3)
    of_file = known.of(tmp_path / "r.json", lambda: squares().steps[:1])
    assert known.of(layer, list) is of_layer  # as it was changed
    assert names(known.of(tmp_path / "r.json", lambda: squares().steps[:2])) == names(
        EditedRecipe(squares().steps[:2])
    )  # the file is another one now
    assert names(of_file) == ["threshold"]
    known.keep("cells (edited)", of_layer)
    assert known.of("cells (edited)", list) is of_layer
    del layer
    gc.collect()
    assert len(known._of_layers) == 0
