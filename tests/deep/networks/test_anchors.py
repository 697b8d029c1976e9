import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_tessera.deep.networks.anchors import (
    PUBLISHED,
    STRETCH,
    _distances,
    _groups,
    fitted_anchors,
    share_reached,
)


def boxes_of(sizes, rng=None):
    """Return boxes of these widths and heights, anywhere."""
    sizes = np.asarray(sizes, float)
    corners = np.zeros(sizes.shape) if rng is None else rng.uniform(0, 500, sizes.shape)
    return np.hstack([corners, corners + sizes])


def test_nine_sizes_are_found_exactly(rng):
    wanted = np.array(PUBLISHED)
    sizes = np.repeat(wanted, rng.integers(3, 30, 9), axis=0)
    found = fitted_anchors(boxes_of(rng.permutation(sizes), rng))
    assert found == PUBLISHED[:3] + PUBLISHED[3:]  # which are in order of their areas
    assert share_reached(boxes_of(sizes), found) == 1


def test_groups_gather_around_their_middles(rng):
    wanted = np.array(PUBLISHED)
    sizes = np.repeat(wanted, 200, axis=0) * np.exp(rng.normal(0, 0.05, (1800, 2)))
    np.testing.assert_allclose(fitted_anchors(boxes_of(sizes)), wanted, rtol=0.03)


def test_places_and_order_of_the_boxes_do_not_matter(rng):
    sizes = np.exp(rng.uniform(2, 5, (9, 2)))
    boxes = np.repeat(boxes_of(sizes), 4, axis=0)
    first = fitted_anchors(boxes)
    moved = boxes + np.tile(rng.uniform(0, 99, (36, 2)), 2)
    assert fitted_anchors(rng.permutation(moved)) == first
    assert fitted_anchors(boxes) == first


def test_no_anchor_is_smaller_than_the_cells_of_its_level():
    found = np.array(fitted_anchors(boxes_of([[5, 5]] * 20 + [[6, 3]] * 20)))
    areas = found.prod(1)
    np.testing.assert_allclose(areas, np.repeat([64, 256, 1024], 3), rtol=0.05)
    ratios = found[:, 0] / found[:, 1]
    assert np.all(np.isclose(ratios, 1, rtol=0.02) | np.isclose(ratios, 2, rtol=0.02))
    large = np.array(fitted_anchors(boxes_of([[50, 80]] * 9)))
    assert np.array_equal(large, [[50, 80]] * 9)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_every_step_brings_the_middles_nearer(seed, count):
    random = np.random.default_rng(seed)
    logs = random.normal(3, 1, (count, 2))
    middles = _groups(logs, 9, random)
    group = _distances(logs, middles).argmin(1)
    for number in np.unique(group):  # a place from which no step leads away
        np.testing.assert_allclose(middles[number], np.median(logs[group == number], axis=0))
    worse = logs[random.integers(count, size=9)]
    near, far = (_distances(logs, each).min(1).sum() for each in (middles, worse))
    assert near <= far or count > 9  # up to nine boxes, each has its own


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_fitted_ones_reach_more_than_published_ones_of_the_wrong_scale(seed):
    random = np.random.default_rng(seed)
    sizes = np.exp(random.normal(np.log(1200), 0.4, (50, 2)))
    found = fitted_anchors(boxes_of(sizes))
    assert share_reached(boxes_of(sizes), found) == 1
    assert share_reached(boxes_of(sizes), PUBLISHED) < 1


def test_reach_ends_at_the_limit():
    anchors = ((10.0, 10.0),)
    for side, expected in ((STRETCH * 10, 0), (39.9, 1), (2.6, 1), (2.5, 0)):
        assert share_reached(boxes_of([[10, side]]), anchors) == expected
    assert share_reached(np.zeros((0, 4)), anchors) == 1


def test_many_boxes_are_sampled(rng):
    found = fitted_anchors(boxes_of(np.exp(rng.normal(3, 0.5, (30_000, 2)))))
    assert len(found) == 9
    areas = [w * h for w, h in found]
    assert areas == sorted(areas)


@pytest.mark.parametrize("boxes", [np.zeros((0, 4)), np.array([[3, 3, 3, 9], [5, 5, 4, 4]])])
def test_boxes_without_an_area_are_refused(boxes):
    with pytest.raises(
        ValueError, match=f"boxes has {len(boxes)} boxes, none of them with an area"
    ):
        fitted_anchors(boxes)
    good = np.array([[0, 0, 40, 40]] * 3)
    assert fitted_anchors(np.vstack([boxes, good])) == fitted_anchors(good) == ((40.0, 40.0),) * 9
