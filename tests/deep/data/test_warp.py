import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_tessera.deep.data.warp import (
    box_of,
    mirrored,
    places,
    sampled,
    sampled_labels,
    without_aliases,
)
from napari_tessera.deep.settings import NO_AUGMENTATION, Augmentation

OFF = {
    "flips": False,
    "right_angles": False,
    "rotation": 0,
    "scaling": 0,
    "elastic": 0,
}


def only(**settings):
    return Augmentation(**{**OFF, **settings})


@pytest.fixture
def blobs():
    """Large blobs as labels, and an image from which they can be told."""
    labels = np.zeros((120, 140), np.int64)
    for number, (y, x) in enumerate(((30, 30), (30, 90), (80, 50), (85, 110)), 1):
        yy, xx = np.ogrid[:120, :140]
        labels[(yy - y) ** 2 + (xx - x) ** 2 < 22**2] = number
    return labels


def cut(labels, settings, seed, side=(64, 64)):
    """Return a patch of each label as an image, and the patch of the labels."""
    random = np.random.default_rng(seed)
    centre = np.array(labels.shape) / 2 - 0.5
    grid = mirrored(places(side, centre, settings, random), labels.shape)
    image = np.stack([labels == number for number in range(5)]).astype(np.float32)
    return sampled(image, grid), sampled_labels(labels, grid)


@pytest.mark.parametrize(
    "settings",
    [
        only(rotation=180),
        only(scaling=1),
        only(elastic=8),
        only(right_angles=True, flips=True, rotation=90, scaling=0.5, elastic=5),
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_image_and_labels_stay_aligned(blobs, settings, seed):
    image, labels = cut(blobs, settings, seed)
    for number in np.unique(labels):
        found, true = image[number] > 0.5, labels == number
        if true.sum() > 200:
            assert (found & true).sum() / (found | true).sum() > 0.95


@pytest.mark.parametrize("settings", [only(flips=True), only(right_angles=True), only()])
@pytest.mark.parametrize("seed", range(8))
def test_mirrored_and_turned_patches_are_exact(blobs, settings, seed):
    image, labels = cut(blobs, settings, seed)
    for number in range(5):
        np.testing.assert_array_equal(image[number], labels == number)
    middle = blobs[28:92, 38:102]
    turned = [np.rot90(middle, k) for k in range(4)]
    same = [each for one in turned for each in (one, one[::-1], one[:, ::-1], one[::-1, ::-1])]
    assert any(np.array_equal(labels, each) for each in same)


def test_without_variation_it_is_a_plain_cut(blobs):
    _, labels = cut(blobs, NO_AUGMENTATION, 0)
    np.testing.assert_array_equal(labels, blobs[28:92, 38:102])


def test_ids_come_back_exactly_however_large():
    labels = np.full((9, 9), 2**40, np.int64)
    labels[3:6, 3:6] = 20_000_001
    _, found = cut(labels, only(rotation=45, elastic=1), 0, side=(9, 9))
    assert found.dtype == np.int64
    assert set(np.unique(found)) == {2**40, 20_000_001}


@given(
    st.lists(st.floats(-50, 50), min_size=1, max_size=8),
    st.integers(1, 9),
)
def test_beyond_the_border_lies_its_mirror_image(where, length):
    row = np.arange(float(length))
    found = mirrored(np.array([where]), (length,))
    assert found.min() >= 0
    assert found.max() <= length - 1
    expected = ndimage.map_coordinates(row, [where], order=1, mode="mirror")
    np.testing.assert_allclose(np.interp(found[0], row, row), expected, atol=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_the_box_holds_all_that_is_needed(seed):
    random = np.random.default_rng(seed)
    shape = tuple(int(n) for n in random.integers(1, 30, 2))
    grid = mirrored(random.uniform(-40, 40, (2, 5, 6)), shape).astype(np.float32)
    image = random.random((2, *shape)).astype(np.float32)
    box = box_of(grid, shape)
    start = np.reshape([part.start for part in box], (2, 1, 1)).astype(np.float32)
    part = sampled(image[(slice(None), *box)], grid - start)
    whole = [ndimage.map_coordinates(each, grid, order=1) for each in image]
    np.testing.assert_allclose(part, whole, atol=1e-4)


def test_volumes_turn_in_the_plane_and_bend_in_it():
    labels = np.zeros((9, 60, 60), np.int64)
    labels[3:6, 15:45, 15:45] = 1
    random = np.random.default_rng(1)
    settings = only(rotation=180, elastic=3)
    grid = places((9, 40, 40), np.array([4, 29.5, 29.5]), settings, random)
    np.testing.assert_allclose(grid[0], np.broadcast_to(np.arange(9)[:, None, None], grid[0].shape))
    grid = mirrored(grid, labels.shape)
    image, found = sampled(labels[None].astype(np.float32), grid), sampled_labels(labels, grid)
    assert ((image[0] > 0.5) == (found > 0)).mean() > 0.99
    assert not found[[0, 1, 2, 6, 7, 8]].any()


def test_bends_are_as_strong_as_asked():
    random = np.random.default_rng(0)
    still = places((64, 64), np.zeros(2), only(), np.random.default_rng(0))
    moved = [places((64, 64), np.zeros(2), only(elastic=4), random) - still for _ in range(60)]
    assert 2 < np.std(moved) < 4.5
    assert abs(np.mean(moved)) < 1


def test_one_seed_gives_one_patch():
    settings = Augmentation()
    first, second = (
        places((8, 8), np.zeros(2), settings, np.random.default_rng(5)) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_every_mirroring_and_turn_of_the_plane_occurs():
    labels = np.arange(9).reshape(3, 3)
    flips = {cut(labels, only(flips=True), seed, (3, 3))[1].tobytes() for seed in range(40)}
    same = [labels, labels[::-1], labels[:, ::-1], labels[::-1, ::-1]]
    assert flips == {each.tobytes() for each in same}
    turns = {cut(labels, only(right_angles=True), seed, (3, 3))[1].tobytes() for seed in range(40)}
    assert turns == {np.rot90(labels, k).tobytes() for k in range(4)}


@pytest.mark.parametrize("side", [(1, 11), (5, 7, 9)], ids=["plane", "volume"])
def test_scaling_is_the_same_along_all_axes_and_as_often_up_as_down(side):
    still = places(side, np.zeros(len(side)), only(), np.random.default_rng(0))
    shares = []
    for seed in range(200):
        found = places(side, np.zeros(len(side)), only(scaling=0.25), np.random.default_rng(seed))
        share = np.ptp(found[-1]) / np.ptp(still[-1])
        np.testing.assert_allclose(found, share * still, atol=1e-4)
        shares.append(share)
    assert 0.8 - 1e-5 <= min(shares) < 0.82
    assert 1.22 < max(shares) <= 1.25 + 1e-5
    assert abs(np.mean(np.log(shares))) < 0.03


def test_angles_go_to_either_side():
    angles = []
    for seed in range(100):
        found = places((1, 3), np.zeros(2), only(rotation=30), np.random.default_rng(seed))
        y, x = found[:, 0, 2]
        assert np.hypot(y, x) == pytest.approx(1, abs=1e-5)
        angles.append(np.degrees(np.arctan2(y, x)))
    assert -30 - 1e-3 <= min(angles) < -27
    assert 27 < max(angles) <= 30 + 1e-3


def test_bends_of_planes_are_smooth():
    still = places((64, 64), np.zeros(2), only(), np.random.default_rng(0))
    for seed in range(5):
        found = places((64, 64), np.zeros(2), only(elastic=4), np.random.default_rng(seed))
        bends = np.abs(np.diff(found - still, 2, axis=-1))
        assert bends.max() < 50 * np.median(bends)  # no kinks at control points


def test_mirrored_and_turned_volumes_are_exact():
    labels = np.random.default_rng(0).integers(0, 2**40, (5, 8, 8))
    image = (labels % 97)[None].astype(np.float32)
    seen = set()
    for seed in range(80):
        random = np.random.default_rng(seed)
        settings = only(flips=True, right_angles=True)
        grid = mirrored(places((5, 8, 8), np.array([2, 3.5, 3.5]), settings, random), labels.shape)
        found = sampled_labels(labels, grid)
        np.testing.assert_array_equal(sampled(image, grid)[0], found % 97)
        seen.add(found.tobytes())
    assert len(seen) == 16  # the symmetries of a square, times z mirrored or not


def test_volumes_are_sampled_as_by_scipy():
    random = np.random.default_rng(0)
    image = random.random((2, 7, 30, 31)).astype(np.float32)
    where = random.uniform(-20, 50, (3, 4, 9, 8)).astype(np.float32)
    found = sampled(image, mirrored(where, image.shape[1:]))
    expected = [ndimage.map_coordinates(each, where, order=1, mode="mirror") for each in image]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_pattern_finer_than_the_pixels_left_becomes_its_mean():
    stripes = np.tile(np.float32([0, 1]), (1, 32, 16))  # 2 pixels a period
    kept = without_aliases(stripes, 0.25)
    assert np.abs(kept[..., 8:-8] - 0.5).max() < 0.01
    np.testing.assert_array_equal(without_aliases(stripes, 1.0), stripes)
    wide = np.repeat(stripes, 16, axis=2)  # 32 pixels a period are 8 of those left
    assert np.ptp(without_aliases(wide, 0.25)) > 0.9
