"""Runs of one label along a row, and the distance to their ends."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from napari_tessera.signature.words import Array


def codes(labels: Array) -> Array:
    """Return labels as unsigned whole numbers of the same width, contiguous, without a copy.

    Kernels are compiled for four types instead of nine.
    """
    return np.ascontiguousarray(labels).view(f"u{labels.dtype.itemsize}")


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def run_ends(line: Any, change: Any, ends: Any) -> int:
    """Write where each run of one label in a line ends, and return how many runs there are.

    `change` is room for a flag per pixel, of a length that 8 divides, and 0 beyond the line.
    """
    last = line.size - 1
    before, after, flags = line[:-1], line[1:], change[:last]
    for x in range(last):
        flags[x] = before[x] != after[x]
    change[last] = 1
    words = change.view(np.uint64)
    count = 0
    for word in range((last >> 3) + 1):
        if words[word] != 0:  # eight pixels at once, most of them inside a run
            for x in range(8 * word, 8 * word + 8):
                if change[x]:
                    ends[count] = x + 1
                    count += 1
    return count


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def fill_runs(line: Any, table: Any, change: Any, ends: Any, out: Any) -> None:
    """Set `out` to table[distance to the nearest other label of the line], where the table ends 0.

    `table` begins at distance 1 and falls.
    """
    start, width = 0, line.size
    for number in range(run_ends(line, change, ends)):
        stop = ends[number]
        size = stop - start
        left = size if stop == width else (size + 1) >> 1
        # beyond the border of the line nothing lies: a run that begins there has one end only
        left = 0 if start == 0 else min(left, table.size)
        right = 0 if stop == width else min(size if start == 0 else size >> 1, table.size)
        for k in range(left):
            out[start + k] = table[k]
        out[start + left : stop - right] = 0
        for k in range(right):
            out[stop - 1 - k] = table[k]
        start = stop
