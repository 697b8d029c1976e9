"""The form that follows a recipe live."""

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_tessera import apply
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.widgets.live.form import LiveForm
from napari_tessera.widgets.napari_private import shown_labels
from napari_tessera.widgets.plugin.menu import FORMS

from ..conftest import wait


@pytest.fixture
def form(viewer):
    made = FORMS["live"].open(viewer)
    yield made
    made.release()


@pytest.fixture
def cells(viewer, coins):
    """Return objects of the coins that two steps have made."""
    mask = viewer.add_layer(apply(coins, "threshold", smoothing="2 px"))
    return viewer.add_layer(apply(mask, "label"))


def test_all_steps_of_a_layer_are_followed(viewer, coins, cells, form):
    viewer.layers.selection.active = cells
    assert isinstance(form, LiveForm)
    form.recipe.choice.choose(cells)
    assert form.image.chosen is coins
    form.button.click()
    assert form.button.text() == "Stop"

    def there():
        layer = form.segmentation.up.layer
        return layer is not None and np.array_equal(shown_labels(layer) > 0, cells.data > 0)

    wait(there)
    live = form.segmentation.up.layer
    np.testing.assert_array_equal(live.scale, coins.scale)
    np.testing.assert_array_equal(live.translate, coins.translate)
    assert len(np.unique(shown_labels(live))) == cells.data.max() + 1
    form.button.click()
    assert form.button.text() == "Start"
    assert live not in viewer.layers
    assert form.message.text() == "Stopped; Start goes on where you look."


def test_another_image_is_followed_when_it_is_chosen(viewer, coins, form, tmp_path):
    Recipe("threshold", {}).save(tmp_path / "recipe.json")
    form.recipe.open(tmp_path / "recipe.json")
    assert form.image.chosen is coins
    form.button.click()
    wait(lambda: form.segmentation.up.layer is not None)
    other = viewer.add_image(255 - coins.data, name="other")
    form.image.choose(other)
    wait(lambda: form.segmentation.up.layer.name == "other threshold (live)")
    wait(lambda: shown_labels(form.segmentation.up.layer).any())


def test_what_is_missing_is_said(viewer, form, quiet_errors):
    form.button.click()
    assert form.button.text() == "Start"
    assert "recipe is missing" in quiet_errors[0]
    assert form.image.count() == 0


def test_a_recipe_that_cannot_be_followed_is_refused(viewer, coins, form, tmp_path, quiet_errors):
    Recipe("relabel", {}).save(tmp_path / "recipe.json")
    viewer.add_labels(np.zeros((9, 9), int), name="labels")
    form.recipe.open(tmp_path / "recipe.json")
    form.button.click()
    wait(lambda: form.button.text() == "Start")
    assert "works on all labels at once" in quiet_errors[0]
    assert len(viewer.layers) == 2


def test_it_is_frozen_to_disk(viewer, coins, cells, form, tmp_path, monkeypatch):
    path = str(tmp_path / "cells.zarr")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (path, ""))
    form.recipe.choice.choose(cells)
    form.button.click()
    wait(lambda: form.freezing.button.isEnabled())
    form.freezing.button.click()
    wait(lambda: form.freezing.job is None)
    assert form.button.text() == "Start"
    frozen = [each for each in viewer.layers if each.name.startswith("coins connected")]
    np.testing.assert_array_equal(frozen[-1].data, cells.data)
