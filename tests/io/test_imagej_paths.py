import numpy as np
import pytest

from napari_tessera.io.imagej_paths import CURVE, depth, rings, rois_digest


def test_a_path_is_cut_into_its_rings():
    path = np.array([0, 0, 0, 1, 4, 0, 1, 4, 4, 4, 0, 9, 9, 1, 12, 9, 1, 9, 12], float)
    assert [ring.tolist() for ring in rings(path)] == [
        [[0, 0], [4, 0], [4, 4]],
        [[9, 9], [12, 9], [9, 12]],
    ]


def test_curves_are_those_of_bezier():
    (square,) = rings(np.array([0, 0, 0, 2, 1, 2, 2, 0, 4], float))
    assert len(square) == 1 + CURVE
    # half-way along a curve of three points: a quarter of the ends, half of the middle
    assert square[CURVE // 2].tolist() == [1, 1]
    (cubic,) = rings(np.array([0, 0, 0, 3, 0, 4, 4, 4, 4, 0, 4], float))
    assert cubic[CURVE // 2].tolist() == [2, 3]
    assert cubic[-1].tolist() == [4, 0]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ([7, 1, 1], "has a step 7 in its path, which ImageJ does not know"),
        ([0, 1, 1, 1, 5], "has a path that is not complete"),
        ([1, 5, 5], "has a path that is not complete"),
    ],
)
def test_a_path_that_is_none_is_said(path, message):
    with pytest.raises(ValueError, match=message):
        list(rings(np.array(path, float)))


def test_depth_counts_the_rings_around():
    square = np.array([[0.0, 0], [9, 0], [9, 9], [0, 9]])
    every = [square, square / 3 + 3, square / 9 + 4, square + 20]
    assert [depth(each, every) for each in every] == [0, 1, 2, 0]


def test_a_digest_is_that_of_all_bytes():
    assert rois_digest([b"a", b"b"]) == rois_digest([b"ab"]) != rois_digest([b"ba"])
