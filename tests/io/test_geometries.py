from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_tessera.io.formats import Asked
from napari_tessera.io.geometries import (
    Geometries,
    as_contents,
    drawn_labels,
    in_objects,
    outlines_of,
    shape_kept,
)
from napari_tessera.pipeline.result import ObjectLabels, PolygonSet
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import Look

PLACE = Path("cells.zip")
SQUARE = np.array([[0.0, 0], [0, 9], [9, 9], [9, 0], [0, 0]])
planes = arrays(np.uint8, (2, 6, 7), elements=st.integers(0, 3))


def found(lines, table, **kept):
    """Return outlines as a file holds them."""
    objects, holes, rows = [], [], []
    for number, pieces in enumerate(in_objects(lines, table), 1):
        for row, inner in pieces:
            for each in (row, *inner):
                rows.append(each)
                objects.append(number)
                holes.append(table["hole"][each])
    about = [{"label": table["label"][row]} for row in rows]
    vertices = [lines[row][:-1] for row in rows]
    options = {"objects": tuple(objects), "holes": tuple(holes), "kept": kept}
    return Geometries(vertices, [True] * len(rows), about, **options)


@given(planes)
def test_labels_are_the_same_again_with_holes_and_in_pieces(labels):
    lines, table = outlines_of(ObjectLabels(labels))
    if not lines:
        return
    np.testing.assert_array_equal(drawn_labels(found(lines, table, shape=[2, 6, 7]), PLACE), labels)


def test_of_polygons_that_overlap_the_smaller_one_is_on_top():
    both = [SQUARE[:-1], SQUARE[:-1] / 3]
    for order in (both, both[::-1]):
        own = Geometries(order, [True] * 2, [{}, {}], objects=(1, 2), holes=(False, False))
        labels = drawn_labels(own, PLACE)
        small = 1 + (order is both)
        assert (labels[1, 1], labels[8, 8]) == (small, 3 - small)


def test_what_else_is_equal_is_one_object():
    table = {"label": [7, 7, 7], "hole": [False] * 3, "closed": [True] * 3, "area": [1, 1, 2]}
    lines = [SQUARE, SQUARE + 20, SQUARE + 40]
    assert in_objects(lines, table) == [[(0, []), (1, [])], [(2, [])]]
    other_plane = [np.column_stack([np.full(5, z), SQUARE]) for z in (0, 1, 1)]
    assert in_objects(other_plane, {**table, "area": [1] * 3}) == [[(0, [])], [(1, []), (2, [])]]


def test_outlines_know_class_and_row_of_their_label_and_where_they_lie():
    table = {"index": np.array([5, 9]), "area": np.array([1.5, 2.5])}
    labels = ObjectLabels(
        np.array([[5, 0, 5]]), table=table, look=Look({5: "bolt"}), start=(10, 20)
    )
    lines, own = outlines_of(labels)
    assert own["class"] == ["bolt", "bolt"]
    assert own["area"] == [1.5, 1.5]
    assert {float(line[:, 1].min()) for line in lines} == {19.5, 21.5}
    assert lines[0][:, 0].min() == 9.5
    polygons = PolygonSet(polygons=[SQUARE], table={"label": np.array([3])})
    assert outlines_of(polygons) == ([SQUARE], {"label": [3]})
    source = Source.of(np.zeros((30, 40)))
    assert (shape_kept(labels, source), shape_kept(polygons, source)) == ({"shape": [30, 40]}, {})


def test_labels_are_numbered_by_object_unless_all_are_told():
    lines = [SQUARE[:-1], SQUARE[:-1] + 20]
    own = Geometries(lines, [True] * 2, [{"label": 8}, {}], objects=(1, 2), holes=(False, False))
    assert own.labels == [1, 2]
    assert own.columns == own.properties
    told = own._replace(properties=[{"label": 8}, {"label": 4}])
    assert sorted(np.unique(drawn_labels(told, PLACE))) == [0, 4, 8]
    one = own._replace(objects=(1, 1), holes=(False, True))
    assert one.columns == [{"label": 8, "hole": False}, {"label": 1, "hole": True}]


def test_what_encloses_nothing_is_left_out_and_said():
    own = Geometries(
        [SQUARE[:-1], SQUARE[:2]], [True, False], [{}, {}],
        objects=(1, 2), holes=(False, False), points=[np.zeros(2)],
    )  # fmt: skip
    contents = as_contents(own, Asked(labels=True), PLACE)
    assert contents.array.shape == (9, 9)
    assert contents.notes == ("2 of its lines and points enclose nothing; they are left out",)


@pytest.mark.parametrize(
    ("change", "labels", "message"),
    [
        ({}, False, r"'cells.zip' holds outlines of objects and no image; pass it where labels"),
        ({"closed": [False]}, True, "'cells.zip' has no outlines of objects"),
        ({"vertices": [SQUARE * 1e7]}, True, "outlines up to .* and labels of up to 8589934592"),
    ],
)
def test_what_cannot_be_made_labels_is_said(change, labels, message):
    own = Geometries([SQUARE], [True], [{}], objects=(1,), holes=(False,))
    with pytest.raises(ValueError, match=message):
        as_contents(own._replace(**change), Asked(labels=labels), PLACE)
