import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_tessera.algorithms.labels.stitching import stitched

volumes = arrays(np.uint16, (4, 5, 5), elements=st.integers(0, 4))


def lines(*rows):
    """Return a volume of planes of one line each."""
    return np.array(rows)[:, None]


def test_an_object_goes_on_where_it_overlaps_enough():
    planes = lines(
        [1, 1, 1, 1, 0, 0, 2, 2],
        [0, 2, 2, 2, 0, 0, 0, 1],  # 3 of 4 pixels, and 1 of 2
        [0, 0, 0, 5, 5, 5, 0, 5],  # 5 is one object: 1 of 6, and 1 of 4
    )
    expected = [
        [1, 1, 1, 1, 0, 0, 2, 2],
        [0, 1, 1, 1, 0, 0, 0, 2],
        [0, 0, 0, 2, 2, 2, 0, 2],
    ]
    found = stitched(planes, 0.25)
    assert found[:, 0].tolist() == expected
    assert found.dtype == np.uint16
    assert stitched(planes, 0.5)[:, 0].max() == 3
    assert stitched(planes, 0.51)[:, 0].tolist()[1] == [0, 1, 1, 1, 0, 0, 0, 3]


def test_an_object_has_one_successor():
    found = stitched(lines([1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 2, 2]), 0)
    assert found[:, 0].tolist() == [[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 2, 2]]


def test_an_empty_plane_parts_objects():
    assert stitched(lines([3, 3], [0, 0], [3, 3])).tolist() == [[[1, 1]], [[0, 0]], [[2, 2]]]


@pytest.mark.parametrize("shape", [(0, 3, 3), (1, 3, 3), (2, 0, 3)])
def test_little_is_no_error(shape):
    np.testing.assert_array_equal(stitched(np.ones(shape, np.uint8)), np.ones(shape))


@given(volumes, st.sampled_from([0.51, 0.7, 1.0]))
def test_above_a_half_it_is_what_hangs_together(planes, iou):
    # more than half of its union an object shares with one other at most: nothing is to be chosen
    ids = [(z, n) for z, plane in enumerate(planes) for n in np.unique(plane[plane > 0])]
    rows, columns = [], []
    for a, (z, n) in enumerate(ids):
        for b, (w, m) in enumerate(ids):
            first, second = planes[z] == n, planes[w] == m
            near = w == z + 1 and (first & second).sum() >= iou * (first | second).sum()
            if near:
                rows.append(a)
                columns.append(b)
    links = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(ids),) * 2)
    _, groups = connected_components(links) if ids else (0, [])
    expected = np.zeros(planes.shape, int)
    for (z, n), group in zip(ids, groups, strict=True):
        expected[z][planes[z] == n] = group + 1
    found = stitched(planes, iou)
    pairs = np.unique(np.stack([expected.ravel(), found.ravel()]), axis=1)
    assert len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]
    np.testing.assert_array_equal(np.unique(found[found > 0]), np.arange(1, found.max() + 1))
