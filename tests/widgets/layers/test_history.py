"""One timeline per layer: napari's strokes and our steps."""

import gc
import weakref

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_tessera.pipeline.edits import differences
from napari_tessera.pipeline.recipes.recipe import KEY, Recipe
from napari_tessera.pipeline.source import Source
from napari_tessera.widgets.layers import history as history_module
from napari_tessera.widgets.layers.history import History, Step

from ..conftest import wait


@pytest.fixture
def layer(viewer):
    labels = np.zeros((3, 40, 50), np.uint16)
    labels[:, 5:15, 5:15], labels[:, 20:30, 20:40] = 1, 2
    return viewer.add_labels(labels, name="cells")


def step(layer, values, start=(0, 0, 0), name="a step", after=None):
    known = layer.metadata.get(KEY, {}).get("recipe")
    return Step(name, differences(layer.data, start, np.asarray(values)), known, after)


def ours(layer, random):
    """Change a random box by a step of ours."""
    z, y, x = random.integers(0, 3), random.integers(0, 30), random.integers(0, 40)
    values = random.integers(0, 9, (1, 8, 9))
    History.of(layer).commit(step(layer, values, (z, y, x)))


def stroke(layer, random):
    """Paint as napari does with a drag of the mouse, in some plane."""
    place = (random.integers(0, 3), random.integers(0, 40), random.integers(0, 50))
    with layer.block_history():
        layer.paint(place, int(random.integers(0, 9)))
        layer.paint((place[0], (place[1] + 3) % 40, place[2]), 7)


@pytest.mark.parametrize("seed", range(4))
def test_strokes_and_steps_are_taken_back_in_the_order_they_were_made(viewer, layer, seed):
    random = np.random.default_rng(seed)
    array, states = layer.data, [layer.data.copy()]
    History.of(layer)
    for _ in range(8):
        viewer.dims.set_current_step(0, int(random.integers(0, 3)))
        random.choice([ours, stroke])(layer, random)
        if not np.array_equal(layer.data, states[-1]):
            states.append(layer.data.copy())
    for state in reversed(states[:-1]):
        layer.undo()
        np.testing.assert_array_equal(layer.data, state)
    for state in states[1:]:
        layer.redo()
        np.testing.assert_array_equal(layer.data, state)
    assert layer.data is array


def test_the_keys_of_the_layer_take_back_the_newest(viewer, layer, qtbot):
    before = layer.data.copy()
    History.of(layer).commit(step(layer, np.full((1, 2, 2), 9)))
    layer.selected_label = 5
    layer.fill((0, 7, 7), 5)
    after = layer.data.copy()
    viewer.layers.selection.active = layer
    canvas = viewer.window._qt_viewer.canvas.native
    for _ in range(2):
        qtbot.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(layer.data, before)
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    for _ in range(2):
        qtbot.keyClick(canvas, Qt.Key.Key_Z, both)
    np.testing.assert_array_equal(layer.data, after)


def test_a_new_stroke_ends_what_could_be_made_again(viewer, layer):
    own = History.of(layer)
    own.commit(step(layer, np.full((1, 2, 2), 9)))
    layer.undo()
    layer.paint((0, 30, 3), 4)
    painted = layer.data.copy()
    layer.redo()
    np.testing.assert_array_equal(layer.data, painted)
    layer.undo()
    own.commit(step(layer, np.full((1, 2, 2), 8)))
    changed = layer.data.copy()
    layer.redo()
    np.testing.assert_array_equal(layer.data, changed)
    assert own.steps == ["a step"]


def test_the_oldest_steps_are_forgotten_beyond_the_limit(layer):
    own, random = History.of(layer), np.random.default_rng(0)
    own.limit = 3000
    for _ in range(12):
        own.commit(step(layer, random.integers(0, 999, (1, 20, 30))))
    assert own.nbytes <= 3000
    assert 1 <= len(own.steps) < 12
    states = [layer.data.copy()]
    for _ in range(len(own.steps)):
        layer.undo()
        states.append(layer.data.copy())
    for state in reversed(states[:-1]):
        layer.redo()
        np.testing.assert_array_equal(layer.data, state)


def test_large_steps_are_written_in_a_thread_while_nobody_can_paint(layer, monkeypatch):
    monkeypatch.setattr(history_module, "AT_ONCE", 10)
    untouched = layer.data.copy()
    layer.fill((0, 7, 7), 5)
    own, before, ends = History.of(layer), layer.data.copy(), []
    values = np.arange(40 * 50).reshape(1, 40, 50)
    own.commit(step(layer, values), lambda: ends.append("written"))
    assert not layer.editable
    layer.undo()  # does nothing yet
    wait(lambda: ends)
    assert layer.editable
    np.testing.assert_array_equal(layer.data[0], values[0])
    layer.undo()
    wait(lambda: layer.editable)
    np.testing.assert_array_equal(layer.data, before)
    layer.undo()  # the stroke before
    np.testing.assert_array_equal(layer.data, untouched)
    layer.redo()
    layer.redo()
    wait(lambda: layer.editable)
    np.testing.assert_array_equal(layer.data[0], values[0])


def test_another_array_has_no_history(layer):
    own = History.of(layer)
    own.commit(step(layer, np.full((1, 2, 2), 9), after={"method": "label"}))
    layer.paint((0, 30, 3), 4)
    layer.data = np.ones((3, 40, 50), np.uint16)
    assert own.steps == []
    assert "recipe" not in layer.metadata[KEY]
    layer.undo()
    assert (layer.data == 1).all()


def test_layers_that_cannot_be_changed_say_why(viewer):
    import dask.array as da

    lazy = viewer.add_labels(da.zeros((8, 8), dtype=np.uint8), name="lazy")
    with pytest.raises(ValueError, match="'lazy' cannot be changed in place: it is computed when"):
        History.of(lazy).check()


def test_it_lives_and_dies_with_its_layer():
    from napari.layers import Labels

    layer = Labels(np.zeros((4, 4), int))
    own = History.of(layer)
    assert History.of(layer) is own
    gone = weakref.ref(layer)
    del layer, own
    gc.collect()
    assert gone() is None


def test_painted_pixels_are_a_step_of_the_recipe(viewer, layer):
    image = Source.of((layer.data > 0).astype(np.uint8), name="mask")
    recipe = Recipe.of(history_module.METHODS["label"], image, {})
    made = viewer.add_labels(
        recipe.run(image).array, metadata={KEY: {"recipe": recipe.to_dict(), "kind": "objects"}}
    )
    own = History.of(made)
    assert own.recipe == recipe.to_dict()
    made.fill((0, 7, 7), 9)
    made.paint((2, 33, 44), 5)
    again = Recipe.from_dict(own.recipe)
    assert [each.method for each in again.steps] == ["label", "paint"]
    np.testing.assert_array_equal(again.run(image).array, made.data)
    made.undo()
    made.undo()
    assert own.recipe == recipe.to_dict()


@pytest.mark.parametrize("at_once", [1_000_000, 0])
def test_what_a_program_has_written_is_never_undone_into_something_else(
    layer, monkeypatch, at_once
):
    told = []
    monkeypatch.setattr(history_module, "show_error", told.append)
    monkeypatch.setattr(history_module, "AT_ONCE", at_once)
    history = History.of(layer)
    for number in (5, 6):
        history.commit(step(layer, [[[number, number]]], name=f"write {number}"))
        wait(lambda: history._job is None)
    layer.data[0, 0, 0] = 8
    expected = layer.data.copy()
    layer.undo()
    wait(lambda: history._job is None)
    np.testing.assert_array_equal(layer.data, expected)
    expected_words = (
        "layer 'cells' was changed by a program since 'write 6'; it stays as it is, and its "
        "earlier steps are forgotten"
    )
    assert told == [expected_words]
    assert history.steps == []
    assert layer.editable
    assert history.recipe is None
    late = step(layer, [[[1, 2]]])
    layer.data[0, 0, 1] = 7
    history.commit(late)
    wait(lambda: history._job is None)
    assert layer.data[0, 0, :2].tolist() == [8, 7]
    assert len(told) == 2
