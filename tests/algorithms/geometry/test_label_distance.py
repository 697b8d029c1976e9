import numpy as np
import pytest
from napari_tessera.algorithms.geometry.label_distance import inside, nearest_label
from scipy import ndimage

from napari_tessera.signature.words import VoxelSize

GRIDS = [((19, 26), (1, 1)), ((7, 15, 17), (1, 1, 1)), ((7, 15, 17), (2.5, 1, 1.3))]


def blobs(shape, seed=0, dtype=np.uint16):
    """Return irregular labels, some of them in touch, some in several pieces."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 1.2)
    high = noise > np.quantile(noise, 0.55)
    objects = ndimage.label(high)[0] * (1 + (noise > np.quantile(noise, 0.8)))
    return (objects % 23).astype(dtype)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_the_nearest_label_and_its_distance(grid):
    shape, spacing = grid
    labels = blobs(shape, seed=1, dtype=np.int32) * (np.random.default_rng(1).random(shape) < 0.1)
    distance, owner = nearest_label(labels, VoxelSize(spacing))
    expected = ndimage.distance_transform_edt(labels == 0, sampling=spacing)
    np.testing.assert_allclose(distance, expected, rtol=1e-5)
    apart = {
        k: ndimage.distance_transform_edt(labels != k, sampling=spacing)
        for k in np.unique(labels)[1:]
    }
    lowest = np.zeros_like(labels)
    for label in sorted(apart, reverse=True):
        lowest[apart[label] <= expected * (1 + 1e-5)] = label
    np.testing.assert_array_equal(owner, lowest)
    near, few = nearest_label(labels, VoxelSize(spacing), limit=2.0)
    np.testing.assert_array_equal(np.isfinite(near), expected <= 2.00001)
    np.testing.assert_array_equal(few, np.where(expected <= 2.00001, lowest, 0))


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_the_distance_to_another_label(grid):
    shape, spacing = grid
    labels = blobs(shape, seed=2)
    expected = np.zeros(shape)
    for label in np.unique(labels):
        own = labels == label
        expected[own] = ndimage.distance_transform_edt(own, sampling=spacing)[own]
    np.testing.assert_allclose(inside(labels, VoxelSize(spacing)), expected, rtol=1e-5)


def test_without_another_label_distances_are_infinite():
    voxel = VoxelSize((1, 1))
    assert np.isinf(inside(np.ones((3, 4), np.uint8), voxel)).all()
    distance, owner = nearest_label(np.zeros((3, 4), np.uint8), voxel)
    assert np.isinf(distance).all()
    assert not owner.any()
