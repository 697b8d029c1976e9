import pickle

import numpy as np
import pytest
import zarr

from napari_tessera.io import files
from napari_tessera.pipeline.blockwise.workers import Threads, workers_of
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk


class Elsewhere:
    """Does every job twice, in what would be another process: nothing but bytes goes there."""

    share_memory = False
    count = 2

    def __init__(self):
        self.largest = 0

    def in_order(self, function, jobs, *, at_once):
        sent = pickle.dumps(function)
        for job in jobs:
            for _ in range(2):
                outcome = pickle.loads(sent)(pickle.loads(pickle.dumps(job)))
            back = pickle.dumps(outcome)
            self.largest = max(self.largest, len(back))
            yield pickle.loads(back)


@pytest.fixture
def source(tmp_path):
    image = np.random.default_rng(0).integers(0, 99, (3, 60, 70)).astype(np.uint8)
    image[:, 20:30, 10:60] += 100
    array = zarr.create_array(tmp_path / "image.zarr", data=image, chunks=(1, 32, 32))
    return Source.of(array, axes="zyx")


LABELS = {"method": "manual", "levels": (150.0,)}


@pytest.mark.parametrize(
    ("method", "options", "walk"),
    [
        ("threshold", {"smoothing": "1 px"}, Walk("planes", blocks=(32, 32))),
        ("threshold", {"smoothing": "1 px"}, Walk("volume", blocks=(2, 32, 32))),
        ("top_hat", {"radius": "2 px"}, Walk("planes", blocks=(32, 32))),
        ("top_hat", {"radius": "2 px"}, Walk("planes")),
        ("watershed", {"seed_distance": "1 px"}, Walk("planes", blocks=(32, 40))),
    ],
)
def test_blocks_are_computed_and_written_elsewhere(tmp_path, source, method, options, walk):
    def made(name, workers):
        def result(sink):
            return run(method, source, options, walk, sink=sink, workers=workers)

        return files.write_as_made(tmp_path / name, result, source)

    elsewhere = Elsewhere()
    there, here = made("there.zarr", elsewhere), made("here.zarr", None)
    np.testing.assert_array_equal(there.array[:], here.array[:])
    assert there.counted() == here.counted()
    assert there.array.dtype == here.array.dtype


def test_what_comes_back_of_a_block_is_small(tmp_path):
    image = np.zeros((256, 256), np.uint8)
    image[::2, ::2] = 1
    source, elsewhere = Source.of(image), Elsewhere()
    walk = Walk(blocks=(128, 128))
    files.write_as_made(
        tmp_path / "objects.zarr",
        lambda sink: run("label", source, walk=walk, sink=sink, workers=elsewhere),
        source,
    )
    assert elsewhere.largest < 12 * 64**2 + 1000  # 12 bytes for each object, and thin slabs


def test_planes_that_carry_on_numbers_are_compared_elsewhere(tmp_path, source):
    options = {"method": "manual", "levels": (150.0,)}
    classes = Source.of(run("threshold", source, options).array, axes="zyx")
    walk = Walk("planes", join=True)
    expected = run("label", classes, walk=walk)
    result = files.write_as_made(
        tmp_path / "joined.zarr",
        lambda sink: run("label", classes, walk=walk, sink=sink, workers=Elsewhere()),
        classes,
    )
    np.testing.assert_array_equal(result.array[:], expected.array)


def test_a_table_is_measured_elsewhere_and_needs_no_file(source):
    labels = Source.of(run("threshold", source, LABELS).array, axes="zyx")
    expected = run("measure", labels).table
    result = run("measure", labels, workers=Elsewhere()).table
    assert all((result[name] == expected[name]).all() for name in expected)


def test_a_result_in_memory_is_refused_where_memory_is_not_shared(source):
    with pytest.raises(ValueError, match="Elsewhere do not share this memory.*OME-Zarr"):
        run("threshold", source, workers=Elsewhere())


def test_recipes_take_workers(source):
    recipe = Recipe("threshold", dict(LABELS), over="planes")
    expected = recipe.run(source).array
    np.testing.assert_array_equal(recipe.run(source, workers=Threads(1)).array, expected)


def test_threads_take_no_more_than_fit():
    import threading

    names = Threads(2).in_order(lambda _: threading.current_thread().name, range(3), at_once=1)
    assert set(names) == {threading.current_thread().name}


def test_who_computes_is_threads_or_what_is_given():
    mine = Elsewhere()
    assert workers_of(None) == Threads()
    assert workers_of(mine) is mine
    for wrong in (3, "tcp://10.0.0.1:8786"):
        with pytest.raises(TypeError, match=f"workers is a {type(wrong).__name__}; pass a Client"):
            workers_of(wrong)
