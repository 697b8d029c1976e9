import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from napari_tessera.algorithms.geometry import distance as module
from napari_tessera.algorithms.geometry.distance import FAR, squared_distance
from napari_tessera.signature.words import VoxelSize


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


@pytest.mark.parametrize("shape", [(70, 90), (9, 40, 50), (3, 4, 500), (200, 3, 4)])
def test_pieces_give_the_whole(rng, monkeypatch, shape):
    monkeypatch.setattr(module, "_PART", 600)
    inside = rng.random(shape) < 0.97
    expected = ndimage.distance_transform_edt(inside)
    seen = []
    found = squared_distance(inside, VoxelSize((1,) * inside.ndim), lambda p: seen.append(p.done))
    np.testing.assert_allclose(np.sqrt(found), expected, rtol=1e-6)
    assert seen[-1] == 1
