import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_tessera.algorithms.labels.ids import (
    count,
    from_points,
    median_diameter,
    prevailing_diameter,
    renumbered,
    sizes,
    smallest_dtype,
)

small = arrays(np.int32, (6, 6), elements={"min_value": 0, "max_value": 5})


def test_dtypes_leave_room_for_painting():
    assert smallest_dtype("classes", 5) == np.uint8
    assert smallest_dtype("objects", 0) == np.uint16
    assert smallest_dtype("objects", 32767) == np.uint16
    assert smallest_dtype("objects", 32768) == np.uint32


def test_points_become_pixels_in_their_order():
    assert from_points(np.array([[1.4, 0], [0, 2]]), (2, 3)).tolist() == [[0, 0, 2], [1, 0, 0]]
    assert from_points(np.empty((0, 2)), (1, 2)).tolist() == [[0, 0]]


def test_points_outside_or_on_one_another_are_refused():
    with pytest.raises(
        ValueError, match=r"1 points outside the image, the first at \(2\.0, 0\.0\)"
    ):
        from_points(np.array([[2, 0]]), (2, 3))
    with pytest.raises(ValueError, match="points of different labels on one pixel"):
        from_points(np.array([[1, 0], [1.2, 0.1]]), (2, 3))


@given(arrays(np.int64, (4, 5), elements=st.integers(-3, 9) | st.just(10**12)))
def test_sizes_are_those_of_numpy(labels):
    values, counts = np.unique(labels, return_counts=True)
    assert sizes(labels) == dict(zip(values.tolist(), counts.tolist(), strict=True))


def test_sizes_and_numbers_of_large_arrays_are_put_together():
    labels = np.arange(700_000).reshape(700, 1000) % 1000
    assert sizes(labels) == dict.fromkeys(range(1000), 700)
    numbers = np.arange(1000, 0, -1).astype(np.uint16)
    np.testing.assert_array_equal(renumbered(labels, numbers), numbers[labels])


def test_the_median_diameter_is_that_of_discs_and_balls():
    yy, xx = np.ogrid[:60, :60]
    disc = ((yy - 30) ** 2 + (xx - 30) ** 2 <= 20**2).astype(int)
    assert median_diameter(disc) == pytest.approx(40, rel=0.03)
    zz = np.arange(60).reshape(-1, 1, 1)
    ball = ((zz - 30) ** 2 + (yy - 30) ** 2 + (xx - 30) ** 2 <= 12**2).astype(int)
    assert median_diameter(ball) == pytest.approx(24, rel=0.03)
    assert median_diameter(np.zeros((3, 3), int)) == 0


def test_specks_hardly_change_the_prevailing_diameter():
    large = np.array([300, 310, 320])
    expected = prevailing_diameter(large, 2)
    assert expected == pytest.approx(np.sqrt(4 * 310 / np.pi))
    assert prevailing_diameter(np.append(large, [1] * 50), 2) == pytest.approx(expected, rel=0.02)
    assert prevailing_diameter(np.array([4]), 3) == pytest.approx((6 * 4 / np.pi) ** (1 / 3))
    assert prevailing_diameter(np.array([], int), 2) == 0


def test_true_is_a_label_too():
    assert count(np.array([[True, False]])) == 1
    assert sizes(np.array([0, 255, 255], np.uint8).view(bool)) == {0: 1, 1: 2}


@pytest.mark.parametrize("place", [np.nan, np.inf, 1e300, -1])
def test_points_that_are_nowhere_are_outside(place):
    with pytest.raises(ValueError, match="markers has 1 points outside the image"):
        from_points(np.array([[0, place]]), (2, 3))


def test_labels_of_points_are_whole_numbers_that_fit():
    point = np.array([[0, 1]])
    assert from_points(point, (1, 2), np.array([7.0])).tolist() == [[0, 7]]
    with pytest.raises(TypeError, match="markers has dtype float64 and the value 0.5"):
        from_points(point, (1, 2), np.array([0.5]))
    with pytest.raises(ValueError, match="markers has a point of label 1099511627776; number"):
        from_points(point, (1, 2), np.array([2**40]))
