"""How far marked pixels are from other marked ones."""

from __future__ import annotations

from itertools import compress, product
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from napari_tessera.algorithms.geometry.bitmaps import (
    WORD,
    leading_zeros,
    trailing_zeros,
    unpack_line,
)
from napari_tessera.algorithms.geometry.distance import FAR, lower_lines
from napari_tessera.algorithms.parallel import parallel_for, slabs
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array

_ONE = np.uint64(1)

EFFORT = 4
"""Lines looked at per pixel of a slab before a distance transform is made."""

_CLOSE, _NEAR = 3, 64
"""How far and how many neighbours are asked 64 pixels at a time."""

_REACH = 31
"""How many planes and lines away is looked for the nearest one."""


def distances(
    asked: Array,
    marks: Array,
    columns: int,
    steps: tuple[float, float, float],
    report: Reporter | None = None,
) -> Array:
    """Return how far each asked pixel is from the nearest marked one, on all cores.

    Exact. The nearest neighbours are asked 64 pixels at a time, then lines farther and farther
    away, 127 pixels of each at once. Where that takes much effort or none is near, a distance
    transform gives the rest, in time and memory linear in the number of pixels.

    Parameters
    ----------
    asked, marks : ndarray of uint64, shape (P, L, W + 2)
        Which pixels ask, which are marked, as `bits`.
    columns : int
        The length of a line.
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
    # the result has one number per pixel that asks, not one per pixel
    counts = np.bitwise_count(asked).sum(axis=(1, 2), dtype=np.int64)
    ends = np.append(0, np.cumsum(counts))
    if not marks.any():
        return np.full(int(ends[-1]), np.inf)
    result = np.empty(int(ends[-1]))
    size = asked.shape[1] * columns
    parts = slabs(len(asked), size)
    ways = _ways(asked.shape[1] == 1, steps)

    def search(slab: tuple[int, int]) -> bool:
        looks = int(EFFORT * size * (slab[1] - slab[0]))
        own = result[ends[slab[0]] : ends[slab[1]]]
        return bool(_search(asked, marks, *slab, *ways, steps[2], looks, own))

    hard = parallel_for(search, parts, report.part(0, 2))
    left = list(compress(parts, hard))
    away = along_first(marks, columns) if left else None

    def transform(slab: tuple[int, int]) -> None:
        fill_in(asked, away, *slab, steps, result[ends[slab[0]] : ends[slab[1]]])

    parallel_for(transform, left, report.part(1, 2))
    report(Progress(1, 1))
    return result


class _Ways(NamedTuple):
    """Where is looked: the nearest neighbours, and all lines near by; the nearest first.

    Attributes
    ----------
    near, lines : ndarray of int64, shape (N, 3), (M, 2)
        Steps along the axes.
    near_squares, line_squares : ndarray of float64
        Their squared lengths.
    limit : float
        The squared distance within which the nearest one is found.
    """

    near: Array
    near_squares: Array
    lines: Array
    line_squares: Array
    limit: float


def _ways(flat: bool, steps: tuple[float, float, float]) -> _Ways:
    """Return where is looked in a plane (flat) or a volume."""
    finest = min(steps[::2] if flat else steps)
    near, near_squares = _around((_CLOSE, 0 if flat else _CLOSE, _CLOSE), steps)
    # exact: every pixel nearer than any that is left out of the box has been asked before
    inside = near_squares < ((_CLOSE + 1) * finest) ** 2
    near, near_squares = near[inside][:_NEAR], near_squares[inside][:_NEAR]
    lines, line_squares = _around((_REACH, 0 if flat else _REACH, 0), steps)
    # nothing nearer than this can lie outside the lines that are looked at, nor beyond the words
    # before and after in each
    beyond = (_REACH + 1) * (steps[0] if flat else min(steps[:2])), WORD * steps[2]
    limit = min(beyond) ** 2
    inside = line_squares < limit
    return _Ways(near, near_squares, lines[inside][:, :2], line_squares[inside], limit)


def _around(reach: tuple[int, ...], steps: tuple[float, ...]) -> tuple[Array, Array]:
    """Return all steps up to a reach along each axis, the shortest first, and squared lengths."""
    ways = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), -1)
    ways = ways.reshape(-1, len(reach))
    squares = ((ways * steps) ** 2).sum(axis=1)
    order = np.argsort(squares, kind="stable")
    return ways[order], squares[order]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _search(
    asked: Any,
    marks: Any,
    low: int,
    high: int,
    near: Any,
    near_squares: Any,
    lines: Any,
    line_squares: Any,
    limit: float,
    step: float,
    looks: int,
    result: Any,
) -> bool:
    """Set the distances of the pixels that ask in planes `low` to `high`, -1 where none is found.

    Return whether there are such.
    """
    squares = np.empty(WORD, np.float64)
    number, complete = 0, True
    for p in range(low, high):
        for row in range(asked.shape[1]):
            for w in range(1, asked.shape[2] - 1):
                word = asked[p, row, w]
                if not word:
                    continue
                # most boundaries are within 3 pixels of the other one: a few words for 64 pixels
                left = _next_to(word, marks, p, row, w, near, near_squares, squares)
                while left:
                    bit = trailing_zeros(left)
                    left &= left - _ONE
                    square, looked = limit, 0
                    # the effort is bound: the rest is left to the distance transform
                    if looks > 0:
                        square, looked = _on_lines(
                            marks, p, row, w, bit, lines, line_squares, limit, step
                        )
                    looks -= looked
                    complete &= square < limit
                    squares[bit] = square if square < limit else -1.0
                while word:
                    square = squares[trailing_zeros(word)]
                    word &= word - _ONE
                    result[number] = np.sqrt(square) if square >= 0 else -1.0
                    number += 1
    return not complete


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _next_to(
    word: Any, marks: Any, p: int, row: int, w: int, near: Any, near_squares: Any, squares: Any
) -> Any:
    """Set the squared distances of pixels of a word that have a neighbour; return the others."""
    for k in range(near_squares.size):
        q, other, aside = p + near[k, 0], row + near[k, 1], near[k, 2]
        if not (0 <= q < marks.shape[0] and 0 <= other < marks.shape[1]):
            continue
        beside = marks[q, other, w]
        if aside > 0:
            beside = (beside >> np.uint64(aside)) | (
                marks[q, other, w + 1] << np.uint64(WORD - aside)
            )
        elif aside < 0:
            beside = (beside << np.uint64(-aside)) | (
                marks[q, other, w - 1] >> np.uint64(WORD + aside)
            )
        hit = word & beside
        word &= ~beside
        while hit:
            squares[trailing_zeros(hit)] = near_squares[k]
            hit &= hit - _ONE
        if not word:
            break
    return word


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _on_lines(
    marks: Any,
    p: int,
    row: int,
    w: int,
    bit: int,
    lines: Any,
    line_squares: Any,
    limit: float,
    step: float,
) -> Any:
    """Return the squared distance of a pixel, at most `limit`, and how many lines it took."""
    best, looked = limit, 0
    right, left = np.uint64(bit), np.uint64(WORD - 1 - bit)
    for k in range(line_squares.size):
        # lines are sorted by distance: from here on none holds a nearer mark
        if line_squares[k] >= best:
            break
        q, other = p + lines[k, 0], row + lines[k, 1]
        looked += 1
        if not (0 <= q < marks.shape[0] and 0 <= other < marks.shape[1]):
            continue
        before, own, after = marks[q, other, w - 1], marks[q, other, w], marks[q, other, w + 1]
        if not (before | own | after):
            continue
        aside = WORD
        # the pixel at the lowest bit, then at the highest: the first mark that follows is a count
        # of zeros. Shifts by 64 are undefined, so the word beside goes in two steps
        towards = (own >> right) | ((after << _ONE) << left)
        if towards:
            aside = trailing_zeros(towards)
        towards = (own << left) | ((before >> _ONE) >> right)
        if towards:
            aside = min(aside, leading_zeros(towards))
        if aside < WORD:
            best = min(best, line_squares[k] + (aside * step) ** 2)
    return best, looked


_STRIP = 64
"""How many words of a line are gone through at once: they fit the cache."""


def along_first(marks: Array, columns: int) -> Array:
    """Return how many pixels each is from a marked one of its line along the first axis."""
    length, lines = marks.shape[:2]
    kind = np.uint16 if length < np.iinfo(np.uint16).max else np.uint32
    away = np.empty((length, lines, columns), kind)
    wide = _STRIP * WORD
    strips = list(product(range(lines), range(0, columns, wide)))

    def sweep(strip: tuple[int, int]) -> None:
        row, first = strip
        words = marks[:, row, 1 + first // WORD : 1 + (first + wide) // WORD]
        _sweep(words, away[:, row, first : first + wide])

    parallel_for(sweep, strips)
    return away


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _sweep(words: Any, away: Any) -> None:
    """Set the distance along the first axis; its length where nothing is marked."""
    length, columns = away.shape
    marks = np.empty(columns, np.uint8)
    away[0] = length
    for p in range(length):
        unpack_line(words[p], marks)
        for c in range(columns):
            away[p, c] = 0 if marks[c] else min(away[max(p - 1, 0), c] + 1, length)
    for p in range(length - 2, -1, -1):
        for c in range(columns):
            away[p, c] = min(away[p, c], away[p + 1, c] + 1)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def fill_in(asked: Any, away: Any, low: int, high: int, steps: Any, result: Any) -> None:
    """Set the distances that are -1 in planes `low` to `high`."""
    length, lines, columns = away.shape
    whole = np.empty((1, lines, columns), np.float64)
    rows = whole.reshape(lines, columns, 1)
    number = 0
    for p in range(low, high):
        ready = False
        for row in range(lines):
            lowered = False
            for w in range(1, asked.shape[2] - 1):
                word = asked[p, row, w]
                while word:
                    if result[number] < 0:
                        # planes and lines in which nobody asks any more are never transformed
                        if not ready:
                            _squared(away[p], length, steps[0], whole[0])
                            if lines > 1:
                                lower_lines(whole, steps[1], 0, 1, 0, columns)
                            ready = True
                        if not lowered:
                            lower_lines(rows, steps[2], row, row + 1, 0, 1)
                            lowered = True
                        square = rows[row, (w - 1) * WORD + trailing_zeros(word), 0]
                        result[number] = np.sqrt(square) if square < FAR else np.inf
                    word &= word - _ONE
                    number += 1


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _squared(away: Any, length: int, step: float, squares: Any) -> None:
    for row in range(away.shape[0]):
        for c in range(away.shape[1]):
            near = away[row, c]
            squares[row, c] = (near * step) ** 2 if near < length else FAR
