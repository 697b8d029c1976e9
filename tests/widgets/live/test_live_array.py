"""Live labels of anything that is an image, without a viewer."""

from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
import zarr
from napari.layers import Image
from skimage import data

from napari_tessera import Recipe, VoxelSize, live
from napari_tessera.pipeline.source import Source
from napari_tessera.widgets.layers.to_source import source
from napari_tessera.widgets.live.live_array import levels_of_layer

COINS = data.coins()
THRESHOLD = Recipe("threshold", {"smoothing": "2 px"})


@pytest.mark.parametrize(
    "image",
    [
        COINS,
        da.from_array(COINS, chunks=100),
        zarr.array(COINS, chunks=(100, 100)),
        Source.of(COINS),
        Image(COINS),
    ],
    ids=["numpy", "dask", "zarr", "source", "layer"],
)
def test_they_are_those_of_a_run(image):
    with live(image, THRESHOLD) as labels:
        assert not labels[100:200, 100:200].any()
        assert labels.wait(60)
        truth = THRESHOLD.run(Source.of(COINS)).array[100:200, 100:200]
        assert 0.1 < truth.mean() < 0.9
        np.testing.assert_array_equal(labels[100:200, 100:200], truth)


def test_several_arrays_are_a_pyramid():
    with live([COINS, COINS[::2, ::2]], THRESHOLD) as labels:
        assert [each.shape for each in labels.levels] == [(303, 384), (152, 192)]


def test_channels_are_no_axis_of_the_labels():
    image = np.stack([COINS, COINS // 2])
    recipe = Recipe("threshold", {}, channel_axis=0, channel=1)
    with live(image, recipe, channel_axis=0) as labels:
        assert labels.shape == COINS.shape
        labels[()]
        assert labels.wait(60)
        np.testing.assert_array_equal(
            labels[()], Recipe("threshold", {}).run(Source.of(COINS // 2)).array
        )


def test_a_layer_tells_its_pixel_size_and_its_pyramid():
    levels = [COINS, COINS[::2, ::2]]
    layer = Image(levels, multiscale=True, scale=(0.5, 0.5), units=("um", "um"))
    own = source(layer)
    first, second = levels_of_layer(layer, own)
    assert first.spacing == VoxelSize((0.5, 0.5), "um")
    assert first.spacing.unit == "um"
    assert second.array is layer.data[1]
    assert len(levels_of_layer(layer, replace(own, array=COINS // 2))) == 1
    recipe = Recipe("threshold", {"smoothing": "1 um"})
    with live(layer, recipe) as labels:
        labels[()]
        assert labels.wait(60)
        np.testing.assert_array_equal(labels[()], THRESHOLD.run(Source.of(COINS)).array)


def test_one_hears_of_what_arrives():
    heard = []
    with live(COINS, THRESHOLD, arrived=lambda: heard.append(1)) as labels:
        labels[0]
        assert labels.wait(60)
    assert heard == [1]


@pytest.mark.parametrize("image", [3, [], ["a"], "cells.zarr"])
def test_what_is_no_image_is_refused(image):
    with pytest.raises(TypeError, match="pass an array, the arrays of a pyramid, a layer"):
        live(image, THRESHOLD)
