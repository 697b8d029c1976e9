"""Outlines that an object may have."""

import numpy as np
import pytest
from skimage.draw import disk

from napari_tessera.algorithms.picking.outlines import (
    MEASURES,
    Bounds,
    candidate_outlines,
    outline_near,
)
from napari_tessera.algorithms.picking.plausibility import plausibility
from napari_tessera.algorithms.picking.rays import Rays
from napari_tessera.algorithms.picking.star import radius_of
from napari_tessera.signature.words import VoxelSize


def around(image, radius=60, channel_axis=None):
    """Return the rays from the middle of an image, and bounds that allow everything."""
    rays = Rays.of(image, channel_axis, np.array([100, 100]), radius, VoxelSize((1, 1)))
    last = len(rays.radii) - 1
    return rays, Bounds(np.zeros((1, 64), int), np.full((1, 64), last))


def disc(radius=20, inner=9.0, outer=0.0):
    image = np.full((201, 201), outer)
    image[disk((100, 100), radius + 0.5)] = inner
    return image


def most_plausible(found):
    return found[int(plausibility(np.array([own.measures for own in found])).argmax())]


@pytest.mark.parametrize(("inner", "outer", "seen"), [(9, 0, 0), (0, 9, 1)])
def test_one_of_them_is_the_border_of_the_object(inner, outer, seen):
    found = list(candidate_outlines(*around(disc(20, inner, outer))))
    best = most_plausible(found)
    assert best.seen == seen
    assert best.broken == 0
    np.testing.assert_allclose(radius_of(best.places), 20.5, rtol=0.05)


def test_an_object_of_another_colour_as_bright_as_its_surroundings():
    image = np.stack([disc(20, 9, 0), disc(20, 0, 9)], -1)
    found = list(candidate_outlines(*around(image, channel_axis=-1)))
    best = most_plausible(found)
    assert best.seen == 2
    np.testing.assert_allclose(radius_of(best.places), 20.5, rtol=0.05)


def test_what_is_known_of_a_disc():
    rays, bounds = around(disc(20))
    best = most_plausible(list(candidate_outlines(rays, bounds)))
    known = dict(zip(MEASURES, best.measures, strict=True))
    assert known["size"] == pytest.approx(np.log(20.5), abs=0.06)
    assert known["narrowness"] > 0.9
    assert known["unevenness"] < 0.3
    assert known["bright"] == 1
    assert known["dark"] == known["outside the image"] == 0
    assert known["unlike around"] < 0.3
    # within lies what blurs into the border alone
    assert known["steps within"] < known["mean step"]


def test_bounds_are_kept_to_or_counted():
    rays, _ = around(disc(20))
    low, high = np.zeros((1, 64), int), np.full((1, 64), len(rays.radii) - 1)
    high[0, :5] = 30
    found = list(candidate_outlines(rays, Bounds(low, high)))
    for own in found:
        assert own.broken == (own.places[0, :5] > 30).sum()
    assert min(own.broken for own in found) == 0


def test_an_outline_near_another_goes_to_the_border_but_not_far():
    rays, bounds = around(disc(20))
    number = int(np.abs(radius_of(np.arange(len(rays.radii))) - 20.5).argmin())
    near = outline_near(rays, bounds, np.full((1, 64), number + 1.5), 0)
    np.testing.assert_allclose(radius_of(near), 20.5, rtol=0.05)
    far = outline_near(rays, bounds, np.full((1, 64), 10.0), 0)
    assert np.abs(far - 10).max() <= 4
