from dataclasses import replace

import numpy as np
import pytest

from napari_tessera import METHODS, Recipe
from napari_tessera.batch.file_results import FileResults
from napari_tessera.batch.overview import SIDE, drawn, hues, labels_on_image, overview, rims
from napari_tessera.pipeline.result import (
    ImageResult,
    ObjectLabels,
    ObjectTable,
    PolygonSet,
    ScoreMaps,
)
from napari_tessera.pipeline.source import Source

LABELS = np.zeros((8, 9), np.uint16)
LABELS[2:6, 2:6] = 3


def picture(recipe, image, *results, side=SIDE, **options):
    return overview(FileResults(Source.of(image, **options), recipe, results), side)


def test_objects_have_outlines_over_the_image(recipe):
    image = np.linspace(0, 1, 72).reshape(8, 9)
    found = picture(recipe, image, ObjectLabels(LABELS))
    assert found.shape == (8, 9, 3)
    assert found.dtype == np.uint8
    rim, colour = rims(LABELS), hues(np.array([3]))[0].astype(np.uint8)
    assert rim.sum() == 12
    assert (found[rim] == colour).all()
    grey = found[LABELS == 0]
    assert (grey[:, 0] == grey[:, 1]).all()
    assert (grey[0, 0], grey[-1, 0]) == (0, 255)  # from dark to bright


def test_of_a_stack_the_plane_in_the_middle_is_shown(recipe):
    stack = np.zeros((3, 8, 9))
    stack[1, :4] = 1
    labels = np.zeros(stack.shape, int)
    labels[1] = LABELS
    found = picture(recipe, stack, ObjectLabels(labels))
    assert found[0, 0].tolist() == [255] * 3
    assert found[-1, -1].tolist() == [0] * 3
    assert (np.ptp(found, axis=-1) > 0).any()


@pytest.mark.parametrize("axis", [0, 1, 3])
def test_colours_are_shown_as_they_are(recipe, axis):
    film = np.zeros((2, 8, 9, 3), np.uint8)
    film[..., 0] = 200
    source = Source.of(np.moveaxis(film, -1, axis), channel_axis=axis)
    found = overview(FileResults(replace(source, rgb=True), recipe, []))
    assert found[0, 0].tolist() == [200, 0, 0]


def test_large_planes_are_thinned(recipe):
    image = np.random.default_rng(0).random((100, 60))
    found = picture(recipe, image, ObjectLabels(np.ones((100, 60), int)), side=40)
    assert found.shape == (40, 24, 3)


def test_polygons_are_drawn(recipe):
    square = np.array([[1, 1], [1, 6], [6, 6], [6, 1], [1, 1]], float)
    found = picture(recipe, np.zeros((8, 9)), PolygonSet(polygons=[square]))
    coloured = found.any(axis=-1)
    assert coloured.sum() == 20
    assert coloured[1, 1:7].all()
    assert not coloured[3, 3]


def test_of_a_stack_only_polygons_of_one_plane_are_drawn(recipe):
    lines = [np.array([[z, 1, 1], [z, 1, 6.0]]) for z in (0, 1, 1)]
    lines[0][:, 1] = 5
    found = picture(recipe, np.zeros((3, 8, 9)), PolygonSet(polygons=lines)).any(axis=-1)
    assert found[1, 1:7].all()
    assert not found[5].any()


@pytest.mark.parametrize(
    "result", [ImageResult(np.eye(8)), ScoreMaps(np.stack([np.zeros((8, 8)), np.eye(8)]))]
)
def test_an_image_is_shown_itself(recipe, result):
    found = picture(recipe, np.zeros((8, 8)), result)
    np.testing.assert_array_equal(found[..., 0], 255 * np.eye(8))


def test_a_result_without_places_leaves_the_image_as_it_is():
    plane = np.full((4, 4, 3), 7, np.uint8)
    np.testing.assert_array_equal(drawn(ObjectTable(), plane, 4), plane)


def test_labels_without_an_image_are_shown_on_black():
    recipe = Recipe.of(METHODS["expand"], Source.of(LABELS), {})
    found = picture(recipe, LABELS, ObjectLabels(LABELS))
    assert not found[LABELS == 0].any()
    assert found[3, 3].any()


def test_labels_are_coloured_areas_on_their_image():
    image, labels = np.tile(np.arange(100.0), (50, 1)), np.zeros((50, 100), int)
    labels[:25] = 3
    found = labels_on_image(image, labels, 20)
    assert found.shape == (10, 20, 3)
    assert (found[5:] == found[5:, :, :1]).all()  # grey
    assert found[9, 0, 0] < found[9, 19, 0]
    assert not (found[:5] == found[:5, :, :1]).all(axis=2).any()
    flat = labels_on_image(np.full((4, 4), 7), np.zeros((4, 4), int), 10)
    assert flat.shape == (4, 4, 3)
