"""Distance to the background, exact, in anisotropic voxels, on all cores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.parallel import WORKERS, in_order
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array, VoxelSize

FAR = np.float32(1e30)
"""Squared distance where there is no background at all."""

_COLUMNS = 16
_PART = 1 << 19


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
    report = Reporter.of(report)
    result = np.where(inside, FAR, np.float32(0))
    for number, axis in enumerate(reversed(range(result.ndim))):
        part = report.part(number, result.ndim)
        outer = int(np.prod(result.shape[:axis], dtype=int))
        cube = result.reshape(outer, result.shape[axis], -1)
        _along(cube, voxel[axis], part)
    return result


def _along(cube: Array, step: float, report: Reporter) -> None:
    """Replace each line of the middle axis by the lower envelope of its parabolas."""
    outer, length, inner = cube.shape
    if inner == 1:  # the contiguous axis: lines are cut along the outer one
        lines = max(1, _PART // length)
        jobs = [(slice(a, a + lines), slice(None)) for a in range(0, outer, lines)]
    else:
        columns = max(1, min(inner, _PART // length) // _COLUMNS) * _COLUMNS
        jobs = [
            (slice(o, o + 1), slice(a, a + columns))
            for o in range(outer)
            for a in range(0, inner, columns)
        ]
        if length * inner < _PART:  # small planes: several of them in one job
            planes = max(1, _PART // (length * inner))
            jobs = [(slice(o, o + planes), slice(None)) for o in range(0, outer, planes)]

    def work(job: tuple[slice, slice]) -> None:
        _envelopes(cube[job[0], :, job[1]], step)

    for done, _ in enumerate(in_order(work, jobs, workers=min(WORKERS, len(jobs))), 1):
        report(Progress(done, len(jobs)))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _envelopes(cube: Any, step: float) -> None:
    outer, length, inner = cube.shape
    lines = np.empty((min(_COLUMNS, inner), length), np.float64)
    places = np.empty(length, np.int64)
    bounds = np.empty(length + 1, np.float64)
    square = step * step
    for o in range(outer):
        for first in range(0, inner, _COLUMNS):
            count = min(_COLUMNS, inner - first)
            for k in range(length):  # a few neighbouring columns at once: they share cache lines
                for c in range(count):
                    lines[c, k] = cube[o, k, first + c] / square
            for c in range(count):
                envelope(lines[c], places, bounds)
            for k in range(length):
                for c in range(count):
                    cube[o, k, first + c] = min(lines[c, k] * square, 1e30)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def envelope(line: Any, places: Any, bounds: Any) -> None:
    """Replace line[q] by the least of (q - p)^2 + line[p]."""
    length = line.size
    top = -1
    for q in range(length):
        height = line[q]
        if height >= 1e29:
            continue
        bound = -np.inf
        while top >= 0:
            p = places[top]
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
