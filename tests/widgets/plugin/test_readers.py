"""Files of others are opened with what they say; those of the command line as what they are."""

import json
import subprocess
import sys

import dask.array as da
import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
import zarr
from napari.layers import Image, Labels, Points, Shapes

from napari_tessera import Recipe
from napari_tessera.io.files import read, write
from napari_tessera.io.installed_readers import readers_for
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.provenance import with_inputs
from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.pipeline.result import ObjectLabels
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import VoxelSize
from napari_tessera.widgets.plugin.readers import find_reader, read_layers


def _opened(viewer, path):
    return viewer.open(str(path), plugin="napari-tessera")


def _units(layer):
    return [f"{each:~P}" for each in layer.units]


def test_a_big_endian_file_of_imagej_has_its_scale_and_channels(viewer, tmp_path):
    array = np.arange(2 * 3 * 4 * 5, dtype=np.uint16).reshape(3, 2, 4, 5)
    known = {"axes": "ZCYX", "spacing": 3, "unit": "micron"}
    path = tmp_path / "fiji.tif"
    tifffile.imwrite(path, array, imagej=True, byteorder=">", resolution=(2, 2), metadata=known)
    first, second = _opened(viewer, path)
    assert [first.name, second.name] == ["fiji", "fiji [1]"]
    np.testing.assert_array_equal(second.data, array[:, 1])
    assert first.data.dtype == np.dtype("=u2")
    assert (first.scale.tolist(), _units(first)) == ([3, 0.5, 0.5], ["µm"] * 3)


def test_colours_a_pyramid_and_ids_of_others_are_shown_as_such(viewer, tmp_path):
    planes = np.zeros((3, 6, 7), np.uint8)
    tifffile.imwrite(tmp_path / "c.tif", planes, photometric="rgb", planarconfig="separate")
    tifffile.imwrite(tmp_path / "ids.tif", np.ones((6, 7), np.int32))
    with tifffile.TiffWriter(tmp_path / "p.tif") as file:
        file.write(np.ones((600, 600), np.uint8), subifds=1, tile=(256, 256))
        file.write(np.ones((300, 300), np.uint8), subfiletype=1, tile=(256, 256))
    colours, ids, pyramid = (_opened(viewer, tmp_path / f"{n}.tif")[0] for n in ("c", "ids", "p"))
    assert (colours.rgb, colours.data.shape) == (True, (6, 7, 3))
    assert type(ids) is Labels
    assert [level.shape for level in pyramid.data] == [(600, 600), (300, 300)]
    assert int(pyramid.data[1].sum()) == 90000


def _axes(letters):
    kinds = {"c": {"type": "channel"}, "t": {"type": "time", "unit": "second"}}
    space = {"type": "space", "unit": "micrometer"}
    return [{"name": name, **kinds.get(name, space)} for name in letters]


def _ngff(group, axes, *levels, **said):
    datasets = []
    for level, (array, scale, place) in enumerate(levels):
        group.create_array(str(level), data=array)
        transforms = [
            {"type": "scale", "scale": scale},
            {"type": "translation", "translation": place},
        ]
        datasets.append({"path": str(level), "coordinateTransformations": transforms})
    group.attrs.update(
        {"multiscales": [{"version": "0.4", "axes": _axes(axes), "datasets": datasets}], **said}
    )


def test_an_ome_zarr_of_others_opens_as_pyramids_with_its_labels(viewer, tmp_path):
    root = zarr.open_group(tmp_path / "o.zarr", mode="w", zarr_format=2)
    image = np.arange(2 * 2 * 8 * 8, dtype=np.uint16).reshape(2, 2, 8, 8)
    small = (image[..., ::2, ::2], [2, 1, 1, 1], [0, 0, 1.25, 2.25])
    _ngff(root, "tcyx", (image, [2, 1, 0.5, 0.5], [0, 0, 1, 2]), small)
    group = root.create_group("labels")
    group.attrs["labels"] = ["nuclei"]
    colours = {"colors": [{"label-value": 1, "rgba": [255, 0, 0, 255]}]}
    nuclei = np.ones((2, 8, 8), np.uint8)
    place = ([2, 0.5, 0.5], [0, 1, 2])
    _ngff(group.create_group("nuclei"), "tyx", (nuclei, *place), **{"image-label": colours})
    first, second, labels = _opened(viewer, tmp_path / "o.zarr")
    assert [each.multiscale for each in (first, second, labels)] == [True, True, False]
    np.testing.assert_array_equal(np.asarray(second.data[1]), image[:, 1, ::2, ::2])
    assert (second.scale.tolist(), _units(second)) == ([2, 0.5, 0.5], ["s", "µm", "µm"])
    for each in (first, labels):
        assert each.translate.tolist() == [0, 1, 2]
    assert (type(labels), labels.name, labels.get_color(1).tolist()) == (
        Labels,
        "nuclei",
        [1, 0, 0, 1],
    )


@pytest.mark.parametrize("suffix", [".tif", ".zarr"])
def test_what_the_command_line_wrote_opens_as_labels_with_its_recipe(viewer, tmp_path, suffix):
    image = np.zeros((6, 7), np.uint8)
    image[2:4, 2:4] = 200
    source = Source.of(image, spacing=VoxelSize((0.5, 0.5), "um"), name="a.tif")
    recipe = Recipe.of(METHODS["threshold"], source, {})
    labels = ObjectLabels((image > 0).astype(np.uint8), start=(2, 4))
    write(tmp_path / f"a{suffix}", labels, source, recipe)
    (found,) = _opened(viewer, tmp_path / f"a{suffix}")
    assert (type(found), found.scale.tolist()) == (Labels, [0.5, 0.5])
    assert (found.translate.tolist(), found.name) == ([1, 2], "a")
    known = with_inputs(recipe, source).to_dict()
    assert found.metadata == {KEY: {"kind": "objects", "recipe": known}}
    found.data_setitem((np.array([0]), np.array([0])), 3)  # it can be painted


def test_a_pixel_size_that_was_put_right_since_counts(viewer, tmp_path):
    layer = viewer.add_image(np.zeros((6, 7)), scale=(2, 2), units=("um", "um"), name="a")
    layer.save(str(tmp_path / "a.zarr"))
    group = zarr.open_group(tmp_path / "a.zarr", mode="a")
    said = group.attrs["ome"]
    said["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"] = [3, 3]
    group.attrs["ome"] = said
    assert _opened(viewer, tmp_path / "a.zarr")[0].scale.tolist() == [3, 3]


def test_polygons_of_others_become_shapes_with_their_properties(viewer, tmp_path):
    square = [[0, 0], [4, 0], [4, 3], [0, 0]]
    geometries = [
        {"type": "Polygon", "coordinates": [square, [[1, 1], [2, 1], [2, 2], [1, 1]]]},
        {"type": "MultiLineString", "coordinates": [[[0, 0], [5, 6]]]},
        {"type": "Point", "coordinates": [1, 2]},
    ]
    features = [
        {"type": "Feature", "geometry": each, "properties": {"class": f"{k}", "more": {}}}
        for k, each in enumerate(geometries)
    ]
    path = tmp_path / "g.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    found, points = _opened(viewer, path)
    assert (type(found), found.shape_type) == (Shapes, ["polygon", "polygon", "path"])
    assert (type(points), points.data.tolist()) == (Points, [[2, 1]])
    assert points.features.to_dict("list") == {"class": ["2"]}
    assert found.data[0].tolist() == [[0, 0], [0, 4], [3, 4]]
    assert found.features.to_dict("list") == {
        "label": [1, 1, 2], "class": ["0", "0", "1"], "hole": [False, True, False],
    }  # fmt: skip


def test_stacks_of_files_folders_and_what_is_not_there_are_left_to_others(tmp_path):
    assert find_reader([str(tmp_path / "a.tif")]) is None
    assert find_reader(str(tmp_path)) is None
    assert find_reader(str(tmp_path / "a.tif")) is None
    zarr.create_array(tmp_path / "a", data=np.ones((3, 4)))
    assert find_reader(str(tmp_path / "a")) is read_layers


def test_what_is_large_is_read_as_it_is_shown(viewer, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_tessera.widgets.plugin.readers.AT_ONCE", 100)
    array = np.arange(3 * 20 * 30, dtype=np.uint16).reshape(3, 20, 30)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="minisblack", compression="zlib")
    (found,) = _opened(viewer, tmp_path / "a.tif")
    assert type(found) is Image
    assert isinstance(found.data, da.Array)
    assert found.data.chunks == ((1, 1, 1), (20,), (30,))
    np.testing.assert_array_equal(np.asarray(found.data), array)


def test_no_script_is_run_and_our_own_reader_is_not_asked(tmp_path):
    assert readers_for(tmp_path / "a.py") == []
    assert readers_for(tmp_path / "a.tif") == ["napari.get_reader"]


def test_readers_are_found_without_napari(tmp_path):
    code = """
import sys
from pathlib import Path
from napari_tessera.io.installed_readers import readers_for
assert readers_for(Path("a.pgm")) == ["napari.get_reader"], readers_for(Path("a.pgm"))
assert "napari" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_napari_s_own_readers_are_the_last(tmp_path):
    image = np.arange(72, dtype=np.uint8).reshape(8, 9)
    imageio.imwrite(tmp_path / "a.pgm", image)
    np.testing.assert_array_equal(read(tmp_path / "a.pgm").whole, image)
