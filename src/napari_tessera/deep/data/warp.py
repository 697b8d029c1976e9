"""Patches cut from images at moved places: turning, scaling and bending in one resampling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from napari_tessera.deep.settings import Augmentation
from napari_tessera.signature.words import Array

CONTROL = 64
"""Pixels between the control points of a bend."""


def places(
    side: tuple[int, ...], centre: Array, settings: Augmentation, random: np.random.Generator
) -> Array:
    """Return where in an image the pixels of a varied patch are taken from.

    Parameters
    ----------
    side : tuple of int
        Pixels of the patch along each axis.
    centre : ndarray, shape (D,)
        Its centre in the image.
    settings : Augmentation
    random : Generator

    Returns
    -------
    ndarray of float32, shape (D, *side)

    References
    ----------
    O. Ronneberger, P. Fischer, T. Brox, "U-Net", MICCAI 2015 (elastic deformation).

    Examples
    --------
    >>> from napari_tessera.deep.settings import NO_AUGMENTATION
    >>> random = np.random.default_rng(0)
    >>> places((1, 3), np.array([5, 7]), NO_AUGMENTATION, random)[1]
    array([[6., 7., 8.]], dtype=float32)
    """
    axes = [np.arange(length, dtype=np.float32) - (length - 1) / 2 for length in side]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"))
    moved = np.tensordot(_matrix(len(side), settings, random), grid, 1)
    moved += np.reshape(centre, (-1,) + (1,) * len(side))
    if settings.elastic:
        moved[-2:] += _bend(side, settings.elastic, random)
    return np.asarray(moved, np.float32)


def _matrix(axes: int, settings: Augmentation, random: np.random.Generator) -> Array:
    """Return the linear part: mirrored, turned, scaled."""
    turns = int(random.integers(4)) if settings.right_angles else 0
    signs = random.choice([-1.0, 1.0], axes) if settings.flips else np.ones(axes)
    angle = math.radians(random.uniform(-1, 1) * settings.rotation)
    # exact, so that pixels stay pixels
    cosine, sine = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)][turns]
    if angle:
        cosine, sine = math.cos(angle + turns * math.pi / 2), math.sin(angle + turns * math.pi / 2)
    matrix = np.eye(axes)
    matrix[-2:, -2:] = [[cosine, -sine], [sine, cosine]]
    scale = math.exp(random.uniform(-1, 1) * math.log1p(settings.scaling))
    return np.asarray(matrix * signs / scale)


def _bend(side: tuple[int, ...], strength: float, random: np.random.Generator) -> Array:
    """Return smooth random shifts in the plane, alike in all planes, shape (2, ..., Y, X)."""
    plane = side[-2:]
    counts = [max(3, math.ceil(length / CONTROL) + 1) for length in plane]
    points = torch.from_numpy(random.normal(0, strength, (1, 2, *counts)).astype(np.float32))
    found = functional.interpolate(points, plane, mode="bicubic", align_corners=True)[0]
    return np.asarray(found.numpy()).reshape(2, *(1,) * (len(side) - 2), *plane)


def without_aliases(image: Array, zoom: float) -> Array:
    """Return an image (C, *P) without what is finer than the pixels it is to be shrunk to.

    It would come back as a pattern that is not there. The Gaussian is half of the pixels that
    become one wide, less what a pixel is by itself.
    """
    if zoom >= 1:
        return image
    from scipy import ndimage

    width = 0.5 * math.sqrt(zoom**-2 - 1)
    return np.asarray(
        ndimage.gaussian_filter(image, (0, *(width,) * (image.ndim - 1)), mode="nearest")
    )


def mirrored(places: Array, shape: tuple[int, ...]) -> Array:
    """Return places beyond the border of an image as those they mirror.

    Examples
    --------
    >>> mirrored(np.array([[-2.0, 1.5, 3.0, 9.0]]), (4,))
    array([[2. , 1.5, 3. , 3. ]])
    """
    result = np.empty_like(places)
    for own, out, length in zip(places, result, shape, strict=True):
        last = length - 1
        out[:] = last - np.abs(own % (2 * last) - last) if last else 0
    return result


def box_of(places: Array, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Return the smallest box of an image that holds what mirrored places are taken from.

    Examples
    --------
    >>> box_of(np.array([[0.5, 2.0]]), (9,))
    (slice(0, 3, None),)
    """
    return tuple(
        slice(int(own.min()), min(math.ceil(own.max()) + 1, length))
        for own, length in zip(places, shape, strict=True)
    )


def sampled(image: Array, places: Array) -> Array:
    """Return an image at places in it, between pixels by linear interpolation.

    Parameters
    ----------
    image : ndarray of float32, shape (C, *P)
    places : ndarray, shape (D, *side)
        In pixels, inside the image.

    Returns
    -------
    ndarray of float32, shape (C, *side)

    Examples
    --------
    >>> sampled(np.array([[0.0, 10.0]], np.float32), np.array([[0.25, 1.0]], np.float32))
    array([[ 2.5, 10. ]], dtype=float32)
    """
    whole = np.rint(places)
    if np.array_equal(whole, places) or image.ndim == 2:
        return _linear(image, places) if image.ndim == 2 else _at(image, whole)
    shape = np.array(image.shape[1:], np.float32)
    scaled = 2 * places / np.maximum(shape - 1, 1).reshape((-1,) + (1,) * len(shape)) - 1
    # grid_sample wants x before y before z
    grid = torch.from_numpy(np.ascontiguousarray(np.moveaxis(scaled[::-1], 0, -1)))[None]
    given = torch.from_numpy(np.ascontiguousarray(image))[None]
    found = functional.grid_sample(given, grid, align_corners=True, padding_mode="border")
    return np.asarray(found[0].numpy())


def _at(image: Array, places: Array) -> Array:
    index: tuple[Any, ...] = (slice(None), *places.astype(np.intp))
    return np.ascontiguousarray(image[index])


def _linear(image: Array, places: Array) -> Array:
    """Interpolate along the only axis."""
    at = np.arange(image.shape[1])
    return np.stack([np.interp(places[0], at, row) for row in image]).astype(np.float32)


def sampled_labels(labels: Array, places: Array) -> Array:
    """Return the labels nearest to places, exactly as they are.

    Parameters
    ----------
    labels : ndarray of int, shape P
    places : ndarray, shape (D, *side)

    Returns
    -------
    ndarray of the same dtype, shape side
    """
    return labels[tuple(np.rint(places).astype(np.intp))]
