"""Intensities, colours and channels as points in a space in which distances have a meaning."""

from __future__ import annotations

from typing import Literal

import numpy as np

from napari_tessera.algorithms.filters.gaussian import reach
from napari_tessera.algorithms.filters.smoothing import smooth_image
from napari_tessera.algorithms.halo_tiles import Box, with_halo
from napari_tessera.algorithms.parallel import map_slabs
from napari_tessera.signature.progress import NothingToSeparate
from napari_tessera.signature.words import Array

ColourSpace = Literal["as is", "lab"]


def features(image: Array, channel_axis: int | None, space: ColourSpace) -> Array:
    """Return the intensities of each pixel as a point, on all cores.

    Parameters
    ----------
    image : ndarray
    channel_axis : int, optional
        The axis of colours or channels; None = grey.
    space : {"as is", "lab"}
        The channels themselves, or CIE L*a*b*, in which equal distances look equally different.
        Colours are red, green, blue: whole numbers of the full range of their type, or 0 to 1.

    Returns
    -------
    ndarray of float32, shape (..., channels)

    Raises
    ------
    ValueError
        If Lab is asked of an image that has no three colours.
    """
    if channel_axis is None:
        if space == "lab":
            raise ValueError(
                "colour_space is 'lab', but image is grey; choose 'as is', or pass an RGB image"
            )
        return image[..., np.newaxis].astype(np.float32)
    channels = np.moveaxis(image, channel_axis, -1)
    if space == "as is":
        return channels.astype(np.float32)
    if channels.shape[-1] not in (3, 4):
        raise ValueError(
            f"colour_space is 'lab', but image has {channels.shape[-1]} channels; choose 'as is', "
            "or pass red, green and blue"
        )
    from skimage.color import rgb2lab

    return map_slabs(
        lambda slab: rgb2lab(slab).astype(np.float32), channels[..., :3], 0, np.float32
    )


def points_within(
    image: Array,
    width: tuple[float, ...],
    channel_axis: int | None,
    box: Box,
    space: ColourSpace = "as is",
) -> tuple[Array, Array | None]:
    """Return the smoothed points in a box, as if all of the image had been smoothed.

    They are the same to the last bit if the Gaussian is narrower than `gaussian.WIDE` and no pixel
    that it sees is without a value.

    Parameters
    ----------
    image : ndarray
    width : tuple of float
        Standard deviation of the Gaussian along each spatial axis, in pixels.
    channel_axis, space
        As for `features`.
    box : tuple of slice
        Of the spatial axes.

    Returns
    -------
    points, valid
        As of `smooth_points`.
    """
    image = image if channel_axis is None else np.moveaxis(image, channel_axis, -1)
    tile = with_halo(box, image.shape[: len(box)], tuple(map(reach, width)))
    seen = features(image[tile.seen], None if channel_axis is None else -1, space)
    points, valid = smooth_points(seen, width)
    return points[tile.inner], None if valid is None else valid[tile.inner]


def smooth_points(points: Array, width: tuple[float, ...]) -> tuple[Array, Array | None]:
    """Fill what has no value by the mean of the rest, then smooth each channel.

    Parameters
    ----------
    points : ndarray, shape (..., channels)
    width : tuple of float
        Standard deviation of the Gaussian along each spatial axis, in pixels.

    Returns
    -------
    points : ndarray
    valid : ndarray of bool or None
        Where all channels have a value; None if everywhere.

    Raises
    ------
    NothingToSeparate
        If no pixel has a value.
    """
    valid = np.isfinite(points[..., 0])
    for channel in range(1, points.shape[-1]):
        valid &= np.isfinite(points[..., channel])
    if not valid.any():
        raise NothingToSeparate("image holds only NaN and infinity; pass one with finite values")
    if not valid.all():
        points = np.where(valid[..., np.newaxis], points, points[valid].mean(axis=0))
    if any(width):
        smoothed = np.empty(points.shape, points.dtype)
        for channel in range(points.shape[-1]):
            smoothed[..., channel] = smooth_image(points[..., channel], width)
        points = smoothed
    return points, None if valid.all() else valid
