"""Star-shaped outlines."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_tessera.algorithms.picking.rays import Rays, directions
from napari_tessera.algorithms.picking.star import STEEPEST, best_outline, star_mask
from napari_tessera.signature.words import VoxelSize


def closed_best(gains, stiffness, first):
    """Return what the best closed outline with a first radius gains, all of them tried."""
    rays, count = gains.shape
    best = -np.inf
    for places in product([first], *[range(count)] * (rays - 1)):
        turns = np.diff([*places, places[0]])
        if abs(turns).max() <= STEEPEST:
            gained = sum(gains[ray, k] for ray, k in enumerate(places))
            best = max(best, gained - stiffness * (turns**2).sum())
    return best


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.3, 2.0]))
def test_no_outline_gains_more(seed, stiffness):
    gains = np.random.default_rng(seed).random((6, 4))
    found = best_outline(gains[None], 0, 3, stiffness)[0]
    turns = np.diff([*found, found[0]])
    gained = gains[np.arange(6), found].sum() - stiffness * (turns**2).sum()
    assert gained == pytest.approx(closed_best(gains, stiffness, found[0]))


def test_without_stiffness_each_ray_has_its_best_radius():
    gains = np.random.default_rng(1).random((1, 64, 5))
    np.testing.assert_array_equal(best_outline(gains, 0, 4, 0.0)[0], gains[0].argmax(axis=-1))


def test_rings_of_a_volume_keep_together():
    gains = np.zeros((12, 32, 20))
    gains[..., 10] = 1
    gains[5, :, 10], gains[5, :, 12] = 0, 1.2
    assert (best_outline(gains, 0, 19, 0.5) == 10).sum() > 11 * 32
    alone = best_outline(gains[5:6], 0, 19, 0.5)
    assert (alone == 12).all()


def test_only_radii_in_range_are_taken():
    gains = np.zeros((1, 64, 9))
    gains[..., 8] = 5
    assert (best_outline(gains, 2, 6, 0.1) <= 6).all()


@pytest.mark.parametrize(
    ("shape", "spacing"), [((60, 50), (1, 1)), ((60, 50), (0.5, 1)), ((20, 60, 60), (3, 1, 1))]
)
def test_an_outline_of_one_radius_is_a_disc_or_ball(shape, spacing):
    voxel = VoxelSize(spacing)
    centre = np.array(shape) / 2 + 0.3
    rays = Rays.of(np.zeros(shape), None, centre, 8, voxel)
    box, mask = star_mask(rays, np.full(directions(len(shape)).shape[:2], 7.9), shape)
    whole = np.zeros(shape, bool)
    whole[box] = mask
    places = np.indices(shape).reshape(len(shape), -1).T
    away = np.linalg.norm((places - centre) * np.array(spacing) / min(spacing), axis=1)
    np.testing.assert_array_equal(whole.ravel(), away <= 7.9)


def test_an_outline_beyond_the_image_is_cut_off():
    rays = Rays.of(np.zeros((9, 9)), None, np.array([1, 8]), 8, VoxelSize((1, 1)))
    box, mask = star_mask(rays, np.full((1, 64), 20.0), (9, 9))
    assert box == (slice(0, 9), slice(0, 9))
    assert mask.all()
