"""Tables of objects follow their numbers."""

import numpy as np
import pandas as pd
import pytest
from napari.layers import Labels

from napari_tessera import apply
from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.widgets.editing.edit_objects import Surgery
from napari_tessera.widgets.editing.tools import TOOLS
from napari_tessera.widgets.layers.following import ObjectRows, TableChange
from napari_tessera.widgets.layers.history import History

from ..conftest import wait

NAN = float("nan")


def cells():
    """Return objects 3 and 7 beside one another, 20 apart, and 90 in another plane."""
    labels = np.zeros((2, 12, 20), np.uint16)
    labels[0, 2:6, 2:6], labels[0, 2:6, 6:12], labels[0, 8:11, 14:18] = 3, 7, 20
    labels[1, 2:6, 2:6] = 90
    return labels


def table():
    return pd.DataFrame(
        {
            "index": [0, 3, 7, 20, 90],
            "class": ["ground", "round", "long", "round", "far"],
            "stage": [0, 1, 2, 3, 4],
            "score": [0.0, 0.3, 0.7, 0.2, 0.9],
            "pixels": [0, 16, 24, 12, 16],
        }
    )


@pytest.fixture
def layer(viewer):
    metadata = {KEY: {"columns": ["pixels"], "kind": "objects"}}
    return viewer.add_labels(cells(), name="cells", features=table(), metadata=metadata)


@pytest.fixture
def act(viewer, layer):
    """Return a function that presses a tool's button and acts at places."""
    form = Surgery(viewer)
    viewer.window.add_dock_widget(form, name="edit")

    def press(title, *path):
        form.choose(next(tool for tool in TOOLS if tool.title == title))
        form._points = list(path)
        form.act()
        wait(lambda: form.job is None)

    press.form = form
    yield press
    form.release()


def rows(layer):
    """Return the rows by id, NaN as None."""
    features = layer.features.astype(object).where(layer.features.notna(), None)
    return {line[0]: tuple(line[1:]) for line in features.to_numpy().tolist()}


BEFORE = {
    0: ("ground", 0, 0.0, 0), 3: ("round", 1, 0.3, 16), 7: ("long", 2, 0.7, 24),
    20: ("round", 3, 0.2, 12), 90: ("far", 4, 0.9, 16),
}  # fmt: skip


def without(*ids):
    return {number: row for number, row in BEFORE.items() if number not in ids}


STEPS = {
    "Merge": (
        [(0, 3, 8), (0, 3, 3)],
        {**without(3), 7: ("long", 2, 0.7, None)},
    ),
    "Delete": ([(0, 9, 15)], without(20)),
    "Cut": (
        [(0, 0, 8), (0, 7, 8)],
        {**BEFORE, 7: ("long", 2, 0.7, None), 91: ("long", 2, None, None)},
    ),
    "Split": (
        [(0, 3, 7), (0, 3, 11)],
        {**BEFORE, 7: ("long", 2, 0.7, None), 91: ("long", 2, None, None)},
    ),
}


@pytest.mark.parametrize("title", STEPS)
def test_rows_follow_what_is_done_with_the_mouse_and_come_back(layer, act, title):
    path, after = STEPS[title]
    act(title, *path)
    assert rows(layer) == after
    assert layer.features["index"].tolist() == sorted(after)
    act.form.undo_button.click()
    pd.testing.assert_frame_equal(layer.features, table())
    np.testing.assert_array_equal(layer.data, cells())
    act.form.redo_button.click()
    assert rows(layer) == after
    layer.undo()  # as Ctrl-Z does
    pd.testing.assert_frame_equal(layer.features, table())


def test_steps_are_taken_back_one_by_one(layer, act):
    act("Merge", (0, 3, 8), (0, 3, 3))
    act("Delete", (1, 3, 3))
    act("Delete", (0, 3, 8))
    assert set(rows(layer)) == {0, 20}
    for left in ({0, 7, 20}, {0, 7, 20, 90}, set(BEFORE)):
        layer.undo()
        assert set(rows(layer)) == left
    pd.testing.assert_frame_equal(layer.features, table())


RENUMBERED = {
    0: BEFORE[0], 1: BEFORE[3], 2: BEFORE[7], 3: BEFORE[20], 4: BEFORE[90],
}  # fmt: skip


def test_number_anew_takes_the_rows_along(layer, form_of, run):
    form = form_of("relabel")
    form.source.value = layer
    assert rows(run(form)) == RENUMBERED
    form.walk.refining.into.choose("this")
    run(form)
    assert rows(layer) == RENUMBERED
    assert rows(apply(Labels(cells(), features=table()), "relabel")) == RENUMBERED
    layer.undo()
    pd.testing.assert_frame_equal(layer.features, table())


def test_a_result_that_is_made_anew_has_the_rows_of_its_labels(viewer, layer, form_of, run):
    form = form_of("filter_objects")
    form.source.value = layer
    form.fields["min_diameter"].value = "0 px"
    first = run(form)
    assert rows(first) == BEFORE
    form.fields["min_diameter"].value = "4.2 px"  # a disc of 14 pixels
    assert run(form) is first
    assert set(rows(first)) == {0, *np.unique(first.data).tolist()}
    assert 20 not in rows(first)
    # what somebody has written into it is theirs
    first.features.loc[1, "class"] = "mine"
    form.fields["min_diameter"].value = "0 px"
    assert run(form) is not first
    assert first.features.loc[1, "class"] == "mine"


def test_what_was_measured_of_other_pixels_is_no_longer_known():
    layer = Labels(cells())
    apply(layer, "measure", over="planes")
    grown = apply(layer, "expand", distance="1 px", only=(20,))
    known = grown.features.set_index("index")
    assert known["pixels"].isna().to_dict() == {3: False, 7: False, 20: True, 90: False}
    apply(grown, "measure", over="planes")  # it takes the place of the old columns
    assert not [name for name in grown.features if "before" in name]
    assert grown.features["pixels"].tolist() == [np.sum(grown.data == n) for n in (3, 7, 20, 90)]


def test_what_is_cut_off_an_accepted_object_is_not_accepted(layer, act):
    layer.features = table().assign(accepted=[False, True, True, False, False])
    act("Cut", (0, 1, 4), (0, 7, 4))  # 3, through the middle
    rows = dict(zip(layer.features["index"], layer.features["accepted"], strict=True))
    assert rows == {0: False, 3: True, 7: True, 20: False, 90: False, 91: False}
    layer.undo()
    assert layer.features["accepted"].tolist() == [False, True, True, False, False]


def test_classes_keep_their_rows_when_no_pixel_has_them():
    metadata = {KEY: {"kind": "classes"}}
    layer = Labels(cells(), features=table(), metadata=metadata)
    assert rows(apply(layer, "delete", path=((0, 9, 15),))) == BEFORE


def test_rows_without_ids_are_those_of_0_1_2():
    labels = np.array([[0, 1, 1, 3, 3]])
    layer = Labels(labels, features={"name": ["ground", "a", "b", "c"]})
    found = apply(layer, "relabel").features
    # nobody had the number 2; now the third one has it
    assert dict(zip(found["index"], found["name"], strict=True)) == {0: "ground", 1: "a", 2: "c"}


def test_a_layer_without_a_table_stays_without(viewer, act, layer):
    layer.features = {}
    act("Delete", (0, 9, 15))
    assert layer.features.empty
    assert ObjectRows.of(layer) is None


def test_unsorted_rows_and_columns_added_since_survive_undo(layer, act):
    mixed = table().iloc[[4, 1, 0, 3, 2]].reset_index(drop=True)
    layer.features = mixed
    act("Delete", (0, 9, 15))
    assert layer.features["index"].tolist() == [90, 3, 0, 7]
    layer.features = layer.features.assign(note=list("abcd"))
    History.of(layer).undo()
    pd.testing.assert_frame_equal(layer.features[list(mixed)], mixed)
    assert dict(zip(layer.features["index"], layer.features["note"], strict=True)) == {
        90: "a", 3: "b", 0: "c", 7: "d", 20: pytest.approx(NAN, nan_ok=True),
    }  # fmt: skip


def test_a_change_of_a_table_keeps_only_the_rows_it_touches():
    old = table()
    new = old[old["index"] != 20]
    change = TableChange.between(old, new, np.array([20]))
    assert change.gone["index"].tolist() == [20]
    assert change.came.empty
    assert 0 < change.nbytes < old.memory_usage(deep=True).sum()
    pd.testing.assert_frame_equal(change.flip(old, back=False), new.reset_index(drop=True))
