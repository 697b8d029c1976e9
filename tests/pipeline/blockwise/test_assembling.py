import dask.array as da
import numpy as np
import pytest
import zarr

from napari_tessera.io.files import read, write_as_made
from napari_tessera.pipeline.blockwise.assembling import (
    AssemblingCollector,
    AssemblingTableCollector,
)
from napari_tessera.pipeline.collectors import Whole
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import KINDS
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk

RING = np.zeros((12, 15), np.uint16)
RING[1:11, 1:14] = 5
RING[2:10, 2:13] = 0
RING[4:6, 4:9] = 9


def test_a_ring_through_all_blocks_is_filled_and_what_lies_in_it_stays():
    result = run("fill_holes", Source.of(RING), walk=Walk(blocks=(4, 5)))
    expected = RING.copy()
    expected[2:10, 2:13][expected[2:10, 2:13] == 0] = 5
    np.testing.assert_array_equal(result.array, expected)
    assert (result.array.dtype, result.count) == (np.uint16, 2)


def test_a_broken_ring_is_not_filled():
    broken = RING.copy()
    broken[5, 1] = 0
    result = run("fill_holes", Source.of(broken), walk=Walk(blocks=(4, 5))).array
    np.testing.assert_array_equal(result, broken)


def test_a_weak_line_is_kept_wherever_it_is_strong():
    image = np.zeros((3, 40), np.uint8)
    image[1, 2:38], image[1, 37] = 50, 200
    options = {"method": "hysteresis", "levels": (20.0, 100.0)}
    result = run("threshold", Source.of(image), options, Walk(blocks=(3, 4))).array
    np.testing.assert_array_equal(result, image > 0)
    image[1, 20] = 0
    result = run("threshold", Source.of(image), options, Walk(blocks=(3, 4))).array
    np.testing.assert_array_equal(result, (image > 0) & (np.arange(40) > 20))


def test_objects_are_numbered_anew_over_all_planes_that_are_not_cut_too():
    stack = np.stack([RING, RING + (RING > 0), 0 * RING])
    for blocks in ((4, 5), (12, 15), "auto"):
        result = run("relabel", Source.of(stack), walk=Walk(blocks=blocks))
        expected = run("relabel", Source.of(stack))
        np.testing.assert_array_equal(result.array, expected.array)
        assert (result.array.dtype, result.count) == (expected.array.dtype, 4)


@pytest.mark.parametrize("where", ["each", "apart"])
def test_tables_of_planes_are_those_of_whole_planes(where):
    stack = np.stack([RING, 0 * RING, RING])
    array = da.from_array(stack, chunks=(1, 5, 5)) if where == "apart" else stack
    source = Source.of(array, axes="tyx")
    expected = run("measure", source).table
    result = run("measure", source, walk=Walk(blocks=(5, 4))).table
    assert result["t"].tolist() == [0, 0, 2, 2]
    for name, column in expected.items():
        np.testing.assert_allclose(result[name], column, rtol=1e-12)


def test_it_is_written_as_it_is_decided(tmp_path):
    recipe = Recipe("filter_objects", {"min_diameter": "5 px"})
    source, place = Source.of(RING), tmp_path / "large.zarr"
    write_as_made(place, lambda sink: recipe.run(source, blocks=(4, 5), sink=sink), source, recipe)
    np.testing.assert_array_equal(read(place, labels=True).whole, np.where(RING == 5, 5, 0))
    assert zarr.open_group(place)["0"].dtype == np.uint16


def test_a_chain_goes_on_from_what_was_assembled():
    image = np.where(RING == 5, 200, np.where(RING == 9, 90, 10)).astype(np.uint8)
    source = Source.of(image)
    steps = ("threshold", {"levels": (50.0,), "method": "manual"}), ("label", {}), ("measure", {})
    recipe = None
    for method, values in steps:
        before = None if recipe is None else recipe.to_dict()
        recipe = Recipe(method, values, before=before)
    expected, result = recipe.run(source), recipe.run(source, blocks=(4, 5))
    assert result.table["pixels"].tolist() == expected.table["pixels"].tolist()


@pytest.mark.parametrize(
    ("kind", "collector"), [("classes", AssemblingCollector), ("table", AssemblingTableCollector)]
)
def test_each_kind_has_its_collector(kind, collector):
    whole = Whole((4, 4), block=(2, 2), cut=(4, 4))
    assert type(KINDS[kind].assembling_collector(whole, None)) is collector
    with pytest.raises(NotImplementedError):
        KINDS["image"].assembling_collector(whole, None)
