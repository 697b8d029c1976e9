"""An image along rays."""

import numpy as np
import pytest

from napari_tessera.algorithms.picking.rays import RATIO, RINGS, Rays, directions, radii_to
from napari_tessera.signature.words import VoxelSize


@pytest.mark.parametrize("axes", [2, 3])
def test_rays_go_in_all_directions_alike(axes):
    ways = directions(axes)
    assert ways.shape == (*RINGS[axes], axes)
    np.testing.assert_allclose(np.linalg.norm(ways, axis=-1), 1)
    np.testing.assert_allclose(ways.reshape(-1, axes).sum(axis=0), 0, atol=1e-9)


def test_radii_grow_by_a_ratio_up_to_what_is_asked_for():
    radii = radii_to(100)
    np.testing.assert_allclose(radii[1:] / radii[:-1], RATIO)
    assert radii[-2] < 100 <= radii[-1]


def test_samples_of_a_plane_that_rises_evenly_are_its_heights():
    y, x = np.mgrid[:300, :300].astype(float)
    rays = Rays.of(2 * y - x, None, np.array([150, 140]), 120, VoxelSize((1, 1)))
    wanted = 160 + (directions(2) @ [2, -1])[..., None] * rays.radii
    # averaged over pixels that lie around the place, and cut at the border of what was read
    np.testing.assert_allclose(rays.values[..., 0], wanted, atol=1.0)
    assert rays.inside.all()


def test_what_lies_beyond_the_border_is_known():
    rays = Rays.of(np.zeros((20, 20)), None, np.array([10, 10]), 15, VoxelSize((1, 1)))
    right = rays.inside[0, 0]
    assert right[rays.radii < 9.5].all()
    assert not right[rays.radii > 9.5].any()


def test_radii_are_lengths_and_not_pixels():
    volume = np.zeros((11, 40, 40))
    volume[8:] = 9  # 3 planes above the middle, each as high as 4 pixels are wide
    rays = Rays.of(volume, None, np.array([5, 20, 20]), 18, VoxelSize((4, 1, 1)))
    top = rays.values[0, :, :, 0].mean(axis=0)
    assert top[rays.radii < 7].max() < 1
    assert top[rays.radii > 15].min() > 8
    ring, _, place = rays.position(np.array([5 + 3, 20, 20]))
    assert ring == 0
    assert 1.5 * RATIO**place == pytest.approx(12)


def test_colours_are_kept_apart_and_gaps_are_filled():
    image = np.zeros((2, 30, 30))
    image[1], image[0, 3, 3] = 7, np.nan
    rays = Rays.of(image, 0, np.array([15, 15]), 10, VoxelSize((1, 1)))
    assert rays.values.shape[-1] == 2
    np.testing.assert_allclose(rays.values[..., 1], 7, rtol=1e-6)
    np.testing.assert_allclose(rays.values[..., 0], 0)
