"""Layers are saved and opened as File > Save and File > Open do it."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from napari.layers import Image, Labels, Points, Shapes
from napari.utils.colormaps import DirectLabelColormap
from npe2 import PluginManager
from roifile import ROI_TYPE, ImagejRoi, roiwrite

from napari_tessera import METHODS
from napari_tessera.algorithms.file_names import file_name
from napari_tessera.io.geojson import read_geojson
from napari_tessera.io.imagej_rois import read_rois
from napari_tessera.widgets.layers.features import recipe_of
from napari_tessera.widgets.layers.from_result import named_by
from napari_tessera.widgets.plugin import writers
from napari_tessera.widgets.plugin.entry_points import activate
from napari_tessera.widgets.plugin.readers import find_reader

from ..conftest import same

UM = ("um",) * 3
ZYX = {"scale": (2, 0.5, 0.25), "translate": (4, 1, -2), "units": UM}
NAMED = {"index": [1, 7], "area": [1.5, np.nan], "class": ["nucleus", 'a <b> & "c"']}
TURNED = {"rotate": 30, "shear": [0.2], "affine": [[1, 0, 3], [0, 2, 0], [0, 0, 1]]}


def _labels(dtype=np.int64, shape=(3, 20, 30), **options):
    data = np.zeros(shape, dtype)
    data[..., 2:9, 3:9], data[..., 12:, 20:] = 1, 7
    return Labels(data, **options)


def _layers():
    rng = np.random.default_rng(0)
    colours = DirectLabelColormap(color_dict={1: "red", 7: "#00ff8080", None: "transparent"})
    names = {"axis_labels": ("z", "y", "x"), **ZYX}
    square = np.array([[0.0, 0], [0, 4], [4, 4], [4, 0]])
    film = {"units": ("s", "um", "um"), "scale": (2.5, 1, 1), "axis_labels": ("t", "row", "column")}
    return {
        "classes": _labels(np.uint8, features=NAMED, colormap=colours, opacity=0.3, **names),
        "64 bits": _labels(name="of 64 bits", metadata={"mine": {"a": [1, "b"]}}),
        "film": _labels(np.uint16, **film),
        "turned labels": _labels(np.uint32, (20, 30), **TURNED),
        "floats": Image(
            rng.random((3, 4, 5), np.float32), colormap="magma", contrast_limits=(0.1, 0.7), **names
        ),
        "half floats": Image(rng.random((4, 5)).astype(np.float16), gamma=0.5, blending="additive"),
        "mask": Image(rng.random((4, 5)) > 0.5),
        "colours": Image(rng.integers(0, 255, (6, 7, 3), np.uint8), scale=(0.3, 0.3), **TURNED),
        "channels": Image(rng.integers(0, 999, (3, 4, 5), np.uint16), axis_labels=("c", "y", "x")),
        "shapes": Shapes(
            [square, square[:2] + 0.3, square + 1],
            shape_type=["ellipse", "path", "polygon"],
            features={"label": [3, 2, 1], "text": ["a", "b", "c"]},
            face_color=["red", "blue", "#00ff0080"],
            edge_width=0.5,
            scale=(0.5, 0.25),
            units=("um", "um"),
            **TURNED,
        ),
        "shapes in a stack": Shapes([np.insert(square, 0, 2, axis=1)], scale=ZYX["scale"]),
    }


PLACE = ("scale", "translate", "rotate", "shear")
SHOWN = ("opacity", "blending", "gamma", "contrast_limits", "shape_type", "axis_labels", "units")


def _check_same(found, layer):
    """Check that nothing of a layer is lost."""
    same(found, layer)
    assert getattr(found.data, "dtype", None) == getattr(layer.data, "dtype", None)
    for name in PLACE:
        np.testing.assert_allclose(getattr(found, name), getattr(layer, name))
    np.testing.assert_allclose(found.affine.affine_matrix, layer.affine.affine_matrix)
    for name in (each for each in SHOWN if hasattr(layer, each)):
        assert getattr(found, name) == getattr(layer, name), name
    assert found.metadata == layer.metadata
    if isinstance(layer, Labels):
        numbers = np.unique(layer.data)
        for number in numbers[numbers > 0]:
            np.testing.assert_allclose(found.get_color(number), layer.get_color(number), atol=1e-6)
    if isinstance(layer, Shapes):
        np.testing.assert_allclose(found.face_color, layer.face_color)


@pytest.fixture
def saved(viewer, tmp_path):
    """Return a function that saves layers by napari's own way and opens what was written."""

    def through(name, *layers):
        for layer in layers:
            if layer not in viewer.layers:
                viewer.add_layer(layer)
        viewer.layers.selection = set(layers)
        written = viewer.layers.save(str(tmp_path / name), selected=True)
        assert [str(Path(each)) for each in written] == written
        return viewer.open(written, plugin="napari-tessera")

    return through


def test_nothing_of_a_layer_is_lost(saved, tmp_path):
    for title, layer in _layers().items():
        layer.name = title
        kinds = (".geojson",) if isinstance(layer, Shapes) else (".ome.tif", ".zarr")
        for suffix in kinds:
            (found,) = saved(f"{title}{suffix}", layer)
            _check_same(found, layer)
            assert found.name.split(" [")[0] == title


def test_what_others_see_is_said_where_it_is_less(saved, monkeypatch):
    said = []
    monkeypatch.setattr(writers, "show_info", said.append)
    saved("plain.ome.tif", _labels(np.uint8, **ZYX))
    assert said == []
    saved("turned.ome.tif", _labels(np.uint8, (20, 30), name="cells", rotate=30))
    assert len(said) == 1
    assert said[0].startswith("cells: the file keeps its rotation, shear or mirroring for Tessera")


def test_the_recipe_of_a_result_comes_back_and_can_be_run(coins, form_of, run, saved):
    result = run(form_of("threshold"))
    for suffix in (".ome.tif", ".zarr"):
        (found,) = saved(f"r{suffix}", result)
        assert found.metadata == result.metadata
        assert recipe_of(found) == recipe_of(result)
        assert found.name.startswith("coins threshold")
    result.data_setitem((np.array([0]), np.array([0])), 5)  # a stroke of napari's
    (found,) = saved("painted.ome.tif", result)
    assert [step.method for step in recipe_of(found).steps] == ["threshold", "paint"]


def test_labels_lie_beneath_the_image_of_one_ome_zarr(saved, tmp_path):
    image = Image(np.arange(3000.0, dtype=np.float32).reshape(5, 20, 30), name="cells", **ZYX)
    labels, more = _labels(shape=(5, 20, 30), name="a/b", **ZYX), _labels(name="others")
    found = saved("all.zarr", labels, image, more)
    assert [(type(each), each.name.split(" [")[0]) for each in found] == [
        (Image, "cells"), (Labels, "a/b"), (Labels, "others"),
    ]  # fmt: skip
    _check_same(found[1], labels)
    group = zarr.open_group(tmp_path / "all.zarr", mode="r")
    assert group.attrs["ome"]["bioformats2raw.layout"] == 3
    assert group["0/labels"].attrs["ome"]["labels"] == ["a-b"]
    found = saved("two.zarr", labels, image)
    assert zarr.open_group(tmp_path / "two.zarr", mode="r")["labels"].attrs["ome"]["labels"] == [
        "a-b"
    ]


def test_layers_saved_to_a_folder_are_a_file_each(saved, tmp_path):
    image, labels = Image(np.zeros((4, 5)), name="a: b"), _labels(name="cells")
    shapes = Shapes([np.eye(4)[:, :2]], name="cells")
    found = saved("folder", image, labels, shapes)
    assert sorted(each.name for each in (tmp_path / "folder").iterdir()) == [
        "a- b.ome.tif", "cells [1].geojson", "cells.ome.tif",
    ]  # fmt: skip
    assert found[0].name == "a: b [1]"


def test_napari_takes_our_writers_first_once_the_plugin_is_used(viewer, tmp_path):
    manager = PluginManager.instance()
    manager._contrib._writers.sort(key=lambda each: each[-1].plugin_name == "napari-tessera")
    assert manager.get_writer("a.tif", ["labels"])[0].plugin_name == "napari"
    activate(None)
    assert manager.get_writer("a.tif", ["labels"])[0].command == "napari-tessera.write_labels"
    assert manager.get_writer("a.png", ["image"])[0].plugin_name == "napari"


def test_a_name_of_another_format_is_written_by_whoever_knows_it(viewer, tmp_path):
    data, state, _ = Image(np.zeros((4, 5), np.uint8)).as_layer_data_tuple()
    assert writers.write_image(str(tmp_path / "a.png"), data, state) == [str(tmp_path / "a.png")]
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert writers.write_image(str(tmp_path / "b"), data, state) == [str(tmp_path / "b.ome.tif")]


def test_what_is_read_as_it_is_shown_is_not_written_over(viewer, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_tessera.widgets.plugin.readers.AT_ONCE", 10)
    for suffix in (".zarr", ".ome.tif"):
        path = tmp_path / f"a{suffix}"
        viewer.add_layer(_labels(np.uint8, name="cells")).save(str(path))
        (found,) = viewer.open(str(path), plugin="napari-tessera")
        np.testing.assert_array_equal(found.data, viewer.layers[0].data)
        if suffix == ".zarr":  # its files are only laid over
            assert found.save(str(path)) == [str(path)]
            np.testing.assert_array_equal(zarr.open_array(path / "0")[:], viewer.layers[0].data)
            found.translate = (1, 2, 3)  # now it would have to be written anew
        with pytest.raises(OSError, match="is read from .* as it is shown; choose another name"):
            found.save(str(path))
        found.save(str(tmp_path / f"b{suffix}"))


def _stamps(path):
    return {
        f.relative_to(path).as_posix(): f.stat().st_mtime_ns for f in path.rglob("*") if f.is_file()
    }


def test_labels_saved_back_write_only_what_was_painted(viewer, saved, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_tessera.io.zarr_writer.SIDE", 64)
    monkeypatch.setattr("napari_tessera.io.zarr_writer._IN_A_FILE", 1)
    monkeypatch.setattr("napari_tessera.io.pyramids.SMALLEST", 100)
    image = Image(np.arange(90000, dtype=np.float32).reshape(300, 300), name="raw")
    saved("a.zarr", image, _labels(np.uint16, (300, 300), name="cells"))
    viewer.layers.clear()
    path = tmp_path / "a.zarr"
    _, cells = viewer.open(str(path), plugin="napari-tessera")
    before = _stamps(path)
    cells.paint((140, 20), 5)
    cells.save(str(path))
    changed = {name for name, stamp in _stamps(path).items() if before.get(name) != stamp}
    chunks = {name for name in changed if "/c/" in name}
    assert chunks == {"labels/cells/0/c/2/0", "labels/cells/1/c/1/0", "labels/cells/2/c/0/0"}
    assert changed - chunks <= {"labels/cells/zarr.json"}
    again = viewer.open(str(path), plugin="napari-tessera")
    np.testing.assert_array_equal(again[1].data, cells.data)
    np.testing.assert_array_equal(again[0].data[0], image.data)


def test_a_new_result_saved_to_its_image_goes_beneath_it(viewer, saved, tmp_path):
    image = Image(np.zeros((20, 30), np.uint8), name="raw")
    saved("a.zarr", image)
    labels = viewer.add_layer(_labels(np.uint16, (20, 30), name="cells"))
    labels.save(str(tmp_path / "a.zarr"))
    found = viewer.open(str(tmp_path / "a.zarr"), plugin="napari-tessera")
    assert [type(each) for each in found] == [Image, Labels]
    np.testing.assert_array_equal(found[1].data, labels.data)
    other = viewer.add_image(np.zeros((9, 9)), name="other")
    with pytest.raises(OSError, match="a.zarr' holds raw and cells, which would be lost"):
        other.save(str(tmp_path / "a.zarr"))


def test_every_name_that_is_made_is_a_legal_name_of_a_file():
    for method in METHODS.values():
        assert file_name(named_by(method)) == named_by(method)


def test_others_find_the_scale_too(saved, tmp_path):
    saved("a.ome.tif", _labels(np.uint16, axis_labels=("z", "y", "x"), **ZYX))
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        text = file.ome_metadata
    for said in ('PhysicalSizeX="0.25"', 'PhysicalSizeZ="2.0"', 'PositionZ="4.0"'):
        assert said in text
    kept = text.split('<M K="layer">')[1].split("</M>")[0]
    assert json.loads(kept.replace("&quot;", '"'))["type"] == "labels"


@pytest.mark.parametrize("ndim", [2, 3])
def test_points_keep_features_units_place_and_look(saved, ndim, tmp_path):
    rng = np.random.default_rng(0)
    layer = Points(
        rng.uniform(0, 30, (40, ndim)),
        name="seeds",
        features={"label": np.arange(40), "class": ["a", "b"] * 20, "area": [np.nan, 1.5] * 20},
        face_color="red",
        symbol="star",
        size=np.linspace(1, 5, 40),
        scale=ZYX["scale"][-ndim:],
        translate=ZYX["translate"][-ndim:],
        units=UM[-ndim:],
        axis_labels=("z", "y", "x")[-ndim:],
        metadata={"mine": {"a": 1}},
    )
    (found,) = saved("seeds.geojson", layer)
    assert isinstance(found, Points)
    np.testing.assert_array_equal(found.data, layer.data)
    for name in (*PLACE, "size", "face_color"):
        np.testing.assert_allclose(getattr(found, name), getattr(layer, name))
    assert (found.units, found.axis_labels) == (layer.units, layer.axis_labels)
    assert found.metadata == layer.metadata
    assert set(found.symbol) == set(layer.symbol)
    assert found.features["class"].tolist() == layer.features["class"].tolist()
    np.testing.assert_array_equal(found.features["area"], layer.features["area"])
    # others see places, classes and numbers
    first = json.loads((tmp_path / "seeds.geojson").read_text())["features"][1]
    assert first["geometry"]["coordinates"] == layer.data[1, ::-1][:2].tolist()
    assert first["properties"]["classification"] == {"name": "b"}
    assert first["properties"]["measurements"]["area"] == 1.5


def test_points_of_other_programs_are_opened_beside_their_polygons(viewer, tmp_path):
    square = [[[0, 0], [4, 0], [4, 4], [0, 0]]]
    several = {"type": "MultiPoint", "coordinates": [[1, 2], [3, 5]]}
    features = [
        {"type": "Feature", "geometry": several, "properties": {"classification": {"name": "T"}}},
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": square}},
    ]
    place = tmp_path / "qupath.geojson"
    place.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    shapes, points = viewer.open(str(place), plugin="napari-tessera")
    assert isinstance(shapes, Shapes)
    assert points.data.tolist() == [[2, 1], [5, 3]]
    assert points.features["class"].tolist() == ["T", "T"]


def test_points_without_any_and_other_formats(saved, tmp_path):
    saved_as = tmp_path / "seeds.csv"
    layer = Points(np.ones((2, 2)), name="seeds")
    assert writers.write_points(str(saved_as), layer.data, layer.as_layer_data_tuple()[1])
    assert saved_as.read_text().startswith("index,axis-0,axis-1")
    (found,) = saved("none.geojson", Points(ndim=2, name="none"))
    assert isinstance(found, Points)
    assert len(found.data) == 0


@pytest.mark.parametrize("suffix", [".zip", ".geojson"])
def test_objects_saved_as_outlines_are_the_same_labels_again(saved, suffix, tmp_path):
    ring = _labels(name="rings", features=NAMED, scale=ZYX["scale"], units=UM)
    ring.data[1, 4:6, 5:7] = 0
    (found,) = saved(f"rings{suffix}", ring)
    _check_same(found, ring)
    # a copy that others have changed is outlines, with class and numbers of each
    path = tmp_path / f"rings{suffix}"
    read = {".zip": read_rois, ".geojson": read_geojson}[suffix]
    own = read(path).columns
    assert {(row["label"], row["class"]) for row in own} == {(1, "nucleus"), (7, 'a <b> & "c"')}
    assert sum(row["hole"] for row in own) == 1


def test_objects_of_a_plane_are_saved_as_coco_with_their_classes(saved):
    plane = _labels(np.uint16, (20, 30), name="objects")
    (found,) = saved("objects.json", plane)
    np.testing.assert_array_equal(found.data, plane.data)
    assert found.features.to_dict("list") == {"index": [1, 7], "class": ["object", "object"]}


def test_shapes_are_rois_of_imagej_and_come_back(saved, tmp_path):
    box = np.array([[0.5, 1.5], [0.5, 6.5], [4.5, 6.5], [4.5, 1.5]])
    layer = Shapes(
        [box, box + 10, box[:3]],
        shape_type=["rectangle", "ellipse", "path"],
        edge_color=["#102030", "#777777", "red"],
        features={"name": ["a", "b", "c"]},
        name="rois",
    )
    (found,) = saved("rois.zip", layer)
    assert found.shape_type == layer.shape_type
    for one, other in zip(found.data, layer.data, strict=True):
        np.testing.assert_allclose(one, other)
    own = read_rois(tmp_path / "rois.zip")
    assert [row.get("roi") for row in own.properties] == ["rectangle", "oval", None]
    assert [row.get("colour") for row in own.properties] == ["#102030", None, "#ff0000"]
    assert [row["name"] for row in own.properties] == ["a", "b", "c"]


def test_rois_of_others_keep_their_form_place_and_colour(viewer, tmp_path):
    box = {"left": 2, "top": 1, "right": 7, "bottom": 5, "z_position": 3}
    rois = [
        ImagejRoi(roitype=ROI_TYPE.RECT, name="a", stroke_color=b"\xff\x00\x80\x00", **box),
        ImagejRoi(roitype=ROI_TYPE.OVAL, name="b", **box),
    ]
    point = ImagejRoi.frompoints(np.array([[4, 3]]), name="p")
    point.roitype, point.z_position = ROI_TYPE.POINT, 1
    roiwrite(tmp_path / "a.zip", [*rois, point], mode="w")
    shapes, points = viewer.open(str(tmp_path / "a.zip"), plugin="napari-tessera")
    assert shapes.shape_type == ["rectangle", "ellipse"]
    for each in shapes.data:
        assert each.tolist() == [[2, 0.5, 1.5], [2, 0.5, 6.5], [2, 4.5, 6.5], [2, 4.5, 1.5]]
    np.testing.assert_allclose(shapes.edge_color[0], [0, 128 / 255, 0, 1])
    assert shapes.features["name"].tolist() == ["a", "b"]
    assert points.data.tolist() == [[0, 3, 4]]


def test_points_are_rois_of_imagej_and_come_back(saved):
    layer = Points([[1.0, 2.5], [3, 4]], name="seeds", features={"class": ["a", "b"]}, size=3)
    (found,) = saved("seeds.zip", layer)
    np.testing.assert_array_equal(found.data, layer.data)
    assert found.features["class"].tolist() == ["a", "b"]


def test_a_zip_or_json_of_other_things_is_left_to_others(tmp_path):
    (tmp_path / "a.json").write_text('{"method": "label"}')
    (tmp_path / "b.json").write_text("{")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("a.txt", "hello")
    for name in ("a.json", "b.json", "c.zip"):
        assert find_reader(str(tmp_path / name)) is None
