"""Methods compared on what is shown."""

import csv

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.widgets.evaluation.compare import Compare
from napari_tessera.widgets.evaluation.trials import PRESETS, Candidate
from napari_tessera.widgets.forms.method_form import MethodForm
from napari_tessera.widgets.layers.features import recipe_of
from napari_tessera.widgets.layers.to_source import source

from ...conftest import TORCH, squares, tiny_model
from ..conftest import wait


@pytest.fixture
def form(viewer):
    made = Compare(viewer)
    viewer.window.add_dock_widget(made, name="compare")
    yield made
    made.release()


def only(form, *lines):
    """Try these candidates and options alone."""
    for row in range(form.lines.rowCount()):
        form.lines.item(row, 0).setCheckState(Qt.CheckState.Unchecked)
    for candidate, text in lines:
        form.add(candidate, text)


def compared(form):
    form.button.click()
    assert form.running.job is not None, form.message.text()
    wait(lambda: form.running.job is None, patience=120)
    return [form.sheet.item(row).text() for row in range(form.sheet.count())]


@pytest.fixture
def boxes(viewer):
    image, drawn = np.zeros((40, 60), np.uint8), np.zeros((40, 60), np.uint8)
    image[5:15, 5:15], image[22:34, 30:50] = 200, 100
    drawn[22:34, 30:50] = 1
    place = {"scale": (0.5, 0.5), "translate": (3, 4), "units": ("um", "um")}
    return viewer.add_image(image, name="boxes", **place), viewer.add_labels(
        drawn, name="drawn", **place
    )


@pytest.mark.on_screen
def test_the_winner_is_shown_kept_and_replayed(viewer, boxes, form, tmp_path, monkeypatch):
    image, drawn = boxes
    only(
        form,
        (Candidate("threshold"), "method = manual; levels = 150, 50"),
        (Candidate("watershed"), "seeds = h-maxima; smoothing = 200 px"),
    )
    form.drawn.choose(drawn)
    texts = compared(form)
    assert texts[0].startswith("Threshold: method manual, levels (50.0,)\n1 class\n")
    assert texts[0].endswith(" s/MP\nIoU 1.00")
    assert texts[1].endswith("\nIoU 0.00")
    assert texts[2].endswith("\nfailed")
    assert form.message.text() == "3 tried, 1 failed. Best first."
    assert not form.sheet.item(0).icon().isNull()
    assert form.sheet.item(2).icon().isNull()

    form.sheet.setCurrentRow(1)
    shown = viewer.layers["try: Threshold: method manual, levels (150.0,)"]
    assert shown.metadata[KEY] == {"preview": True}
    form.sheet.setCurrentRow(2)
    assert shown not in viewer.layers
    assert not form.keep_button.isEnabled()
    assert "smoothing" in form.message.text()
    form.sheet.setCurrentRow(0)
    assert len(viewer.layers) == 3

    form.keep_button.click()
    kept = viewer.layers["boxes threshold"]
    (y, x), (height, width) = recipe_of(kept).region["start"], kept.data.shape
    np.testing.assert_array_equal(kept.data > 0, image.data[y : y + height, x : x + width] > 50)
    np.testing.assert_allclose(kept.data_to_world((0, 0)), image.data_to_world((y, x)))
    np.testing.assert_allclose(kept.scale, image.scale)
    assert len(viewer.layers) == 3
    again = recipe_of(kept).run(source(image))
    np.testing.assert_array_equal(again.array, kept.data)
    made = viewer.window._qt_window.findChildren(MethodForm)[-1]
    assert (made.source.value, made.fields["method"].value) == (image, "manual")
    assert tuple(made.fields["levels"].value) == (50.0,)
    made.release()

    target = tmp_path / "trials.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(target), ""))
    form.save_button.click()
    with target.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["mean iou"] for row in rows[:2]] == ["1.0", "0.0"]
    assert rows[2]["error"]
    form.release()
    assert [each.name for each in viewer.layers] == ["boxes", "boxes threshold", "drawn"]


@pytest.mark.on_screen
def test_what_was_tried_goes_with_the_dock(viewer, boxes, form):
    only(form, (Candidate("threshold"), ""))
    compared(form)
    form.sheet.setCurrentRow(0)
    assert len(viewer.layers) == 3
    viewer.window.remove_dock_widget(form)
    wait(lambda: len(viewer.layers) == 2)


@pytest.mark.on_screen
def test_what_is_offered_runs_on_a_plane_of_a_stack(viewer, stack, form):
    assert form.lines.rowCount() >= len(PRESETS)
    only(form, *((Candidate(method), text) for method, text in PRESETS))
    viewer.dims.set_current_step(0, 2)
    texts = compared(form)
    assert len(texts) == 9
    assert not any("failed" in text for text in texts)
    assert "Label a few objects" in form.message.text()
    form.sheet.setCurrentRow(0)
    shown = viewer.layers[-1]
    start = form.trials[0].result.start
    assert (len(shown.data), start[0]) == (1, 2)
    np.testing.assert_allclose(shown.data_to_world((0, 0, 0)), stack.data_to_world(start))


@pytest.mark.skipif(not TORCH, reason="needs torch")
@pytest.mark.on_screen
def test_models_are_offered_beside_methods(viewer):
    image, labels = squares()
    model = tiny_model()
    viewer.add_image(image, name="squares")
    truth = viewer.add_labels(labels, name="drawn")
    form = Compare(viewer)
    viewer.window.add_dock_widget(form, name="compare")
    assert Candidate("predict", {"model": model}) in form.candidates
    only(form, (Candidate("predict", {"model": model}), "diameter = 9 px"))
    form.drawn.choose(truth)
    (text,) = compared(form)
    assert text.startswith(f"{model}: diameter 9 px\n")
    assert form.trials[0].mean_iou > 0.6

    form.hide()
    other = tiny_model(kind="classes")  # has come since
    form.show()
    assert form.candidates.count(Candidate("predict", {"model": other})) == 1
    assert form.candidates.count(Candidate("predict", {"model": model})) >= 1
    offered = len(form.candidates)
    form.hide()
    form.show()
    assert len(form.candidates) == form.lines.rowCount() == offered
    form.release()


@pytest.mark.skipif(not TORCH, reason="needs torch")
def test_shipped_models_are_offered_with_their_titles(viewer, tmp_path, monkeypatch):
    from ...deep.finders import folder

    monkeypatch.setattr("napari_tessera.deep.models.shipped.index._FOLDER", tmp_path)
    pixels = {"network": "unet", "options": {}, "targets": "boundaries", "ids": ()}
    folder(tmp_path / "nuclei", **pixels)
    form = Compare(viewer)
    titles = [form.lines.item(row, 0).text() for row in range(form.lines.rowCount())]
    assert titles[-1] == "Nuclei (fluorescence)"
    assert form.candidates[-1] == Candidate("predict", {"model": "nuclei"})
    form.release()


def test_what_does_not_fit_is_said(viewer, form):
    form.button.click()
    assert form.message.text().startswith("image is missing")
    only(form)
    form.button.click()
    assert form.message.text() == "nothing is ticked; tick at least one method"
    form.add(Candidate("threshold"), "colour = red")
    form.button.click()
    assert form.message.text().startswith("'colour' is no option")
    form.more.choose("watershed")
    form.add_button.click()
    assert form.candidates[-1] == Candidate("watershed")
