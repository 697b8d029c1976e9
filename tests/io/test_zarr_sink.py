import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import zarr

from napari_tessera import METHODS
from napari_tessera.io import files
from napari_tessera.io.zarr_sink import ZarrSink
from napari_tessera.pipeline.recipe import Recipe
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


SLOW = """
import sys, time
import numpy as np
from napari_tessera.io import files
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk

source = Source.of(np.ones((64, 64), np.uint8))
def report(progress):
    if progress.done > 0.5:
        print("half", flush=True)
        time.sleep(60)
def made(sink):
    return run("label", source, walk=Walk(blocks=(16, 16)), report=report, sink=sink)
files.write_as_made(sys.argv[1], made, source)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no signal that ends a process at once")
def test_a_run_that_was_killed_leaves_nothing_half_written_and_can_be_made_again(tmp_path):
    place = tmp_path / "objects.zarr"
    command = [sys.executable, "-c", SLOW, str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "half\n"
        os.kill(process.pid, signal.SIGKILL)
    assert not place.exists()
    source = Source.of(np.ones((64, 64), np.uint8))
    walk = Walk(blocks=(16, 16))
    files.write_as_made(place, lambda sink: run("label", source, walk=walk, sink=sink), source)
    assert [each.name for each in tmp_path.iterdir()] == ["objects.zarr"]
    assert (files.read(place, labels=True).whole == 1).all()


def test_a_sink_that_is_misused_says_how_it_is_used(tmp_path):
    with pytest.raises(RuntimeError, match="used in a with statement"):
        ZarrSink(tmp_path / "a.zarr", SOURCE).create((4, 60, 72), np.uint8, (2, 32, 32))
    with ZarrSink(tmp_path / "a.zarr", SOURCE) as sink, pytest.raises(RuntimeError, match="after"):
        sink.finish(run("threshold", SOURCE))
    assert list(tmp_path.iterdir()) == []
