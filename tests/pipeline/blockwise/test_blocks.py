"""Blocks give what the whole gives: of random arrays, sizes of blocks and methods."""

from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from napari_tessera import METHODS
from napari_tessera.algorithms import kept_arrays
from napari_tessera.algorithms.filters.smoothing import prepare
from napari_tessera.algorithms.kept_arrays import SHARE
from napari_tessera.methods.classical import threshold as threshold_module
from napari_tessera.pipeline.blockwise.blocks import Blocks, automatic_sides, sides_kept, sides_of
from napari_tessera.pipeline.pieces import Pieces
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Points, Region, Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import NothingToSeparate, Stop


def blobs(seed, shape, method):
    """Return smooth random intensities, or labels made of them with objects of any size."""
    from scipy import ndimage

    rng = np.random.default_rng(seed)
    image = ndimage.gaussian_filter(rng.normal(size=shape), rng.uniform(0, 2))
    image = np.digitize(image / image.std(), np.linspace(-2, 2, 60)).astype(np.uint8)
    if METHODS[method].source.is_image:
        return image
    classes = (image > rng.integers(20, 40)).astype(np.uint8)
    return classes * rng.integers(1, 4, shape, np.uint8) if rng.random() < 0.3 else classes


def test_a_spiral_through_all_blocks_is_one_object_and_numbers_follow_a_scan():
    image = np.zeros((9, 9), np.uint8)
    image[0], image[:, 8], image[8], image[2:, 0], image[2, :7], image[2:7, 6], image[6, 2:6] = (
        1,
    ) * 7
    image[4, 4] = 1
    objects = run("label", Source.of(image), walk=Walk(blocks=(2, 2))).array
    np.testing.assert_array_equal(objects, run("label", Source.of(image)).array)
    assert objects.max() == 2


def test_markers_keep_their_numbers_in_all_blocks():
    image = np.zeros((12, 30), np.uint8)
    image[2:10, 2:14] = image[2:10, 16:28] = 100
    points = Points(np.array([[5, 20], [5, 4]]))
    options = {"markers": points, "landscape": "intensity", "smoothing": "0 px"}
    result = run("watershed", Source.of(image), options, Walk(blocks=(12, 9))).array
    assert (result[5, 20], result[5, 3]) == (1, 2)
    np.testing.assert_array_equal(result > 0, image > 0)


def test_a_part_and_its_mask_are_worked_on_by_themselves():
    image = blobs(3, (30, 40), "threshold")
    mask = np.tri(20, 30, 5, dtype=bool)
    for method, source in (("threshold", image), ("label", (image > 30).astype(np.uint8))):
        walk = Walk(region=Region((5, 5), (25, 35), mask))
        expected = run(method, Source.of(source), walk=walk)
        result = run(method, Source.of(source), walk=replace(walk, blocks=(7, 9)))
        np.testing.assert_array_equal(result.array, expected.array)
        assert result.start == (5, 5)


def test_labels_are_refined_alone_in_blocks_too():
    labels = np.kron(np.arange(1, 10, dtype=np.uint16).reshape(3, 3), np.ones((7, 7), np.uint16))
    labels[::7] = 0
    walk = Walk(only=(5, 6))
    expected = run("morphology", Source.of(labels), {"radius": "1 px"}, walk)
    result = run("morphology", Source.of(labels), {"radius": "1 px"}, walk.in_blocks((5, 8)))
    np.testing.assert_array_equal(result.array, expected.array)
    with pytest.raises(ValueError, match="has no 70"):
        run("morphology", Source.of(labels), walk=Walk(only=(70,), blocks=(5, 8)))


def test_colours_are_cut_along_with_their_channels():
    colours = np.random.default_rng(1).integers(0, 255, (20, 3, 24)).astype(np.uint8)
    source = Source.of(colours, channel_axis=1)
    centres = ((10.0,) * 3, (128.0,) * 3, (240.0,) * 3)
    expected = run("kmeans", source, {"centres": centres}).array
    result = run("kmeans", source, {"centres": centres}, Walk(blocks=(6, 7))).array
    np.testing.assert_array_equal(result, expected)


class Watched:
    """An array that remembers how much was read at once."""

    def __init__(self, array):
        self.array, self.shape, self.ndim, self.dtype = array, array.shape, array.ndim, array.dtype
        self.largest = 0

    def __getitem__(self, index):
        piece = self.array[index]
        self.largest = max(self.largest, piece.size)
        return piece


@pytest.mark.parametrize("levels", ["each", "all"])
def test_no_more_than_a_block_and_its_halo_is_read_at_once(levels):
    image = Watched(blobs(0, (2, 40, 40), "threshold"))
    walk = Walk(levels_from=levels, blocks=(10, 10))
    run("threshold", Source.of(image), {"smoothing": "0.5 px"}, walk)
    assert image.largest <= (10 + 2 * 5) ** 2


@pytest.mark.parametrize(
    ("method", "options", "walk", "message"),
    [
        ("skeleton", {}, {}, "skeleton cannot be cut: it needs each object as a whole"),
        ("watershed", {"seeds": "h-maxima"}, {}, "each peak against the highest of all"),
        ("measure", {"convex": True}, {}, "measure cannot be cut: convex hulls need each object"),
        ("relabel", {}, {"only": (1,)}, "relabel works on all labels; leave out region and only"),
        ("label", {}, {"join": True}, r"join carries numbers on .*blocks of \(4, 4\) cut"),
        ("label", {}, {"blocks": (4, 4, 4)}, "planes have 2 axes"),
    ],
)
def test_what_cannot_be_cut_says_why(method, options, walk, message):
    source = Source.of((np.eye(12, dtype=np.uint8) > 0).astype(np.uint8))
    with pytest.raises(ValueError, match=message):
        run(method, source, options, Walk(**{"blocks": (4, 4), **walk}))


def test_planes_that_fit_into_a_block_are_not_cut_and_take_every_method():
    stack = (blobs(2, (3, 20, 24), "threshold") > 30).astype(np.uint8)
    objects = run("label", Source.of(stack)).array
    for method, walk in (("fill_holes", Walk()), ("label", Walk(join=True)), ("measure", Walk())):
        source = Source.of(objects if method == "measure" else stack)
        expected = run(method, source, walk=walk)
        result = run(method, source, walk=walk.in_blocks("auto"))
        np.testing.assert_array_equal(result.array, expected.array)
        assert result.counted() == expected.counted()


def test_a_plane_without_levels_is_left_empty():
    stack = blobs(2, (3, 20, 24), "threshold")
    stack[1] = 7
    result = run("threshold", Source.of(stack), walk=Walk(blocks=(8, 8)))
    assert result.skipped == 1
    assert not result.array[1].any()
    with pytest.raises(NothingToSeparate, match="constant"):
        run("threshold", Source.of(stack[1]), walk=Walk(blocks=(8, 8)))


def test_progress_rises_to_one_and_stop_ends_the_run():
    told = []
    source = Source.of(blobs(2, (20, 24), "label"))
    run("label", source, walk=Walk(blocks=(5, 5)), report=lambda p: told.append(p.done))
    assert told == sorted(told)
    assert told[-1] == 1

    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        run("label", source, walk=Walk(blocks=(5, 5)), report=stop)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.zeros((70, 80), np.uint8), (70, 80)),
        (zarr.zeros((9000, 9000), chunks=(500, 700), dtype="u1"), (4000, 2800)),
        (da.zeros((9000, 9000), chunks=(500, 700), dtype="u1"), (4000, 2800)),
        (zarr.zeros((9000, 9000), chunks=(9000, 9000), dtype="u1"), (2250, 4500)),
    ],
)
def test_automatic_blocks_are_made_of_whole_chunks(array, expected):
    method = METHODS["label"]
    pieces = Pieces(method, Source.of(array), method.complete({}), "planes")
    assert sides_of(pieces, "auto") == expected
    assert Blocks.of(pieces, "auto").are_cut == (expected != array.shape)


def test_automatic_blocks_are_larger_where_the_halo_is_wide_and_memory_suffices():
    array = zarr.zeros((240, 2400, 2400), chunks=(24, 480, 480), dtype="u2")
    method = METHODS["watershed"]
    pieces = Pieces(method, Source.of(array, axes="zyx"), method.complete({}), "volume")
    blocks = Blocks.of(pieces, "auto")
    assert blocks.halo == (106, 106, 106)
    assert blocks.sides == (240, 240, 480)  # with what is read around: 75 million pixels
    assert blocks.at_once(8) == 1


@pytest.mark.parametrize("levels", ["each", "all"])
@pytest.mark.parametrize(("share", "times"), [(SHARE, 1), (0, 3)])
def test_what_is_smoothed_for_a_level_is_not_smoothed_again_as_far_as_memory_goes(
    levels, share, times, monkeypatch
):
    image = np.random.default_rng(0).normal(size=(2, 20, 30)).astype(np.float32)
    options, walk = {"smoothing": "1 px"}, Walk("planes", levels)
    expected = run("threshold", Source.of(image), options, walk).array
    calls = []

    def counted(image, smoothing, *more, **others):
        calls.extend([image.shape] if any(smoothing) else [])
        return prepare(image, smoothing, *more, **others)

    monkeypatch.setattr(threshold_module, "prepare", counted)
    monkeypatch.setattr(kept_arrays, "SHARE", share)
    result = run("threshold", Source.of(image), options, walk.in_blocks((10, 30))).array
    np.testing.assert_array_equal(result, expected)
    assert len(calls) == 4 * times  # blocks, for the range, the histogram and the result


@given(st.data())
def test_automatic_blocks_hold_so_many_pixels_unless_the_halo_is_wide(data):
    count = data.draw(st.integers(2, 3))

    def draw(low, high):
        return data.draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    shape, halo, chunks = draw(1, 3000), draw(0, 40), draw(1, 3000)
    sides = automatic_sides(shape, halo, chunks, 1 << 18)
    assert all(1 <= side <= n for side, n in zip(sides, shape, strict=True))
    seen = [min(n, s + 2 * h) if s < n else n for s, h, n in zip(sides, halo, shape, strict=True)]
    thin = all(s <= max(1, 2 * h) for s, h in zip(sides, halo, strict=True))
    assert np.prod(seen) <= 1 << 18 or thin


def test_recipes_keep_blocks_where_the_result_depends_on_them():
    source = Source.of(blobs(0, (40, 40), "threshold"))
    walk = Walk(blocks=(16, 16))
    assert Recipe.of(METHODS["threshold"], source, {}, walk).blocks is None
    recipe = Recipe.of(METHODS["watershed"], source, {"seed_distance": "1 px"}, walk)
    assert recipe.blocks == [16, 16]
    assert Recipe.from_dict(recipe.to_dict()).walk.blocks == (16, 16)
    assert "--blocks 16,16" in recipe.as_command()
    assert "blocks=(16, 16)" in recipe.as_python()
    assert "blocks=[16, 16]" in recipe.as_python("file")
    with pytest.raises(ValueError, match=r"blocks has 0; sides from 1 pixel"):
        Recipe.from_dict({**recipe.to_dict(), "blocks": [0, 4]})
    assert sides_kept(Pieces(METHODS["label"], source, {}, "planes"), None) is None


def test_a_chain_of_steps_runs_in_blocks():
    image = Source.of(blobs(5, (12, 30, 40), "threshold"), axes="zyx")
    first = Recipe.of(METHODS["threshold"], image, {"smoothing": "1 px"}, Walk("volume"))
    classes = first.run(image)
    made = Source.of(classes.array, axes="zyx")
    chain = Recipe.of(METHODS["label"], made, {}, Walk("volume"), before=first.to_dict())
    expected = chain.run(image)
    result = chain.run(image, blocks=(6, 10, 16))
    np.testing.assert_array_equal(result.array, expected.array)
    np.testing.assert_array_equal(chain.run(image, blocks="whole").array, expected.array)
