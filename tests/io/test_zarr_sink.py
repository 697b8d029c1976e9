import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import zarr

from napari_tessera import METHODS
from napari_tessera.io import files
from napari_tessera.io.zarr_sink import ZarrSink
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import ImageResult
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Region, Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import Stop
from napari_tessera.signature.words import VoxelSize

IMAGE = np.kron(np.random.default_rng(0).integers(0, 2, (4, 20, 24)), np.ones((1, 3, 3)))
IMAGE = (200 * IMAGE + np.random.default_rng(1).integers(0, 50, IMAGE.shape)).astype(np.uint8)
SOURCE = Source.of(IMAGE, axes="zyx", spacing=VoxelSize((2, 0.5, 0.5), "um"))


def chain():
    first = Recipe.of(METHODS["threshold"], SOURCE, {"smoothing": "1 px"}, Walk("volume"))
    made = Source.of(IMAGE, axes="zyx")
    return Recipe.of(METHODS["label"], made, {}, Walk("volume"), before=first.to_dict())


def test_objects_of_two_steps_are_written_block_by_block(tmp_path):
    recipe, place = chain(), tmp_path / "objects.zarr"
    expected = recipe.run(SOURCE)
    with ZarrSink(place, SOURCE) as sink:
        result = recipe.run(SOURCE, blocks=(2, 32, 32), sink=sink)
        assert isinstance(result.array, zarr.Array)
        assert not place.exists()
        result = sink.finish(result, recipe)
    assert [each.name for each in tmp_path.iterdir()] == ["objects.zarr"]
    assert result.counted() == expected.counted()
    written = files.read(place, labels=True)
    np.testing.assert_array_equal(written.whole, expected.array)
    assert written.array.dtype == expected.array.dtype
    assert written.array.shards == (2, 32, 32)
    assert written.spacing == (2, 0.5, 0.5)
    np.testing.assert_array_equal(result.array[:], expected.array)


@pytest.mark.parametrize("method", ["threshold", "top_hat", "label"])
def test_a_file_is_that_of_a_run_on_the_whole(tmp_path, method):
    source = SOURCE if METHODS[method].source.is_image else Source.of(IMAGE // 200, axes="zyx")
    region = Region((0, 3, 5), (4, 60, 70))
    recipe = Recipe.of(METHODS[method], source, {}, Walk(region=region))
    files.write(tmp_path / "whole.zarr", run(method, source, walk=recipe.walk), source, recipe)

    def made(sink):
        return run(method, source, walk=recipe.walk.in_blocks((2, 20, 30)), sink=sink)

    files.write_as_made(tmp_path / "blocks.zarr", made, source, recipe)
    whole, blocks = (zarr.open_group(tmp_path / f"{each}.zarr") for each in ("whole", "blocks"))
    np.testing.assert_array_equal(blocks["0"][:], whole["0"][:])
    own = {**whole.attrs["ome"]}
    own["multiscales"][0]["name"] = "blocks"
    assert blocks.attrs["ome"] == own
    assert blocks.attrs["napari-tessera"] == whole.attrs["napari-tessera"]


def test_other_files_are_written_when_all_is_there(tmp_path):
    result = files.write_as_made(
        tmp_path / "a.tif", lambda sink: run("threshold", SOURCE, sink=sink), SOURCE
    )
    np.testing.assert_array_equal(files.read(tmp_path / "a.tif").whole, result.array)


@pytest.mark.parametrize("reason", [Stop, KeyboardInterrupt, OSError("the disk is full")])
def test_whatever_ends_a_run_leaves_what_was_there(tmp_path, reason):
    place = tmp_path / "objects.zarr"
    files.write_as_made(
        place, lambda sink: chain().run(SOURCE, blocks=(2, 32, 32), sink=sink), SOURCE
    )
    before = zarr.open_array(place / "0")[:]
    calls = []

    def end(progress):
        calls.append(progress)
        if len(calls) == 9:
            raise reason

    def made(sink):
        return chain().run(SOURCE, end, blocks=(2, 32, 32), sink=sink)

    with pytest.raises(reason if isinstance(reason, type) else OSError):
        files.write_as_made(place, made, SOURCE, overwrite=True)
    assert [each.name for each in tmp_path.iterdir()] == ["objects.zarr"]
    np.testing.assert_array_equal(zarr.open_array(place / "0")[:], before)
    with pytest.raises(FileExistsError, match="exists already"), ZarrSink(place, SOURCE):
        pass


KILLED = """
import os
import sys, time
from napari_tessera.io import files
from napari_tessera.pipeline.recipes.recipe import Recipe

source, recipe = files.read(sys.argv[1]), Recipe.load(sys.argv[2])
last = float(sys.argv[4])
def report(progress):
    if progress.done >= last:
        os.write(1, b"there\\n")  # in one piece, as several threads say so
        time.sleep(60)
def made(sink):
    return recipe.run(source, report, blocks=(2, 16, 16), sink=sink)
files.write_as_made(sys.argv[3], made, source, recipe)
"""


@pytest.fixture
def work(tmp_path):
    """Return an image in a file, a recipe of it, a place and what is to be there."""
    files.write(tmp_path / "image.tif", ImageResult(IMAGE), SOURCE)
    source = files.read(tmp_path / "image.tif")
    first = Recipe.of(METHODS["threshold"], source, {"smoothing": "1 px"}, Walk("volume"))
    recipe = Recipe.of(METHODS["label"], source, {}, Walk("volume"), before=first.to_dict())
    recipe.save(tmp_path / "recipe.json")
    (tmp_path / "out").mkdir()
    return source, recipe, tmp_path / "out" / "objects.zarr", recipe.run(source).array


class Counting:
    """Threads that count the blocks that they work on."""

    share_memory = True

    def __init__(self):
        self.count = 0

    def in_order(self, function, jobs, *, at_once):
        for job in jobs:
            self.count += 1
            yield function(job)


def written(work, **how):
    """Write the result in blocks; return it, and how many blocks were worked on."""
    (source, recipe, place, _), workers = work, Counting()
    report = how.pop("report", None)

    def made(sink):
        return recipe.run(source, report, blocks=(2, 16, 16), sink=sink, workers=workers)

    result = files.write_as_made(place, made, source, recipe, **how)
    return result, workers.count


@pytest.mark.skipif(sys.platform == "win32", reason="has no signal that ends a process at once")
@pytest.mark.parametrize("last", [0.3, 0.7, 0.97])
def test_a_run_that_was_killed_goes_on_from_the_blocks_that_are_done(work, tmp_path, last):
    *_, place, expected = work
    paths = [str(tmp_path / "image.tif"), str(tmp_path / "recipe.json"), str(place)]
    command = [sys.executable, "-c", KILLED, *paths, str(last)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "there\n"
        os.kill(process.pid, signal.SIGKILL)
    assert not place.exists()
    result, count = written(work)
    np.testing.assert_array_equal(result.array[:], expected)
    assert result.counted() == f"{expected.max()} objects"
    assert [each.name for each in place.parent.iterdir()] == ["objects.zarr"]
    place.rename(tmp_path / "old.zarr")
    assert count < (1 - last / 2) * written(work)[1]


def stop_at(share, reason):
    def report(progress):
        if progress.done >= share:
            raise reason

    return report


@pytest.mark.parametrize(
    "reason",
    [Stop(), KeyboardInterrupt(), OSError(errno.ENOSPC, "the disk is full"), MemoryError()],
)
def test_what_is_done_stays_whatever_ends_a_run(work, reason):
    *_, place, expected = work
    with pytest.raises(type(reason)):
        written(work, report=stop_at(0.6, reason))
    assert [each.name for each in place.parent.iterdir()] == [".objects.zarr.part"]
    result, count = written(work)
    np.testing.assert_array_equal(result.array[:], expected)
    whole = written(work, overwrite=True)[1]
    assert count < 0.7 * whole


def test_another_recipe_or_image_or_what_is_asked_for_anew_begins_anew(work, tmp_path):
    _, recipe, place, _ = work
    for other in ("recipe", "again", "image"):
        with pytest.raises(Stop):
            written(work, report=stop_at(0.6, Stop()))
        own, how = work, {}
        if other == "recipe":
            first = replace(recipe.first, parameters={**recipe.first.parameters, "smoothing": 2.0})
            changed = replace(recipe, before=first.to_dict())
            own = work[0], changed, place, changed.run(work[0]).array
        elif other == "image":
            files.write(tmp_path / "image.tif", ImageResult(IMAGE[::-1]), SOURCE, overwrite=True)
            turned = files.read(tmp_path / "image.tif")
            own = turned, recipe, place, recipe.run(turned).array
        else:
            how = {"again": True}
        result, count = written(own, **how)
        np.testing.assert_array_equal(result.array[:], own[3])
        place.rename(tmp_path / f"{other}.zarr")
        assert count == written(own)[1]
        place.rename(tmp_path / f"{other} whole.zarr")


def test_a_run_that_fails_by_itself_leaves_nothing(work):
    *_, place, _ = work
    with pytest.raises(ZeroDivisionError):
        written(work, report=stop_at(0.6, ZeroDivisionError()))
    assert list(place.parent.iterdir()) == []


def test_other_blocks_of_the_same_run_begin_anew(work):
    source, recipe, place, expected = work

    def made(sink):
        return recipe.run(source, stop_at(0.97, Stop()), blocks=(4, 20, 24), sink=sink)

    for _ in range(2):  # these, others, and these again
        with pytest.raises(Stop):
            written(work, report=stop_at(0.97, Stop()))
        with pytest.raises(Stop):
            files.write_as_made(place, made, source, recipe)
    np.testing.assert_array_equal(written(work)[0].array[:], expected)


def test_a_sink_that_is_misused_says_how_it_is_used(tmp_path):
    with pytest.raises(RuntimeError, match="used in a with statement"):
        ZarrSink(tmp_path / "a.zarr", SOURCE).create((4, 60, 72), np.uint8, (2, 32, 32))
    with ZarrSink(tmp_path / "a.zarr", SOURCE) as sink, pytest.raises(RuntimeError, match="after"):
        sink.finish(run("threshold", SOURCE))
    assert list(tmp_path.iterdir()) == []
