"""Exact distances among labels in anisotropic voxels: to the nearest one, to the nearest other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.geometry.distance import FAR, envelope
from napari_tessera.algorithms.labels.runs import codes, run_ends
from napari_tessera.algorithms.parallel import rows, run_jobs, strips
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array, VoxelSize

_COLUMNS = 16
_TIE = 1e-6
_NEAR = 1e-3


def inside(labels: Array, spacing: VoxelSize, *, report: Reporter | None = None) -> Array:
    """Return the distance of each pixel to the nearest one of a different label.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects or classes; background is a label like the others.
    spacing : VoxelSize
        Pixel size along each axis, the unit of the result.
    report : Reporter, optional

    Returns
    -------
    ndarray of float32
        Between the centres of pixels, so at least the smallest pixel size; infinite if there is
        but one label. Nothing lies beyond the border of the array.

    References
    ----------
    P. F. Felzenszwalb and D. P. Huttenlocher, "Distance transforms of sampled functions", Theory
    of Computing 8, 2012.

    Examples
    --------
    >>> inside(np.array([[1, 1, 1, 2, 2]]), VoxelSize((1, 1)))
    array([[3., 2., 1., 1., 2.]], dtype=float32)
    """
    report, own = Reporter.of(report), codes(labels)
    square = np.empty(own.shape, np.float32)
    flat, flat_square = (each.reshape(-1, own.shape[-1]) for each in (own, square))

    def along_rows(job: tuple[int, int]) -> None:
        _row_distances(flat[slice(*job)], spacing[-1], flat_square[slice(*job)])

    run_jobs(along_rows, rows(*flat.shape), report.part(0, own.ndim))
    for number, axis in enumerate(reversed(range(own.ndim - 1)), 1):
        shape = _lines(own.shape, axis)
        cube, cube_square, step = own.reshape(shape), square.reshape(shape), spacing[axis]

        def along(
            job: Any, own: Array = cube, out: Array = cube_square, step: float = step
        ) -> None:
            _run_distances(own, out, step, *job)

        run_jobs(along, strips(shape), report.part(number, own.ndim))
    return _roots(square)


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
    report = Reporter.of(report)
    owners = codes(labels).copy()
    square = np.where(owners != 0, np.float32(0), FAR)
    farthest = np.inf if limit is None else limit * limit * (1 + _TIE)
    for number, axis in enumerate(reversed(range(labels.ndim))):
        shape = _lines(labels.shape, axis)
        cube, cube_owners = square.reshape(shape), owners.reshape(shape)
        step = spacing[axis]

        def along(
            job: Any, cube: Array = cube, own: Array = cube_owners, step: float = step
        ) -> None:
            _nearest_lines(cube, own, step, farthest, *job)

        run_jobs(along, strips(shape), report.part(number, labels.ndim))
    return _roots(square), owners.view(labels.dtype)


def _lines(shape: tuple[int, ...], axis: int) -> tuple[int, int, int]:
    """Return the shape as (axes before, this axis, axes after)."""
    before, after = shape[:axis], shape[axis + 1 :]
    return int(np.prod(before, dtype=int)), shape[axis], int(np.prod(after, dtype=int))


def _roots(square: Array) -> Array:
    np.copyto(square, np.float32(np.inf), where=square >= FAR)
    return np.asarray(np.sqrt(square, out=square))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _row_distances(labels: Any, step: float, square: Any) -> None:
    """Set the squared distance to the nearest different label of the row, `FAR` without one."""
    rows, width = labels.shape
    change = np.zeros((width + 7) // 8 * 8, np.uint8)
    ends = np.empty(width, np.int64)
    for y in range(rows):
        line, out = labels[y], square[y]
        start = 0
        for number in range(run_ends(line, change, ends)):
            stop = ends[number]
            for x in range(start, stop):
                left = x - start + 1 if start > 0 else width
                right = stop - x if stop < width else width
                out[x] = np.float32((min(left, right) * step) ** 2)
            if start == 0 and stop == width:
                out[:] = FAR
            start = stop


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _run_distances(
    labels: Any, square: Any, step: float, o0: int, o1: int, i0: int, i1: int
) -> None:
    """Take in the axis in the middle: within each run of one label, between its two ends."""
    length = labels.shape[1]
    lines = np.empty((_COLUMNS, length), np.float64)
    line = np.empty(length + 2, np.float64)
    places = np.empty(length + 2, np.int64)
    bounds = np.empty(length + 3, np.float64)
    area = step * step
    for o in range(o0, o1):
        for first in range(i0, i1, _COLUMNS):
            count = min(_COLUMNS, i1 - first)
            for k in range(length):  # a few neighbouring columns at once: they share cache lines
                for c in range(count):
                    height = square[o, k, first + c]
                    lines[c, k] = height / area if height < FAR else 1e30
            for c in range(count):
                start = 0
                for stop in range(1, length + 1):
                    if stop < length and labels[o, stop, first + c] == labels[o, start, first + c]:
                        continue
                    line[0] = 0.0 if start > 0 else 1e30
                    line[1 : stop - start + 1] = lines[c, start:stop]
                    line[stop - start + 1] = 0.0 if stop < length else 1e30
                    envelope(line[: stop - start + 2], places, bounds)
                    lines[c, start:stop] = line[1 : stop - start + 1]
                    start = stop
            for k in range(length):
                for c in range(count):
                    square[o, k, first + c] = lines[c, k] * area if lines[c, k] < 1e29 else FAR


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _nearest_lines(
    square: Any, owners: Any, step: float, limit: float, o0: int, o1: int, i0: int, i1: int
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
                    if lines[c, start] != 0:
                        _gap(lines[c], names[c], start, stop, limit / area, room, heights, own)
            for k in range(length):
                for c in range(count):
                    far = lines[c, k] == np.inf
                    square[o, k, first + c] = FAR if far else lines[c, k] * area
                    owners[o, k, first + c] = 0 if far else names[c, k]


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
