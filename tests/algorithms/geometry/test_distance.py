import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from napari_tessera.algorithms import parallel
from napari_tessera.algorithms.geometry.distance import FAR, nearest_label, squared_distance
from napari_tessera.signature.words import VoxelSize

GRIDS = [((19, 26), (1, 1)), ((7, 15, 17), (1, 1, 1)), ((7, 15, 17), (2.5, 1, 1.3))]


def test_distances_of_a_written_out_mask():
    inside = np.array([[1, 1, 1, 0], [1, 1, 1, 1]], bool)
    expected = [[9, 4, 1, 0], [10, 5, 2, 1]]
    assert squared_distance(inside, VoxelSize((1, 1))).tolist() == expected
    assert squared_distance(inside, VoxelSize((3, 2))).tolist() == [[36, 16, 4, 0], [45, 25, 13, 9]]


@settings(max_examples=60)
@given(
    arrays(bool, array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=12)),
    st.tuples(*[st.floats(0.1, 5)] * 3),
)
def test_distances_are_those_of_scipy(inside, sizes):
    voxel = VoxelSize(sizes[: inside.ndim])
    found = squared_distance(inside, voxel)
    if inside.all():
        assert (found == FAR).all()
        return
    expected = ndimage.distance_transform_edt(inside, sampling=voxel)
    np.testing.assert_allclose(np.sqrt(found), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(70, 90), (9, 40, 50), (3, 4, 500), (200, 3, 4), (3, 1500)])
def test_pieces_give_the_whole(rng, monkeypatch, shape):
    monkeypatch.setattr(parallel, "PIECE", 600)
    inside = rng.random(shape) < 0.97
    expected = ndimage.distance_transform_edt(inside)
    seen = []
    found = squared_distance(inside, VoxelSize((1,) * inside.ndim), lambda p: seen.append(p.done))
    np.testing.assert_allclose(np.sqrt(found), expected, rtol=1e-6)
    assert seen[-1] == 1


def scattered(shape, rng):
    """Return single pixels of labels."""
    return rng.integers(1, 23, shape) * (rng.random(shape) < 0.05)


def pieces(shape, rng):
    """Return pixels of irregular labels, some of which touch, some of them in several pieces."""
    noise = ndimage.gaussian_filter(rng.random(shape), 1.2)
    high = noise > np.quantile(noise, 0.55)
    objects = ndimage.label(high)[0] * (1 + (noise > np.quantile(noise, 0.8)))
    return (objects % 23).astype(np.int32) * (rng.random(shape) < 0.1)


@pytest.mark.parametrize("made", [scattered, pieces])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_the_nearest_label_and_its_distance(grid, made, rng):
    shape, spacing = grid
    labels = made(shape, rng)
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


def test_without_a_label_distances_are_infinite():
    distance, owner = nearest_label(np.zeros((3, 4), np.uint8), VoxelSize((1, 1)))
    assert np.isinf(distance).all()
    assert not owner.any()
