import numpy as np
import pytest
from qtpy.QtWidgets import QInputDialog

from napari_tessera import classify_pixels
from napari_tessera.methods.classical.pixel_classifier import classifiers, find_classifier
from napari_tessera.widgets.training.pixel_strokes import BRUSH

from ...conftest import squares
from ..conftest import wait

IMAGE, OBJECTS = squares()


@pytest.fixture
def form(viewer, form_of, tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path / "models"))
    viewer.add_image(IMAGE, name="squares", scale=(0.5, 0.5), units=("um", "um"))
    form = form_of("classify_pixels")
    form.fields["largest_scale"].value = "2 px"
    return form


def shown(form):
    return form.preview.layer is not None and form.preview._job is None


def draw(layer, label, *, by, every=1):
    """Paint in a layer as a person does: each stroke is one change of it."""
    for number in range(1, by * every + 1, every):
        where = np.argwhere(number == OBJECTS) if label == 2 else np.argwhere(OBJECTS == 0)
        mine = where[:12] if label == 2 else where[number * 150 : number * 150 + 12]
        layer.data_setitem(tuple(mine.T), label)


def begin(form, viewer):
    form.strokes.draw.click()
    layer = viewer.layers["squares strokes"]
    draw(layer, 1, by=3)
    draw(layer, 2, by=3)
    return layer


def test_each_stroke_is_followed(viewer, form):
    layer = begin(form, viewer)
    assert (layer.mode, layer.brush_size) == ("paint", BRUSH)
    assert (layer.units, tuple(layer.scale)) == (viewer.layers["squares"].units, (0.5, 0.5))
    wait(lambda: shown(form))
    expected = classify_pixels(IMAGE, strokes=layer.data, largest_scale="2 px")
    np.testing.assert_array_equal(form.preview.layer.data, expected)
    # what is drawn lies above what it teaches, and stays selected
    order = [each.name for each in viewer.layers]
    assert order == ["squares", form.preview.layer.name, "squares strokes"]
    assert viewer.layers.selection.active is layer
    draw(layer, 3, by=2)
    wait(lambda: shown(form) and 3 in form.preview.layer.data)
    draw(layer, 0, by=1)  # one stroke of the background is erased
    newest = classify_pixels(IMAGE, strokes=layer.data, largest_scale="2 px")
    wait(lambda: shown(form) and np.array_equal(form.preview.layer.data, newest))


def test_it_waits_until_there_are_two_classes(viewer, form, quiet_errors):
    form.strokes.draw.click()
    assert form.message.text() == "Draw some background as 1, then what you look for as 2."
    layer = viewer.layers["squares strokes"]
    draw(layer, 1, by=1)
    wait(lambda: form.message.text().startswith("strokes has only class 1; draw in at least two"))
    draw(layer, 2, by=1)
    wait(lambda: shown(form))
    # nobody has done anything wrong
    assert quiet_errors == []


def test_where_it_is_unsure_is_shown(viewer, form):
    begin(form, viewer)
    form.strokes.unsure.button.click()
    wait(lambda: form.strokes.unsure.job is None)
    layer = viewer.layers["Unsure"]
    assert layer.data.shape == IMAGE.shape
    assert 0 <= layer.data.min() < layer.data.max() <= 1
    assert form.message.text().startswith("Least sure at row ")
    form.strokes.unsure.button.click()
    wait(lambda: form.strokes.unsure.job is None)
    assert [each.name for each in viewer.layers].count("Unsure") == 1
    # and it is nothing that could be worked on
    assert form.walk.channels.others.offered == 0


def test_strokes_are_judged(viewer, form):
    begin(form, viewer)
    form.strokes.judging.button.click()
    wait(lambda: form.strokes.judging.job is None)
    text = form.message.text()
    assert text.startswith("Of strokes held out, ")
    assert "(class 1 " in text
    assert "What tells most: " in text


def test_scales_are_suggested(viewer, form):
    begin(form, viewer)
    form.strokes.suggesting.button.click()
    wait(lambda: form.strokes.suggesting.job is None)
    assert form.message.text().startswith("Scales from ")
    low, high = (form.fields[f"{each}_scale"].value for each in ("smallest", "largest"))
    assert f"Scales from {low} to {high}. " in form.message.text()


def test_what_is_learnt_is_kept_and_chosen(viewer, form, run, monkeypatch):
    layer = begin(form, viewer)
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **known: ("my squares", True))
    form.strokes.save.click()
    wait(lambda: not form.strokes.keeping.running)
    assert form.message.text().startswith("Kept as 'my squares', learnt from ")
    assert classifiers() == ["my squares"]
    assert find_classifier("my squares").scales.largest == "1 um"
    expected = classify_pixels(IMAGE, strokes=layer.data, largest_scale="2 px")
    form.show_preview.setChecked(False)
    form.fields["strokes"].value = None
    form.fields["classifier"].value = "my squares"
    found = run(form)
    np.testing.assert_array_equal(found.data, expected)
    assert found.metadata["napari-tessera"]["recipe"]["parameters"]["classifier"].startswith(
        "my squares@"
    )
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **known: ("", False))
    form.strokes.save.click()
    assert classifiers() == ["my squares"]


def test_what_is_missing_is_said(viewer, form, quiet_errors):
    form.strokes.draw.click()
    form.show_preview.setChecked(False)
    form.strokes.judging.button.click()
    wait(lambda: form.strokes.judging.job is None)
    assert "strokes has fewer than two classes" in form.message.text()
    viewer.layers.clear()
    form.strokes.draw.click()
    assert "image is missing" in form.message.text()


def test_other_forms_have_none_of_it(viewer, form_of):
    assert form_of("threshold").strokes is None


def test_strokes_outside_of_a_region_teach_its_preview(viewer, form):
    layer = begin(form, viewer)
    form.show_preview.setChecked(False)
    place = {"scale": (0.5, 0.5), "units": ("um", "um")}
    box = viewer.add_shapes([[[60, 60], [90, 90]]], shape_type="rectangle", name="box", **place)
    form.walk.region.choose(box)
    form.show_preview.setChecked(True)
    wait(lambda: shown(form))
    assert not layer.data[60:90, 60:90].any()
    assert max(form.preview.layer.data.shape) <= 31
    assert set(np.unique(form.preview.layer.data)) == {1, 2}
