import numpy as np
import pytest
from scipy import ndimage

from napari_tessera.deep.data.targets import (
    border_weights,
    boundary_targets,
    class_targets,
    class_weights,
    distance_targets,
)


def test_the_boundary_is_the_inner_rim_and_the_patch_has_none():
    labels = np.array(
        [
            [1, 1, 1, 0, 0, 0],
            [1, 1, 1, 0, 4, 4],
            [1, 1, 1, 2, 2, 2],
            [0, 0, 0, 2, 2, 2],
            [0, 3, 0, 2, 2, -1],
        ]
    )
    expected = [
        [1, 1, 2, 0, 0, 0],
        [1, 1, 2, 0, 1, 1],  # 4 has no interior: it is interior as a whole
        [2, 2, 2, 2, 2, 2],
        [0, 0, 0, 2, 1, 2],
        [0, 1, 0, 2, 2, -1],
    ]
    np.testing.assert_array_equal(boundary_targets(labels), expected)


def test_boundaries_of_volumes_look_along_all_axes():
    labels = np.zeros((5, 5, 5), int)
    labels[1:4, 1:4, 1:4] = 7
    found = boundary_targets(labels)
    assert (found == 1).sum() == 1
    assert found[2, 2, 2] == 1
    assert (found == 2).sum() == 26


def test_distances_are_shares_of_the_largest_in_each_object():
    labels = np.zeros((7, 12), int)
    labels[1:6, 1:6], labels[2:5, 7:10], labels[6, 11] = 1, 2, -1
    found = distance_targets(labels)
    np.testing.assert_allclose(
        found[2, 3], [0, 1 / 3, 2 / 3, 1, 2 / 3, 1 / 3, 0, 0.5, 1, 0.5, 0, 0]
    )
    known = labels != -1
    np.testing.assert_allclose(found.sum(axis=0)[known], 1)
    assert not found[:, 6, 11].any()
    np.testing.assert_array_equal(found[0][known], (labels == 0)[known])


def test_distances_do_not_see_the_end_of_the_patch():
    found = distance_targets(np.array([[1, 1, 1, 0]]))
    np.testing.assert_allclose(found[2], [[1, 2 / 3, 1 / 3, 0]])


@pytest.mark.parametrize("shape", [(6, 7), (4, 5, 6)])
def test_an_object_that_fills_the_patch_is_all_centre(shape):
    found = distance_targets(np.full(shape, 3))
    np.testing.assert_array_equal(found[2], np.ones(shape))
    assert not found[:2].any()


def test_touching_objects_are_outside_of_each_other():
    labels = np.repeat([[1, 1, 1, 2, 2, 2]], 9, axis=0)
    found = distance_targets(np.pad(labels, 2))[2][6, 2:8]
    np.testing.assert_allclose(found, [0.5, 1, 0.5, 0.5, 1, 0.5])


def test_classes_are_places_among_the_ids():
    np.testing.assert_array_equal(
        class_targets(np.array([[3, 7, 0, 9]], np.uint8), (0, 3, 9)), [[1, -1, 0, 2]]
    )


@pytest.mark.parametrize("shape", [(40, 50), (8, 20, 24)])
@pytest.mark.parametrize("width", [2.0, 5.0])
def test_border_weights_are_those_of_the_formula(shape, width):
    random = np.random.default_rng(3)
    labels = np.zeros(shape, int)
    for number in range(1, 9):
        start = [int(random.integers(0, n - 4)) for n in shape]
        labels[tuple(slice(a, a + 4) for a in start)] = number * 11
    every = np.stack(
        [ndimage.distance_transform_edt(labels != n) for n in np.unique(labels[labels > 0])]
    )
    nearest = np.sort(every, axis=0)[:2].sum(axis=0)
    expected = 1 + 10 * np.exp(-(nearest**2) / (2 * width**2))
    np.testing.assert_allclose(border_weights(labels, weight=10, width=width), expected, atol=4e-3)


def test_without_two_objects_no_pixel_counts_more():
    labels = np.zeros((9, 9), int)
    np.testing.assert_array_equal(border_weights(labels), np.ones((9, 9)))
    labels[2:4, 2:4] = 1
    np.testing.assert_array_equal(border_weights(labels), np.ones((9, 9)))


def test_rare_classes_count_more():
    assert class_weights([1, 2], "none") is None
    assert class_weights([80, 20, 10, 0], "median") == [0.25, 1.0, 2.0, 0.0]
    assert np.mean(class_weights([80, 20, 10], "inverse")) == pytest.approx(1)
    with pytest.raises(ValueError, match="at least one class needs pixels"):
        class_weights([0, 0], "median")
