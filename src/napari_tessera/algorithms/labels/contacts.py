"""Counting pairs of labels in a hash table: the heart of the overlap table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_START = 1 << 10


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def count_pairs(first: Any, second: Any) -> Any:
    """Return which pairs of values occur side by side in two flat arrays, and how often.

    Pairs whose first value is negative do not count. Time grows with the number of pixels, memory
    with that of different pairs.
    """
    keys = np.empty((_START, 2), np.int64)
    counts = np.zeros(_START, np.int64)
    ends = np.empty(first.size + 1, np.int64)
    filled, start = 0, 0
    for run in range(_ends(first, second, ends)):
        a, b, length = first[start], second[start], ends[run] - start
        start = ends[run]
        if a < 0:
            continue
        slot = _slot(keys, counts, a, b)
        if counts[slot] == 0:
            keys[slot, 0], keys[slot, 1] = a, b
            filled += 1
        counts[slot] += length
        # at most half full: the search for a free slot stays short
        if 2 * filled > counts.size:
            keys, counts = _doubled(keys, counts)
    return _rows(keys, counts, filled)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _ends(first: Any, second: Any, ends: Any) -> int:
    """Write where each run of one pair ends, and return how many runs there are."""
    count, last = 0, first.size - 1
    for i in range(last):
        ends[count] = i + 1  # overwritten unless the run ends here: no branch to guess wrong
        count += (first[i] != first[i + 1]) | (second[i] != second[i + 1])
    ends[count] = first.size
    return count + 1


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _slot(keys: Any, counts: Any, a: int, b: int) -> Any:
    """Return where a pair is, or the free place where it belongs."""
    # both ids go into all high bits, from which the slot is taken; ids of objects side by side
    # differ by little
    mixed = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(b)
    mixed *= np.uint64(0xD6E8FEB86659FD93)
    slot = np.int64((mixed >> np.uint64(32)) & np.uint64(counts.size - 1))
    while counts[slot] != 0 and (keys[slot, 0] != a or keys[slot, 1] != b):
        slot = (slot + 1) & (counts.size - 1)
    return slot


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _doubled(keys: Any, counts: Any) -> Any:
    more_keys = np.empty((2 * counts.size, 2), np.int64)
    more = np.zeros(2 * counts.size, np.int64)
    for old in range(counts.size):
        if counts[old] != 0:
            slot = _slot(more_keys, more, keys[old, 0], keys[old, 1])
            more_keys[slot], more[slot] = keys[old], counts[old]
    return more_keys, more


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _rows(keys: Any, counts: Any, filled: int) -> Any:
    rows = np.empty((filled, 3), np.int64)
    row = 0
    for slot in range(counts.size):
        if counts[slot] != 0:
            rows[row, 0], rows[row, 1] = keys[slot, 0], keys[slot, 1]
            rows[row, 2] = counts[slot]
            row += 1
    return rows


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def count_contacts(labels: Any) -> Any:
    """Return which labels of a volume (P, L, C) touch by faces, and by how many.

    Rows are the lower label, the higher one and the faces; background touches nothing.
    """
    keys = np.empty((_START, 2), np.int64)
    counts = np.zeros(_START, np.int64)
    filled = 0
    planes, lines, columns = labels.shape
    for p in range(planes):
        for row in range(lines):
            for c in range(columns):
                own = labels[p, row, c]
                if own == 0:
                    continue
                for axis in range(3):
                    other = own
                    if axis == 0 and p + 1 < planes:
                        other = labels[p + 1, row, c]
                    elif axis == 1 and row + 1 < lines:
                        other = labels[p, row + 1, c]
                    elif axis == 2 and c + 1 < columns:
                        other = labels[p, row, c + 1]
                    if other == own or other == 0:
                        continue
                    low, high = min(own, other), max(own, other)
                    slot = _slot(keys, counts, low, high)
                    if counts[slot] == 0:
                        keys[slot, 0], keys[slot, 1] = low, high
                        filled += 1
                    counts[slot] += 1
                    if 2 * filled > counts.size:
                        keys, counts = _doubled(keys, counts)
    return _rows(keys, counts, filled)
