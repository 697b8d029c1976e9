"""The most frequent label around each pixel, counted while a window slides along the row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.labels.ids import renumbered
from napari_tessera.algorithms.labels.numbering import numbered
from napari_tessera.algorithms.morphology.elements import Element
from napari_tessera.algorithms.morphology.reach import touched
from napari_tessera.algorithms.parallel import PIECE, parallel_for, slabs
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array


def majority(labels: Array, element: Element, report: Reporter) -> Array:
    """Return the label that most pixels of the element around each pixel have.

    A tie leaves the pixel as it is, if its label is among them; otherwise the lowest wins.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Background is a label like the others. Nothing lies beyond the border.
    element : Element
        A ball or a box.
    report : Reporter

    Returns
    -------
    ndarray

    Examples
    --------
    >>> from napari_tessera.algorithms.morphology.elements import element
    >>> majority(np.array([[4, 4, 9, 4, 0, 0]]), element("ball", (1.0, 1.0)), Reporter())
    array([[4, 4, 4, 4, 0, 0]])
    """
    # far from every border the window holds one label: most of the image is done here
    near = touched(labels, element, report.part(0, 3))
    shape = (1,) * (3 - labels.ndim) + labels.shape
    numbers, ids = numbered(labels.reshape(shape))
    result = numbers.copy()
    work = numbers, near.reshape(shape), element.chords(), ids.size
    # much less of an image lies near a border than is far from one
    rows = slabs(shape[1], shape[2], pixels=PIECE // 8, least=8)
    jobs = [(z, *some) for z in range(shape[0]) for some in rows]
    parallel_for(lambda job: _slide(*work, result, *job), jobs, Reporter(report, 1 / 3, 2 / 3))
    return renumbered(result, ids).reshape(labels.shape)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _slide(
    numbers: Any, near: Any, chords: Any, count: int, result: Any, z: int, y0: int, y1: int
) -> None:
    """Set the result wherever another label is near; elsewhere it is known."""
    deep, high, wide = numbers.shape
    counts = np.zeros(count, np.int64)
    present = np.empty(count, np.uint32)
    places = np.full(count, -1, np.int64)
    lines = np.empty((chords.shape[0], 3), np.int64)
    for y in range(y0, y1):
        used = 0
        for number in range(chords.shape[0]):
            level, row = z + chords[number, 0], y + chords[number, 1]
            if 0 <= level < deep and 0 <= row < high:
                lines[used] = level, row, chords[number, 2]
                used += 1
        widest = lines[:used, 2].max()
        size, last = 0, -1
        for x in range(wide):
            if not near[z, y, x]:
                continue
            if last < 0 or x - last > widest + 1:  # far on: count afresh
                for k in range(size):
                    counts[present[k]], places[present[k]] = 0, -1
                size = 0
                for k in range(used):
                    level, row, half = lines[k]
                    for label in numbers[level, row, max(0, x - half) : min(wide, x + half + 1)]:
                        size = _change(label, 1, counts, present, places, size)
            else:
                for middle in range(last + 1, x + 1):
                    size = _step(numbers, lines[:used], middle, counts, present, places, size)
            last = x
            own = numbers[z, y, x]
            best, most = own, counts[own]
            for label in present[:size]:
                more = counts[label]
                if more > most or (more == most and best != own and label < best):
                    best, most = label, more
            result[z, y, x] = best
        for k in range(size):
            counts[present[k]], places[present[k]] = 0, -1


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _step(
    numbers: Any, lines: Any, middle: int, counts: Any, present: Any, places: Any, size: int
) -> int:
    """Move the window to its new middle: each line loses a pixel and gains another."""
    wide = numbers.shape[2]
    for k in range(lines.shape[0]):
        level, row, half = lines[k]
        comes, goes = middle + half, middle - half - 1
        if goes >= 0 and comes < wide:
            leaving, coming = numbers[level, row, goes], numbers[level, row, comes]
            if coming != leaving:
                size = _change(coming, 1, counts, present, places, size)
                size = _change(leaving, -1, counts, present, places, size)
        elif goes >= 0:
            size = _change(numbers[level, row, goes], -1, counts, present, places, size)
        elif comes < wide:
            size = _change(numbers[level, row, comes], 1, counts, present, places, size)
    return size


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _change(label: int, by: int, counts: Any, present: Any, places: Any, size: int) -> int:
    """Count a label up or down, and keep the list of those present; return its length."""
    counts[label] += by
    if counts[label] == 0:
        place = places[label]
        moved = present[size - 1]
        present[place], places[moved] = moved, place
        places[label] = -1
        return size - 1
    if by > 0 and places[label] < 0:
        present[size], places[label] = label, size
        return size + 1
    return size
