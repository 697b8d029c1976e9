"""What is written is read by roifile, and comes back."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from roifile import ROI_TYPE, roiread

from napari_tessera import METHODS, Recipe
from napari_tessera.io.files import read, write
from napari_tessera.io.imagej_rois import read_rois
from napari_tessera.io.imagej_writing import write_roi_points, write_rois
from napari_tessera.pipeline.result import ObjectLabels, PolygonSet
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import Look, VoxelSize

SIZE = VoxelSize((2, 0.5, 0.25), "um")
SQUARE = np.array([[0.5, 1.5], [0.5, 6.5], [4.5, 6.5], [4.5, 1.5], [0.5, 1.5]])
planes = arrays(np.uint8, (2, 6, 7), elements=st.integers(0, 3))


def polygons(*lines, **columns):
    """Return polygons with a row each."""
    table = {
        "label": np.arange(1, len(lines) + 1),
        "closed": np.array([(line[0] == line[-1]).all() for line in lines]),
        "hole": np.zeros(len(lines), bool),
    }
    return PolygonSet(polygons=list(lines), table={**table, **columns})


@given(planes)
def test_labels_are_the_same_again(tmp_path_factory, labels):
    if not labels.any():
        return
    path = tmp_path_factory.mktemp("rois") / "a.zip"
    source = Source.of(labels, spacing=SIZE, axes=("z", "y", "x"))
    write(path, ObjectLabels(labels), source)
    found = read(path, labels=True)
    np.testing.assert_array_equal(found.array, labels)
    assert (found.spacing, found.spacing.unit) == (SIZE, "um")


def test_roifile_finds_each_object_with_its_place_name_and_class(tmp_path):
    labels = np.zeros((2, 3, 9, 9), np.uint16)
    labels[1, 2, 1:5, 2:7] = 4
    labels[0, 1, 1:8, 1:8], labels[0, 1, 3:5, 3:5] = 9, 0
    source = Source.of(labels, axes="tzyx")
    write(tmp_path / "a.zip", ObjectLabels(labels, look=Look({4: "bolt", 9: "nut"})), source)
    ring, plain = roiread(tmp_path / "a.zip")
    assert (plain.roitype, plain.name, plain.t_position, plain.z_position) == (0, "4", 2, 3)
    assert plain.coordinates().tolist() == [[7, 1], [7, 5], [2, 5], [2, 1]]
    assert plain.props == "label: 4\nclass: bolt\n"
    assert (ring.composite, len(ring.coordinates(multi=True))) == (True, 2)
    assert (ring.t_position, ring.z_position) == (1, 2)


@pytest.mark.parametrize("name", ["z", "axis 0"])
def test_a_stack_has_one_position(name, tmp_path):
    labels = np.zeros((3, 4, 4), np.uint8)
    labels[2, 1:3, 1:3] = 1
    write(tmp_path / "a.zip", ObjectLabels(labels), Source.of(labels, axes=(name, "y", "x")))
    (roi,) = roiread(tmp_path / "a.zip")
    assert (roi.position, roi.z_position) == (3, 3 if name == "z" else 0)
    assert read(tmp_path / "a.zip", labels=True).array[2].sum() == 4


def test_places_in_three_axes_are_refused():
    labels = np.ones((1, 1, 1, 2, 2), np.uint8)
    with pytest.raises(ValueError, match="ROIs have a place in time and in depth; write parts"):
        write_rois(Path("a.zip"), ObjectLabels(labels), Source.of(labels), None)


def test_kinds_names_groups_and_colours_come_back(tmp_path):
    turns = np.linspace(0, 2 * np.pi, 33)[:, None]
    oval = np.hstack([2.5 + 2 * np.sin(turns), 4 + 2.5 * np.cos(turns)])
    oval[-1] = oval[0]
    columns = {
        "roi": np.array(["rectangle", "oval", "freehand", "traced", ""], object),
        "name": np.array(["a", "a", "b/c", "", "e"], object),
        "group": np.array([0, 3, 300, 0, 0]),
        "channel": np.array([0, 2, 0, 0, 0]),
        "colour": np.array(["#102030", "", "", "", ""], object),
        "fill": np.array(["", "#ff0000", "", "", ""], object),
        "share": np.array([0.5, np.nan, 1, 2, 3]),
    }
    lines = [SQUARE, oval, SQUARE + 0.25, SQUARE, SQUARE[:3] + 0.25]
    path = tmp_path / "a.zip"
    write_rois(path, polygons(*lines, **columns), Source.of(np.zeros((9, 9))), None)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["a.roi", "a-2.roi", "b_c.roi", "4.roi", "e.roi"]
    assert [roi.roitype for roi in roiread(path)] == [
        ROI_TYPE.RECT, ROI_TYPE.OVAL, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED, ROI_TYPE.POLYLINE,
    ]  # fmt: skip
    found = read_rois(path)
    for name in ("roi", "name", "group", "channel", "colour", "fill"):
        expected = [each or None for each in columns[name].tolist()]
        expected = ["4" if name == "name" and each is None else each for each in expected]
        assert [row.get(name) for row in found.properties] == expected
    np.testing.assert_array_equal(found.vertices[0], SQUARE[:-1])
    np.testing.assert_allclose(found.vertices[1].max(axis=0), oval.max(axis=0), atol=1e-6)
    np.testing.assert_array_equal(found.vertices[2], SQUARE[:-1] + 0.25)
    np.testing.assert_array_equal(found.vertices[4], SQUARE[:3] + 0.25)
    assert found.closed == [True] * 4 + [False]


def test_a_file_says_pixel_size_and_recipe_unless_that_is_very_long(tmp_path):
    labels = np.zeros((4, 4), np.uint8)
    labels[1, 1] = 1
    source = Source.of(labels, spacing=SIZE[1:], axes="yx")
    recipe = Recipe.of(METHODS["label"], source, {})
    write_rois(tmp_path / "a.zip", ObjectLabels(labels), source, recipe)
    assert read_rois(tmp_path / "a.zip").kept["recipe"]["method"] == "label"
    shown = {"type": "labels", "name": "x" * 70_000}
    write_rois(tmp_path / "b.zip", ObjectLabels(labels, shown=shown), source, recipe)
    kept = read_rois(tmp_path / "b.zip").kept
    assert ("layer" in kept, kept["shape"]) == (False, [4, 4])


def test_points_lie_on_pixels_and_between(tmp_path):
    points = np.array([[0, 1.0, 2], [3, 1.5, 2.25]])
    table = {"class": ["cell", "dirt"]}
    source = Source.of(np.zeros((4, 9, 9)), spacing=SIZE, axes=("z", "y", "x"))
    write_roi_points(tmp_path / "a.zip", points, table, source, {})
    found = read_rois(tmp_path / "a.zip")
    assert [point.tolist() for point in found.points] == points.tolist()
    assert [row["class"] for row in found.about_points] == ["cell", "dirt"]
    assert [roi.z_position for roi in roiread(tmp_path / "a.zip")] == [1, 4]


def test_far_corners_keep_their_place(tmp_path):
    far = SQUARE + np.array([60_000, 70_000])
    write(tmp_path / "a.zip", polygons(far), Source.of(np.zeros((9, 9))))
    np.testing.assert_array_equal(read_rois(tmp_path / "a.zip").vertices[0], far[:-1])
