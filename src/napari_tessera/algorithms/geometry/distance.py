"""Distance to a mark, exact, in anisotropic voxels, on all cores: to which, and which is nearest.

The squared distance to the nearest mark is the least, over all marks p, of the sum of the squared
steps along the axes. So it is found one axis after the other: along a line, each pixel q gets the
least of (q - p)^2 s^2 + h(p), where h is what the axes before have found and s the pixel size.
These are parabolas of one shape, and their lower envelope is found in one pass (Felzenszwalb and
Huttenlocher, section 2). The time grows with the number of pixels, whatever the distances.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.labels.runs import codes
from napari_tessera.algorithms.parallel import parallel_for, strips
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array, Report, VoxelSize

FAR = np.float32(1e30)
"""Squared distance where there is no mark at all."""

_COLUMNS = 16
"""Lines beside one another that are gone through at once: a cache line of float32 holds so many."""

_TIE = 1e-6
"""Relative difference of squared distances, kept as float32, within which two are the same."""

_NEAR = 1e-3
"""How near a pixel has to be to where two parabolas meet for both to be looked at."""


def squared_distance(inside: Array, voxel: VoxelSize, report: Reporter | None = None) -> Array:
    """Return the squared distance of each pixel to the nearest one outside.

    Parameters
    ----------
    inside : ndarray of bool, shape (..., Y, X)
    voxel : VoxelSize
        Pixel size along each axis, the unit of the result.
    report : Reporter, optional

    Returns
    -------
    ndarray of float32
        0 outside; `FAR` everywhere if there is no outside.

    References
    ----------
    P. F. Felzenszwalb and D. P. Huttenlocher, "Distance transforms of sampled functions", Theory
    of Computing 8, 2012.

    Examples
    --------
    >>> squared_distance(np.array([[False, True, True]]), VoxelSize((1, 2)))
    array([[ 0.,  4., 16.]], dtype=float32)
    """
    square = np.where(inside, FAR, np.float32(0))
    _along_axes(lower_lines, (square,), voxel, report)
    return square


def nearest_label(
    labels: Array,
    spacing: VoxelSize,
    *,
    limit: float | None = None,
    report: Reporter | None = None,
) -> tuple[Array, Array]:
    """Return how far the nearest label is, and which it is.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects or classes; 0 = background.
    spacing : VoxelSize
        Pixel size along each axis, the unit of the distance.
    limit : float, optional
        How far to look, in that unit; None = everywhere.
    report : Reporter, optional

    Returns
    -------
    distance : ndarray of float32
        0 inside a label; infinite where there is none within `limit`.
    label : ndarray
        The nearest one, of several as near the lowest, in the dtype of `labels`; 0 where there is
        none within `limit`.

    Examples
    --------
    >>> distance, label = nearest_label(np.array([[0, 5, 0, 0, 0, 3]]), VoxelSize((1, 2)), limit=4)
    >>> distance
    array([[2., 0., 2., 4., 2., 0.]], dtype=float32)
    >>> label
    array([[5, 5, 5, 3, 3, 3]])
    """
    owners = codes(labels).copy()
    square = np.where(owners != 0, np.float32(0), FAR)
    farthest = np.inf if limit is None else limit * limit * (1 + _TIE)
    _along_axes(partial(_nearest_lines, farthest), (square, owners), spacing, report)
    np.copyto(square, np.float32(np.inf), where=square >= FAR)
    return np.sqrt(square, out=square), owners.view(labels.dtype)


def _along_axes(
    kernel: Callable[..., None], arrays: tuple[Array, ...], voxel: VoxelSize, report: Report
) -> None:
    """Call `kernel(*cubes, pixel size, *strip)` for one axis after the other, the last one first.

    Cubes are the arrays as (outer, length, inner), `length` being the axis; kernels work in place.
    """
    shape, reporter = arrays[0].shape, Reporter.of(report)

    def along(axis: int, part: Reporter) -> None:
        lines = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
        cubes = [array.reshape(lines) for array in arrays]
        parallel_for(lambda strip: kernel(*cubes, voxel[axis], *strip), strips(lines), part)

    for number, axis in enumerate(reversed(range(len(shape)))):
        along(axis, reporter.part(number, len(shape)))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def lower_lines(cube: Any, step: float, o0: int, o1: int, i0: int, i1: int) -> None:
    """Replace lines of the middle axis by the lower envelope of their parabolas."""
    length = cube.shape[1]
    lines = np.empty((min(_COLUMNS, i1 - i0), length), np.float64)
    places = np.empty(length, np.int64)
    bounds = np.empty(length + 1, np.float64)
    square = step * step
    for o in range(o0, o1):
        for first in range(i0, i1, _COLUMNS):
            count = min(_COLUMNS, i1 - first)
            for k in range(length):
                for c in range(count):
                    height = cube[o, k, first + c]
                    lines[c, k] = height / square if height < FAR else 1e30
            for c in range(count):
                _envelope(lines[c], places, bounds)
            for k in range(length):
                for c in range(count):
                    cube[o, k, first + c] = lines[c, k] * square if lines[c, k] < 1e29 else FAR


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _envelope(line: Any, places: Any, bounds: Any) -> None:
    """Replace line[q] by the least of (q - p)^2 + line[p]."""
    length = line.size
    top = -1
    for q in range(length):
        height = line[q]
        # no mark on this line: its parabola is nowhere the lowest
        if height >= 1e29:
            continue
        bound = -np.inf
        while top >= 0:
            p = places[top]
            # where the parabola of q comes to lie below that of p; one that is covered before it
            # begins is dropped
            bound = (height + q * q - line[p] - p * p) / (2.0 * (q - p))
            if bound > bounds[top]:
                break
            top -= 1
            bound = -np.inf
        top += 1
        places[top] = q
        bounds[top] = bound
    if top < 0:
        return
    bounds[top + 1] = np.inf
    # the heights of the parabolas are read while the line is overwritten: keep them in order
    heights = np.empty(top + 1, np.float64)
    for k in range(top + 1):
        heights[k] = line[places[k]]
    k = 0
    for q in range(length):
        while bounds[k + 1] < q:
            k += 1
        offset = q - places[k]
        line[q] = offset * offset + heights[k]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _nearest_lines(
    limit: float, square: Any, owners: Any, step: float, o0: int, o1: int, i0: int, i1: int
) -> None:
    """Take in the axis in the middle: the least of all parabolas, with its owner."""
    length = square.shape[1]
    lines = np.empty((_COLUMNS, length), np.float64)
    names = np.empty((_COLUMNS, length), owners.dtype)
    room = np.empty(length, np.int64), np.empty(length + 1, np.float64)
    heights = np.empty(length, np.float64)
    own = np.empty(length, owners.dtype)
    area = step * step
    for o in range(o0, o1):
        for first in range(i0, i1, _COLUMNS):
            count = min(_COLUMNS, i1 - first)
            for k in range(length):
                for c in range(count):
                    height = square[o, k, first + c]
                    lines[c, k] = height / area if height < FAR and height <= limit else np.inf
                    names[c, k] = owners[o, k, first + c]
            for c in range(count):
                stop = 0
                while stop < length:
                    start = stop
                    while stop < length and (lines[c, stop] == 0) == (lines[c, start] == 0):
                        stop += 1
                    # marks keep their owner: only the gaps between them are looked at
                    if lines[c, start] != 0:
                        _gap(lines[c], names[c], start, stop, limit / area, room, heights, own)
            for k in range(length):
                for c in range(count):
                    # beyond the limit nobody owns: the next axis has fewer parabolas
                    far = lines[c, k] == np.inf
                    square[o, k, first + c] = FAR if far else lines[c, k] * area
                    # no "0 if far else ...": of int64 and uint64, compiled code makes float64
                    owners[o, k, first + c] = names[c, k]
                    if far:
                        owners[o, k, first + c] = 0


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _gap(
    line: Any,
    names: Any,
    start: int,
    stop: int,
    limit: float,
    room: Any,
    heights: Any,
    own: Any,
) -> None:
    """Fill line[start:stop], between two pixels of height 0: beyond these nothing is nearer."""
    places, bounds = room
    top = -1
    for q in range(max(start - 1, 0), min(stop + 1, line.size)):
        height = line[q]
        if height == np.inf:
            continue
        bound = -np.inf
        while top >= 0:
            p = places[top]
            bound = (height + q * q - heights[top] - p * p) / (2.0 * (q - p))
            # three that meet in one point all stay, since the one in the middle may be the lowest
            if bound > bounds[top] - _TIE:
                break
            top -= 1
            bound = -np.inf
        top += 1
        places[top], bounds[top], heights[top], own[top] = q, bound, height, names[q]
    k = 0
    for q in range(start, stop):
        while k < top and bounds[k + 1] < q - _NEAR:
            k += 1
        # all parabolas that are lowest here, not one of them: of marks as near the lowest id wins,
        # in whatever order they stand
        best, name = np.inf, names[q]
        j = k
        while j <= top and (j == k or bounds[j] <= q + _NEAR):
            height = (q - places[j]) ** 2 + heights[j]
            slack = height * _TIE
            if height < best - slack or (height <= best + slack and own[j] < name):
                name = own[j]
            best = min(best, height)
            j += 1
        line[q], names[q] = (best, name) if best <= limit else (np.inf, name)
