"""Counting of intensities, compiled: without the interpreter lock."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from napari_tessera.signature.words import Array

TABLES = 4
"""Neighbours, which are often alike and would wait for one another's count, take turns."""

_BLOCK = 2048
"""Values whose bins are found before they are counted: what is kept of them stays in the cache."""


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def count_whole(values: Array, low: Any, counts: Array) -> None:
    """Count whole numbers.

    Parameters
    ----------
    values : ndarray of int, shape (N,)
        From `low` on, less than B above it.
    low : int
        Of the type of the values.
    counts : ndarray of int64, shape (TABLES, B)
        To which it is added; all tables together are the counts.
    """
    first, second, third, fourth = counts[0], counts[1], counts[2], counts[3]
    last = values.size - values.size % TABLES
    for i in range(0, last, TABLES):
        # unsigned: no index is looked at for whether it counts from the end
        first[np.uint64(values[i] - low)] += 1
        second[np.uint64(values[i + 1] - low)] += 1
        third[np.uint64(values[i + 2] - low)] += 1
        fourth[np.uint64(values[i + 3] - low)] += 1
    for i in range(last, values.size):
        first[np.uint64(values[i] - low)] += 1


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def count_bins(values: Array, low: float, width: float, counts: Array) -> None:
    """Count real numbers in bins of a width, the last one closed.

    Parameters
    ----------
    values : ndarray of float, shape (N,)
        From `low` on; NaN and infinity are left out.
    low, width : float
    counts : ndarray of int64, shape (TABLES, B)
        To which it is added; all tables together are the counts.
    """
    first, second, third, fourth = counts[0], counts[1], counts[2], counts[3]
    places, highest = np.empty(_BLOCK, np.int32), float(counts.shape[1] - 1)
    for start in range(0, values.size, _BLOCK):
        block = values[start : start + _BLOCK]
        # apart from the counting, several divisions are one instruction
        every = _find_bins(block, low, width, highest, places)
        last = block.size - block.size % TABLES if every else 0
        for i in range(0, last, TABLES):
            first[np.uint64(places[i])] += 1
            second[np.uint64(places[i + 1])] += 1
            third[np.uint64(places[i + 2])] += 1
            fourth[np.uint64(places[i + 3])] += 1
        for i in range(last, block.size):
            if places[i] >= 0:
                first[np.uint64(places[i])] += 1


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _find_bins(values: Array, low: float, width: float, highest: float, places: Array) -> bool:
    """Write the bin of each value, -1 for those that have none; return whether all have one."""
    others = 0
    for i in range(values.size):
        place = (np.float64(values[i]) - low) / width
        there = (place >= 0) & (place <= highest + 2)  # not so for NaN and infinity
        places[i] = np.int32(min(place, highest)) if there else np.int32(-1)
        others += not there
    return others == 0
