"""Steps give in any box what they give in the whole; levels are found once, or in a sample."""

from dataclasses import replace

import numpy as np
import pytest

from napari_tessera import METHODS
from napari_tessera.pipeline.live import steps as live_steps
from napari_tessera.pipeline.live.steps import LiveStep, SampledBlocks, StepArray
from napari_tessera.pipeline.method_run import Run
from napari_tessera.pipeline.pieces import Location
from napari_tessera.pipeline.refinement import Refinement
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import Reporter


def step(name, array, values=None, **walk):
    method = METHODS[name]
    kind = Refinement if method.refines else Run
    return LiveStep(kind.of(method, Source.of(array), values or {}, Walk(**walk)))


@pytest.fixture
def image():
    rng = np.random.default_rng(0)
    ramp = np.arange(4)[:, None, None] * 50
    return (rng.integers(0, 60, (4, 30, 40)) + ramp).astype(np.uint8)


def test_a_block_is_as_in_the_whole(image):
    own = step("threshold", image, {"smoothing": "2 px"})
    whole = run("threshold", own.run.source, {"smoothing": "2 px"}).array
    grid = replace(own.grid, sides=(8, 8))
    place = Location((2,), grid.tile((1, 2)))
    np.testing.assert_array_equal(own.at(place, 0, Reporter()), whole[2, 8:16, 16:24])
    assert own.at(place, 3, Reporter()).shape == (14, 14)


def test_levels_are_found_once_for_each_plane(image):
    found = []
    own = step("threshold", image)
    cut = own.run.method.cut

    def statistics(pieces, **values):
        found.append(1)
        return cut.statistics(pieces, **values)

    method = replace(own.run.method, cut=replace(cut, statistics=statistics))
    own.run = replace(own.run, method=method)
    for index in (0, 1, 0, 1):
        own.levels((index,), Reporter())
    assert len(found) == 2
    one, other = (own.levels((i,), Reporter())["levels"] for i in (0, 1))
    assert one != other
    own.run = replace(own.run, walk=Walk(levels_from="all"))
    assert own.levels((0,), Reporter()) == own.levels((3,), Reporter())
    assert len(found) == 3


def test_levels_of_a_smaller_image_are_those_of_the_full_one(image):
    full = step("threshold", image)
    small = LiveStep(step("threshold", image[:2, ::2, ::2]).run, full)
    assert small.levels((0,), Reporter()) == full.levels((1,), Reporter())
    assert small.levels((1,), Reporter()) == full.levels((3,), Reporter())


def test_a_constant_plane_is_empty_and_its_labels_stay(image):
    flat = np.zeros_like(image)
    own = step("threshold", flat)
    place = Location((0,), replace(own.grid, sides=(8, 8)).tile((1, 1)))
    assert own.at(place, 2, Reporter()).tolist() == np.zeros((12, 12)).tolist()
    labels = (image > 100).astype(np.uint16)
    refined = step("smooth", labels, {"radius": "1 px"})
    kept = refined._unchanged(place, 2)
    np.testing.assert_array_equal(kept, labels[0, 6:18, 6:18])


def test_of_a_large_image_a_sample_is_read(monkeypatch):
    monkeypatch.setattr(live_steps, "SAMPLED", 1000)
    monkeypatch.setattr(live_steps, "BLOCK", 64)
    rng = np.random.default_rng(0)
    image = np.where(rng.random((200, 300)) > 0.5, 200, 20).astype(np.uint8)
    own = step("threshold", image)
    level = own.levels((), Reporter())["levels"]
    assert own.sampled
    assert 20 <= level[0] < 200
    blocks = SampledBlocks(own.run.pieces, (8, 8), ())
    places = blocks.places
    assert len(places) == 16
    assert len({str(each) for each in places}) == 16
    assert [str(each) for each in places] == [str(each) for each in blocks.places]
    rows = [each.tile.core[0].start for each in places]
    assert min(rows) < 50
    assert max(rows) > 150


def test_a_small_image_is_read_as_a_whole(image):
    own = step("threshold", image)
    own.levels((0,), Reporter())
    assert not own.sampled


def test_blocks_are_whole_chunks_if_these_are_not_too_large():
    import dask.array as da

    array = da.zeros((3000, 5000), chunks=(1000, 1500), dtype=np.uint8)
    assert step("threshold", array).grid.sides == (1000, 1500)
    array = da.zeros((3000, 5000), chunks=(100, 100), dtype=np.uint8)
    sides = step("threshold", array).grid.sides
    assert all(side % 100 == 0 for side in sides)
    assert 2 * 10**5 < sides[0] * sides[1] <= live_steps.BLOCK


def test_planes_that_cannot_be_cut_are_whole_or_refused():
    import dask.array as da

    assert step("canny", np.zeros((300, 400), np.uint8)).grid.sides == (300, 400)
    with pytest.raises(
        ValueError, match=r"canny cannot be worked out .* in planes of \(9000, 9000\) pixels: "
    ):
        step("canny", da.zeros((9000, 9000), chunks=1000, dtype=np.uint8)).grid  # noqa: B018


def test_a_step_is_an_array_that_is_worked_out_where_it_is_read(image):
    own = step("threshold", image, {"smoothing": "1 px"})
    whole = run("threshold", own.run.source, {"smoothing": "1 px"}).array
    array = StepArray(own)
    assert (array.shape, array.ndim, array.dtype) == (image.shape, 3, np.uint8)
    np.testing.assert_array_equal(array[1, 3:20, 10:11], whole[1, 3:20, 10:11])
    np.testing.assert_array_equal(array[1:4, 3:20, 5], whole[1:4, 3:20, 5])
    canny = StepArray(step("canny", image))
    np.testing.assert_array_equal(
        canny[2, 3:9, 4:8], run("canny", own.run.source).array[2, 3:9, 4:8]
    )
