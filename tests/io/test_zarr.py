import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import zarr

from napari_tessera.io import files
from napari_tessera.io.zarr import ZARR, read_zarr
from napari_tessera.pipeline.result import ObjectLabels
from napari_tessera.pipeline.source import Source


def test_ome_zarr_of_the_older_layout_is_read(tmp_path):
    group = zarr.open_group(tmp_path / "o.zarr", mode="w", zarr_format=2)
    group.create_array("0", data=np.zeros((2, 3, 4, 5), np.uint8))
    axes = [{"name": n, "type": t} for n, t in (("c", "channel"), ("z", "space"), ("y", "space"))]
    group.attrs["multiscales"] = [
        {
            "axes": [*axes, {"name": "x", "type": "space", "unit": "micrometer"}],
            "datasets": [
                {
                    "path": "0",
                    "coordinateTransformations": [{"type": "scale", "scale": [1, 2, 0.5, 0.5]}],
                }
            ],
        }
    ]
    source = files.read(tmp_path / "o.zarr")
    assert (source.channel_axis, source.axes) == (0, ("z", "y", "x"))
    assert (source.spacing, source.spacing.unit) == ((2, 0.5, 0.5), "um")


def test_the_full_size_of_a_pyramid_is_read_lazily(tmp_path):
    group = zarr.open_group(tmp_path / "p.zarr", mode="w")
    for level, side in (("0", 8), ("1", 4)):
        group.create_array(level, data=np.full((side, side), int(level), np.uint8))
    datasets = [{"path": level} for level in ("0", "1")]
    group.attrs["ome"] = {"multiscales": [{"axes": ["y", "x"], "datasets": datasets}]}
    found = read_zarr(tmp_path / "p.zarr")
    assert isinstance(found.array, zarr.Array)
    assert (found.array.shape, found.axes, found.spacing) == ((8, 8), ("y", "x"), None)


def test_an_array_is_read_without_axes_and_other_groups_are_refused(tmp_path):
    group = zarr.open_group(tmp_path / "g.zarr", mode="w")
    group.create_array("a", data=np.arange(6).reshape(2, 3))
    found = read_zarr(tmp_path / "g.zarr" / "a")
    assert found.array[1].tolist() == [3, 4, 5]
    assert (found.axes, found.spacing) == (None, None)
    with pytest.raises(ValueError, match="without OME metadata; name its array"):
        read_zarr(tmp_path / "g.zarr")


def test_a_zarr_is_replaced_and_nothing_of_the_old_one_is_left(tmp_path):
    place, labels = tmp_path / "l.zarr", np.arange(12).reshape(3, 4)
    group = zarr.open_group(place, mode="w", zarr_format=2)
    group.create_array("a", data=np.zeros((2, 2), np.uint8), chunks=(1, 1))
    with pytest.raises(FileExistsError, match="exists already"):
        files.write(place, ObjectLabels(labels), Source.of(labels))
    files.write(place, ObjectLabels(labels), Source.of(labels), overwrite=True)
    again = files.read(place).array[:]
    assert (again.dtype, again.tolist()) == (labels.dtype, labels.tolist())
    assert not (place / "a").exists()
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("begun", [True, False])
def test_folders_with_files_of_others_are_not_replaced(tmp_path, begun):
    place, labels = tmp_path / "l.zarr", np.zeros((3, 4), np.uint8)
    if begun:
        zarr.open_group(place, mode="w").create_array("a", data=labels)
    (place / "notes").mkdir(parents=True)
    (place / "notes" / "thesis.doc").write_text("all of it")
    with pytest.raises(FileExistsError, match="files that do not belong to a .zarr"):
        files.write(place, ObjectLabels(labels), Source.of(labels), overwrite=True)
    with pytest.raises(FileExistsError, match="files that do not belong to a .zarr"):
        files.check_output(place, "objects", overwrite=True)
    assert (place / "notes" / "thesis.doc").read_text() == "all of it"


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("separator", ["/", "."])
def test_every_layout_of_chunks_is_known_as_zarr(tmp_path, version, separator):
    keys = {"name": "default" if version == 3 else "v2", "separator": separator}
    for place in (tmp_path / "a.zarr", tmp_path / "g.zarr" / "inner"):
        array = zarr.create_array(
            place, data=np.ones((4, 4)), chunks=(2, 2), zarr_format=version, chunk_key_encoding=keys
        )
        assert array.nchunks_initialized == 4
    zarr.open_group(tmp_path / "g.zarr", mode="a", zarr_format=version)
    assert ZARR.owned(tmp_path / "a.zarr")
    assert ZARR.owned(tmp_path / "g.zarr")


def test_a_file_of_that_name_is_not_replaced(tmp_path):
    place, labels = tmp_path / "l.zarr", np.zeros((3, 4), np.uint8)
    place.write_text("mine")
    with pytest.raises(NotADirectoryError, match="is a file, but .zarr is written as a folder"):
        files.write(place, ObjectLabels(labels), Source.of(labels), overwrite=True)
    assert place.read_text() == "mine"


class Interrupted(ThreadPoolExecutor):
    """A thread that is waited for until it has begun to write, and then Ctrl-C is pressed."""

    def submit(self, function, path, *others):
        super().submit(function, path, *others)

        def result():
            while not list(path.glob("0/c/*")):
                time.sleep(0.001)
            raise KeyboardInterrupt

        return SimpleNamespace(result=result)


def test_who_stops_the_writing_waits_for_its_thread(tmp_path, monkeypatch):
    place, labels = tmp_path / "l.zarr", np.zeros((100, 3, 4), np.uint8)
    files.write(place, ObjectLabels(labels), Source.of(labels))
    monkeypatch.setattr("napari_tessera.io.zarr.ThreadPoolExecutor", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write(place, ObjectLabels(labels + 1), Source.of(labels), overwrite=True)
    assert list(tmp_path.iterdir()) == [place]
    assert not files.read(place).array[:].any()
