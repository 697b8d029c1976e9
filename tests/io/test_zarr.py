import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import zarr

from napari_tessera.io import files
from napari_tessera.io.formats import Asked
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
    found = read_zarr(tmp_path / "p.zarr", Asked())
    assert isinstance(found.array, zarr.Array)
    assert (found.array.shape, found.axes, found.sizes.spacing) == ((8, 8), ("y", "x"), None)


def test_an_array_is_read_without_axes_and_other_groups_are_refused(tmp_path):
    group = zarr.open_group(tmp_path / "g.zarr", mode="w")
    group.create_array("a", data=np.arange(6).reshape(2, 3))
    found = read_zarr(tmp_path / "g.zarr" / "a", Asked())
    assert found.array[1].tolist() == [3, 4, 5]
    assert (found.axes, found.sizes.spacing) == (None, None)
    with pytest.raises(ValueError, match="without OME metadata; name its array"):
        read_zarr(tmp_path / "g.zarr", Asked())


def _image(path, *, units=("micrometer",) * 3, scale=(1, 1, 1), outer=None, version="0.4"):
    fmt = 3 if version == "0.5" else 2
    group = zarr.open_group(path, mode="w", zarr_format=fmt)
    group.create_array("0", data=np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
    said = {
        "axes": [
            {"name": n, "type": "space", "unit": u} for n, u in zip("zyx", units, strict=True)
        ],
        "datasets": [
            {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": list(scale)}]}
        ],
    }
    if outer:
        said["coordinateTransformations"] = [{"type": "scale", "scale": list(outer)}]
    attributes = {"multiscales": [said]}
    group.attrs.update({"ome": attributes} if version == "0.5" else attributes)
    return path


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize(
    ("scale", "outer"),
    [((2, 0.5, 0.5), None), ((1, 1, 1), (2, 0.5, 0.5)), ((2, 1, 1), (1, 0.5, 0.5))],
)
def test_transformations_of_the_whole_pyramid_count(tmp_path, version, scale, outer):
    path = _image(tmp_path / "a.zarr", scale=scale, outer=outer, version=version)
    spacing = files.read(path).spacing
    assert (tuple(spacing), spacing.unit) == ((2, 0.5, 0.5), "um")


def test_each_axis_has_its_unit_and_sizes_of_0_count_as_1(tmp_path):
    units = ("nanometer", "micrometer", "micrometer")
    path = _image(tmp_path / "a.zarr", units=units, scale=(300, 0.5, 0))
    source = files.read(path)
    assert tuple(source.spacing) == (0.3, 0.5, 1)
    assert source.notes == ("the file gives x the size 0; it is taken as 1 um",)


def test_roots_of_bioformats2raw_show_what_is_inside(tmp_path):
    root = tmp_path / "r.zarr"
    zarr.open_group(root, mode="w", zarr_format=2).attrs["bioformats2raw.layout"] = 3
    _image(root / "0")
    assert (files.read(root).shape, files.read(root).notes) == ((2, 3, 4), ())
    _image(root / "1", scale=(1, 1, 3))
    assert files.read(root).notes == ("holds 2 images; number 0 (0) is read",)
    assert files.read(root, series=1).spacing[-1] == 3


def test_plates_tell_the_images_to_choose_from(tmp_path):
    root = zarr.open_group(tmp_path / "p.zarr", mode="w", zarr_format=2)
    root.attrs["plate"] = {"wells": [{"path": "A/1"}, {"path": "B/2"}]}
    for well in ("A/1", "B/2"):
        root.create_group(well).attrs["well"] = {"images": [{"path": "0"}]}
        _image(tmp_path / "p.zarr" / well / "0", scale=(1, 1, 2 if well == "B/2" else 1))
    with pytest.raises(ValueError, match=r"plate of 2 images; name one, such as '.*A.1.0'"):
        files.read(tmp_path / "p.zarr")
    assert files.read(tmp_path / "p.zarr", series=1).spacing[-1] == 2
    assert files.read(tmp_path / "p.zarr" / "A/1").shape == (2, 3, 4)


def test_axes_of_the_oldest_files_are_known_by_their_order(tmp_path):
    group = zarr.open_group(tmp_path / "o.zarr", mode="w", zarr_format=2)
    group.create_array("0", data=np.zeros((1, 2, 3, 4, 5), np.uint8))
    group.attrs["multiscales"] = [{"datasets": [{"path": "0"}], "version": "0.1"}]
    source = files.read(tmp_path / "o.zarr")
    assert (source.axes, source.channel_axis) == (("t", "z", "y", "x"), 1)


@pytest.mark.parametrize("scales", [[{}], [{"datasets": []}], [{"datasets": [{"path": "9"}]}], [3]])
def test_damaged_metadata_are_named(tmp_path, scales):
    group = zarr.open_group(tmp_path / "d.zarr", mode="w")
    group.attrs["ome"] = {"multiscales": scales}
    with pytest.raises(ValueError, match=r"d\.zarr"):
        files.read(tmp_path / "d.zarr")
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


def test_the_type_tells_what_an_axis_is(tmp_path):
    group = zarr.open_group(tmp_path / "c.zarr", mode="w", zarr_format=2)
    group.create_array("0", data=np.zeros((2, 3, 4), np.uint8))
    axes = [{"name": "stain", "type": "channel"}, {"name": "y", "type": "space"}]
    axes.append({"name": "x", "type": "space"})
    group.attrs["multiscales"] = [{"axes": axes, "datasets": [{"path": "0"}]}]
    assert files.read(tmp_path / "c.zarr").channel_axis == 0


def test_groups_of_labels_and_older_arrays_are_read(tmp_path):
    labels = zarr.open_group(tmp_path / "l.zarr" / "labels", mode="w", zarr_format=2)
    labels.attrs["labels"] = ["cells"]
    _image(tmp_path / "l.zarr" / "labels" / "cells")
    assert files.read(tmp_path / "l.zarr" / "labels").shape == (2, 3, 4)
    plain = zarr.open_group(tmp_path / "p", mode="w", zarr_format=2)
    plain.create_array("raw", data=np.ones((3, 4), np.uint8))
    (tmp_path / "p" / "raw" / ".zattrs").unlink(missing_ok=True)
    assert files.read(tmp_path / "p" / "raw").shape == (3, 4)
