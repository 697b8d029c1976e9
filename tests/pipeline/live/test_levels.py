"""The levels of a live segmentation, and what cannot be followed block by block."""

from dataclasses import replace

import dask.array as da
import numpy as np
import pytest

from napari_tessera.pipeline.live.levels import LiveLevel, levels_of
from napari_tessera.pipeline.live.reading import ChunkCache
from napari_tessera.pipeline.recipes.data import pack, pack_region
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.source import Points, Region, Source
from napari_tessera.signature.words import VoxelSize


def lazy(*shape):
    return da.zeros(shape, chunks=256, dtype=np.uint8)


def test_an_image_without_a_pyramid_is_shown_with_every_so_many_pixels():
    levels = levels_of([Source.of(lazy(5, 3000, 4100))], Recipe("threshold", {}), {})
    assert [each.shape for each in levels] == [
        (5, 3000, 4100),
        (5, 1500, 2050),
        (5, 750, 1025),
    ]
    assert [each.stride for each in levels] == [(1, 1, 1), (1, 2, 2), (1, 4, 4)]
    assert len({id(each.grid) for each in levels}) == 1
    small = levels_of([Source.of(np.zeros((60, 80)))], Recipe("threshold", {}), {})
    assert [each.shape for each in small] == [(60, 80)]
    volume = Source.of(lazy(100, 1000, 1000), axes="zyx")
    volumes = levels_of([volume], Recipe("threshold", {}, over="volume"), {})
    assert [each.shape for each in volumes][-1] == (100, 125, 125)


def test_a_pyramid_is_worked_on_at_each_of_its_levels():
    spacing = VoxelSize((0.5, 0.5), "um")
    full = Source.of(lazy(1000, 800), spacing=spacing)
    sources = [full, replace(full, array=lazy(500, 400)), replace(full, array=lazy(250, 200))]
    recipe = Recipe("watershed", {"smoothing": "2 px", "seed_distance": 3.0})
    first, second, third = levels_of(sources, recipe, {})
    assert third.shape == (250, 200)
    assert third.stride == (1, 1)
    assert second.last.run.source.spacing == (1, 1)
    assert second.last.run.source.spacing.unit == "um"
    # lengths keep their size in the world
    assert (second.last.run.values["smoothing"], third.last.run.values["smoothing"]) == (1.0, 1.0)
    assert third.last.run.values["seed_distance"] == 3.0
    halos = [each.grid.halo[0] for each in (first, second, third)]
    assert halos == sorted(halos, reverse=True)


def test_arrays_beside_the_image_are_made_smaller_too():
    image = np.zeros((8, 12), np.uint8)
    mask = np.zeros((8, 12), np.uint8)
    mask[:, 6:] = 1
    full = Source.of(image)
    recipe = Recipe("threshold", {}, {"mask": pack(mask)})
    _, small = levels_of([full, replace(full, array=image[::2, ::3])], recipe, {})
    shrunk = small.last.run.values["mask"]
    assert shrunk[0:4, 0:4].tolist() == [[0, 0, 1, 1]] * 4
    points = Points(np.array([[0, 0], [0.6, 2.2], [7.4, 11.3]]), np.array([5, 6, 7]))
    recipe = Recipe("watershed", {}, {"markers": pack(points)})
    _, small = levels_of([full, replace(full, array=image[::2, ::3])], recipe, {})
    found = small.last.run.values["markers"]
    assert found.coordinates.tolist() == [[0, 0], [3, 3]]
    assert found.ids.tolist() == [5, 7]


def test_lazy_images_are_read_through_a_cache_and_others_are_not():
    level = levels_of([Source.of(lazy(600, 600))], Recipe("threshold", {}), {})[0]
    assert isinstance(level.last.run.source.array, ChunkCache)
    array = np.zeros((60, 60))
    level = levels_of([Source.of(array)], Recipe("threshold", {}), {})[0]
    assert level.last.run.source.array is array


def chain(*steps):
    recipe = None
    for each in steps:
        recipe = replace(each, before=None if recipe is None else recipe.to_dict())
    return recipe


def test_steps_work_on_one_another():
    source = Source.of(np.zeros((60, 80), np.uint8), name="cells")
    threshold = Recipe("threshold", {}, source={"name": "cells"})
    crf = Recipe("crf", {}, {"image": {"name": "cells"}}, source={"name": "cells"})
    level = levels_of([source], chain(threshold, crf), {})[0]
    assert [each.run.method.name for each in level.steps] == ["threshold", "crf"]
    assert level.last.run.values["image"] is source
    assert level.last.run.source.kind == "classes"
    assert not level.exact
    assert levels_of([source], chain(threshold, Recipe("label", {})), {})[0].exact


def test_a_step_that_needs_the_whole_makes_the_last_one_whole():
    source = Source.of(lazy(2000, 3000))
    recipe = chain(Recipe("threshold", {}), Recipe("fill_holes", {}))
    assert isinstance(levels_of([source], recipe, {})[0], LiveLevel)
    assert levels_of([source], recipe, {})[0].grid.sides == (2000, 3000)
    with pytest.raises(ValueError, match="fill_holes cannot be worked out where one looks"):
        levels_of([Source.of(lazy(9000, 9000))], recipe, {})


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (Recipe("relabel", {}), "recipe has the step relabel, which works on all labels at once"),
        (
            Recipe("threshold", {}, region=pack_region(Region((0, 0), (2, 2)))),
            r"recipe works on a part of the image \(threshold\)",
        ),
        (Recipe("smooth", {}, only=[1]), "recipe works on a part"),
        (Recipe("label", {}, join=True), r"from plane to plane \(label\)"),
        (Recipe("top_hat", {}), "recipe ends with top_hat, which gives no labels"),
        (Recipe("measure", {}), "recipe ends with measure, which gives no labels"),
    ],
)
def test_what_cannot_be_followed_is_refused(recipe, message):
    with pytest.raises(ValueError, match=message):
        levels_of([Source.of(np.zeros((8, 8), np.uint8))], recipe, {})
