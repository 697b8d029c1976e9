"""What a recipe may be run on."""

from dataclasses import replace

import numpy as np
import pytest

from napari_tessera import METHODS, Recipe
from napari_tessera.pipeline.recipes.given_source import given_source
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.words import VoxelSize

SPACING = VoxelSize((2, 0.5, 0.5), "um")


@pytest.fixture
def source(rng):
    image = rng.integers(0, 100, (4, 16, 18)).astype(np.uint8)
    image[1:3, 9:15, 9:16] += 120
    return Source.of(image, spacing=SPACING, axes=("z", "y", "x"), name="stack.tif")


def test_axes_and_channels_are_those_that_the_first_step_knows():
    image = np.zeros((4, 5, 2), np.uint8)
    green = replace(Source.of(image, channel_axis=2, axes=("y", "x")), channel=1)
    first = Recipe.of(METHODS["threshold"], green, {})
    own = given_source(first, image, (0.5, 0.5), None)
    assert (own.channel_axis, own.axes, own.spacing) == (2, ("y", "x"), (0.5, 0.5))
    assert given_source(first, image[..., 0], None, None).channel_axis is None


def test_any_array_or_layer_is_taken(source):
    from napari.layers import Image

    recipe = Recipe.of(METHODS["watershed"], source, {"smoothing": "1 um"})
    expected = recipe.run(source).array
    array = source.array
    np.testing.assert_array_equal(recipe.run(array, spacing=SPACING).array, expected)
    with pytest.raises(ValueError, match="pixel size has no unit of length"):
        recipe.run(array)
    layer = Image(array, scale=SPACING, units=("um",) * 3)
    np.testing.assert_array_equal(recipe.run(layer).array, expected)
    plain = Recipe.of(METHODS["threshold"], source, {}, Walk("planes"))
    assert plain.run(array[0].tolist()).array.shape == (16, 18)
    with pytest.raises(TypeError, match="image is a Source with a spacing"):
        recipe.run(source, spacing=SPACING)
    for nothing in ("stack.tif", None, [object()]):
        with pytest.raises(TypeError, match="pass an array, a layer or a Source"):
            recipe.run(nothing)


def test_channels_of_an_array_are_those_of_the_recipe(rng):
    image = rng.integers(0, 255, (20, 20, 3)).astype(np.uint8)
    green = replace(Source.of(image, channel_axis=2), channel=1)
    recipe = Recipe.of(METHODS["threshold"], green, {})
    expected = run("threshold", Source.of(image[..., 1])).array
    np.testing.assert_array_equal(recipe.run(image).array, expected)
    moved = np.moveaxis(image, 2, 0)
    np.testing.assert_array_equal(recipe.run(moved, channel_axis=0).array, expected)
    np.testing.assert_array_equal(recipe.run(image[..., 1]).array, expected)
    colours = replace(Source.of(image, channel_axis=2), rgb=True)
    bright = Recipe.of(METHODS["threshold"], colours, {})
    np.testing.assert_array_equal(bright.run(image).array, run("threshold", colours).array)
