"""The explorer of errors: compare, list, fly."""

import csv

import numpy as np
import pytest
from matplotlib.colors import to_hex
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_tessera import strata
from napari_tessera.widgets.evaluation.error_explorer import Explorer
from napari_tessera.widgets.evaluation.object_list import ALL

from ..conftest import wait


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
    wait(lambda: form.running.job is None)


def rows(form):
    return [
        tuple(form.objects.model.index(row, column).data() for column in range(3))
        for row in range(form.objects.model.rowCount())
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
    assert text.startswith("2 of 3 objects found, 1 missed, 0 spurious, 1 split, 0 merged")
    explorer.objects.table.selectRow(0)
    assert viewer.dims.current_step[0] == 1
    np.testing.assert_allclose(
        viewer.scene.camera.center[-2:], truth.data_to_world((1, 4.5, 4.5))[1:]
    )
    assert viewer.layers.selection.active is truth
    assert truth.selected_label == 3
    viewer.dims.set_current_step(0, 0)
    explorer.objects.table.selectRow(2)
    assert viewer.dims.current_step[0] == 1
    assert (viewer.layers.selection.active, found.selected_label) == (found, 8)


def test_the_list_is_sorted_and_filtered_and_saved(viewer, pair, explorer, tmp_path, monkeypatch):
    compare(explorer)
    explorer.objects.kinds.choose(ALL)
    assert len(rows(explorer)) == 4
    explorer.objects.least.setValue(50)
    assert len(rows(explorer)) == 3
    pixels = list(explorer.objects.model.table).index("pixels")
    explorer.objects.table.sortByColumn(
        pixels, explorer.objects.table.horizontalHeader().sortIndicatorOrder()
    )
    found = [explorer.objects.model.index(row, pixels).data() for row in range(3)]
    assert found in (sorted(found), sorted(found, reverse=True))
    explorer.objects.kinds.choose("split")
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


def test_volumes_are_compared_whole_and_lengths_have_the_unit_of_the_layer(viewer):
    truth = np.zeros((3, 20, 20), np.uint16)
    truth[:, 5:12, 5:12] = 1
    place = {"axis_labels": ("z", "y", "x"), "units": ("um", "um", "um"), "scale": (2, 0.5, 0.5)}
    for name in ("truth", "found"):
        viewer.add_labels(truth, name=name, **place)
    form = Explorer(viewer)
    viewer.window.add_dock_widget(form)
    assert form.over.chosen == "volume"
    form.tolerance.value = "0.5 um"
    compare(form)
    assert form.summary.text().startswith("1 of 1 objects found")
    form.over.choose("planes")
    viewer.add_image(truth)  # what a person has chosen stays
    compare(form)
    assert form.summary.text().startswith("3 of 3 objects found")
    form.release()


@pytest.mark.on_screen
def test_pages_that_are_not_shown_are_built_when_they_are(viewer, pair, explorer):
    compare(explorer)
    assert (explorer._strata.built, explorer._suspects.built) == (None, None)
    explorer.tabs.setCurrentIndex(1)
    assert explorer._strata.built is explorer.strata
    assert groups(explorer)


def test_a_layer_that_is_gone_is_said(viewer, pair, explorer):
    compare(explorer)
    viewer.layers.remove(pair[0])
    explorer.objects.table.selectRow(0)
    assert "layer 'truth' is no longer there; list anew" in explorer.message.text()


def test_the_error_map_is_one_click_away(viewer, pair, explorer):
    explorer.map_button.click()
    form = viewer.window.dock_widgets["Error map (Tessera)"]
    assert (form.source.value, form.fields["truth"].value) == (pair[1], pair[0])
    form.release()


def ask(monkeypatch, target):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(target), ""))


def groups(form):
    wait(lambda: form.strata.job is None)
    return form.strata.table


def test_where_objects_are_found_is_drawn_and_saved(viewer, pair, explorer, tmp_path, monkeypatch):
    assert "Compare first" in explorer.strata.message.text()
    assert not explorer.strata.save_button.isEnabled()
    compare(explorer)
    explorer.tabs.setCurrentIndex(1)
    table = groups(explorer)
    assert table["objects"].tolist() == [1, 1, 1]
    assert table["from"].tolist() == [9, 25, 50]  # 36, 100 and 200 pixels of 0.25
    assert table["recall"].tolist() == [0, 1, 1]
    shown = explorer.strata.model
    assert [shown.index(row, 0).data() for row in range(3)] == ["9", "25", "50"]
    (axes,) = explorer.strata.plot.figure.axes
    assert [bar.get_height() for bar in axes.patches] == [0, 1, 1]
    assert axes.get_xlabel() == "size (px)"
    ask(monkeypatch, tmp_path / "groups.csv")
    explorer.save_button.click()
    assert (tmp_path / "groups.csv").read_text().startswith("index,from,to,objects,recall,iou")
    for ending, magic in {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}.items():
        target = tmp_path / f"plot.{ending}"
        ask(monkeypatch, target)
        explorer.strata.save_button.click()
        assert target.read_bytes().startswith(magic)
    explorer.strata.bins.value = 1
    assert groups(explorer)["objects"].tolist() == [3]


def test_groups_of_a_stack_are_made_plane_by_plane(viewer, pair, explorer):
    truth, _ = pair
    compare(explorer)
    explorer.strata.by.choose("border")
    # the nearest border is 2, 5 and 10 pixels away: in each plane, not in the stack
    assert groups(explorer)["from"].tolist() == [1, 2.5, 5]
    explorer.strata.by.choose("crowding")
    assert groups(explorer)["to"].tolist() == [0]
    truth.data[0, 30:35, 5:10] = 9
    explorer.strata.by.choose("border")
    wait(lambda: explorer.strata.job is None)
    assert "are not the 1 that were compared; compare again" in explorer.strata.message.text()


def test_brightness_needs_an_image(viewer, pair, explorer):
    truth, found = pair
    compare(explorer)
    explorer.strata.by.choose("brightness")
    assert "Choose the image" in explorer.strata.message.text()
    assert explorer.strata.table is None
    place = {"scale": truth.scale, "translate": truth.translate}
    layer = viewer.add_image(truth.data * 10.0, name="light", **place)
    explorer.strata.image.value = layer
    assert groups(explorer)["from"].tolist() == [10, 20, 30]
    np.testing.assert_array_equal(
        explorer.strata.table["recall"],
        strata(truth.data, found.data, layer.data, by="brightness")["recall"],
    )
    viewer.layers.remove(layer)
    assert explorer.strata.table is None


def test_colours_count_by_their_luminance(viewer, pair, explorer, tmp_path, monkeypatch):
    truth, _ = pair
    colours = np.zeros((*truth.data.shape, 3), np.uint8)
    colours[..., 1] = 10 * truth.data  # green has most of the luminance, .7152
    layer = viewer.add_image(
        colours, rgb=True, name="stain", scale=truth.scale, translate=truth.translate
    )
    compare(explorer)
    explorer.strata.by.choose("brightness")
    assert explorer.strata.image.value is layer
    assert groups(explorer)["from"].tolist() == [7, 14, 21]
    explorer.suspects.button.click()
    wait(lambda: explorer.suspects.running.job is None)
    assert explorer.suspects.objects.listed["index"].tolist() == [7, 8, 1]
    ask(monkeypatch, tmp_path / "report")
    explorer.report.button.click()
    wait(lambda: explorer.report.job is None)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert ">stain<" in text
    assert "By brightness" in text


def test_the_plot_follows_the_theme(viewer, pair, explorer):
    compare(explorer)
    groups(explorer)
    figure = explorer.strata.plot.figure
    dark = to_hex(figure.get_facecolor())
    viewer.theme = "light"
    light = to_hex(figure.get_facecolor())
    assert int(light[1:3], 16) > 200 > 100 > int(dark[1:3], 16)
    assert figure.axes[0].texts[0].get_text() == "1"


def test_the_form_fits_a_dock_column(viewer, pair, explorer):
    compare(explorer)
    for tab in range(2):
        explorer.tabs.setCurrentIndex(tab)
        assert explorer.minimumSizeHint().width() <= 300


def test_the_report_is_one_file(viewer, pair, explorer, tmp_path, monkeypatch):
    assert not explorer.report.button.isEnabled()
    pair[1].name = "found <b>"
    compare(explorer)
    target = tmp_path / "report.html"
    ask(monkeypatch, tmp_path / "report")
    viewer.dims.set_current_step(0, 1)
    explorer.report.button.click()
    assert explorer.report.button.text() == "Stop"
    wait(lambda: explorer.report.job is None)
    text = target.read_text(encoding="utf-8")
    assert "found &lt;b&gt;" in text
    assert "Plane 1, from 0." in text
    assert f'<td class="number">{2 / 3:.4g}</td>' in text  # the recall
    # where the dialog could not ask, nothing is replaced
    said = []
    monkeypatch.setattr("napari_tessera.widgets.forms.tables.show_error", said.append)
    explorer.report.button.click()
    assert explorer.report.job is None
    assert said == ["report.html is there already; nothing was written. Choose another name."]
    ask(monkeypatch, tmp_path / "nowhere" / "report.html")
    explorer.report.button.click()
    wait(lambda: explorer.report.job is None)
    assert "No such file" in explorer.message.text()


def test_a_report_can_be_stopped(viewer, pair, explorer, tmp_path, monkeypatch):
    compare(explorer)
    ask(monkeypatch, tmp_path / "report.html")
    explorer.report.button.click()
    explorer.report.button.click()
    assert (explorer.report.job, explorer.report.button.text()) == (None, "Report")


def test_a_form_whose_dock_is_closed_lets_go(viewer, pair):
    form = Explorer(viewer)
    dock = viewer.window.add_dock_widget(form, name="closed")
    compare(form)
    groups(form)
    before = len(viewer.events.theme.callbacks)
    dock.destroyOnClose()
    assert len(viewer.events.theme.callbacks) == before - 1
    form.release()  # once more does no harm
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    with pytest.raises(RuntimeError, match="deleted"):
        form.strata.plot.canvas.objectName()
    viewer.theme = "light"


def test_suspects_are_ranked_without_a_truth(viewer, tmp_path, monkeypatch):
    image, labels = np.zeros((2, 40, 60), np.float32), np.zeros((2, 40, 60), np.uint16)
    image[0, 5:15, 5:15] = image[1, 20:30, 30:50] = 100
    labels[0, 5:15, 5:15], labels[1, 20:30, 30:50], labels[1, 2:10, 2:10] = 4, 2, 9
    place = {"scale": (2, 0.5, 0.5), "translate": (0, 3, 4)}
    layer, own = viewer.add_image(image, **place), viewer.add_labels(labels, **place)
    form = Explorer(viewer)
    viewer.window.add_dock_widget(form, name="explorer")
    panel = form.suspects
    form.tabs.setCurrentIndex(2)
    assert panel.image.value is layer
    panel.button.click()
    wait(lambda: panel.running.job is None)
    table = panel.objects.listed
    assert table["index"].tolist() == [9, 4, 2]
    np.testing.assert_allclose(table["suspicion"], [1, 0, 0], atol=0.02)
    assert table["pixels"].tolist() == [64, 100, 200]
    assert not panel.objects.kinds.isVisibleTo(panel)
    panel.objects.least.setValue(90)
    assert panel.objects.listed["index"].tolist() == [4, 2]
    panel.objects.least.setValue(0)
    viewer.dims.set_current_step(0, 0)
    panel.objects.table.selectRow(0)
    assert (viewer.dims.current_step[0], own.selected_label) == (1, 9)
    before = own.colormap
    panel.coloured.click()
    bright, dark, nothing = own.colormap.map(np.array([9, 4, 0], np.uint16))
    assert bright[:3].sum() > 2
    assert dark[:3].sum() < 1
    assert nothing[3] == 0
    panel.coloured.click()
    assert own.colormap is before
    target = tmp_path / "suspects.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(target), ""))
    form.save_button.click()
    with target.open() as file:
        assert [row["index"] for row in csv.DictReader(file)] == ["9", "4", "2"]
    form.release()


def test_suspects_need_an_image(pair, explorer):
    explorer.suspects.button.click()
    assert explorer.message.text().startswith("image is missing")
    assert explorer.suspects.running.job is None
