import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_tessera.pipeline.recipes.comparison import (
    Comparison,
    compare_entries,
    compare_objects,
    compare_values,
)

LABELS = arrays(
    np.uint8, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.integers(0, 4)
)


def boxes(comparison):
    return [(part.start, part.stop) for part in comparison.box]


def test_values_that_differ_are_counted_and_boxed():
    kept = np.zeros((4, 5), np.uint8)
    again = kept.copy()
    again[1, 2] = again[3, 1] = 9
    found = compare_values(kept, again)
    assert (found.pixels, found.differing) == (20, 2)
    assert boxes(found) == [(1, 4), (1, 3)]
    assert compare_values(kept, kept) == Comparison(20)


def test_nan_is_nan():
    kept = np.array([[np.nan, 1.0], [np.inf, 2.0]])
    assert compare_values(kept, kept.copy()).differing == 0
    assert compare_values(kept, np.zeros((2, 2))).differing == 4


def test_arrays_on_the_disk_are_compared(tmp_path):
    kept = zarr.create_array(tmp_path / "a.zarr", shape=(9, 8, 7), chunks=(2, 8, 7), dtype="u1")
    again = np.zeros((9, 8, 7), np.uint8)
    again[8, 3, 2] = 1
    found = compare_values(kept, again)
    assert boxes(found) == [(8, 9), (3, 4), (2, 3)]
    assert boxes(compare_objects(kept, again)) == [(8, 9), (3, 4), (2, 3)]


@given(LABELS, st.permutations(range(1, 5)))
def test_numbers_of_objects_do_not_matter(labels, order):
    table = np.array([0, *order])
    found = compare_objects(labels, table[labels])
    assert found.differing == found.objects == 0
    assert found.renumbered == (not np.array_equal(labels, table[labels]))


@given(LABELS)
def test_a_pixel_of_its_own_differs(labels):
    other = labels.copy()
    other[0, 0] = 9 if labels[0, 0] == 0 else 0
    found = compare_objects(labels, other)
    assert found.differing == 1
    assert found.objects == 1
    assert boxes(found) == [(0, 1), (0, 1)]


@pytest.mark.parametrize(
    ("kept", "again", "differing", "objects"),
    [
        ([1, 1, 1, 0], [1, 1, 2, 0], 1, 1),  # cut: the smaller part is another object
        ([1, 1, 2, 0], [1, 1, 1, 0], 1, 1),  # merged
        ([1, 1, 2, 2], [1, 2, 2, 2], 1, 1),  # a border that moved
        ([0, 0, 0, 0], [0, 5, 5, 0], 2, 1),  # gone
        ([3, 3, 3, 3], [0, 0, 0, 0], 4, 1),
    ],
)
def test_objects_that_differ_are_counted(kept, again, differing, objects):
    found = compare_objects(np.array([kept]), np.array([again]))
    assert (found.differing, found.objects) == (differing, objects)


def test_what_goes_on_unseen_may_be_one():
    kept = np.array([[1, 0, 1], [1, 0, 1], [0, 0, 0]])
    again = np.array([[1, 0, 2], [1, 0, 2], [0, 0, 0]])
    assert compare_objects(kept, again).differing == 2
    assert compare_objects(kept, again, cut=[(0, 0)]).differing == 0
    assert compare_objects(kept, again, cut=[(0, -1)]).differing == 2
    inner = np.array([[0, 0, 0], [1, 0, 2], [1, 0, 2]])  # neither touches the upper face
    assert compare_objects((inner > 0) * 1, inner, cut=[(0, 0)]).differing == 2


def test_one_object_is_never_two_even_where_it_goes_on():
    kept, again = np.array([[1, 1, 2, 2]]), np.array([[1, 1, 1, 1]])
    assert compare_objects(kept, again, cut=[(0, 0), (1, -1)]).differing == 2


def test_entries_are_compared_in_order():
    assert compare_entries([1, 2], [1, 2], "row") == Comparison(2, unit="row")
    found = compare_entries([1, 2, 3], [1, 4], "row")
    assert (found.pixels, found.differing) == (3, 2)
    assert boxes(found) == [(1, 3)]


def test_parts_are_put_together():
    kept = np.zeros((2, 3), int)
    parts = [compare_values(kept, kept), compare_values(kept, kept + 1).moved((4, 0))]
    found = Comparison.joined(parts)
    assert (found.pixels, found.differing) == (12, 6)
    assert boxes(found) == [(4, 6), (0, 3)]
