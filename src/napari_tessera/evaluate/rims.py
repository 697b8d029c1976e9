"""Pixels on the boundaries of labels, and how far marked pixels are from other marked ones."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit

from napari_tessera.tiles import SLAB, WORKERS, in_order
from napari_tessera.types import Array, Progress, Reporter

_FAR = 1e30
EFFORT = 2
"""Places looked at per pixel of a line before its envelope is made."""

_STRIP = 1 << 12
_COLUMNS = 8


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def mark_rims(
    labels: Any, low: int, high: int, flat: bool, border: bool, only: int, marks: Any
) -> Any:
    """Mark the boundary pixels of planes `low` to `high` of a block, and return their labels.

    A pixel is on the boundary of its label if one of its neighbours by faces has another label or,
    with `border`, lies outside the image; unknown neighbours (negative) tell nothing. With `flat`
    the lines have no neighbours among each other. With `only`, that label alone has a boundary.
    """
    planes, lines, columns = labels.shape
    total = 0
    for p in range(low, high):
        for row in range(lines):
            own, rim = labels[p, row], marks[p - low, row]
            if border:
                rim[0] = rim[columns - 1] = 1
            _along(own[: columns - 1], own[1:], rim[: columns - 1], rim[1:])
            for side in (-1, 1):
                if 0 <= p + side < planes:
                    _beside(own, labels[p + side, row], rim)
                elif border:
                    rim[:] = 1
                if not flat and 0 <= row + side < lines:
                    _beside(own, labels[p, row + side], rim)
                elif not flat and border:
                    rim[:] = 1
            total += _kept(own, only, rim)
    return _labels_of(labels[low:high], marks, total)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _along(before: Any, after: Any, rim: Any, next_rim: Any) -> None:
    """Mark both sides of each change along a line."""
    for c in range(before.size):
        rim[c] |= (before[c] != after[c]) & (after[c] >= 0)
    for c in range(before.size):
        next_rim[c] |= (before[c] != after[c]) & (before[c] >= 0)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _beside(own: Any, other: Any, rim: Any) -> None:
    """Mark where the line beside is different."""
    for c in range(own.size):
        rim[c] |= (own[c] != other[c]) & (other[c] >= 0)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _kept(own: Any, only: int, rim: Any) -> int:
    """Take the marks from background and from labels that do not count; return how many stay."""
    count = 0
    for c in range(own.size):
        rim[c] &= (own[c] > 0) & ((only <= 0) | (own[c] == only))
        count += rim[c]
    return count


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _labels_of(labels: Any, marks: Any, total: int) -> Any:
    """Return the labels of marked pixels in the order of a scan."""
    found = np.empty(total + 1, np.int64)
    count = 0
    for p in range(marks.shape[0]):
        for row in range(marks.shape[1]):
            own, rim = labels[p, row], marks[p, row]
            for c in range(own.size):
                found[count] = own[c]  # overwritten unless marked: no branch to guess wrong
                count += rim[c]
    return found[:total].copy()


def distances(
    asked: Array, marks: Array, steps: tuple[float, float, float], report: Reporter | None = None
) -> Array:
    """Return how far each asked pixel is from the nearest marked one, on all cores.

    Exact, in time and memory linear in the number of pixels. Distances along the first axis are
    found for all pixels. In a plane (L = 1) each asked pixel looks from there along its line, no
    farther than its answer is; once a line has taken much effort, and in volumes, the envelopes of
    a distance transform give the rest.

    Parameters
    ----------
    asked, marks : ndarray of uint8, shape (P, L, C)
        Not 0 where a pixel asks, where it is marked.
    steps : tuple of float
        Pixel size along each axis.
    report : Reporter, optional

    Returns
    -------
    ndarray of float64
        One distance per asked pixel in the order of a scan; infinite if none is marked.

    References
    ----------
    P. F. Felzenszwalb and D. P. Huttenlocher, "Distance transforms of sampled functions", Theory
    of Computing 8, 2012.
    """
    report = Reporter.of(report)
    counts = np.array([np.count_nonzero(plane) for plane in asked])
    ends = np.append(0, np.cumsum(counts))
    result = np.empty(int(ends[-1]))
    if not result.size:
        return result
    away = _along_first(marks, report.part(0, 2))
    planes = max(1, SLAB // asked[0].size)
    starts = [*range(0, len(asked), planes), len(asked)]

    def answer(job: tuple[int, int]) -> None:
        part, own = slice(*job), result[ends[job[0]] : ends[job[1]]]
        _answer(asked[part], away[part], len(marks), steps, EFFORT, own)

    for done, _ in enumerate(in_order(answer, pairwise(starts)), 1):
        report.part(1, 2)(Progress(done, len(starts) - 1))
    return result


def _along_first(marks: Array, report: Reporter) -> Array:
    """Return how many pixels each is from a marked one of its line along the first axis."""
    kind = np.uint16 if len(marks) < np.iinfo(np.uint16).max else np.uint32
    flat = marks.reshape(len(marks), -1)
    away = np.empty(flat.shape, kind)
    starts = range(0, flat.shape[1], _STRIP)

    def sweep(start: int) -> None:
        _sweep(flat[:, start : start + _STRIP], away[:, start : start + _STRIP])

    for done, _ in enumerate(in_order(sweep, starts, workers=min(WORKERS, len(starts))), 1):
        report(Progress(done, len(starts)))
    return away.reshape(marks.shape)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _sweep(marks: Any, away: Any) -> None:
    """Set the distance along the first axis; its length where nothing is marked."""
    length, columns = marks.shape
    for c in range(columns):
        away[0, c] = 0 if marks[0, c] else length
    for p in range(1, length):
        for c in range(columns):
            away[p, c] = 0 if marks[p, c] else min(away[p - 1, c] + 1, length)
    for p in range(length - 2, -1, -1):
        for c in range(columns):
            away[p, c] = min(away[p, c], away[p + 1, c] + 1)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _answer(asked: Any, away: Any, length: int, steps: Any, effort: int, result: Any) -> None:
    """Answer the asked pixels of some planes, in the order of a scan."""
    planes, lines, columns = asked.shape
    whole = np.empty((lines, columns), np.float64)
    number = 0
    for p in range(planes):
        if lines > 1:
            _columns(away[p], length, steps, whole)
        for row in range(lines):
            spent, ready = 0, False
            for c in range(columns):
                if asked[p, row, c] == 0:
                    continue
                if lines == 1 and spent <= effort * columns:
                    square, looked = _around(away[p, row], c, length, steps)
                    spent += looked
                else:
                    if lines == 1 and not ready:
                        _heights(away[p, row], length, steps[0], whole[row])
                    if not ready:
                        _lower(whole[row], steps[2])
                        ready = True
                    square = whole[row, c]
                result[number] = np.sqrt(square) if square < _FAR else np.inf
                number += 1


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _around(away: Any, column: int, length: int, steps: Any) -> Any:
    """Return the squared distance from one pixel of a line, and how many places were looked at."""
    best = (away[column] * steps[0]) ** 2 if away[column] < length else _FAR
    aside = 1
    while (aside * steps[2]) ** 2 < best and aside < away.size:
        for c in (column - aside, column + aside):
            if 0 <= c < away.size and away[c] < length:
                best = min(best, (aside * steps[2]) ** 2 + (away[c] * steps[0]) ** 2)
        aside += 1
    return best, aside


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _heights(away: Any, length: int, step: float, line: Any) -> None:
    for c in range(away.size):
        line[c] = (away[c] * step) ** 2 if away[c] < length else _FAR


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _columns(away: Any, length: int, steps: Any, whole: Any) -> None:
    """Set the squared distances of a plane along the first two axes."""
    lines, columns = away.shape
    some = np.empty((_COLUMNS, lines), np.float64)
    for first in range(0, columns, _COLUMNS):  # a few at once: neighbours share cache lines
        count = min(_COLUMNS, columns - first)
        for row in range(lines):
            for c in range(count):
                near = away[row, first + c]
                some[c, row] = (near * steps[0]) ** 2 if near < length else _FAR
        for c in range(count):
            _lower(some[c], steps[1])
        for row in range(lines):
            for c in range(count):
                whole[row, first + c] = some[c, row]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _lower(line: Any, step: float) -> None:
    """Replace line[q] by the least of ((q - p) step)^2 + line[p]."""
    area = step * step
    places, heights = np.empty(line.size, np.int64), np.empty(line.size, np.float64)
    bounds = np.empty(line.size + 1, np.float64)
    top = -1
    for q in range(line.size):
        if line[q] >= _FAR:
            continue
        bound = -np.inf
        while top >= 0:
            p = places[top]
            bound = ((line[q] - heights[top]) / area + (q * q - p * p)) / (2.0 * (q - p))
            if bound > bounds[top]:
                break
            top -= 1
            bound = -np.inf
        top += 1
        places[top], heights[top], bounds[top] = q, line[q], bound
    if top < 0:
        return
    bounds[top + 1] = np.inf
    k = 0
    for q in range(line.size):
        while bounds[k + 1] < q:
            k += 1
        line[q] = (q - places[k]) ** 2 * area + heights[k]
