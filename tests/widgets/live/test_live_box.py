"""The box of a method's form: where it is offered, and that its layer follows the form."""

import dask.array as da
import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_tessera.widgets.live import live_box
from napari_tessera.widgets.live.live_box import LiveBox
from napari_tessera.widgets.napari_private import shown_labels

from ..conftest import wait


def offered(form):
    return form.living.box.isVisibleTo(form)


def shows(form, level):
    layer = form.living.segmentation.up.layer
    truth = np.asarray(form.source.value.data) > level
    return layer is not None and np.array_equal(shown_labels(layer), truth)


def test_it_is_offered_where_images_are_lazy_or_large(viewer, form_of, monkeypatch):
    viewer.add_image(np.zeros((40, 50)), name="small")
    form = form_of("threshold")
    assert isinstance(form.living, LiveBox)
    assert not offered(form)
    form.source.value = viewer.add_image(da.zeros((40, 50)), name="lazy")
    assert offered(form)
    form.source.value = viewer.layers["small"]
    assert not offered(form)
    monkeypatch.setattr(live_box, "LARGE", 1000)
    form.source.value = viewer.add_image(np.zeros((400, 500)), name="large")
    assert offered(form)


@pytest.mark.parametrize(
    ("name", "able"),
    [("watershed", True), ("canny", True), ("predict", True), ("contours", False)],
)
def test_it_is_offered_by_methods_that_label(viewer, form_of, name, able):
    viewer.add_image(da.zeros((40, 50)), name="lazy")
    viewer.add_labels(da.zeros((40, 50), dtype=np.uint8), name="labels")
    assert offered(form_of(name)) == able


@pytest.mark.parametrize(
    ("name", "able"),
    [("smooth", True), ("relabel", False), ("measure", False)],
)
def test_it_is_offered_by_methods_that_refine_blocks(viewer, form_of, name, able):
    viewer.add_labels(da.zeros((40, 50), dtype=np.uint8), name="labels")
    assert offered(form_of(name)) == able


def test_its_layer_follows_the_form(viewer, form_of, slow):
    viewer.add_image(slow(600, 600), name="image")
    form = form_of("threshold")
    form.fields["method"].value = "manual"
    form.fields["levels"].value = (60.0,)
    form.living.box.click()
    wait(lambda: shows(form, 60))
    form.fields["levels"].value = (100.0,)
    wait(lambda: shows(form, 100))
    form.living.box.click()
    assert [each.name for each in viewer.layers] == ["image"]


def test_the_box_is_unticked_when_the_layer_is_deleted(viewer, form_of, slow):
    viewer.add_image(slow(600, 600), name="image")
    form = form_of("threshold")
    form.living.box.click()
    wait(lambda: form.living.segmentation.up.layer is not None)
    viewer.layers.remove(form.living.segmentation.up.layer)
    assert not form.living.box.isChecked()


def test_the_box_is_unticked_with_the_reason_where_it_cannot_be(
    viewer, form_of, slow, quiet_errors
):
    viewer.add_image(slow(600, 600), name="image")
    form = form_of("threshold")
    form.walk.region.choose("what is shown")
    form.living.box.click()
    assert not form.living.box.isChecked()
    assert "choose the whole layer" in quiet_errors[0]


def test_enter_still_runs(viewer, form_of, slow, qtbot):
    viewer.add_image(slow(60, 60), name="image")
    form = form_of("threshold")
    qtbot.keyClick(form, Qt.Key.Key_Return)
    wait(lambda: form.job is None)
    assert "image threshold" in viewer.layers
