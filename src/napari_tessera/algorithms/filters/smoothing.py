"""Smoothing and clean-up of intensities before they are segmented."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from napari_tessera.algorithms.filters.gaussian import gaussian
from napari_tessera.algorithms.parallel import map_slabs
from napari_tessera.signature.progress import NothingToSeparate, Reporter
from napari_tessera.signature.words import Array

Prefilter = Literal["gaussian", "median"]

_MOST = 1 << 24  # of the pixels around each, several arrays are kept


def fill_gaps(image: Array) -> tuple[Array, Array | None]:
    """Replace NaN and infinity by the mean of the other pixels.

    Returns
    -------
    image : ndarray
        The same array if it has no gaps.
    valid : ndarray of bool or None
        Where the image had a value; None if everywhere.

    Raises
    ------
    NothingToSeparate
        If no pixel has a value.
    """
    if image.dtype.kind != "f":
        return image, None
    valid = np.isfinite(image)
    if valid.all():
        return image, None
    if not valid.any():
        raise NothingToSeparate("image holds only NaN and infinity; pass one with finite values")
    mean = image.mean(where=valid, dtype=np.float64)
    return np.where(valid, image, mean.astype(image.dtype)), valid


def both(mask: Array | None, valid: Array | None) -> Array | None:
    """Return where a mask is set and the image has a value; None = everywhere."""
    if mask is None or valid is None:
        return valid if mask is None else mask.astype(bool)
    return np.asarray(mask.astype(bool) & valid)


def smooth_image(
    image: Array,
    width: tuple[float, ...],
    kind: Prefilter = "gaussian",
    report: Reporter | None = None,
) -> Array:
    """Smooth an image with a Gaussian or a median, on all cores.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X)
    width : tuple of float
        Per axis, in pixels: standard deviation of the Gaussian, radius of the median's ellipsoid.
    kind : {"gaussian", "median"}
    report : Reporter, optional

    Returns
    -------
    ndarray
        The image itself if `width` is 0; float32 (float64 from float64) after a Gaussian.
    """
    if not any(width):
        return image
    if kind == "gaussian":
        return gaussian(image, width, report)
    from scipy import ndimage

    element = ellipsoid(width)
    return map_slabs(
        lambda slab: ndimage.median_filter(slab, footprint=element),
        image,
        element.shape[0] // 2,
        image.dtype,
        report,
    )


def prepare(
    image: Array,
    smoothing: tuple[float, ...],
    background: tuple[float, ...],
    kind: Prefilter = "gaussian",
    report: Reporter | None = None,
) -> Array:
    """Smooth an image, then take away its background, a much wider Gaussian of it.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X)
    smoothing, background : tuple of float
        Widths per axis, in pixels; 0 leaves the step out.
    kind : {"gaussian", "median"}
        The filter that smooths.
    report : Reporter, optional

    Returns
    -------
    ndarray
    """
    report = Reporter.of(report)
    smoothed = smooth_image(image, smoothing, kind, report.part(0, 2))
    if not any(background):
        return smoothed
    wide = smooth_image(smoothed, background, report=report.part(1, 2))
    return np.asarray(smoothed.astype(wide.dtype) - wide)


def ellipsoid(radius: tuple[float, ...]) -> Array:
    """Return a mask of the pixels no further than `radius` (per axis, in pixels) from the centre.

    Examples
    --------
    >>> ellipsoid((1.0, 2.0)).astype(int)
    array([[0, 0, 1, 0, 0],
           [1, 1, 1, 1, 1],
           [0, 0, 1, 0, 0]])
    """
    count = math.prod(2 * int(r) + 1 for r in radius)
    if count > _MOST:
        raise ValueError(
            f"smoothing covers {count:g} pixels, but a median is found of at most {_MOST:g}; "
            "choose a shorter one, or the Gaussian"
        )
    axes = [np.arange(-int(r), int(r) + 1) / max(r, 1e-9) for r in radius]
    grid = np.meshgrid(*axes, indexing="ij")
    return np.asarray(sum(axis**2 for axis in grid) <= 1 + 1e-9)
