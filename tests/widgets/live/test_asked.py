"""What is segmented live is what a form, or a recipe, asks for."""

from dataclasses import replace

import numpy as np
import pytest
import zarr
from skimage import data

from napari_tessera import METHODS, Recipe, files
from napari_tessera.pipeline.source import Region
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import Reporter
from napari_tessera.widgets.forms.call import Call
from napari_tessera.widgets.layers.to_source import source
from napari_tessera.widgets.live.asked import LiveAsked


def call(layer, name="threshold", values=None, **walk):
    return Call(METHODS[name], layer, source(layer), values or {}, Walk("planes", **walk))


def test_a_mask_is_handed_on_as_it_is(coins):
    mask = np.zeros((303, 384), np.uint8)
    mask[:150] = 1
    asked = LiveAsked.of_call(call(coins, values={"mask": mask, "smoothing": "2 px"}))
    assert asked.live().inputs == {}
    assert set(asked.recipe().inputs) == {"mask"}
    with asked.labels() as labels:
        labels[()]
        assert labels.wait(60)
        found = labels[()]
    assert found[:150].any()
    assert not found[150:].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"walk": Walk("planes", region=Region((0, 0), (9, 9)))}, "choose the whole layer"),
        ({"later": lambda: None}, "choose the whole layer"),
        ({"in_place": True}, "choose a new layer"),
    ],
)
def test_what_cannot_be_live_is_refused(coins, change, message):
    with pytest.raises(ValueError, match=message):
        LiveAsked.of_call(replace(call(coins), **change))


def test_what_is_frozen_is_the_whole_run(coins, tmp_path):
    asked = LiveAsked.of_call(call(coins, "watershed", {"smoothing": "2 px"}))
    path = tmp_path / "cells.zarr"
    labels, options, kind = asked.freeze(path, Reporter())
    truth = Recipe("watershed", {"smoothing": "2 px"}).run(source(coins)).array
    np.testing.assert_array_equal(labels, truth)
    np.testing.assert_array_equal(zarr.open(path)["0"][:], truth)
    assert kind == "labels"
    assert options["name"] == "coins watershed"
    assert options["translate"].tolist() == [3, 4]
    assert options["metadata"]["napari-tessera"]["recipe"]["method"] == "watershed"
    read = files.read(path, labels=True)
    assert read.spacing == (0.5, 0.5)
    assert read.origin == (3.0, 4.0)


def test_nothing_that_is_there_is_overwritten(coins, tmp_path):
    path = tmp_path / "image.zarr"
    zarr.save(path, data.coins())
    asked = LiveAsked.of_call(call(coins))
    with pytest.raises(FileExistsError):
        asked.freeze(path, Reporter())
    np.testing.assert_array_equal(zarr.open(path)[:], data.coins())


def test_all_steps_of_a_recipe_are_frozen(coins, tmp_path):
    first = Recipe("threshold", {}, source={"name": "coins"})
    recipe = Recipe("label", {}, before=first.to_dict(), source={"name": "coins"})
    own = source(coins)
    asked = LiveAsked.of_recipe(recipe, coins, own, {})
    assert asked.name == "coins connected components"
    labels, options, _ = asked.freeze(tmp_path / "cells.zarr", Reporter())
    np.testing.assert_array_equal(labels, recipe.run(own).array)
    assert options["metadata"]["napari-tessera"]["recipe"]["before"]["method"] == "threshold"
