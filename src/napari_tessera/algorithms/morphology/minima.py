"""The least intensity within a structuring element around each pixel: grey-scale erosion.

A ball is a stack of chords. The least of a chord is the lesser of two overlapping windows whose
width is a power of two, and these are found for a whole row by doubling. So a disc costs a few
vector instructions per row that it covers, at any radius, and is exact; a ball as many per chord.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.morphology.elements import Element
from napari_tessera.algorithms.parallel import PIECE, parallel_for, strips
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array

_WIDE = 1024
_COLUMNS = 128


def minima(image: Array, element: Element, report: Reporter | None = None) -> Array:
    """Return the least intensity within the element around each pixel.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X)
        Two or three axes, without NaN. Nothing lies beyond the border.
    element : Element
    report : Reporter, optional

    Returns
    -------
    ndarray

    References
    ----------
    E. R. Urbach and M. H. F. Wilkinson, "Efficient 2-D grayscale morphological transformations
    with arbitrary flat structuring elements", IEEE Trans. Image Processing 17(1), 2008.

    Examples
    --------
    >>> from napari_tessera.algorithms.morphology.elements import element
    >>> minima(np.array([[5, 6, 7, 2, 9, 8]]), element("box", (0.0, 1.0)))
    array([[5, 5, 2, 2, 2, 8]])
    """
    report = Reporter.of(report)
    volume = np.ascontiguousarray(image).reshape((1,) * (3 - image.ndim) + image.shape)
    if element.shape == "line":
        result = _line(volume, element, report)
    elif element.shape == "box":
        result = _box(volume, element, report)
    else:
        result = _stack(volume, element.chords(), report)
    return result.reshape(image.shape)


def _highest(dtype: np.dtype[Any]) -> Any:
    return dtype.type(np.inf if dtype.kind == "f" else np.iinfo(dtype).max)


def _pieces(shape: tuple[int, ...], margin: int) -> list[tuple[int, int, int, int, int]]:
    """Return (plane, first row, last, first column, last), large beside what they look at."""
    deep, high, wide = shape
    tall = max(PIECE // min(wide, _WIDE), 8 * margin)
    return [
        (z, y, min(y + tall, high), x, min(x + _WIDE, wide))
        for z in range(deep)
        for y in range(0, high, tall)
        for x in range(0, wide, _WIDE)
    ]


def _stack(volume: Array, chords: Array, report: Reporter) -> Array:
    """Take the least of all chords, given as steps along Z and Y and half widths."""
    result = np.full(volume.shape, _highest(volume.dtype))
    deepest, tallest = int(chords[:, 0].max()), int(chords[:, 1].max())
    # by distance from the middle along Z, then along Y; symmetric, so one side is enough
    halves = np.full((deepest + 1, tallest + 1), -1, np.int64)
    upper = chords[(chords[:, 0] >= 0) & (chords[:, 1] >= 0)]
    halves[upper[:, 0], upper[:, 1]] = upper[:, 2]

    def work(job: tuple[int, int, int, int, int]) -> None:
        z = job[0]
        for other in range(max(0, z - deepest), min(volume.shape[0], z + deepest + 1)):
            _chord_minima(volume[other], halves[abs(other - z)], result[z], *job[1:])

    parallel_for(work, _pieces(volume.shape, tallest), report)
    return result


def _box(volume: Array, element: Element, report: Reporter) -> Array:
    """Take the least along X, then along Y, then along Z."""
    deep, high, wide = element.half
    result = _stack(volume, np.array([[0, 0, wide]]), report.part(0, 3))
    for number, (axis, half) in enumerate(((1, high), (0, deep)), 1):
        if half == 0:
            continue
        before, length = volume.shape[:axis], volume.shape[axis]
        shape = int(np.prod(before, dtype=int)), length, volume.size // length
        cube = result.reshape((shape[0], length, shape[2] // shape[0]))

        def work(job: tuple[int, int, int, int], cube: Array = cube, half: int = half) -> None:
            _column_minima(cube, half, _highest(cube.dtype), *job)

        parallel_for(work, strips(cube.shape), report.part(number, 3))
    return result


def _line(volume: Array, element: Element, report: Reporter) -> Array:
    result = volume.copy()
    path = np.array(element.path, np.int64)

    def work(job: tuple[int, int, int, int, int]) -> None:
        _line_minima(volume[job[0]], path, result[job[0]], *job[1:])

    parallel_for(work, _pieces(volume.shape, 0), report)
    return result


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _chord_minima(plane: Any, halves: Any, out: Any, y0: int, y1: int, x0: int, x1: int) -> None:
    """Lower out[y0:y1, x0:x1] to the least of the chords: halves[k] wide, k rows up and down."""
    high, wide = plane.shape
    tallest, widest, size = halves.size - 1, halves.max(), x1 - x0
    if widest < 0:
        return
    count = 1
    while 2 << (count - 1) <= 2 * widest + 1:
        count += 1
    length = size + 2 * widest
    levels = np.full((count, length), plane[0, 0])
    chord = np.empty(size, plane.dtype)
    first, last = max(0, x0 - widest), min(wide, x1 + widest)
    left, right = first - (x0 - widest), last - (x0 - widest)
    for y in range(max(0, y0 - tallest), min(high, y1 + tallest)):
        levels[0, left:right] = plane[y, first:last]
        # beyond the border, the nearest pixel again: it lies within the chord as well
        levels[0, :left] = plane[y, first]
        levels[0, right:] = plane[y, last - 1]
        for level in range(1, count):
            half = 1 << (level - 1)
            # level k holds the least of 2^k pixels: of two windows of half its width
            narrow, shifted = levels[level - 1, : length - half], levels[level - 1, half:]
            _lesser(narrow, shifted, levels[level, : length - half])
        drawn = -1
        for step in range(tallest + 1):
            half = halves[step]
            if half < 0:
                break
            if half != drawn:
                level = 0
                while 2 << level <= 2 * half + 1:
                    level += 1
                start = widest - half
                # two windows that overlap cover the chord exactly: to a least, twice is once
                later = start + 2 * half + 1 - (1 << level)
                one, two = levels[level, start : start + size], levels[level, later : later + size]
                _lesser(one, two, chord)
                drawn = half
            if y0 <= y - step < y1:
                _lesser(chord, out[y - step, x0:x1], out[y - step, x0:x1])
            if step > 0 and y0 <= y + step < y1:
                _lesser(chord, out[y + step, x0:x1], out[y + step, x0:x1])


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _lesser(one: Any, two: Any, out: Any) -> None:
    for x in range(out.size):
        out[x] = min(one[x], two[x])


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _column_minima(cube: Any, half: int, highest: Any, o0: int, o1: int, i0: int, i1: int) -> None:
    """Replace each pixel by the least of those up to `half` away along the middle axis."""
    length = cube.shape[1]
    rows, size = length + 2 * half, 2 * half + 1
    for o in range(o0, o1):
        for first in range(i0, i1, _COLUMNS):
            last = min(first + _COLUMNS, i1)
            lines = np.full((rows, last - first), highest)
            for y in range(length):
                lines[half + y] = cube[o, y, first:last]
            step = 1
            while 2 * step <= size:
                for y in range(rows - step):
                    _lesser(lines[y], lines[y + step], lines[y])
                step *= 2
            for y in range(length):
                _lesser(lines[y], lines[y + size - step], cube[o, y, first:last])


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _line_minima(plane: Any, path: Any, out: Any, y0: int, y1: int, x0: int, x1: int) -> None:
    """Lower out[y0:y1, x0:x1] to the least along the path and its mirror image."""
    high, wide = plane.shape
    for y in range(y0, y1):
        for number in range(path.shape[0]):
            for sign in (-1, 1):
                other, shift = y + sign * path[number, 0], sign * path[number, 1]
                first, last = max(x0, -shift), min(x1, wide - shift)
                if 0 <= other < high and first < last:
                    line = out[y, first:last]
                    _lesser(plane[other, first + shift : last + shift], line, line)
