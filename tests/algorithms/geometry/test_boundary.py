import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_tessera.algorithms.geometry.bitmaps import no_marks, pack_marks
from napari_tessera.algorithms.geometry.boundary import mark_rims, sums_of_labels


def rims(labels, border):
    """Return where a label ends, neighbour by neighbour."""
    framed = np.pad(labels, 1, constant_values=-1)
    found = np.zeros(labels.shape, np.uint8)
    for axis in range(3):
        for shift in (-1, 1):
            beside = np.roll(framed, shift, axis)[1:-1, 1:-1, 1:-1]
            found |= (labels > 0) & (beside != labels) & (border | (beside >= 0))
    return found


@settings(max_examples=50)
@given(
    arrays(np.int64, st.tuples(*[st.integers(1, 5)] * 3), elements=st.integers(-1, 3)),
    st.booleans(),
)
def test_rims_are_where_a_face_has_another_label_behind_it(labels, border):
    if border:
        labels = np.abs(labels)
    words = no_marks(labels.shape)
    found = mark_rims(labels, 0, len(labels), False, border, 0, words)
    expected = rims(labels, border)
    np.testing.assert_array_equal(words, pack_marks(expected))
    np.testing.assert_array_equal(found, labels[expected > 0])


@pytest.mark.parametrize(("only", "expected"), [(0, [1, 2, 2]), (2, [2, 2])])
def test_one_label_alone_has_a_boundary_if_asked_for(only, expected):
    labels = np.array([[[1, 1, 2, 2, 0]]])
    found = mark_rims(labels, 0, 1, True, False, only, no_marks(labels.shape))
    assert found.tolist() == expected


def test_lines_that_are_flat_have_no_neighbours_among_each_other():
    labels = np.array([[[1, 1], [0, 0]]])
    assert mark_rims(labels, 0, 1, True, False, 0, no_marks(labels.shape)).size == 0
    assert mark_rims(labels, 0, 1, False, False, 0, no_marks(labels.shape)).tolist() == [1, 1]


@pytest.mark.parametrize("rows", [[], [-1, -1, -1, 0, -1, -1, -1, 1]])
def test_distances_are_added_up_by_label(rows):
    owners, distances = np.array([7, 3, 7]), np.array([0.5, 1.0, 2.0])
    near = np.array([True, True, False])
    found = sums_of_labels(np.array([3, 7]), np.array(rows, int), owners, distances, near)
    assert found.tolist() == [[1, 2], [1, 1], [1, 2.5]]
