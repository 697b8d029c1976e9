"""The distance transform of marks, plane by plane."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.geometry.bitmaps import WORD, trailing_zeros, unpack
from napari_tessera.algorithms.geometry.distance import envelope
from napari_tessera.algorithms.parallel import in_order
from napari_tessera.signature.words import Array

_FAR = 1e30
_ONE = np.uint64(1)

_STRIP, _COLUMNS = 64, 8
"""How many words of a line, how many columns are gone through at once: they fit the cache."""


def along_first(marks: Array, columns: int) -> Array:
    """Return how many pixels each is from a marked one of its line along the first axis."""
    length, lines = marks.shape[:2]
    kind = np.uint16 if length < np.iinfo(np.uint16).max else np.uint32
    away = np.empty((length, lines, columns), kind)
    wide = _STRIP * WORD
    strips = product(range(lines), range(0, columns, wide))

    def sweep(strip: tuple[int, int]) -> None:
        row, first = strip
        words = marks[:, row, 1 + first // WORD : 1 + (first + wide) // WORD]
        _sweep(words, away[:, row, first : first + wide])

    for _ in in_order(sweep, strips):
        pass
    return away


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _sweep(words: Any, away: Any) -> None:
    """Set the distance along the first axis; its length where nothing is marked."""
    length, columns = away.shape
    marks = np.empty(columns, np.uint8)
    away[0] = length
    for p in range(length):
        unpack(words[p], marks)
        for c in range(columns):
            away[p, c] = 0 if marks[c] else min(away[max(p - 1, 0), c] + 1, length)
    for p in range(length - 2, -1, -1):
        for c in range(columns):
            away[p, c] = min(away[p, c], away[p + 1, c] + 1)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def fill_in(asked: Any, away: Any, low: int, high: int, steps: Any, result: Any) -> None:
    """Set the distances that are -1 in planes `low` to `high`."""
    length, lines, columns = away.shape
    whole = np.empty((lines, columns), np.float64)
    longest = max(lines, columns)
    places, bounds = np.empty(longest, np.int64), np.empty(longest + 1, np.float64)
    number = 0
    for p in range(low, high):
        ready = False
        for row in range(lines):
            lowered = False
            for w in range(1, asked.shape[2] - 1):
                word = asked[p, row, w]
                while word:
                    if result[number] < 0:
                        if not ready:
                            _across(away[p], length, steps, places, bounds, whole)
                            ready = True
                        if not lowered:
                            _lower(whole[row], steps[2], places, bounds)
                            lowered = True
                        square = whole[row, (w - 1) * WORD + trailing_zeros(word)]
                        result[number] = np.sqrt(square) if square < _FAR else np.inf
                    word &= word - _ONE
                    number += 1


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _across(away: Any, length: int, steps: Any, places: Any, bounds: Any, whole: Any) -> None:
    """Set the squared distances of a plane along the first two axes."""
    lines, columns = away.shape
    some = np.empty((_COLUMNS, lines), np.float64)
    for first in range(0, columns, _COLUMNS):  # a few at once: neighbours share cache lines
        count = min(_COLUMNS, columns - first)
        for row in range(lines):
            for c in range(count):
                near = away[row, first + c]
                some[c, row] = (near * steps[0]) ** 2 if near < length else _FAR
        for c in range(count if lines > 1 else 0):
            _lower(some[c], steps[1], places, bounds)
        for row in range(lines):
            for c in range(count):
                whole[row, first + c] = some[c, row]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _lower(line: Any, step: float, places: Any, bounds: Any) -> None:
    """Replace line[q] by the least of ((q - p) step)^2 + line[p]."""
    square = step * step
    for q in range(line.size):
        line[q] = line[q] / square if line[q] < _FAR else _FAR
    envelope(line, places, bounds)
    for q in range(line.size):
        line[q] = line[q] * square if line[q] < _FAR else _FAR
