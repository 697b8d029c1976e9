"""Gaussian smoothing on all cores, as the sum of the pixels around each along one axis at a time.

Narrow Gaussians are summed pixel by pixel. The time for that grows with the width, so that for
wide ones the weights are written as a sum of six cosines: the sum with each of them follows from
those of the two pixels before, whatever the width (Elboher and Werman).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from napari_tessera.algorithms.parallel import PIECE, parallel_for, slabs
from napari_tessera.signature.arrays import native
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array

TRUNCATE = 4.0
"""A Gaussian is cut off this many standard deviations from its centre."""

WIDE = 14.0
"""Standard deviation in pixels from which on the cosines are faster."""

ORDERS = 6
"""How many cosines there are: their sum differs from the Gaussian by 2e-4 of its peak."""

_COMPILED = ("uint8", "uint16", "float32", "float64")
"""What the kernels are compiled for; other images are made float32 first."""

_CHUNK = 2048
"""Pixels of the rows that are summed at once: some rows of them stay in the cache."""


def gaussian(image: Array, width: tuple[float, ...], report: Reporter | None = None) -> Array:
    """Smooth an image with a Gaussian, mirrored at the borders.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X)
        Without NaN.
    width : tuple of float
        Standard deviation along each axis, in pixels; 0 leaves the axis as it is.
    report : Reporter, optional

    Returns
    -------
    ndarray
        float32, or float64 from float64. Weights are 0 beyond `TRUNCATE` standard deviations. From
        a width of `WIDE` pixels on, and along axes shorter than the weights, they differ from those
        of a Gaussian by at most 2e-4 of the largest.

    References
    ----------
    E. Elboher and M. Werman, "Cosine integral images for fast spatial and range filtering", ICIP
    2011.

    Examples
    --------
    >>> gaussian(np.array([[0.0, 0, 1, 0, 0]]), (0, 0.5)).round(3)
    array([[0.   , 0.106, 0.787, 0.106, 0.   ]])
    """
    dtype = np.float64 if image.dtype == np.float64 else np.float32
    image = native(image)
    if image.dtype.name not in _COMPILED:
        image = image.astype(np.float32)
    image, result = np.ascontiguousarray(image), np.empty(image.shape, dtype)
    passes = _passes(image.shape, width, dtype)
    if not passes or not image.size:
        return image.astype(dtype)
    report, source = Reporter.of(report), image
    for number, each in enumerate(passes):
        each.run(source, result, report.part(number, len(passes)))
        source = result
    return result


@dataclass(frozen=True)
class _Pass:
    """What is summed in one go, of planes of a shape (count, rows, columns).

    `kernel` works on one plane, and a part of it that has its first and last row, or column; it is
    `mixed` if it reads other types than it writes.
    """

    shape: tuple[int, int, int]
    kernel: Callable[[Array, tuple[int, int], Array], None]
    parts: list[tuple[int, int]]
    mixed: bool = True

    def run(self, source: Array, out: Array, report: Reporter) -> None:
        """Sum what is in `source`, which may be `out` itself."""
        source, out = source.reshape(self.shape), out.reshape(self.shape)
        if not self.mixed:
            source = source.astype(out.dtype, copy=False)
        parallel_for(
            lambda each: self.kernel(source[each[0]], each[1], out[each[0]]),
            list(product(range(self.shape[0]), self.parts)),
            report,
        )


def _passes(shape: tuple[int, ...], width: tuple[float, ...], dtype: Any) -> list[_Pass]:
    """Return what is done one after the other: the leading axes, then rows and columns."""
    # twice as wide as the axis is long is the mean along it, but for 1e-5, as all wider ones are
    width = tuple(min(w, 2 * size) for w, size in zip(width, shape, strict=True))
    axes = [axis for axis, w in enumerate(width) if reach(w)]
    summed = [0 < reach(w) <= size and w < WIDE for w, size in zip(width, shape, strict=True)]
    found = []
    if len(shape) > 1 and all(summed[-2:]):
        del axes[-2:]
        found.append(_plane_pass(shape, width, dtype, first=not axes))
    for axis in reversed(axes):
        make = _line_pass if summed[axis] else _cosine_pass
        found.append(make(shape, axis, width[axis], dtype))
    return found[::-1]


def _plane_pass(
    shape: tuple[int, ...], width: tuple[float, ...], dtype: Any, *, first: bool
) -> _Pass:
    """Sum rows and columns at once; by bands if no pass before has written where it writes."""
    from napari_tessera.algorithms.filters.gaussian_kernels import weighted_plane

    down, across = (half_weights(w).astype(dtype) for w in width[-2:])
    rows, columns = shape[-2:]
    bands = slabs(rows, columns, pixels=PIECE, least=8 * down.size) if first else [(0, rows)]

    def kernel(plane: Array, part: tuple[int, int], out: Array) -> None:
        weighted_plane(plane, down, across, (part[0], 0, part[1], columns), out)

    return _Pass((math.prod(shape[:-2]), rows, columns), kernel, bands)


def _line_pass(shape: tuple[int, ...], axis: int, width: float, dtype: Any) -> _Pass:
    """Sum along one axis: rows beside one another, or as many pixels of them as fit the cache."""
    from napari_tessera.algorithms.filters.gaussian_kernels import weighted_plane

    weights, alone = half_weights(width).astype(dtype), np.ones(1, dtype)
    planes = _planes(shape, axis)
    _, rows, columns = planes

    def across(plane: Array, part: tuple[int, int], out: Array) -> None:
        weighted_plane(plane, alone, weights, (part[0], 0, part[1], columns), out)

    def down(plane: Array, part: tuple[int, int], out: Array) -> None:
        weighted_plane(plane, weights, alone, (0, part[0], rows, part[1]), out)

    if axis == len(shape) - 1:
        return _Pass(planes, across, slabs(rows, columns, pixels=PIECE))
    return _Pass(planes, down, slabs(columns, 1, pixels=_CHUNK))


def _cosine_pass(shape: tuple[int, ...], axis: int, width: float, _: Any) -> _Pass:
    """Sum along one axis by cosines, in numbers of 64 bits."""
    from napari_tessera.algorithms.filters.gaussian_kernels import (
        LINES,
        sliding_columns,
        sliding_rows,
    )

    series, cosines = cosine_series(width), _cosines(reach(width))
    planes = _planes(shape, axis)
    last = axis == len(shape) - 1
    slide, lines = (sliding_rows, planes[1]) if last else (sliding_columns, planes[2])

    def kernel(plane: Array, part: tuple[int, int], out: Array) -> None:
        slide(plane, series, cosines, *part, out)

    parts = slabs(lines, shape[axis], pixels=PIECE, least=LINES)
    return _Pass(planes, kernel, parts, mixed=False)


def _planes(shape: tuple[int, ...], axis: int) -> tuple[int, int, int]:
    """Return the shape of planes in which an axis goes down, or across if it is the last one."""
    if axis == len(shape) - 1:
        return 1, math.prod(shape[:-1]), shape[-1]
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])


def reach(width: float) -> int:
    """Return how many pixels away a Gaussian is cut off."""
    return int(TRUNCATE * width + 0.5)


def half_weights(width: float) -> Array:
    """Return the weights of a Gaussian from its centre outwards; all of them sum to 1."""
    half = np.exp(-0.5 * (np.arange(reach(width) + 1) / width) ** 2)
    return np.asarray(half / (2 * half.sum() - half[0]))


def cosine_series(width: float) -> Array:
    """Return the weights of the cosines whose sum is nearest to a Gaussian's weights.

    Parameters
    ----------
    width : float
        Standard deviation, in pixels.

    Returns
    -------
    ndarray of float64, shape (ORDERS,)
        Of cosines of 0, 1, ... half periods over `TRUNCATE` standard deviations.
    """
    half, cosines = half_weights(width), _cosines(reach(width))[:, :-1]
    # all but the centre stand for two pixels
    twice = np.where(np.arange(half.size) == 0, 1, np.sqrt(2))
    series = np.linalg.lstsq((twice * cosines).T, twice * half, rcond=None)[0]
    return np.asarray(series / (series @ (2 * cosines.sum(1) - cosines[:, 0])))


def _cosines(reach: int) -> Array:
    """Return 0, 1, ... half periods over `reach`, and of the pixel after that."""
    return np.asarray(np.cos(np.pi / reach * np.outer(np.arange(ORDERS), np.arange(reach + 2))))
