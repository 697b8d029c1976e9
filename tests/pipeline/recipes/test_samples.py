"""What is found at one place without the rest is what the whole holds there."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_tessera import METHODS, Recipe
from napari_tessera.pipeline.blockwise import blocks
from napari_tessera.pipeline.blockwise.blocks import automatic_sides
from napari_tessera.pipeline.recipes import samples
from napari_tessera.pipeline.recipes.comparison import compare_objects, compare_values
from napari_tessera.pipeline.recipes.samples import ComputedArray, Samples
from napari_tessera.pipeline.result import ObjectLabels
from napari_tessera.pipeline.source import Points, Region, Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import Reporter

AXES = {2: "yx", 3: "zyx", 4: "tzyx"}


def noise(*shape, seed=0):
    image = ndimage.gaussian_filter(
        np.random.default_rng(seed).random(shape), (0,) * (len(shape) - 2) + (2, 2)
    )
    return (255 * (image - image.min()) / np.ptp(image)).astype(np.uint8)


def source_of(array, axes=None):
    return Source.of(array, axes=axes or AXES[array.ndim], name="a.tif")


def recipe_of(source, *steps, walk=None):
    """Return a chain of methods with their options."""
    before = None
    for method, options in steps:
        recipe = Recipe.of(METHODS[method], source, options, walk, before=before)
        before = recipe.to_dict()
    return recipe


def compared(recipe, source, count=1000, **arrays):
    """Return the samples of a recipe, each compared with what the whole run gives."""
    whole = recipe.run(source, **arrays)
    found = Samples.of(recipe, source, Reporter(), **arrays)
    own = (slice(None),) * (whole.array.ndim - len(source.shape))
    parts = list(found.parts(count, Reporter()))
    compare = compare_objects if isinstance(whole, ObjectLabels) else compare_values
    for part in parts:
        more = {"cut": part.cut} if compare is compare_objects else {}
        kept = whole.array[(*own, *part.core)]
        assert compare(kept, part.array, **more).differing == 0, part.core
    return found, parts


@pytest.fixture
def cut(monkeypatch):
    """Planes and volumes of more than 500 pixels are cut where they can."""
    cut_small(monkeypatch)


def cut_small(patch):
    patch.setattr(samples, "MOST", 500)
    patch.setattr(blocks, "automatic_sides", partial(automatic_sides, pixels=900))
    patch.setattr(blocks, "_MEMORY", 0)  # a wide halo makes no larger ones


CHAINS = {
    "classes": [("threshold", {"smoothing": "1 px"})],
    "components": [("threshold", {}), ("label", {})],
    "refined": [("threshold", {}), ("label", {}), ("morphology", {"radius": "1 px"})],
    "classes refined": [
        ("threshold", {}),
        ("morphology", {"radius": "1 px", "labels_are": "classes"}),
        ("label", {}),
    ],
    "wider": [("threshold", {}), ("label", {}), ("expand", {"distance": "2 px"})],
    "watershed": [("watershed", {"seed_distance": "2 px"})],
    "whole planes": [("watershed", {"seed_distance": "2 px"}), ("fill_holes", {})],
    "image": [("top_hat", {"radius": "2 px"})],
}


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("over", ["planes", "volume"])
def test_planes_and_volumes(chain, over):
    source = source_of(noise(2, 3, 20, 24))
    recipe = recipe_of(source, *CHAINS[chain], walk=Walk(over=over))
    found, parts = compared(recipe, source)
    assert len(parts) == len(found.places) == (6 if over == "planes" else 2)
    assert found.noun == {"planes": "planes", "volume": "volumes"}[over]


@pytest.mark.parametrize("chain", ["classes", "components", "classes refined", "image"])
@pytest.mark.parametrize("shape", [(40, 50), (2, 40, 50)])
@pytest.mark.parametrize("levels_from", ["each", "all"])
def test_blocks(cut, chain, shape, levels_from):
    source = source_of(noise(*shape), axes="tyx"[-len(shape) :])
    recipe = recipe_of(source, *CHAINS[chain], walk=Walk(levels_from=levels_from))
    found, parts = compared(recipe, source)
    assert found.noun == "blocks"
    assert len(parts) >= 4 * int(np.prod(shape[:-2]))


@settings(max_examples=25)
@given(
    st.tuples(st.integers(24, 40), st.integers(24, 40)),
    st.integers(0, 1000),
    st.sampled_from(["components", "classes refined"]),
)
def test_blocks_of_any_image(shape, seed, chain):
    with pytest.MonkeyPatch.context() as patch:
        cut_small(patch)
        source = source_of(noise(*shape, seed=seed))
        compared(recipe_of(source, *CHAINS[chain]), source)


def test_blocks_of_a_method_that_depends_on_them():
    source = source_of(noise(60, 60))
    own = recipe_of(source, ("watershed", {"seed_distance": "1 px"}), walk=Walk(blocks=(20, 30)))
    assert own.blocks == [20, 30]
    found, parts = compared(own, source)
    assert len(parts) == len(found.places) == 6


def test_planes_of_a_stack_keep_colour_and_channels():
    colours = np.stack([noise(3, 20, 24, seed=k) for k in range(3)], axis=-1)
    source = Source.of(colours, axes="tyx", channel_axis=3, name="a.tif")
    found, _ = compared(recipe_of(source, ("kmeans", {"clusters": 3})), source)
    assert len(found.places) == 3
    one = replace(source, channel=1)
    compared(recipe_of(one, ("threshold", {}), ("label", {})), source)


def test_markers_and_masks_are_cut_alike():
    source = source_of(noise(3, 20, 24), axes="tyx")
    points = Points(np.array([[0.0, 5, 5], [1, 6, 6], [1, 15, 15], [2, 3, 20]]))
    mask = noise(3, 20, 24, seed=4) > 90
    values = {"markers": points, "mask": mask, "foreground": "all"}
    compared(recipe_of(source, ("watershed", values)), source)


def test_a_plane_with_nothing_in_it_is_empty_or_stays():
    stack = noise(3, 20, 24)
    stack[1] = 7
    source = source_of(stack, axes="tyx")
    compared(recipe_of(source, *CHAINS["components"]), source)
    compared(recipe_of(source, *CHAINS["wider"]), source)


def test_a_few_are_spread_from_the_first_to_the_last():
    source = source_of(noise(9, 20, 24), axes="tyx")
    found = Samples.of(recipe_of(source, *CHAINS["classes"]), source, Reporter())
    assert [part.core[0].start for part in found.parts(3, Reporter())] == [0, 4, 8]
    assert [part.core[0].start for part in found.parts(1, Reporter())] == [0]


def test_only_what_is_looked_at_is_read():
    stack = noise(9, 20, 24)
    read = []

    class Counting:
        shape, ndim, dtype = stack.shape, 3, stack.dtype

        def __getitem__(self, index):
            read.append(index[0])
            return stack[index]

    source = source_of(Counting(), axes="tyx")
    found = Samples.of(recipe_of(source, *CHAINS["wider"]), source, Reporter())
    list(found.parts(2, Reporter()))
    assert {each.start if isinstance(each, slice) else each for each in read} == {0, 8}


@pytest.mark.parametrize(
    ("steps", "walk", "reason"),
    [
        ([("threshold", {})], Walk(region=Region((0, 0, 0), (1, 9, 9))), "works on a region"),
        ([("watershed", {}), ("expand", {})], Walk(join=True), "together"),
        ([("threshold", {}), ("contours", {})], None, "gives no array"),
    ],
)
def test_what_depends_on_the_rest_is_refused(steps, walk, reason):
    source = source_of(noise(3, 20, 24), axes="tyx")
    with pytest.raises(ValueError, match=reason):
        Samples.of(recipe_of(source, *steps, walk=walk), source, Reporter())


def test_objects_of_blocks_are_no_input_as_numbers_decide_between_equals(cut):
    source = source_of(noise(40, 50))
    with pytest.raises(ValueError, match="label numbers objects in all blocks"):
        Samples.of(recipe_of(source, *CHAINS["wider"]), source, Reporter())


def test_a_computed_array_is_read_like_any_other():
    source = source_of(noise(3, 20, 24), axes="tyx")
    run = Samples.of(recipe_of(source, *CHAINS["classes"]), source, Reporter()).run
    lazy, whole = ComputedArray(run), recipe_of(source, *CHAINS["classes"]).run(source).array
    assert lazy.shape == whole.shape
    for index in ((1, slice(None), slice(None)), (slice(0, 2), slice(3, 9), slice(None, None, 2))):
        np.testing.assert_array_equal(lazy[index], whole[index])
    assert lazy[2, 4, 5] == whole[2, 4, 5]


def test_no_number_stands_for_two_objects_of_several_planes():
    source = source_of(noise(3, 20, 24), axes="tyx")
    run = Samples.of(recipe_of(source, *CHAINS["watershed"]), source, Reporter()).run
    found = ComputedArray(run)[(slice(None),) * 3]
    sets = [set(np.unique(plane[plane > 0])) for plane in found]
    assert sum(map(len, sets)) == len(set.union(*sets))
