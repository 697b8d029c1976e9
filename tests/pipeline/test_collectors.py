import numpy as np
import pytest

from napari_tessera.pipeline.collectors import Whole
from napari_tessera.pipeline.pieces import Location
from napari_tessera.pipeline.result import (
    ClassLabels,
    ImageResult,
    ObjectLabels,
    ObjectTable,
    PolygonSet,
    ScoreMaps,
)


def put_together(kind, whole, *places):
    """Return what a collector makes of pieces and their places; None is a place without one."""
    collector = kind.collector(whole)
    for index, piece in places:
        if piece is None:
            collector.miss()
        else:
            place = Location(index)
            # as they are sent between processes, but for arrays that are shared
            collector.add(place, collector.finisher(place, piece))
    return collector.result()


def labels(*planes):
    return [((number,), None if p is None else np.array([p])) for number, p in enumerate(planes)]


def test_objects_are_numbered_on_from_place_to_place():
    result = put_together(ObjectLabels, Whole((3, 1, 3)), *labels([1, 0, 2], None, [0, 1, 0]))
    assert type(result) is ObjectLabels
    assert result.array.dtype == np.uint16
    assert result.array.tolist() == [[[1, 0, 2]], [[0, 0, 0]], [[0, 3, 0]]]


def test_classes_and_ids_that_stand_for_something_stay():
    planes = labels([4, 0, 9], [0, 4, 0])
    expected = [[[4, 0, 9]], [[0, 4, 0]]]
    assert put_together(ClassLabels, Whole((2, 1, 3)), *planes).array.tolist() == expected
    kept = put_together(ObjectLabels, Whole((2, 1, 3), keep_ids=True), *planes)
    assert kept.array.tolist() == expected


def test_objects_that_overlap_keep_their_ids_unless_a_place_is_missed():
    planes = labels([1, 0, 2], [2, 2, 0], None, [1, 0, 0])
    joined = put_together(ObjectLabels, Whole((4, 1, 3), join=True), *planes)
    assert joined.array[:, 0].tolist() == [[1, 0, 2], [1, 1, 0], [0, 0, 0], [3, 0, 0]]


def test_objects_of_another_series_are_not_joined():
    whole = Whole((2, 2, 1, 1), join=True)
    places = [(index, np.array([[1]])) for index in np.ndindex(2, 2)]
    assert put_together(ObjectLabels, whole, *places).array.ravel().tolist() == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("kind", "asked", "highest", "dtype"),
    [
        (ObjectLabels, None, 32_767, "uint16"),
        (ObjectLabels, None, 32_768, "uint32"),
        (ClassLabels, None, 255, "uint8"),
        (ClassLabels, None, 256, "uint16"),
        (ObjectLabels, np.dtype("uint8"), 255, "uint8"),
        (ObjectLabels, np.dtype("uint8"), 256, "uint16"),
        (ObjectLabels, np.dtype("int64"), 70_000, "int64"),
    ],
)
def test_labels_become_wider_only_where_they_must(kind, asked, highest, dtype):
    own = Whole((2, 1, 2), keep_ids=True, dtype=asked)
    result = put_together(kind, own, *labels([1, 0], [0, highest]))
    assert result.array.dtype == dtype
    assert result.array.tolist() == [[[1, 0]], [[0, highest]]]


def test_a_table_of_objects_follows_their_new_ids():
    places = [
        ((z,), (np.array([[5, 0, 2]]), {"index": np.array([2, 5]), "sure": np.array([0.1, 0.9])}))
        for z in (0, 1)
    ]
    result = put_together(ObjectLabels, Whole((2, 1, 3), ("z",), (7, 0, 0)), *places)
    assert result.array[:, 0].tolist() == [[5, 0, 2], [10, 0, 7]]
    assert {name: column.tolist() for name, column in result.table.items()} == {
        "index": [2, 5, 7, 10], "sure": [0.1, 0.9, 0.1, 0.9], "z": [7, 7, 8, 8],
    }  # fmt: skip


def test_tables_name_the_place_before_their_columns():
    whole = Whole((2, 3, 4, 5), ("t", "z"), (10, 0, 0, 0))
    piece = {"index": np.array([1, 2]), "area": np.array([3.5, 4])}
    table = put_together(ObjectTable, whole, ((0, 2), piece), ((1, 0), None), ((1, 1), piece)).table
    assert list(table) == ["index", "t", "z", "area"]
    assert [table[name].tolist() for name in ("index", "t", "z")] == [
        [1, 2, 1, 2], [10, 10, 11, 11], [2, 2, 1, 1],
    ]  # fmt: skip
    assert put_together(ObjectTable, whole).table["index"].tolist() == []


def test_polygons_have_the_coordinates_of_the_whole_and_one_table():
    line = np.array([[0.5, 1], [2, 3]])
    piece = [line, line + 1], {"index": np.array([0, 1]), "label": np.array([7, 8])}
    whole = Whole((2, 9, 9), ("z",), (4, 0, 0))
    result = put_together(PolygonSet, whole, ((0,), piece), ((1,), piece))
    assert [each.tolist() for each in result.polygons] == [
        [[4, 0.5, 1], [4, 2, 3]], [[4, 1.5, 2], [4, 3, 4]],
        [[5, 0.5, 1], [5, 2, 3]], [[5, 1.5, 2], [5, 3, 4]],
    ]  # fmt: skip
    assert {name: column.tolist() for name, column in result.table.items()} == {
        "index": [0, 1, 2, 3], "z": [4, 4, 5, 5], "label": [7, 8, 7, 8],
    }  # fmt: skip


def test_maps_lie_at_their_place_with_classes_in_front():
    plane = np.array([[[0.25, 0.75]], [[0.75, 0.25]]], np.float32)  # two classes of a line
    result = put_together(ScoreMaps, Whole((3, 1, 2)), ((0,), plane), ((1,), None), ((2,), plane))
    assert result.array.dtype == np.float32
    assert result.array.tolist() == [
        [[[0.25, 0.75]], [[0, 0]], [[0.25, 0.75]]],
        [[[0.75, 0.25]], [[0, 0]], [[0.75, 0.25]]],
    ]
    image = put_together(ImageResult, Whole((2, 1, 2)), ((1,), np.array([[3, 4]], np.uint8)))
    assert image.array.tolist() == [[[0, 0]], [[3, 4]]]
    assert image.array.dtype == np.uint8
