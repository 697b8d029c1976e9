"""Which pixels have another label within a structuring element: the heart of every operation.

A ball or a box is a stack of chords. Along a row, the distance to the nearest other label says how
far up and down the element then reaches; running that reach along the columns, one less with each
row, marks every pixel that it covers. The work does not depend on the radius.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from napari_tessera.algorithms.labels.runs import codes, fill_runs
from napari_tessera.algorithms.morphology.elements import SLACK, Element
from napari_tessera.algorithms.parallel import PIECE, parallel_for, slabs, strips
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array


class ElementPlan(NamedTuple):
    """A structuring element as kernels take it.

    Attributes
    ----------
    is_line, is_round : bool
    half : ndarray of int64, shape (3,)
    steps : ndarray of float64, shape (3,)
    table : ndarray of uint8 or uint16
        For each distance along X, how far it reaches along the next axis, plus 1; 0 = not at all.
    path : ndarray of int64, shape (N, 2)
    """

    is_line: bool
    is_round: bool
    half: Array
    steps: Array
    table: Array
    path: Array


def plan_element(element: Element) -> ElementPlan:
    """Return what kernels need to know of a structuring element.

    Examples
    --------
    >>> from napari_tessera.algorithms.morphology.elements import element
    >>> plan_element(element("ball", (3.0, 3.0))).table.tolist()
    [4, 3, 3, 1]
    """
    half = element.half
    dtype = np.uint8 if max(half) < 255 else np.uint16
    table = np.ones(half[2] + 1, dtype)
    if element.shape == "box":
        table[:] = half[1] + 1
    elif element.shape == "ball":
        for z, y, wide in element.chords():
            if z == 0 and y > 0:
                table[: wide + 1] = y + 1
    path = np.array(element.path, np.int64).reshape(-1, 2)
    sizes = np.array(half, np.int64), np.array(element.steps)
    return ElementPlan(element.shape == "line", element.shape == "ball", *sizes, table, path)


def touched(labels: Array, element: Element, report: Reporter | None = None) -> Array:
    """Return where another label lies within the element around a pixel.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Two or three axes; background is a label like the others. Nothing lies beyond the border.
    element : Element
    report : Reporter, optional

    Returns
    -------
    ndarray of bool

    Examples
    --------
    >>> from napari_tessera.algorithms.morphology.elements import element
    >>> touched(np.array([[1, 1, 1, 2, 2, 2]]), element("box", (1.0, 1.0))).astype(int)
    array([[0, 0, 1, 1, 0, 0]])
    """
    report = Reporter.of(report)
    volume = codes(labels).reshape((1,) * (3 - labels.ndim) + labels.shape)
    how = plan_element(element)
    if how.is_line:
        reach = np.zeros(volume.shape, np.uint8)
        _along_line(volume, how, reach, report)
    elif how.is_round and how.half[0] > 0:
        reach = _ball(volume, how, report)
    else:
        reach = _stacked(volume, how, report)
    return np.asarray((reach > 0).reshape(labels.shape))


def covered(mask: Array, element: Element, report: Reporter | None = None) -> Array:
    """Return where the element around a pixel meets the mask: its dilation.

    Examples
    --------
    >>> from napari_tessera.algorithms.morphology.elements import element
    >>> covered(np.array([[False, False, False, True]]), element("ball", (1.0, 1.0))).astype(int)
    array([[0, 0, 1, 1]])
    """
    return np.asarray(mask | touched(mask, element, report))


def _along_line(volume: Array, how: ElementPlan, reach: Array, report: Reporter) -> None:
    height = volume.shape[1]
    pieces = slabs(height, volume.shape[2], pixels=PIECE)
    jobs = [(z, *piece) for z in range(volume.shape[0]) for piece in pieces]
    parallel_for(lambda job: _line(volume, how.path, reach, *job), jobs, report)


def _stacked(volume: Array, how: ElementPlan, report: Reporter) -> Array:
    """Mark along X, then along Y, and for a box along Z."""
    reach = np.empty(volume.shape, how.table.dtype)
    deep, high, wide = volume.shape
    flat, flat_reach = volume.reshape(-1, wide), reach.reshape(-1, wide)

    def along_rows(job: tuple[int, int]) -> None:
        _rows(flat[slice(*job)], how.table, flat_reach[slice(*job)])

    parallel_for(along_rows, slabs(deep * high, wide, pixels=PIECE), report.part(0, 3))
    parallel_for(
        lambda job: _sweep(volume, reach, how.half[1], *job),
        strips(volume.shape),
        report.part(1, 3),
    )
    if how.half[0] > 0:
        _along_z(volume, reach, how, report.part(2, 3))
    return reach


def _along_z(volume: Array, reach: Array, how: ElementPlan, report: Reporter) -> None:
    shape = 1, volume.shape[0], volume.shape[1] * volume.shape[2]
    pillars, pillar_reach = volume.reshape(shape), reach.reshape(shape)

    def along(job: tuple[int, int, int, int]) -> None:
        if not how.is_round:
            _full(pillar_reach, how.half[0], *job[2:])
        _sweep(pillars, pillar_reach, how.half[0], *job)

    parallel_for(along, strips(shape), report)


def _ball(volume: Array, how: ElementPlan, report: Reporter) -> Array:
    """Mark along Z from what is left of the squared radius within each plane."""
    reach = np.empty(volume.shape, how.table.dtype)
    planes = list(range(volume.shape[0]))
    parallel_for(lambda z: _within(volume[z], how, reach[z]), planes, report.part(0, 2))
    _along_z(volume, reach, how, report.part(1, 2))
    return reach


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def mark(labels: Any, how: Any, reach: Any) -> None:
    """Set `reach` above 0 where another label lies within the element; a whole, small volume."""
    deep, high, wide = labels.shape
    if how.is_line:
        reach[:] = 0
        for z in range(deep):
            _line(labels, how.path, reach, z, 0, high)
        return
    flat = labels.reshape((deep * high, wide))
    if how.is_round and how.half[0] > 0:
        for z in range(deep):
            _within(labels[z], how, reach[z])
    else:
        _rows(flat, how.table, reach.reshape((deep * high, wide)))
        _sweep(labels, reach, how.half[1], 0, deep, 0, wide)
    if how.half[0] > 0:
        size = high * wide
        pillars, pillar_reach = labels.reshape((1, deep, size)), reach.reshape((1, deep, size))
        if not how.is_round:
            _full(pillar_reach, how.half[0], 0, size)
        _sweep(pillars, pillar_reach, how.half[0], 0, 1, 0, size)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _rows(labels: Any, table: Any, reach: Any) -> None:
    """Near the ends of each run of one label in a row, set the reach along the next axis."""
    width = labels.shape[1]
    change = np.zeros((width + 7) // 8 * 8, np.uint8)
    ends = np.empty(width, np.int64)
    for y in range(labels.shape[0]):
        fill_runs(labels[y], table[1:], change, ends, reach[y])


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _sweep(labels: Any, reach: Any, half: int, o0: int, o1: int, i0: int, i1: int) -> None:
    """Carry the reach along the middle axis, both ways; where the label changes it is full."""
    length = labels.shape[1]
    full = reach.dtype.type(half)
    for o in range(o0, o1):
        for turn in range(2):
            for number in range(1, length):
                y = number if turn == 0 else length - 1 - number
                before = y - 1 if turn == 0 else y + 1
                # slices from 0 on, whose loop the compiler turns into vector instructions
                here, there = labels[o, y, i0:i1], labels[o, before, i0:i1]
                now, last = reach[o, y, i0:i1], reach[o, before, i0:i1]
                for x in range(now.size):
                    carried = last[x]
                    # one less with each row; full where the label changes
                    carried = reach.dtype.type(carried - (carried > 0))
                    carried = carried if here[x] == there[x] else full
                    now[x] = max(now[x], carried)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _full(reach: Any, half: int, i0: int, i1: int) -> None:
    """Where something is reached at all, reach as far as the box does along the next axis."""
    for z in range(reach.shape[1]):
        out = reach[0, z, i0:i1]
        for x in range(out.size):
            out[x] = half + 1 if out[x] > 0 else 0


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _within(labels: Any, how: Any, reach: Any) -> None:
    """Set the reach along Z from the distance to the nearest other label within the plane."""
    high, wide = labels.shape
    whole = np.float32(1 + SLACK)
    table = np.empty(how.half[2], np.float32)
    for k in range(table.size):
        # pixels whose centres lie on the radius belong to it, whatever rounding says
        table[k] = whole - ((k + 1) * how.steps[2]) ** 2
    change = np.zeros((wide + 7) // 8 * 8, np.uint8)
    ends = np.empty(wide, np.int64)
    rest = np.empty((high, wide), np.float32)
    best = np.empty(wide, np.float32)
    for y in range(high):
        fill_runs(labels[y], table, change, ends, rest[y])
    for y in range(high):
        here = labels[y]
        best[:] = rest[y]
        for other in range(max(0, y - how.half[1]), min(high, y + how.half[1] + 1)):
            # what the steps along X and Y leave of the squared radius, 1, is for Z
            cost = np.float32(((other - y) * how.steps[1]) ** 2)
            there, left = labels[other], rest[other]
            # beyond another label comes nothing nearer, so that no run has to be followed
            for x in range(wide):
                found = (left[x] if there[x] == here[x] else whole) - cost
                best[x] = max(best[x], found)
        for x in range(wide):
            deep = int(math.sqrt(best[x]) / how.steps[0]) + 1 if best[x] > 0 else 0
            reach[y, x] = deep


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _line(labels: Any, path: Any, reach: Any, z: int, y0: int, y1: int) -> None:
    """Look at each pixel of the line in turn, whole rows at once."""
    _, high, wide = labels.shape
    for y in range(y0, y1):
        for number in range(path.shape[0]):
            for sign in (-1, 1):
                other, shift = y + sign * path[number, 0], sign * path[number, 1]
                if 0 <= other < high and abs(shift) < wide:
                    first, last = max(0, -shift), min(wide, wide - shift)
                    here, there = (
                        labels[z, y, first:last],
                        labels[z, other, first + shift : last + shift],
                    )
                    out = reach[z, y, first:last]
                    for x in range(out.size):
                        out[x] |= here[x] != there[x]
