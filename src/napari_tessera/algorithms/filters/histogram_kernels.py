"""Counting of intensities, compiled: without the interpreter lock."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from napari_tessera.signature.words import Array

TABLES = 4
"""Neighbours, which are often alike and would wait for one another's count, take turns."""


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
    last = values.size - values.size % TABLES
    for i in range(0, last, TABLES):
        _count(values[i], low, width, first)
        _count(values[i + 1], low, width, second)
        _count(values[i + 2], low, width, third)
        _count(values[i + 3], low, width, fourth)
    for i in range(last, values.size):
        _count(values[i], low, width, first)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _count(value: float, low: float, width: float, counts: Array) -> None:
    place = (np.float64(value) - low) / width
    if 0 <= place <= counts.size + 1:  # not so for NaN and infinity
        counts[np.uint64(min(place, counts.size - 1))] += 1
