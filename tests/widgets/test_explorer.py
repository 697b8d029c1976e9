"""The explorer of errors: compare, list, fly."""

import csv

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_tessera.widgets.explorer import ALL, Explorer

from .conftest import wait


@pytest.fixture
def pair(viewer):
    """A truth of three squares in two planes; one is found, one split, one missed."""
    truth, found = np.zeros((2, 40, 60), np.uint16), np.zeros((2, 40, 60), np.uint16)
    truth[0, 5:15, 5:15] = found[0, 5:15, 5:15] = 1
    truth[1, 20:30, 30:50], found[1, 20:30, 30:40], found[1, 20:30, 40:50] = 2, 7, 8
    truth[1, 2:8, 2:8] = 3
    place = {"scale": (2, 0.5, 0.5), "translate": (0, 3, 4)}
    return (
        viewer.add_labels(truth, name="truth", **place),
        viewer.add_labels(found, name="found", **place),
    )


@pytest.fixture
def explorer(viewer, pair):
    form = Explorer(viewer)
    viewer.window.add_dock_widget(form, name="explorer")
    yield form
    form.release()


def compare(form):
    form.button.click()
    wait(lambda: form.job is None)


def rows(form):
    return [
        tuple(form.shown.index(row, column).data() for column in range(3))
        for row in range(form.shown.rowCount())
    ]


def test_what_is_wrong_is_listed_and_flown_to(viewer, pair, explorer):
    truth, found = pair
    assert (explorer.prediction.value, explorer.truth.value) == (found, truth)
    compare(explorer)
    assert explorer.message.text() == "3 of 4 objects are listed."
    assert rows(explorer) == [
        ("missed", "truth", 3), ("split", "prediction", 7), ("split", "prediction", 8),
    ]  # fmt: skip
    text = explorer.summary.text()
    assert text.startswith("2 of 3 objects found, 1 missed, 0 spurious, 1 split, 0 merged.")
    explorer.table.selectRow(0)
    assert viewer.dims.current_step[0] == 1
    np.testing.assert_allclose(
        viewer.scene.camera.center[-2:], truth.data_to_world((1, 4.5, 4.5))[1:]
    )
    assert viewer.layers.selection.active is truth
    assert truth.selected_label == 3
    viewer.dims.set_current_step(0, 0)
    explorer.table.selectRow(2)
    assert viewer.dims.current_step[0] == 1
    assert (viewer.layers.selection.active, found.selected_label) == (found, 8)


def test_the_list_is_sorted_and_filtered_and_saved(viewer, pair, explorer, tmp_path, monkeypatch):
    compare(explorer)
    explorer.kinds.choose(ALL)
    assert len(rows(explorer)) == 4
    explorer.least.setValue(50)
    assert len(rows(explorer)) == 3
    pixels = list(explorer.model.table).index("pixels")
    explorer.table.sortByColumn(pixels, explorer.table.horizontalHeader().sortIndicatorOrder())
    found = [explorer.shown.index(row, pixels).data() for row in range(3)]
    assert found in (sorted(found), sorted(found, reverse=True))
    explorer.kinds.choose("split")
    target = tmp_path / "errors.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(target), ""))
    explorer.save_button.click()
    with target.open() as file:
        saved = list(csv.DictReader(file))
    assert [row["error"] for row in saved] == ["split", "split"]


def test_what_does_not_fit_is_said(viewer, pair, explorer):
    truth, _ = pair
    truth.translate = (0, 0, 0)
    explorer.button.click()
    assert "truth is layer 'truth', which lies elsewhere than 'found'" in explorer.message.text()
    viewer.layers.remove(truth)
    explorer.button.click()
    assert "truth is missing; two Labels layers are needed" in explorer.message.text()


def test_a_layer_that_is_gone_is_said(viewer, pair, explorer):
    compare(explorer)
    viewer.layers.remove(pair[0])
    explorer.table.selectRow(0)
    assert "layer 'truth' is no longer there; compare again" in explorer.message.text()


def test_the_error_map_is_one_click_away(viewer, pair, explorer):
    explorer.map_button.click()
    form = viewer.window.dock_widgets["Judge: Error map"]
    assert (form.source.value, form.fields["truth"].value) == (pair[1], pair[0])
    form.release()
