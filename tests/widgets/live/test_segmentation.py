"""A live layer as a part of a form: it changes with it, ends with it, and is frozen to disk."""

import threading

import numpy as np
import pytest
import zarr
from napari.layers import Labels
from qtpy.QtWidgets import QFileDialog

from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.layers.to_source import source
from napari_tessera.widgets.live.asked import LiveAsked
from napari_tessera.widgets.live.segmentation import LiveSegmentation
from napari_tessera.widgets.napari_private import shown_labels

from ..conftest import wait


class Small(Form):
    """A form with a live layer and nothing else."""

    title = "Small"

    def __init__(self, viewer, on):
        super().__init__(viewer)
        self.on, self.level, self.ended = on, 60.0, 0
        self.segmentation = LiveSegmentation(self, self.asked, self.gone)
        self.lay_out(self.segmentation.freezing.button, self.segmentation.freezing.bar)

    def asked(self):
        if self.on is None:
            raise ValueError("image is missing")
        recipe = Recipe("threshold", {"method": "manual", "levels": (self.level,)})
        return LiveAsked.of_recipe(recipe, self.on, source(self.on), {})

    def gone(self):
        self.ended += 1

    def release(self):
        super().release()
        self.segmentation.release()


@pytest.fixture
def small(viewer, slow):
    form = Small(viewer, viewer.add_image(slow(600, 600), name="image"))
    viewer.window.add_dock_widget(form, name="small")
    yield form
    form.release()


def drawn(form, level):
    """Return whether the live layer shows what is brighter than a level."""
    layer = form.segmentation.up.layer
    truth = np.asarray(form.on.data) > level
    return layer is not None and np.array_equal(shown_labels(layer), truth)


def test_it_changes_with_the_form(small):
    small.segmentation.begin()
    assert small.segmentation.is_on
    wait(lambda: drawn(small, 60))
    small.level = 100.0
    small.segmentation.request()
    wait(lambda: drawn(small, 100))
    assert len(small.on.data.boxes) == 9  # chunks, each of which is read once
    assert small.segmentation.up.layer.name == "image threshold (live)"
    assert small.message.text().startswith("Live: ")
    assert small.ended == 0


def test_it_is_not_made_when_the_form_changes_before(small, viewer, qtbot):
    small.segmentation.request()
    qtbot.wait(400)
    assert len(viewer.layers) == 1


def test_it_ends_when_it_is_told_to(small, viewer):
    small.segmentation.begin()
    wait(lambda: drawn(small, 60))
    labels = small.segmentation.up.labels
    small.segmentation.end()
    assert not small.segmentation.is_on
    assert [each.name for each in viewer.layers] == ["image"]
    assert not small.segmentation.freezing.button.isEnabled()
    assert labels.wait(30)


def test_it_ends_when_its_layer_is_deleted(small, viewer):
    small.segmentation.begin()
    wait(lambda: drawn(small, 60))
    viewer.layers.remove(small.segmentation.up.layer)
    assert small.ended == 1
    assert small.segmentation.up.labels is None


def test_it_ends_when_the_image_is_deleted(small, viewer):
    small.segmentation.begin()
    wait(lambda: drawn(small, 60))
    viewer.layers.remove("image")
    assert small.ended == 1
    assert len(viewer.layers) == 0


def test_it_ends_with_the_form(small, viewer):
    small.on.data.gate.clear()
    small.segmentation.begin()
    wait(lambda: small.segmentation.up.labels is not None and small.segmentation.up.labels.is_busy)
    labels = small.segmentation.up.labels
    viewer.window.remove_dock_widget(small)
    small.on.data.gate.set()
    assert labels.wait(30)
    assert [each.name for each in viewer.layers] == ["image"]
    assert not [each for each in threading.enumerate() if "live" in each.name]


def test_what_is_missing_is_said(small, viewer, quiet_errors):
    on, small.on = small.on, None
    small.segmentation.begin()
    assert small.ended == 1
    assert quiet_errors == ["Small: image is missing"]
    assert not small.segmentation.is_on
    small.on = on


def test_what_fails_is_said(small):
    def broken(index):
        raise OSError("the disk is gone")

    small.on.data.__class__ = type(
        "Broken", (type(small.on.data),), {"__getitem__": lambda self, index: broken(index)}
    )
    small.segmentation.begin()
    wait(lambda: small.message.text() == "the disk is gone")


def test_it_is_frozen_to_disk(small, viewer, tmp_path, monkeypatch):
    path = tmp_path / "labels"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path), ""))
    small.segmentation.begin()
    wait(lambda: drawn(small, 60))
    live = small.segmentation.up.layer
    small.segmentation.freezing.button.click()
    wait(lambda: small.segmentation.freezing.job is None)
    assert [each.name for each in viewer.layers] == ["image", "image threshold"]
    frozen = viewer.layers["image threshold"]
    assert isinstance(frozen, Labels)
    assert frozen is not live
    truth = np.asarray(small.on.data) > 60
    np.testing.assert_array_equal(np.asarray(frozen.data), truth)
    np.testing.assert_array_equal(zarr.open(tmp_path / "labels.zarr")["0"][:], truth)
    assert small.message.text() == "Frozen: layer 'image threshold' shows labels.zarr."
    assert small.ended == 1
    assert frozen.metadata["napari-tessera"]["recipe"]["method"] == "threshold"


def test_nothing_is_written_when_no_file_is_named(small, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: ("", ""))
    small.segmentation.begin()
    wait(lambda: drawn(small, 60))
    small.segmentation.freezing.button.click()
    assert small.segmentation.freezing.job is None
    assert small.segmentation.is_on


def test_while_it_is_frozen_it_can_be_stopped(small, viewer, tmp_path, monkeypatch):
    path = tmp_path / "labels.zarr"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path), ""))
    small.segmentation.begin()
    wait(lambda: drawn(small, 60))
    image = small.on.data
    image.gate.clear()
    small.segmentation.freezing.button.click()
    assert small.segmentation.freezing.button.text() == "Stop"
    small.segmentation.freezing.button.click()
    image.gate.set()
    assert small.segmentation.freezing.job is None
    assert small.segmentation.is_on
    assert drawn(small, 60)
    wait(lambda: not list(tmp_path.iterdir()))
