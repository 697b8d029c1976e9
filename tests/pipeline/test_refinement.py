import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_tessera import METHODS
from napari_tessera.pipeline.refinement import Refinement
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Region, Source
from napari_tessera.pipeline.walk import Walk


def refined(labels, walk, **options):
    own = Refinement.of(METHODS["expand"], Source.of(labels), options, walk)
    return own.levelled().collected((0,) * labels.ndim).array


@pytest.mark.parametrize("blocks", [None, (2, 3)])
def test_labels_keep_their_numbers_and_those_not_worked_on_their_pixels(blocks):
    labels = np.array([[7, 0, 0, 0, 0, 0, 3]] * 3, np.int16)
    assert (
        refined(labels, Walk(blocks=blocks), distance="1 px").tolist()
        == [[7, 7, 0, 0, 0, 3, 3]] * 3
    )
    alone = refined(labels, Walk(only=(3,), blocks=blocks), distance="1 px")
    assert alone.tolist() == [[7, 0, 0, 0, 0, 3, 3]] * 3
    assert alone.dtype == np.int16


@pytest.mark.parametrize("blocks", [None, (2, 2), (1, 3)])
def test_a_part_is_refined_as_the_whole_is(blocks):
    labels = np.array([[7, 0, 0, 0, 0, 0, 3]] * 3)
    region = Region((0, 1), (3, 6))
    result = run(
        "expand", Source.of(labels), {"distance": "1 px"}, Walk(None, region=region, blocks=blocks)
    )
    assert result.array.tolist() == [[7, 0, 0, 0, 3]] * 3
    assert (result.start, result.counted()) == ((0, 1), "2 objects")


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.data())
def test_a_part_in_blocks_is_that_of_the_whole(seed, data):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 9, (2, 14, 17)).astype(np.uint16) * (rng.random((2, 14, 17)) < 0.3)
    stop = (2, *(data.draw(st.integers(5, n)) for n in (14, 17)))
    start = (data.draw(st.integers(0, 1)), *(data.draw(st.integers(0, n - 2)) for n in stop[1:]))
    mask = rng.random(np.subtract(stop, start)) < 0.8 if data.draw(st.booleans()) else None
    walk = Walk("planes", region=Region(start, stop, mask))
    blocks = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    for method, options in (("expand", {"distance": "2 px"}), ("morphology", {"radius": "1 px"})):
        expected = run(method, Source.of(labels), options, walk)
        result = run(method, Source.of(labels), options, walk.in_blocks(blocks))
        np.testing.assert_array_equal(result.array, expected.array)
        assert (result.start, result.counted()) == (expected.start, expected.counted())
        whole = run(method, Source.of(labels), options, Walk("planes")).array[walk.region.box]
        inside = True if mask is None else mask
        outside = labels[walk.region.box]
        np.testing.assert_array_equal(expected.array, np.where(inside, whole, outside))


@pytest.mark.parametrize("blocks", [None, (3, 4)])
def test_some_labels_are_decided_on_as_wholes_beside_the_others(blocks):
    rings = np.zeros((7, 14), np.int16)
    rings[1:6, 1:6], rings[2:5, 2:5] = 3, 0
    rings[1:6, 8:13], rings[2:5, 9:12] = 5, 0
    rings[3, 3] = 9  # an object in the hole of another
    result = run("fill_holes", Source.of(rings), {}, Walk(only=(3,), blocks=blocks))
    expected = rings.copy()
    expected[2:5, 2:5] = 3
    expected[3, 3] = 9
    np.testing.assert_array_equal(result.array, expected)
    assert (result.array.dtype, result.counted()) == (np.int16, "3 objects")


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1), st.data())
def test_some_labels_in_blocks_are_those_of_the_whole(seed, data):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, (2, 14, 17)).astype(np.uint16)
    only = tuple(data.draw(st.sets(st.integers(1, 4), min_size=1)))
    blocks = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    region = Region((0, 2, 1), (2, 12, 15)) if data.draw(st.booleans()) else None
    walk = Walk("planes", only=only, region=region)
    for method, options in (("fill_holes", {}), ("filter_objects", {"min_diameter": "3 px"})):
        expected = run(method, Source.of(labels), options, walk)
        result = run(method, Source.of(labels), options, walk.in_blocks(blocks))
        np.testing.assert_array_equal(result.array, expected.array)
        assert (result.start, result.counted()) == (expected.start, expected.counted())
        others = ~np.isin(labels, (0, *only))
        box = ... if region is None else region.box
        np.testing.assert_array_equal(result.array[others[box]], labels[box][others[box]])
