"""The table of objects, linked to the viewer."""

import numpy as np
import pytest
from napari.utils.interactions import mouse_press_callbacks, mouse_release_callbacks
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_tessera import apply
from napari_tessera.widgets.forms.tables import show_table
from napari_tessera.widgets.plugin.menu import open_form
from napari_tessera.widgets.tables.explore_table import TableExplorer

from ..conftest import wait


@pytest.fixture
def cells(viewer):
    """Two planes in time: 4 is in both, 6 and 9 in one."""
    labels = np.zeros((2, 60, 80), np.uint16)
    labels[0, 10:20, 10:30] = labels[1, 40:50, 60:64] = 4
    labels[1, 2:4, 2:4], labels[0, 30:50, 50:70] = 6, 9
    layer = viewer.add_labels(
        labels, name="cells", axis_labels=("t", "y", "x"), scale=(1, 0.5, 0.5)
    )
    return apply(layer, "measure", over="planes")


@pytest.fixture
def form(viewer, cells):
    form = open_form(viewer, "explore_table")
    assert isinstance(form, TableExplorer)
    yield form
    form.release()


def listed(form):
    table = form.model.shown
    return list(zip(table["index"].tolist(), table["t"].tolist(), strict=True))


def chosen(form):
    table, rows = form.model.table, form.table.chosen
    return list(zip(table["index"][rows].tolist(), table["t"][rows].tolist(), strict=True))


def marked(viewer, step):
    """Return the pixels of a plane that are outlined."""
    layer = viewer.layers["chosen objects"]
    return layer.data[step, :, :] if layer.visible else None


def click(viewer, layer, place, modifiers=()):
    """Click on a place of the world, as the viewer tells the layer of it."""

    class Event:
        button, position, type = 1, place, "mouse_press"
        dims_displayed, view_direction = viewer.dims.displayed, np.array([0, 0, 1.0])

    event = Event()
    event.modifiers = modifiers
    mouse_press_callbacks(layer, event)
    event.type = "mouse_release"
    mouse_release_callbacks(layer, event)


def test_a_row_goes_to_its_object_in_its_plane(viewer, cells, form):
    assert form.source.value is cells
    assert listed(form) == [(4, 0), (9, 0), (4, 1), (6, 1)]
    assert form.message.text() == "4 of 4 rows are listed."
    form.table.selectRow(2)
    assert (viewer.dims.current_step[0], cells.selected_label) == (1, 4)
    assert viewer.scene.camera.center[-2:] == (44.5 / 2, 61.5 / 2)
    outline = np.zeros((60, 80), bool)
    outline[40:50, 60:64] = True
    outline[41:49, 61:63] = False
    np.testing.assert_array_equal(marked(viewer, 1) == 1, outline)
    assert not marked(viewer, 0).any()  # 4 is another object there
    viewer.dims.ndisplay = 3
    form.table.selectRow(1)
    assert viewer.scene.camera.center == (0, 39.5 / 2, 59.5 / 2)
    assert cells.selected_label == 9


def test_an_object_that_is_clicked_has_its_row_chosen(viewer, cells, form):
    viewer.dims.set_current_step(0, 1)
    before = viewer.scene.camera.center
    click(viewer, cells, (1, 22, 31))
    assert chosen(form) == [(4, 1)]
    assert viewer.scene.camera.center == before  # the canvas stays
    click(viewer, cells, (1, 1.5, 1.5), modifiers=("Control",))
    assert chosen(form) == [(4, 1), (6, 1)]
    assert cells.selected_label == 6
    click(viewer, cells, (1, 29, 1))
    assert chosen(form) == []
    assert marked(viewer, 1) is None
    cells.selected_label = 4  # as the picker does
    assert chosen(form) == [(4, 1)]
    cells.mode = "fill"  # whose clicks are for painting
    click(viewer, cells, (1, 1.5, 1.5))
    assert chosen(form) == [(4, 1)]


def test_rows_are_filtered_and_sorted(viewer, cells, form):
    form.filter.setText("pixels > 10 and t = 0")
    assert listed(form) == [(4, 0), (9, 0)]
    assert form.message.text() == "2 of 4 rows are listed."
    form.table.sortByColumn(list(form.model.table).index("pixels"), Qt.SortOrder.DescendingOrder)
    assert listed(form) == [(9, 0), (4, 0)]
    viewer.dims.set_current_step(0, 1)
    click(viewer, cells, (1, 1.5, 1.5))
    assert "Object 6 is not listed" in form.message.text()
    form.filter.setText("size > 10")
    assert form.message.text().startswith("There is no column 'size'; there are index, t")
    assert len(listed(form)) == 4


def test_objects_are_coloured_and_keep_their_own_colours(viewer, cells, form):
    colormap = cells.colormap
    form.colour.choose("pixels")
    own = viewer.layers["cells: pixels"]
    assert cells.colormap is colormap
    assert form.key.text().startswith("4&nbsp;")
    assert "&nbsp;400" in form.key.text()
    # 4 has 200 pixels in the first plane and 40 in the second
    numbers = [int(own.data[0, 12, 12]), int(own.data[1, 45, 61]), int(own.data[0, 40, 60])]
    assert numbers == [1 + round(199 * (n - 4) / 396) for n in (200, 40, 400)]
    form.table.selectRow(0)
    assert [each.name for each in viewer.layers] == ["cells", "cells: pixels", "chosen objects"]
    form.colour.choose(None)
    assert not own.visible


def test_what_is_dragged_over_in_a_plot_is_chosen(viewer, cells, form):
    form.kind.choose(2)
    assert (form.across.chosen, form.up.chosen) == ("area", "circularity")
    form.across.choose("pixels")
    form.up.choose("t")
    form.plot.brush((30, 0), (500, 0))
    assert chosen(form) == [(4, 0), (9, 0)]
    assert form.plot.figure.axes[0].lines[1].get_xdata().tolist() == [200, 400]
    assert marked(viewer, 0).any()
    form.kind.choose(1)
    assert form.up.isHidden()
    form.filter.setText("t = 1")
    assert sum(bar.get_height() for bar in form.plot.figure.axes[0].containers[0]) == 2


def test_the_table_follows_edits_and_other_layers(viewer, cells, form):
    form.table.selectRow(3)
    table = cells.features.copy()
    table["class"] = ["a", "b", "c", "d"]
    cells.features = table.iloc[::-1].reset_index(drop=True)
    assert chosen(form) == [(6, 1)]  # its row is another now
    assert "class" in form.model.table
    other = viewer.add_labels(np.ones((4, 4), int), name="other")
    assert form.source.value is other
    assert form.message.text() == "other has no table yet; press Measure."
    assert form.model.rowCount() == 0
    assert "chosen objects" not in viewer.layers
    assert form._pressed not in cells.mouse_drag_callbacks
    form.measure_button.click()
    wait(lambda: form.model.rowCount() == 1)
    viewer.layers.remove(other)
    assert form.source.value is cells


def test_an_object_without_measurements_is_looked_for(viewer, cells, form):
    cells.features = {"index": [4, 9, 7], "class": ["a", "b", "c"]}
    form.table.selectRow(1)
    wait(lambda: cells.selected_label == 9)
    assert viewer.scene.camera.center[-2:] == (39.5 / 2, 59.5 / 2)
    form.table.selectRow(2)
    wait(lambda: form.message.text() != "3 of 3 rows are listed.")
    assert form.message.text() == "No pixel of cells has the label 7."


def test_rows_are_copied_and_saved(viewer, cells, form, tmp_path, monkeypatch):
    form.filter.setText("t = 1")
    form.copy_button.click()
    wait(lambda: form.message.text() == "2 rows copied.")
    lines = QApplication.clipboard().text().splitlines()
    assert [line.split("\t")[:3] for line in lines] == [
        ["index", "t", "pixels"], ["4", "1", "40"], ["6", "1", "4"],
    ]  # fmt: skip
    form.table.selectRow(1)
    form.copy_button.click()
    wait(lambda: form.message.text() == "1 rows copied.")
    path = tmp_path / "cells.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    form.save_button.click()
    assert len(path.read_text().splitlines()) == 3


def test_show_table_brings_the_form_that_is_open(viewer, cells, form):
    other = viewer.add_labels(np.ones((60, 80), int), name="other")
    show_table(viewer, cells)
    assert form.source.value is cells
    assert len([name for name in viewer.window.dock_widgets if "Explore table" in name]) == 1
    assert other in viewer.layers


def test_a_closed_form_leaves_the_layer_as_it_was(viewer, cells):
    calls, colormap = list(cells.mouse_drag_callbacks), cells.colormap
    form = open_form(viewer, "explore_table")
    form.table.selectRow(0)
    form.colour.choose("area")
    form.parent().destroyOnClose()
    assert [layer.name for layer in viewer.layers] == ["cells"]
    assert (cells.mouse_drag_callbacks, cells.colormap) == (calls, colormap)
