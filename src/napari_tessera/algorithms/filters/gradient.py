"""How steeply an image rises, and where along the gradient it is steepest."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from napari_tessera.algorithms.filters.smoothing import fill_gaps, smooth_image
from napari_tessera.algorithms.parallel import parallel_for, slabs
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array, VoxelSize


class Smoothed(NamedTuple):
    """A smoothed plane whose gradient is found in parts, for which there is no room as a whole.

    Attributes
    ----------
    image : ndarray of float, shape (Y, X)
    missing : ndarray of bool, optional
        Where the gradient means nothing; None = nowhere.
    voxel : VoxelSize
    """

    image: Array
    missing: Array | None
    voxel: VoxelSize

    @classmethod
    def of(
        cls, image: Array, width: tuple[float, ...], voxel: VoxelSize, report: Reporter
    ) -> Smoothed:
        """Return a plane smoothed by a Gaussian of this width per axis, in pixels."""
        return cls(*_smoothed(image, width, report), voxel)

    def rows(self, first: int, stop: int) -> Gradient:
        """Return the gradient of some rows."""
        result = Gradient(
            *(np.empty((stop - first, self.image.shape[1]), np.float32) for _ in range(3))
        )
        rounding = 8 * float(np.finfo(self.image.dtype).eps)
        _sobel(self.image, first, stop, *relative(self.voxel), rounding, *result)
        if self.missing is not None:
            result.magnitude[self.missing[first:stop]] = np.nan
        return result


class Gradient(NamedTuple):
    """How steeply an image rises, per finest pixel.

    Attributes
    ----------
    magnitude : ndarray of float32, shape (Y, X)
        Grey levels per pixel; NaN at and next to missing values.
    dy, dx : ndarray of float32, shape (Y, X)
        Its components along the axes.
    """

    magnitude: Array
    dy: Array
    dx: Array


def gradient(
    image: Array, width: tuple[float, ...], voxel: VoxelSize, report: Reporter | None = None
) -> Gradient:
    """Return the gradient of a plane after smoothing, by Sobel's filter, on all cores.

    Differences along an axis are divided by the pixel's size there, measured in finest pixels: for
    square pixels they are grey levels per pixel, whatever the unit. Differences that rounding alone
    can make are 0. Missing values do not count: neighbours are averaged without them.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
    width : tuple of float
        Standard deviation of the Gaussian per axis, in pixels.
    voxel : VoxelSize
    report : Reporter, optional

    Returns
    -------
    Gradient

    Raises
    ------
    NothingToSeparate
        If no pixel has a value.

    Examples
    --------
    >>> ramp = np.tile([0.0, 2, 4, 6], (3, 1))
    >>> gradient(ramp, (0, 0), VoxelSize((1, 1))).magnitude[1]
    array([1., 2., 2., 1.], dtype=float32)
    """
    report = Reporter.of(report)
    smoothed = Smoothed.of(image, width, voxel, report.part(0, 2))
    result = Gradient(*(np.empty(image.shape, np.float32) for _ in range(3)))

    def fill(rows: tuple[int, int]) -> None:
        for whole, part in zip(result, smoothed.rows(*rows), strict=True):
            whole[slice(*rows)] = part

    parallel_for(fill, slabs(*image.shape), report.part(1, 2))
    return result


def relative(voxel: VoxelSize) -> tuple[float, float]:
    """Return the size of a pixel along y and x in finest pixels."""
    return voxel[0] / min(voxel), voxel[1] / min(voxel)


def _smoothed(image: Array, width: tuple[float, ...], report: Reporter) -> tuple[Array, Any]:
    """Return the smoothed image as float, and where its gradient means nothing (None = nowhere)."""
    from scipy import ndimage

    filled, valid = fill_gaps(image)
    smoothed = smooth_image(filled, width, report=report)
    if smoothed.dtype.kind != "f":
        smoothed = smoothed.astype(np.float32 if image.dtype.itemsize <= 2 else np.float64)
    if valid is None:
        return smoothed, None
    # the mean fills the gaps: take its part out again, or it draws edges of its own
    mean, weight = filled[~valid][0], smooth_image(valid.astype(smoothed.dtype), width)
    smoothed = mean + (smoothed - mean) / np.maximum(weight, smoothed.dtype.type(1e-3))
    return smoothed, ndimage.binary_dilation(~valid, np.ones((3, 3), bool))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _sobel(
    image: Any,
    start: int,
    stop: int,
    tall: float,
    wide: float,
    rounding: float,
    magnitude: Any,
    dy: Any,
    dx: Any,
) -> None:
    rows, columns = image.shape
    for y in range(start, stop):
        above, here, below = image[max(y - 1, 0)], image[y], image[min(y + 1, rows - 1)]
        for x in range(columns):
            left, right = max(x - 1, 0), min(x + 1, columns - 1)
            down = (
                (np.float64(below[left]) - above[left])
                + (np.float64(below[right]) - above[right])
                + 2.0 * (np.float64(below[x]) - above[x])
            ) / (8.0 * tall)
            across = (
                (np.float64(above[right]) - above[left])
                + (np.float64(below[right]) - below[left])
                + 2.0 * (np.float64(here[right]) - here[left])
            ) / (8.0 * wide)
            slope = math.sqrt(down * down + across * across)
            if slope <= rounding * abs(here[x]):
                slope = 0.0
            magnitude[y - start, x] = slope
            dy[y - start, x] = down
            dx[y - start, x] = across


def to_maxima(pixels: Array, slopes: Gradient, voxel: VoxelSize) -> Array:
    """Move edge pixels along the gradient to where it is steepest, at most half a pixel per axis.

    The place is the top of a parabola through the logarithms of the magnitude before, at and behind
    the edge, in neighbouring rows or columns: for a blurred straight step it is exact.

    Parameters
    ----------
    pixels : ndarray, shape (N, 2)
        Whole (y, x).
    slopes : Gradient
    voxel : VoxelSize

    Returns
    -------
    ndarray of float64, shape (N, 2)
        Pixels at the border of the image or beside missing values stay where they are.

    References
    ----------
    F. Devernay, "A non-maxima suppression method for edge detection with sub-pixel accuracy",
    INRIA report 2724, 1995.
    """
    result = pixels.astype(np.float64)
    _shift(result, *slopes, *relative(voxel))
    return result


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _shift(places: Any, magnitude: Any, dy: Any, dx: Any, tall: float, wide: float) -> None:
    rows, columns = magnitude.shape
    near = np.empty((3, 3))
    for k in range(len(places)):
        y, x = int(places[k, 0]), int(places[k, 1])
        if not (0 < y < rows - 1 and 0 < x < columns - 1 and magnitude[y, x] > 0):
            continue
        floor = 1e-3 * magnitude[y, x]  # no logarithm of 0
        for i in range(3):
            for j in range(3):
                near[i, j] = np.log(magnitude[y + i - 1, x + j - 1] + floor)
        v, u = dy[y, x] / tall, dx[y, x] / wide
        upright = abs(v) > abs(u)
        slant = u / v if upright else v / u
        lines = near if upright else near.T
        before = _through(lines[0], -slant) - near[1, 1]
        after = _through(lines[2], slant) - near[1, 1]
        if before + after < 0:  # a summit, and no NaN
            step = min(max(0.5 * (before - after) / (before + after), -0.5), 0.5)
            places[k, 0] += step * (1.0 if upright else slant)
            places[k, 1] += step * (slant if upright else 1.0)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _through(three: Any, place: float) -> float:
    """Interpolate at -1 to 1 by the parabola through values at -1, 0 and 1."""
    bend, slope = (three[0] + three[2]) / 2 - three[1], (three[2] - three[0]) / 2
    return float(three[1] + place * (slope + place * bend))
