"""Variation of intensities, and mixing of examples."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn import functional

from napari_tessera.deep.settings import Augmentation
from napari_tessera.signature.words import Array

ALPHA = 0.4
"""Of the Beta distribution of shares in MixUp, as in the paper for images."""

YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
"""From red, green and blue to brightness and two colour differences."""


def vary(image: Array, settings: Augmentation, random: np.random.Generator, *, rgb: bool) -> Array:
    """Return a patch with other intensities; places stay.

    Parameters
    ----------
    image : ndarray of float32, shape (C, *P)
        Normalised: most of it from 0 to 1.
    settings : Augmentation
    random : Generator
    rgb : bool
        Whether the channels are red, green and blue, whose hue and saturation vary too.

    Returns
    -------
    ndarray of float32, shape (C, *P)
    """
    if rgb and (settings.hue or settings.saturation):
        image = _coloured(image, settings, random)
    if settings.shading:
        image = _shaded(image, settings.shading, random)
    if settings.contrast:
        mean = image.mean(axis=tuple(range(1, image.ndim)), keepdims=True)
        image = mean + (image - mean) * random.uniform(1 - settings.contrast, 1 + settings.contrast)
    if settings.brightness:
        image = image + np.float32(random.uniform(-1, 1) * settings.brightness)
    if settings.gamma:
        power = math.exp(random.uniform(-1, 1) * math.log1p(settings.gamma))
        # of the distance from 0, so that what normalising left below it stays there
        image = np.sign(image) * np.abs(image) ** np.float32(power)
    if settings.blur:
        image = _blurred(image, random.uniform(0, settings.blur))
    if settings.noise:
        strength = random.uniform(0, settings.noise)
        image = image + strength * random.standard_normal(image.shape, np.float32)
    if settings.inversion and random.random() < settings.inversion:
        image = 1 - image
    return np.asarray(image, np.float32)


def _coloured(image: Array, settings: Augmentation, random: np.random.Generator) -> Array:
    """Turn and stretch the colour differences around grey."""
    angle = random.uniform(-1, 1) * settings.hue * 2 * math.pi
    factor = random.uniform(1 - settings.saturation, 1 + settings.saturation)
    cosine, sine = factor * math.cos(angle), factor * math.sin(angle)
    turn = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    return np.tensordot(np.linalg.inv(YIQ) @ turn @ YIQ, image, 1).astype(np.float32)


def _shaded(image: Array, strength: float, random: np.random.Generator) -> Array:
    """Return an image under uneven light: seen through a factor, and before a background."""
    light, background = (_smooth_field(image.shape[-2:], strength, random) for _ in range(2))
    return np.asarray(image * (1 + light) + background)


def _smooth_field(shape: tuple[int, ...], strength: float, random: np.random.Generator) -> Array:
    """Return numbers from -strength to strength that change smoothly over a plane."""
    points = torch.from_numpy(random.uniform(-1, 1, (1, 1, 3, 3)).astype(np.float32))
    # no further than its control points, as a cubic would go
    found = functional.interpolate(points, shape, mode="bilinear", align_corners=True)
    return np.asarray(strength * found[0, 0].numpy(), np.float32)


def _blurred(image: Array, width: float) -> Array:
    from scipy import ndimage

    return np.asarray(
        ndimage.gaussian_filter(image, (0, *(width,) * (image.ndim - 1)), mode="nearest")
    )


def one_hot(ids: torch.Tensor, classes: int) -> torch.Tensor:
    """Return shares of classes (B, K, *P) for ids (B, *P); nothing where they are `IGNORE`."""
    numbers = torch.arange(classes).reshape(1, -1, *(1,) * (ids.ndim - 1))
    return (ids[:, None] == numbers).float()


Mixed = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]


def mixed(
    images: torch.Tensor,
    targets: torch.Tensor,
    random: np.random.Generator,
    *,
    weights: torch.Tensor | None = None,
) -> Mixed:
    """Return each image blended with another one of the batch, targets likewise: MixUp.

    Pixels that are unknown in either image are unknown.

    Parameters
    ----------
    images : Tensor, shape (B, C, *P)
    targets : Tensor, shape (B, K, *P)
        Shares of the classes.
    random : Generator
    weights : Tensor, shape (B, *P), optional

    Returns
    -------
    images, targets, weights

    References
    ----------
    H. Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018.
    """
    share = float(random.beta(ALPHA, ALPHA))
    others = torch.from_numpy(random.permutation(len(images)))

    def blend(own: torch.Tensor) -> torch.Tensor:
        return share * own + (1 - share) * own[others]

    known = (targets.sum(1, keepdim=True) > 0) & (targets[others].sum(1, keepdim=True) > 0)
    blended = blend(targets) * known  # (B, K, *P)
    return blend(images), blended, None if weights is None else blend(weights)


def cut_and_pasted(
    images: torch.Tensor,
    targets: torch.Tensor,
    random: np.random.Generator,
    *,
    weights: torch.Tensor | None = None,
) -> Mixed:
    """Return each image with a box of another one of the batch, targets likewise: CutMix.

    Parameters
    ----------
    images : Tensor, shape (B, C, *P)
    targets : Tensor, shape (B, *P) or (B, K, *P)
        Of the size of the images, or smaller by the same margin on every side.
    random : Generator
    weights : Tensor, shape (B, *P), optional

    Returns
    -------
    images, targets, weights

    References
    ----------
    S. Yun et al., "CutMix: regularization strategy to train strong classifiers", ICCV 2019.
    """
    axes = images.ndim - 2
    shape = images.shape[2:]
    share = random.uniform() ** (1 / axes)
    lengths = [max(1, round(share * length)) for length in shape]
    starts = [int(random.integers(0, n - own + 1)) for n, own in zip(shape, lengths, strict=True)]
    others = torch.from_numpy(random.permutation(len(images)))

    def pasted(own: torch.Tensor) -> torch.Tensor:
        sizes = own.shape[own.ndim - axes :]
        box = tuple(
            slice(max(0, start - (whole - size) // 2), max(0, start + length - (whole - size) // 2))
            for start, length, whole, size in zip(starts, lengths, shape, sizes, strict=True)
        )
        result = own.clone()
        result[(..., *box)] = own[others][(..., *box)]
        return result

    return pasted(images), pasted(targets), None if weights is None else pasted(weights)
