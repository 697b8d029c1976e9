import numpy as np

from napari_tessera import VoxelSize
from napari_tessera.algorithms.geometry.splitting import cut_apart, divided


def test_pixels_of_the_cut_go_to_the_nearest_part():
    region = np.ones((5, 9), bool)
    barrier = np.zeros_like(region)
    barrier[:, 3:6] = True
    parts, count = cut_apart(region, barrier, VoxelSize((1, 1)))
    assert count == 1
    assert parts.tolist() == [[0, 0, 0, 0, 0, 1, 1, 1, 1]] * 5


def test_anisotropic_voxels_shift_the_middle():
    region = np.ones((9, 9), bool)
    seeds = np.array([[0, 0], [8, 4]])
    even = divided(region, seeds, VoxelSize((1, 1)))
    flat = divided(region, seeds, VoxelSize((1, 4)))
    for parts, (high, wide) in ((even, (1, 1)), (flat, (1, 4))):
        grid = np.argwhere(region) * (high, wide)
        far = [np.hypot(*(grid - np.array(seed) * (high, wide)).T) for seed in seeds]
        nearest = np.where(far[0] < far[1], 1, 2).reshape(9, 9)
        clear = (np.abs(far[0] - far[1]) > 4).reshape(9, 9)
        np.testing.assert_array_equal(parts[clear], nearest[clear])
