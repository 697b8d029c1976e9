"""Objects gone through, mended and accepted, with buttons and keys."""

import dask.array as da
import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_tessera import apply
from napari_tessera.widgets.layers.history import History
from napari_tessera.widgets.plugin.menu import FORMS
from napari_tessera.widgets.proofreading.form import Proofread

from ..conftest import wait

SHIFT = Qt.KeyboardModifier.ShiftModifier


def squares(*places, shape=(60, 80), side=8):
    """Return objects 1, 2, ... at places of the first pixel."""
    labels = np.zeros(shape, np.uint16)
    for number, place in enumerate(places, 1):
        labels[tuple(slice(i, i + side) for i in place)] = number
    return labels


@pytest.fixture
def cells(viewer):
    return viewer.add_labels(
        squares((5, 5), (5, 40), (30, 5), (30, 40)), name="cells", scale=(0.5, 0.5)
    )


@pytest.fixture
def opened(viewer):
    """Return a function that opens the form as a user does, and one that begins in it."""
    forms = []

    def begin(over=None, order=0):
        _, form = viewer.window.add_plugin_dock_widget("napari-tessera", "Proofread")
        forms.append(form)
        assert isinstance(form, Proofread)
        if over is not None:
            form.over.choose(over)
        form.order.setCurrentIndex(order)
        press(form.button)
        wait(lambda: form.running.job is None)
        return form

    yield begin
    for form in forms:
        form.release()


def press(button):
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def accepted(form):
    table = form.model.shown
    return dict(zip(table["index"].tolist(), table["accepted"].tolist(), strict=True))


def at(form):
    """Return the object that is looked at."""
    (row,) = form.table.chosen
    return int(form.model.table["index"][row])


def paint(form, layer, place, label):
    """Paint as napari does with a drag of the mouse, and wait until the list shows it."""
    with layer.block_history():
        layer.paint(place, label)
    wait(lambda: not form._edits.busy)


def test_objects_are_accepted_one_after_the_other(viewer, cells, opened):
    form = opened()
    assert form.count.text() == "0 of 4 accepted, 4 to go"
    assert (at(form), cells.selected_label) == (1, 1)
    assert viewer.layers.selection.active is cells
    assert viewer.scene.camera.center[-2:] == (8.5 / 2, 8.5 / 2)
    press(form.next_button)
    assert (at(form), viewer.scene.camera.center[-2:]) == (2, (8.5 / 2, 43.5 / 2))
    press(form.accept_button)
    assert (at(form), form.count.text()) == (3, "1 of 4 accepted, 3 to go")
    press(form.next_button)
    press(form.accept_button)  # from the end on to the first that waits
    assert (at(form), form.share.value()) == (1, 2)
    press(form.previous_button)
    assert form.message.text() == "This is the first object."
    press(form.accept_button)
    press(form.accept_button)
    assert form.message.text() == "All 4 objects are accepted."
    assert cells.features["accepted"].tolist() == [True] * 4
    press(form.take_back_button)
    assert accepted(form) == {1: "yes", 2: "yes", 3: "", 4: "yes"}
    assert not form.take_back_button.isEnabled()


@pytest.mark.on_screen
def test_keys_do_what_the_buttons_do(viewer, cells, opened):
    form = opened()
    wait(lambda: form.isVisibleTo(form.window()))
    window = form.window()
    assert [form.next_button.text(), form.accept_button.text()] == ["Next (N)", "Accept (A)"]
    QTest.keyClick(window, Qt.Key.Key_N)
    assert at(form) == 2
    QTest.keyClick(window, Qt.Key.Key_A)
    assert (at(form), accepted(form)[2]) == (3, "yes")
    # Qt would look for rows that begin with what is typed in a table
    QTest.keyClick(form.table, Qt.Key.Key_N, SHIFT)
    assert at(form) == 2
    QTest.keyClick(form.table, Qt.Key.Key_A, SHIFT)
    assert accepted(form)[2] == ""
    QTest.keyClick(form.table, Qt.Key.Key_Down)
    assert (at(form), cells.selected_label) == (3, 3)
    QTest.keyClick(window, Qt.Key.Key_A)
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert (at(form), accepted(form)[3]) == (3, "")  # back to what it was taken back of


def test_the_form_goes_on_where_it_was_left(viewer, cells, opened, tmp_path):
    form = opened()
    for _ in range(2):
        press(form.accept_button)
    viewer.window.remove_dock_widget(form)
    assert "object to proofread" not in viewer.layers
    path = tmp_path / "cells.ome.tif"
    assert cells.save(str(path), plugin="napari-tessera") == [str(path)]
    viewer.layers.remove(cells)
    (again,) = viewer.open(path, plugin="napari-tessera")
    form = opened()
    assert (at(form), form.count.text()) == (3, "2 of 4 accepted, 2 to go")
    assert form._queue.layer is again


def test_painting_mends_the_object_and_the_list_follows(viewer, cells, opened):
    form = opened()
    for _ in range(3):
        press(form.accept_button)
    form.go(1)
    cells.brush_size = 3
    outlined = viewer.layers["object to proofread"]
    paint(form, cells, (14, 44), cells.selected_label)
    assert accepted(form)[2] == "yes"  # changed while it is looked at
    assert outlined.data.shape == (11, 8)
    np.testing.assert_array_equal(outlined.translate, (2.5, 20))
    paint(form, cells, (8, 14), 2)  # beside object 1
    assert accepted(form) == {1: "yes", 2: "yes", 3: "yes", 4: ""}
    paint(form, cells, (8, 12), 2)
    assert accepted(form) == {1: "", 2: "yes", 3: "yes", 4: ""}
    assert form.message.text() == "Changed by the way, and no longer accepted: 1."
    assert cells.features["accepted"].tolist() == [False, True, True, False]
    cells.undo()
    wait(lambda: not form._edits.busy)
    assert accepted(form)[1] == "yes"  # as it was
    paint(form, cells, (50, 70), 9)  # a new one
    assert list(accepted(form)) == [1, 2, 3, 4, 9]
    cells.data_setitem(np.nonzero(cells.data == 2), 0)
    wait(lambda: not form._edits.busy)
    assert list(accepted(form)) == [1, 3, 4, 9]
    assert not outlined.visible
    press(form.next_button)  # the one that has come to its place
    assert at(form) == 3
    cells.data = np.zeros((4, 4), int)
    assert form.message.text() == "cells has other labels now; press Begin."
    assert form.model.rowCount() == 0


def test_steps_of_the_timeline_change_no_recipe(viewer, cells, opened):
    made = apply(cells, "label")
    viewer.add_layer(made)
    form = opened()
    history, before = History.of(made), History.of(made).recipe
    assert form.source.value is made
    paint(form, made, (50, 70), 9)
    painted = history.recipe
    assert painted != before
    for _ in range(5):
        press(form.accept_button)
    assert history.steps == ["paint", *["accept"] * 5]
    assert history.recipe == painted
    for _ in range(30):
        press(form.take_back_button)
        press(form.accept_button)
    assert history.steps[0] == "paint"  # which is not pushed out
    assert len(history.steps) == 21
    for _ in range(21):
        made.undo()
    assert history.recipe == before


@pytest.mark.parametrize("lazy", [False, True])
def test_volumes(viewer, opened, lazy):
    labels = squares((2, 5, 5), (2, 30, 40), (20, 5, 40), shape=(30, 60, 80))
    data = da.from_array(labels, chunks=(8, 32, 32)) if lazy else labels
    layer = viewer.add_labels(data, name="nuclei", axis_labels=("z", "y", "x"), scale=(2, 1, 1))
    form = opened()
    assert form.over.chosen == "volume"
    wait(lambda: "object to proofread" in viewer.layers)
    press(form.accept_button)
    assert (at(form), viewer.dims.current_step[0]) == (2, 6)  # half of a plane is rounded up
    outlined = viewer.layers["object to proofread"]
    wait(lambda: outlined.translate[1] == 30)
    np.testing.assert_array_equal(outlined.translate, (4, 30, 40))
    ring = np.ones((8, 8), int)
    ring[1:-1, 1:-1] = 0
    np.testing.assert_array_equal(outlined.data[4, :, :], ring)
    viewer.dims.ndisplay = 3
    press(form.next_button)
    wait(lambda: outlined.translate[0] == 40)
    assert viewer.scene.camera.center == (23.5 * 2, 8.5, 43.5)
    assert layer.selected_label == 3
    viewer.dims.ndisplay = 2
    assert viewer.dims.current_step[0] == 24  # the plane of the same object
    press(form.accept_button)
    assert layer.features["accepted"].tolist() == [True, False, True]


def test_the_same_label_in_two_planes_of_time_is_two_objects(viewer, opened):
    labels = np.stack([squares((5, 5), (30, 40)), squares((7, 9))])
    layer = viewer.add_labels(labels, axis_labels=("t", "y", "x"))
    form = opened()
    assert form.over.chosen == "planes"
    assert list(form.model.table) == ["index", "t", "accepted", "pixels"]
    press(form.accept_button)
    press(form.next_button)
    assert (viewer.dims.current_step[0], layer.selected_label) == (1, 1)
    layer.brush_size = 1
    paint(form, layer, (1, 20, 20), 1)
    press(form.accept_button)
    columns = (layer.features[name].tolist() for name in ("index", "t", "accepted"))
    assert list(zip(*columns, strict=True)) == [(1, 0, True), (2, 0, False), (1, 1, True)]
    assert form.model.table["pixels"].tolist() == [64, 64, 65]
    apply(layer, "measure", over="planes")
    assert layer.features["t"].tolist() == [0, 1, 0]
    assert layer.features["pixels"].tolist() == [64, 65, 64]
    assert form.count.text() == "2 of 3 accepted, 1 to go"


def test_the_suspicious_or_the_uncertain_come_first(viewer, cells, opened, quiet_errors):
    image = np.where(cells.data == 3, 0, 100.0 * (cells.data > 0))
    viewer.add_image(image, name="image", scale=(0.5, 0.5))
    form = opened(order=1)
    assert next(iter(accepted(form))) == 3
    assert form.model.table["suspicion"][0] > 0.9
    form.order.setCurrentIndex(2)
    press(form.button)
    assert "an image is missing" in quiet_errors[-1]
    form.map.value = viewer.add_image(cells.data / 10, name="doubt", scale=(0.5, 0.5))
    press(form.button)
    wait(lambda: form.running.job is None)
    assert list(accepted(form)) == [4, 3, 2, 1]
    np.testing.assert_allclose(form.model.table["uncertainty"], [0.4, 0.3, 0.2, 0.1])
    press(form.accept_button)
    assert at(form) == 3
    form.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)  # goes on in the order that is shown
    press(form.accept_button)
    assert at(form) == 1


def test_what_cannot_be_begun_is_said(viewer, opened, quiet_errors):
    form = opened()
    assert "labels is missing" in quiet_errors[-1]
    viewer.add_labels(np.zeros((9, 9), int), name="empty")
    press(form.button)
    wait(lambda: form.running.job is None)
    assert form.message.text() == "empty has no objects."
    assert not form.next_button.isEnabled()
    press(form.accept_button)
    other = viewer.add_labels(np.ones((9, 9), int), name="other")
    form.source.value = other
    press(form.button)
    wait(lambda: form.running.job is None)
    viewer.layers.remove(other)
    assert form.model.rowCount() == 0


def test_it_stands_where_labels_are_judged():
    assert FORMS["proofread"].group == "Judge"


def test_objects_that_end_where_blocks_meet_come_first(viewer, opened):
    image = np.zeros((40, 64), np.uint8)
    image[10:30, 4:32] = image[2:8, 40:60] = 200
    options = {"smoothing": "0 px", "seed_distance": "2 px", "landscape": "intensity"}
    layer = viewer.add_image(image, name="nuclei")
    labels = apply(layer, "watershed", blocks=(40, 32), **options)
    viewer.add_layer(labels)
    viewer.layers.selection.active = labels
    form = opened(order=3)
    straight = int(labels.data[20, 20])
    assert at(form) == straight
    assert form.model.table["at seam"].tolist() == [1.0, 0.0]


def test_a_layer_without_seams_says_so(viewer, cells, opened):
    form = opened(order=3)
    assert "cells has no list of objects at seams" in form.message.text()
