import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_tessera import METHODS, Recipe
from napari_tessera.io.files import read, write
from napari_tessera.io.geojson import read_geojson, write_geojson
from napari_tessera.pipeline.result import ObjectLabels, PolygonSet
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import VoxelSize


def written(path, labels, **parameters):
    """Return what the file of the contours of a stack holds."""
    source = Source.of(labels, spacing=VoxelSize((2, 0.5, 0.25), "um"), axes=("z", "y", "x"))
    recipe = Recipe.of(METHODS["contours"], source, parameters)
    write_geojson(path, recipe.run(source), source, recipe)
    return json.loads(path.read_text())


def test_a_hole_belongs_to_its_piece_of_the_label(tmp_path):
    labels = np.zeros((2, 8, 9), int)
    labels[1, 1:6, 1:6], labels[1, 3, 3] = 4, 0
    labels[1, 2, 7] = 4  # another piece of the same label, met before the hole
    found = written(tmp_path / "c.geojson", labels, tolerance="0 px")
    feature, other = found["features"]
    assert len(other["geometry"]["coordinates"]) == 1
    outer, hole = feature["geometry"]["coordinates"]
    assert outer[0] == outer[-1] == [1.0, 0.5]
    assert sorted(hole[:-1]) == [[2.5, 3.0], [3.0, 2.5], [3.0, 3.5], [3.5, 3.0]]
    assert feature["properties"]["label"] == 4
    assert feature["properties"]["z"] == 1


def test_a_feature_says_what_qupath_looks_for(tmp_path):
    square = np.array([[0, 0], [0, 4], [4, 4], [0, 0]], float)
    table = {
        "label": np.array([7]), "class": np.array(["Tumor"]), "area": np.array([8.0]),
        "length": np.array([np.nan]), "closed": np.array([True]), "hole": np.array([False]),
    }  # fmt: skip
    path = tmp_path / "q.geojson"
    result = PolygonSet(polygons=[square], table=table)
    write_geojson(path, result, Source.of(np.zeros((5, 5))), None)
    own = json.loads(path.read_text())["features"][0]["properties"]
    assert own["objectType"] == "annotation"
    assert own["classification"] == {"name": "Tumor"}
    assert own["measurements"] == {"area": 8.0}
    (row,) = read_geojson(path).properties
    assert set(row) == {"label", "class", "area", "length", "closed"}


def test_class_and_measurements_of_qupath_become_columns(tmp_path):
    ring = [[0, 0], [4, 0], [4, 3], [0, 0]]
    properties = {
        "objectType": "detection", "name": "a", "isLocked": False,
        "classification": {"name": "Stroma", "color": [1, 2, 3]},
        "measurements": {"Area": 6.0},
    }  # fmt: skip
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": properties,
    }
    path = tmp_path / "q.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    expected = {"name": "a", "Area": 6.0, "class": "Stroma", "colour": "#010203"}
    assert read_geojson(path).properties == [expected]


def test_pixel_size_and_recipe_stand_beside_the_features(tmp_path):
    found = written(tmp_path / "c.geojson", np.ones((1, 3, 3), int))
    assert found["pixel_size"] == {"size": [2, 0.5, 0.25], "unit": "um"}
    assert found["napari-tessera"]["recipe"]["method"] == "contours"


def test_open_lines_are_no_polygons(tmp_path):
    labels = np.zeros((1, 3, 5), int)
    labels[0, 1, 1:4] = 1
    (feature,) = written(tmp_path / "c.geojson", labels, trace="edges")["features"]
    assert feature["geometry"]["type"] == "LineString"
    assert sorted(feature["geometry"]["coordinates"]) == [[1, 1], [3, 1]]


def test_outlines_of_a_stack_come_back_in_their_planes(tmp_path):
    labels = np.zeros((2, 8, 9), int)
    labels[1, 1:6, 1:6], labels[1, 3, 3] = 4, 0
    path = tmp_path / "c.geojson"
    data = written(path, labels, tolerance="0 px")
    found = read_geojson(path)
    outer, hole = found.vertices
    assert outer[0].tolist() == [1, 0.5, 1]
    assert set(hole[:, 0]) == {1}
    assert (found.closed, found.spacing) == ([True, True], (2, 0.5, 0.25))
    assert found.kept["recipe"]["method"] == "contours"
    # another program has moved it: what was kept beside does not count
    data["features"][0]["geometry"]["coordinates"][0][0] = [2, 3]
    path.write_text(json.dumps(data))
    assert read_geojson(path).vertices[0][0].tolist() == [3, 2]


def test_what_is_no_geojson_is_named(tmp_path):
    (tmp_path / "c.geojson").write_text('{"features": [{"geometry": 3}]}')
    with pytest.raises(ValueError, match=r"c.geojson' cannot be read"):
        read_geojson(tmp_path / "c.geojson")


QUPATH = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "id": "0c7e3f6e-0a51-4f0c-9b0c-2f3c1f0a9d11",
            "geometry": {
                "type": "MultiPolygon",
                "coordinates": [
                    [
                        [[-0.5, -0.5], [8.5, -0.5], [8.5, 8.5], [-0.5, 8.5], [-0.5, -0.5]],
                        [[2.5, 2.5], [2.5, 5.5], [5.5, 5.5], [5.5, 2.5], [2.5, 2.5]],
                    ],
                    [[[10.5, 0.5], [12.5, 0.5], [12.5, 2.5], [10.5, 2.5], [10.5, 0.5]]],
                ],
            },
            "properties": {
                "objectType": "annotation",
                "name": "gland",
                "classification": {"name": "Tumor", "color": [200, 0, 0]},
                "isLocked": False,
                "measurements": {"Area px^2": 76.0},
            },
        },
        {
            "type": "Feature",
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[3.5, 3.5], [4.5, 3.5], [4.5, 4.5], [3.5, 4.5], [3.5, 3.5]]],
            },
            "properties": {
                "objectType": "detection",
                "classification": {"names": ["Immune", "CD8"]},
            },
        },
    ],
}
"""As QuPath exports objects: pieces and holes, classes of one and of several names, measurements."""


def test_objects_of_qupath_become_labels_and_polygons_and_are_the_same_again(tmp_path):
    path = tmp_path / "q.geojson"
    path.write_text(json.dumps(QUPATH))
    found = read_geojson(path)
    assert (found.objects, found.holes) == ((1, 1, 1, 2), (False, True, False, False))
    first, *_, last = found.columns
    assert first == {
        "label": 1, "name": "gland", "class": "Tumor", "Area px^2": 76.0, "colour": "#c80000",
        "hole": False,
    }  # fmt: skip
    assert (last["class"], last["hole"]) == ("Immune: CD8", False)
    labels = read(path, labels=True).array
    expected = np.zeros((9, 13), int)
    expected[:9, :9], expected[3:6, 3:6], expected[4, 4], expected[1:3, 11:13] = 1, 0, 2, 1
    np.testing.assert_array_equal(labels, expected)
    rows = found.columns
    table = {name: np.array([row.get(name) for row in rows], object) for name in first}
    table["closed"] = np.ones(4, bool)
    lines = [np.concatenate([line, line[:1]]) for line in found.vertices]
    write_geojson(path, PolygonSet(polygons=lines, table=table), Source.of(expected), None)
    again = json.loads(path.read_text())["features"]
    assert [each["geometry"] for each in again] == [each["geometry"] for each in QUPATH["features"]]
    tumour, immune = (each["properties"] for each in again)
    assert tumour["classification"] == {"name": "Tumor", "color": [200, 0, 0]}
    assert tumour["measurements"] == {"Area px^2": 76.0}
    assert (tumour["name"], immune["classification"]) == ("gland", {"name": "Immune: CD8"})


@given(arrays(np.uint8, (2, 5, 6), elements=st.integers(0, 3)))
def test_labels_are_the_same_again(tmp_path_factory, labels):
    path = tmp_path_factory.mktemp("labels") / "a.geojson"
    source = Source.of(labels, spacing=VoxelSize((2, 0.5, 0.25), "um"), axes=("z", "y", "x"))
    write(path, ObjectLabels(labels), source)
    if not labels.any():
        with pytest.raises(ValueError, match="has no outlines of objects"):
            read(path, labels=True)
        return
    found = read(path, labels=True)
    np.testing.assert_array_equal(found.array, labels)
    assert found.spacing == source.spacing
    rows = {(row["label"], tuple(line[0, :1])) for row, line in _rows(path)}
    planes = {(int(n), (z,)) for z, plane in enumerate(labels) for n in np.unique(plane[plane > 0])}
    assert rows == planes


def _rows(path):
    found = read_geojson(path)
    return zip(found.properties, found.vertices, strict=True)
