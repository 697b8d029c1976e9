from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_tessera.deep.data.augmentation import cut_and_pasted, mixed, one_hot, vary
from napari_tessera.deep.data.targets import IGNORE
from napari_tessera.deep.settings import NO_AUGMENTATION, Augmentation


def only(**settings):
    return replace(NO_AUGMENTATION, **settings)


@pytest.fixture
def image(rng):
    return rng.random((3, 20, 24)).astype(np.float32)


def test_without_strength_nothing_changes(image):
    found = vary(image, NO_AUGMENTATION, np.random.default_rng(0), rgb=True)
    np.testing.assert_array_equal(found, image)


def test_brightness_is_added(image):
    shifts = [
        (vary(image, only(brightness=0.2), np.random.default_rng(seed), rgb=False) - image)
        for seed in range(20)
    ]
    for shift in shifts:
        assert np.ptp(shift) < 1e-6
        assert abs(shift.mean()) <= 0.2
    assert np.std([shift.mean() for shift in shifts]) > 0.05


def test_contrast_stretches_around_the_mean(image):
    found = vary(image, only(contrast=0.5), np.random.default_rng(0), rgb=False)
    np.testing.assert_allclose(found.mean(axis=(1, 2)), image.mean(axis=(1, 2)), atol=1e-5)
    ratio = found.std() / image.std()
    assert 0.5 <= ratio <= 1.5
    assert abs(ratio - 1) > 0.01


def test_gamma_keeps_order_sign_and_ends():
    values = np.array([[[-0.5, 0, 0.2, 0.5, 1, 1.5]]], np.float32)
    for seed in range(10):
        found = vary(values, only(gamma=1), np.random.default_rng(seed), rgb=False)[0, 0]
        assert np.all(np.diff(found) > 0)
        np.testing.assert_allclose(found[[1, 4]], [0, 1], atol=1e-6)
        assert found[0] < 0


def test_hue_leaves_brightness_and_grey(image):
    found = vary(image, only(hue=0.5), np.random.default_rng(0), rgb=True)
    brightness = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(
        np.tensordot(brightness, found, 1), np.tensordot(brightness, image, 1), atol=1e-4
    )
    assert np.abs(found - image).max() > 0.1
    grey = np.full((3, 4, 4), 0.4, np.float32)
    same = vary(grey, only(hue=0.5, saturation=1), np.random.default_rng(1), rgb=True)
    np.testing.assert_allclose(same, grey, atol=2e-3)
    other = vary(image, only(hue=0.5, saturation=1), np.random.default_rng(1), rgb=False)
    np.testing.assert_array_equal(other, image)


def test_blur_and_noise():
    image = np.zeros((1, 31, 31), np.float32)
    image[0, 15, 15] = 1
    found = vary(image, only(blur=3), np.random.default_rng(0), rgb=False)
    assert found.sum() == pytest.approx(1, abs=1e-3)
    assert found[0, 15, 15] == found.max() < 1
    noisy = vary(image, only(noise=0.5), np.random.default_rng(0), rgb=False) - image
    assert 0 < noisy.std() <= 0.55


def test_volumes_and_seeds(rng):
    image = rng.random((2, 4, 10, 10)).astype(np.float32)
    settings = Augmentation(blur=1)
    first, second = (vary(image, settings, np.random.default_rng(3), rgb=False) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == image.shape
    assert first.dtype == np.float32


def batch(axes=2):
    """Return four images whose values say which they are, and their classes."""
    shape = (8, 10) if axes == 2 else (4, 8, 10)
    images = torch.arange(1.0, 5).reshape(4, 1, *(1,) * axes).expand(4, 1, *shape).clone()
    ids = (images[:, 0] % 2).long()
    return images, ids


@pytest.mark.parametrize("axes", [2, 3])
def test_blended_images_have_blended_targets(axes):
    images, ids = batch(axes)
    ids[0, ..., 0] = IGNORE
    soft = one_hot(ids, 2)
    weights = images[:, 0].clone()
    found, targets, own = mixed(images, soft, np.random.default_rng(2), weights=weights)
    sums = targets.sum(1)
    assert ((sums - 1).abs() < 1e-6).logical_or(sums == 0).all()
    torch.testing.assert_close(own, found[:, 0])
    assert (sums == 0).any()  # unknown in either
    assert (sums[0, ..., 0] == 0).all()
    # each blend is one of two images by one share, and the share is that of the targets
    random = np.random.default_rng(2)
    share, order = random.beta(0.4, 0.4), random.permutation(4)
    torch.testing.assert_close(found, share * images + (1 - share) * images[order])
    known = sums > 0
    expected = (share * soft + (1 - share) * soft[order]).transpose(0, 1)[:, known]
    torch.testing.assert_close(targets.transpose(0, 1)[:, known], expected)


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_pasted_pixels_bring_their_labels(axes, seed):
    images, ids = batch(axes)
    ids = images[:, 0].long() * 1_000_003  # an id of its own in each image
    found, targets, weights = cut_and_pasted(
        images, ids, np.random.default_rng(seed), weights=images[:, 0].clone()
    )
    torch.testing.assert_close(targets, found[:, 0].long() * 1_000_003)
    torch.testing.assert_close(weights, found[:, 0])
    for one in found:
        assert 1 <= len(one.unique()) <= 2


def test_a_pasted_box_is_centred_in_smaller_targets():
    images = torch.zeros(2, 1, 12, 12)
    images[1] = 1
    ids = torch.zeros(2, 8, 8, dtype=torch.long)
    ids[1] = 1
    for seed in range(8):
        found, targets, _ = cut_and_pasted(images, ids, np.random.default_rng(seed))
        torch.testing.assert_close(found[:, 0, 2:10, 2:10].long(), targets)


def test_boxes_are_of_all_sizes():
    images, ids = batch()
    shares = []
    for seed in range(200):
        found, _, _ = cut_and_pasted(images, ids, np.random.default_rng(seed))
        shares.append(float((found != images).float().mean()))
    assert min(shares) < 0.1
    assert max(shares) > 0.6


def test_ignored_pixels_have_no_share():
    ids = torch.tensor([[[0, IGNORE, 2]]])
    np.testing.assert_array_equal(one_hot(ids, 3)[0, :, 0], [[1, 0, 0], [0, 0, 0], [0, 0, 1]])


def colours(image):
    """Return the colour differences as complex numbers: length = saturation, angle = hue."""
    found = np.tensordot([[0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], image, 1)
    return found[0] + 1j * found[1]


def test_hue_turns_by_up_to_its_share_of_the_wheel(image):
    angles = []
    for seed in range(60):
        found = vary(image, only(hue=0.1), np.random.default_rng(seed), rgb=True)
        turn = colours(found) / colours(image)
        np.testing.assert_allclose(turn, np.mean(turn), atol=1e-2)
        assert np.abs(np.mean(turn)) == pytest.approx(1, abs=1e-3)
        angles.append(np.angle(np.mean(turn)) / (2 * np.pi))
    assert -0.101 < min(angles) < -0.08
    assert 0.08 < max(angles) < 0.101


def test_saturation_stretches_colours_and_keeps_their_hue(image):
    factors = []
    for seed in range(60):
        found = vary(image, only(saturation=0.5), np.random.default_rng(seed), rgb=True)
        stretch = colours(found) / colours(image)
        np.testing.assert_allclose(stretch, np.mean(stretch).real, atol=1e-2)
        factors.append(np.mean(stretch).real)
    assert 0.499 < min(factors) < 0.6
    assert 1.4 < max(factors) < 1.501


@pytest.mark.parametrize("shape", [(15, 15), (9, 15, 15)], ids=["plane", "volume"])
def test_blur_reaches_along_all_axes_but_not_into_other_channels(shape):
    image = np.zeros((2, *shape), np.float32)
    middle = tuple(length // 2 for length in shape)
    image[(0, *middle)] = 1
    found = vary(image, only(blur=2), np.random.default_rng(0), rgb=False)
    assert not found[1].any()
    for axis in range(len(shape)):
        beside = list(middle)
        beside[axis] += 1
        assert 0 < found[(0, *beside)] < found[(0, *middle)]


def test_what_is_unknown_in_either_image_is_unknown_in_the_blend():
    images = torch.zeros(2, 1, 1, 3)
    soft = one_hot(torch.tensor([[[IGNORE, 0, 1]], [[0, 1, IGNORE]]]), 2)
    own, swapped = torch.tensor([[0, 1, 1], [1, 1, 0]]), torch.tensor([[0, 1, 0], [0, 1, 0]])
    seen = set()
    for seed in range(12):
        _, targets, _ = mixed(images, soft, np.random.default_rng(seed))
        known = targets.sum(1)[:, 0].round().int()  # (B, X)
        seen.add(tuple(known.flatten().tolist()))
    assert seen == {tuple(own.flatten().tolist()), tuple(swapped.flatten().tolist())}


def test_pasted_pixels_bring_their_shares():
    images = torch.arange(4.0).reshape(4, 1, 1, 1).expand(4, 1, 8, 10).clone()
    pasted = 0
    for seed in range(6):
        found, targets, weights = cut_and_pasted(
            images, one_hot(images[:, 0].long(), 4), np.random.default_rng(seed)
        )
        torch.testing.assert_close(targets, one_hot(found[:, 0].long(), 4))
        assert weights is None
        pasted += int((found != images).sum())
    assert pasted


@pytest.mark.parametrize("shape", [(32, 32), (16, 16, 16)], ids=["planes", "volumes"])
def test_boxes_cover_half_on_average(shape):
    images = torch.zeros(2, 1, *shape)
    images[1] = 1
    shares = []
    for seed in range(600):
        found, _, _ = cut_and_pasted(images, images[:, 0].long(), np.random.default_rng(seed))
        if not torch.equal(found, images):  # a permutation of two may leave both
            shares.append(float(found[0].mean()))
    assert 0.44 < np.mean(shares) < 0.56
    assert np.quantile(shares, 0.1) < 0.2
    assert np.quantile(shares, 0.9) > 0.8


def test_shading_is_a_factor_and_a_background_that_change_smoothly():
    flat, strength = np.full((1, 33, 41), 0.5, np.float32), 0.3
    seen = [
        vary(flat, only(shading=strength), np.random.default_rng(seed), rgb=False) - 0.5
        for seed in range(20)
    ]
    for change in seen:
        # of .5, up to .3 * .5 by the factor and .3 by the background
        assert np.abs(change).max() <= 1.5 * strength
        # from one control point to the next, 16 pixels, by twice that at most
        assert np.abs(np.diff(change, axis=1)).max() <= 2 * 1.5 * strength / 16 + 1e-6
    assert np.std([change[0, 0, 0] for change in seen]) > 0.05
    dark = vary(
        np.zeros((1, 9, 9), np.float32), only(shading=0.3), np.random.default_rng(0), rgb=False
    )
    assert np.ptp(dark) > 0.05


def test_shading_is_alike_in_all_planes_and_channels():
    found = vary(
        np.ones((2, 3, 8, 8), np.float32), only(shading=0.2), np.random.default_rng(1), rgb=False
    )
    np.testing.assert_array_equal(found, np.broadcast_to(found[:1, :1], found.shape))


def test_a_share_of_the_patches_is_inverted(image):
    settings = only(inversion=0.25)
    negatives = 0
    for seed in range(400):
        found = vary(image, settings, np.random.default_rng(seed), rgb=False)
        same = np.array_equal(found, image)
        assert same or np.array_equal(found, 1 - image)
        negatives += not same
    assert 70 <= negatives <= 130  # 100 are expected, standard deviation 9
