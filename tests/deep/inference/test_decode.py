import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from napari_tessera import watershed
from napari_tessera.deep.data.targets import boundary_targets, distance_targets
from napari_tessera.deep.inference.decode import Thresholds, sure_of, to_classes, to_objects
from napari_tessera.metrics.matching import average_precision
from napari_tessera.signature.words import VoxelSize

FLAT = VoxelSize((1, 1))


def perfect(labels, targets):
    """Return the scores of a network that makes no mistake."""
    if targets == "distances":
        return distance_targets(labels)
    return (np.arange(3).reshape(-1, *(1,) * labels.ndim) == boundary_targets(labels)).astype(
        np.float32
    )


def same(found, expected):
    """Return True if two arrays hold the same objects, whatever their numbers."""
    return average_precision(expected, found, 0.999999) == 1


def test_the_largest_score_decides():
    scores = np.array([[[0.2, 0.5]], [[0.7, 0.1]], [[0.1, 0.4]]])
    found = to_classes(scores, (3, 300, 9))
    np.testing.assert_array_equal(found, [[300, 3]])
    assert found.dtype == np.uint16
    assert to_classes(scores, (0, 1, 2)).dtype == np.uint8


@pytest.mark.parametrize("targets", ["boundaries", "distances"])
def test_touching_squares_come_apart(targets):
    labels = np.zeros((20, 32), np.uint8)
    labels[4:16, 4:16], labels[4:16, 16:28] = 1, 2
    found = to_objects(perfect(labels, targets), targets=targets, voxel=FLAT)
    np.testing.assert_array_equal(found, labels)
    assert found.dtype == np.uint16


def test_volumes_come_apart_too():
    labels = np.zeros((9, 12, 22), np.uint8)
    labels[1:8, 2:10, 2:11], labels[1:8, 2:10, 11:20] = 1, 2
    found = to_objects(
        perfect(labels, "boundaries"), targets="boundaries", voxel=VoxelSize((2, 1, 1))
    )
    np.testing.assert_array_equal(found, labels)


def test_objects_stay_that_the_network_is_sure_of():
    scores = np.zeros((3, 9, 30), np.float32)
    scores[0] = 1
    for left, inner in ((1, 0.95), (11, 0.85), (21, 0.6)):
        scores[0, 1:8, left : left + 8] = 1 - inner
        scores[1, 1:8, left : left + 8] = inner
    kept = {
        confidence: to_objects(
            scores, targets="boundaries", voxel=FLAT, thresholds=Thresholds(confidence=confidence)
        )
        for confidence in (0, 0.7, 0.9)
    }
    assert [int(each.max()) for each in kept.values()] == [3, 2, 1]
    assert kept[0.9][4, 5] == 1
    assert not kept[0.9][:, 10:].any()


def test_how_sure_is_the_most_that_is_reached():
    objects, inner = np.array([[1, 1, 0, 2, 2]]), np.array([[0.2, 0.8, 0.9, 0.7, 0.1]])
    np.testing.assert_array_equal(sure_of(objects, inner, 0.75), [[1, 1, 0, 0, 0]])
    np.testing.assert_array_equal(sure_of(objects, inner, 0.8), [[1, 1, 0, 0, 0]])
    assert sure_of(objects, inner, 0) is objects


def touching_discs():
    """Return two discs that touch, and scores of a network that sees no boundary between them."""
    y, x = np.mgrid[:40, :60]
    left = (y - 20) ** 2 + (x - 20) ** 2 <= 100
    right = ((y - 20) ** 2 + (x - 38) ** 2 <= 100) & ~left
    labels = left + 2 * right
    return labels, perfect((labels > 0).astype(np.uint8), "boundaries")


def test_objects_without_a_boundary_between_them_come_apart_at_their_waist():
    labels, scores = touching_discs()
    whole = to_objects(scores, targets="boundaries", voxel=FLAT)
    assert whole.max() == 1
    found = to_objects(scores, targets="boundaries", voxel=FLAT, thresholds=Thresholds(split=0.1))
    assert found.max() == 2
    assert average_precision(labels, found, 0.9) == 1


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_separate_objects_come_back(seed):
    random = np.random.default_rng(seed)
    labels = np.zeros((60, 60), np.uint16)
    for number, (y, x) in enumerate(np.ndindex(4, 4), 1):
        size, first = random.integers(1, 12, 2), random.integers(1, 4, 2)
        top, left = 15 * y + first[0], 15 * x + first[1]
        labels[top : min(top + size[0], 15 * y + 14), left : min(left + size[1], 15 * x + 14)] = (
            number
        )
    found = to_objects(perfect(labels, "boundaries"), targets="boundaries", voxel=FLAT)
    np.testing.assert_array_equal(found > 0, labels > 0)
    assert same(found, labels)
    assert np.unique(found[found > 0]).tolist() == list(range(1, int(found.max()) + 1))


def test_faint_and_tiny_objects_do_not_vanish_unless_asked_to():
    scores = np.zeros((3, 20, 20), np.float32)
    scores[0] = 1
    for y, x, size in ((2, 2, 1), (8, 8, 2), (14, 14, 4)):
        scores[0, y : y + size, x : x + size] = 0.45
        scores[1, y : y + size, x : x + size] = 0.55  # never a seed
    every = to_objects(scores, targets="boundaries", voxel=FLAT)
    assert every.max() == 3
    fewer = to_objects(scores, targets="boundaries", voxel=FLAT, smallest=4)
    assert np.bincount(fewer.ravel())[1:].tolist() == [4, 16]
    assert (
        to_objects(scores, targets="boundaries", voxel=FLAT, thresholds=Thresholds(0.6)).max() == 0
    )


def test_what_hangs_on_an_object_by_a_corner_stays():
    scores = np.zeros((3, 9, 9), np.float32)
    scores[0] = 1
    scores[:2, 1:5, 1:5] = np.array([0, 1]).reshape(2, 1, 1)
    scores[:2, 5:7, 5:7] = np.array([0.45, 0.55]).reshape(2, 1, 1)  # never a seed
    found = to_objects(scores, targets="boundaries", voxel=FLAT)
    np.testing.assert_array_equal(found, scores[0] < 0.5)


def test_holes_are_filled():
    labels = np.zeros((20, 20), np.uint8)
    labels[3:17, 3:17] = 1
    scores = perfect(labels, "boundaries")
    scores[:, 9:11, 9:11] = np.array([1, 0, 0]).reshape(3, 1, 1)
    np.testing.assert_array_equal(to_objects(scores, targets="boundaries", voxel=FLAT), labels)


@pytest.mark.parametrize("targets", ["boundaries", "distances"])
def test_real_objects_come_back(targets):
    labels = watershed(data.coins(), background="60 px")
    found = to_objects(perfect(labels, targets), targets=targets, voxel=FLAT)
    assert average_precision(labels, found, 0.75) == 1
