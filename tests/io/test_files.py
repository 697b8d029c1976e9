import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import tifffile
import zarr

from napari_tessera import METHODS, Recipe
from napari_tessera.io import files
from napari_tessera.pipeline.recipes.provenance import with_inputs
from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.pipeline.result import KINDS, ImageResult, ObjectLabels, ObjectTable, ScoreMaps
from napari_tessera.pipeline.source import Points, Source
from napari_tessera.signature.words import VoxelSize

LABELS = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)


@pytest.fixture
def source():
    return Source.of(LABELS, spacing=VoxelSize((2, 0.5, 0.25), "um"), axes=("z", "y", "x"))


@pytest.mark.parametrize("name", ["labels.tif", "labels.zarr"])
def test_labels_keep_size_axes_and_recipe(tmp_path, source, name):
    recipe = Recipe.of(METHODS["label"], source, {})
    files.write(tmp_path / name, ObjectLabels(LABELS), source, recipe)
    again = files.read(tmp_path / name)
    np.testing.assert_array_equal(again.array[:], LABELS)
    assert (again.spacing, again.spacing.unit, again.axes) == (
        (2, 0.5, 0.25),
        "um",
        ("z", "y", "x"),
    )
    if name.endswith("zarr"):
        kept = zarr.open(tmp_path / name).attrs[KEY]["recipe"]
    else:
        with tifffile.TiffFile(tmp_path / name) as file:
            text = file.ome_metadata

        kept = json.loads(
            next(n for n in ET.fromstring(text).iter() if n.get("K") == "recipe").text
        )
    assert Recipe.from_dict(kept) == with_inputs(recipe, source)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channel_axis": 9}, "channel_axis is 9, but 'l.npy' has 3 axes"),
        ({"channel": 2}, "channel is 2, but 'l.npy' has no channels"),
        ({"channel_axis": 0, "channel": 2}, "channel is 2, but 'l.npy' has 2 channels"),
        ({"spacing": (1,)}, r"spacing is \(1,\), but l.npy has the axes axis 0, y, x"),
    ],
)
def test_wrong_axes_are_named(tmp_path, options, message):
    np.save(tmp_path / "l.npy", LABELS)
    with pytest.raises(ValueError, match=message):
        files.read(tmp_path / "l.npy", **options)


def test_other_formats_are_refused_before_anything_runs(tmp_path):
    with pytest.raises(ValueError, match="cannot hold objects; choose .tif"):
        files.check_output(tmp_path / "l.jpg", "objects", overwrite=False)


@pytest.mark.parametrize("kind", KINDS)
def test_every_suffix_of_a_kind_is_named_and_has_one_writer(kind):
    suffixes = files.written_as(kind)
    able = [each for each in files.FORMATS if each.write and each.can_hold(KINDS[kind])]
    assert [s for s in suffixes if sum(s in each.suffixes for each in able) != 1] == []
    with pytest.raises(ValueError, match="cannot hold .*; choose ") as error:
        files.check_output(Path("l.unknown"), kind, overwrite=False)
    named = str(error.value).partition("choose ")[2].replace(" or ", ", ").split(", ")
    assert tuple(named) == suffixes


@pytest.mark.parametrize("suffix", files.written_as("objects"))
def test_objects_are_written_in_every_format_and_read_where_it_can_be(tmp_path, suffix):
    path, plane = tmp_path / f"l{suffix}", LABELS[1] % 5
    files.write(path, ObjectLabels(plane), Source.of(plane))
    assert path.exists()
    if suffix in files.READABLE:
        drawn = suffix in (".geojson", ".zip", ".json")  # these are read as labels only
        np.testing.assert_array_equal(files.read(path, labels=drawn).whole, plane)


@pytest.mark.parametrize("suffix", files.written_as("table"))
def test_tables_are_written_in_every_format(tmp_path, suffix):
    table = {
        "index": np.array([3, 7]),
        "mean": np.array([0.25, np.nan]),
        "kind": np.array(["a", "b"]),
    }
    path = tmp_path / f"t{suffix}"
    files.write(path, ObjectTable(table=table), Source.of(np.zeros((1, 1))))
    assert path.stat().st_size > 0


def test_numpy_and_png(tmp_path, source):
    files.write(tmp_path / "l.npy", ObjectLabels(LABELS), source)
    np.testing.assert_array_equal(files.read(tmp_path / "l.npy").array, LABELS)
    files.write(tmp_path / "l.png", ObjectLabels(LABELS[0]), source)
    np.testing.assert_array_equal(files.read(tmp_path / "l.png").array, LABELS[0])
    with pytest.raises(ValueError, match="PNG holds one plane"):
        files.write(tmp_path / "m.png", ObjectLabels(LABELS), source)


def test_a_part_keeps_its_place(tmp_path, source):
    import zarr

    result = ObjectLabels(LABELS, start=(1, 2, 4))
    files.write(tmp_path / "l.zarr", result, source)
    (first,) = zarr.open(tmp_path / "l.zarr").attrs["ome"]["multiscales"]
    transforms = first["datasets"][0]["coordinateTransformations"]
    place = [start * size for start, size in zip((1, 2, 4), source.spacing, strict=True)]
    assert transforms[1] == {"type": "translation", "translation": place}
    files.write(tmp_path / "l.tif", result, source)
    with tifffile.TiffFile(tmp_path / "l.tif") as file:
        planes = [n for n in ET.fromstring(file.ome_metadata).iter() if n.tag.endswith("Plane")]
    assert len(planes) == len(LABELS)
    for number, plane in enumerate(planes):
        assert float(plane.get("PositionX")) == pytest.approx(place[2])
        assert float(plane.get("PositionZ")) == pytest.approx(place[0] + number * source.spacing[0])


def test_polygons_and_tables_are_written_as_rows(tmp_path, source):
    labels = np.zeros((2, 8, 9), int)
    labels[1, 1:6, 1:6], labels[1, 3, 3] = 4, 0
    own = replace(source, array=labels)
    result = Recipe.of(METHODS["contours"], own, {"tolerance": "0 px"}).run(own)
    files.write(tmp_path / "c.csv", result, own)
    lines = (tmp_path / "c.csv").read_text().splitlines()
    assert lines[0] == "index,z,label,closed,hole,length (um),area (um^2)"
    assert len(lines) == 3
    with pytest.raises(ValueError, match="cannot hold polygons; choose .geojson"):
        files.write(tmp_path / "c.tif", result, own)


def test_nothing_is_overwritten_unasked(tmp_path, source):
    path = tmp_path / "l.npy"
    files.write(path, ObjectLabels(LABELS), source)
    with pytest.raises(FileExistsError, match=r"l\.npy' exists already"):
        files.write(path, ObjectLabels(LABELS * 0), source)
    np.testing.assert_array_equal(np.load(path), LABELS)
    files.write(path, ObjectLabels(LABELS * 0), source, overwrite=True)
    assert not np.load(path).any()


def test_colour_pictures_have_a_channel_axis(tmp_path):
    import imageio.v3 as imageio

    picture = np.random.default_rng(0).integers(0, 255, (5, 6, 3)).astype(np.uint8)
    imageio.imwrite(tmp_path / "p.png", picture)
    source = files.read(tmp_path / "p.png")
    assert (source.shape, source.channel_axis) == ((5, 6), 2)
    tifffile.imwrite(tmp_path / "p.tif", picture, photometric="rgb")
    assert files.read(tmp_path / "p.tif").channel_axis == 2


def test_points_of_napari_are_read(tmp_path):
    (tmp_path / "p.csv").write_text("index,axis-0,axis-1\n0,1.5,2\n1,3,4\n")
    points = files.read_extra(str(tmp_path / "p.csv"))
    assert isinstance(points, Points)
    assert points.coordinates.tolist() == [[1.5, 2], [3, 4]]
    (tmp_path / "q.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="no columns axis-0"):
        files.read_extra(str(tmp_path / "q.csv"))


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        files.read(tmp_path / "nothing.tif")
    (tmp_path / "x.doc").write_text("")
    with pytest.raises(ValueError, match=r"not known; known are \.tif"):
        files.read(tmp_path / "x.doc")


@pytest.mark.parametrize("suffix", files.written_as("objects"))
def test_each_format_leaves_what_was_before_if_it_cannot_be_written(tmp_path, monkeypatch, suffix):
    place, labels = tmp_path / f"l{suffix}", LABELS[0]
    files.write(place, ObjectLabels(labels), Source.of(labels))
    before = {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}
    own = next(each for each in files.FORMATS if suffix in each.suffixes)

    def half(path, *others):
        own.write(path, *others)
        raise KeyboardInterrupt

    broken = [replace(each, write=half) if each is own else each for each in files.FORMATS]
    monkeypatch.setattr(files, "FORMATS", broken)
    for name in (place, tmp_path / f"new{suffix}"):
        with pytest.raises(KeyboardInterrupt):
            files.write(name, ObjectLabels(labels * 0), Source.of(labels), overwrite=True)
    assert {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()} == before


def test_a_folder_where_a_file_is_wanted_is_named(tmp_path):
    (tmp_path / "l.tif").mkdir()
    with pytest.raises(IsADirectoryError, match=r"l\.tif' is a folder, but a file is written"):
        files.check_output(tmp_path / "l.tif", "objects", overwrite=True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes in folders")
def test_pipes_and_devices_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.tif")
    (tmp_path / "zero.npy").symlink_to("/dev/zero")
    for name in ("pipe.tif", "zero.npy"):
        with pytest.raises(ValueError, match="is a pipe or a device; pass a file"):
            files.read(tmp_path / name)


def test_markers_of_a_command_are_checked():
    with pytest.raises(ValueError, match=r"markers or mask\.zlib is 5; a text is wanted"):
        files.read_extra('{"shape": [1], "dtype": "|u1", "zlib": 5, "sha256": ""}')
    with pytest.raises(ValueError, match="is no JSON"):
        files.read_extra("{")


@pytest.mark.parametrize("suffix", [".tif", ".zarr"])
@pytest.mark.parametrize("axes", ["zyx", "tyx"])
def test_where_an_image_begins_is_read_and_written_again(tmp_path, suffix, axes):
    array = np.zeros((3, 4, 5), np.uint8)
    size = VoxelSize((2, 0.5, 0.25), "um")
    source = replace(Source.of(array, spacing=size, axes=axes), origin=(0.0, 3.5, -1.25))
    files.write(tmp_path / f"a{suffix}", ImageResult(array, start=(0, 1, 2)), source)
    found = files.read(tmp_path / f"a{suffix}")
    assert found.origin == (0, 4, -0.75)
    files.write(tmp_path / f"b{suffix}", ScoreMaps(np.zeros((2, 3, 4, 5), np.float32)), found)
    assert files.read(tmp_path / f"b{suffix}").origin == (0, 4, -0.75)


def test_of_a_folder_it_is_said_that_files_are_wanted(tmp_path):
    with pytest.raises(ValueError, match=r"is a folder; name the files in it, such as .*\*\.tif'"):
        files.read(tmp_path)
