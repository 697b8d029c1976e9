"""Pixels on the boundaries of labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.geometry.bitmaps import WORD, pack_line, values_at


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def mark_rims(
    labels: Any, low: int, high: int, flat: bool, border: bool, only: int, words: Any
) -> Any:
    """Mark the boundary pixels of planes `low` to `high` of a block, and return their labels.

    A pixel is on the boundary of its label if one of its neighbours by faces has another label or,
    with `border`, lies outside the image; unknown neighbours (negative) tell nothing. With `flat`
    the lines have no neighbours among each other. With `only`, that label alone has a boundary.
    Marks are set as `bits`.
    """
    planes, lines, columns = labels.shape
    padded = np.zeros((words.shape[2] - 2) * WORD, np.uint8)
    total = 0
    for p in range(low, high):
        for row in range(lines):
            own, rim = labels[p, row], padded[:columns]
            if border and (p in (0, planes - 1) or (not flat and row in (0, lines - 1))):
                rim[:] = own > 0
            else:
                # the line itself stands for one that is missing: it makes no difference
                beside = (
                    labels[max(p - 1, 0), row],
                    labels[min(p + 1, planes - 1), row],
                    own if flat else labels[p, max(row - 1, 0)],
                    own if flat else labels[p, min(row + 1, lines - 1)],
                )
                _mark(own, beside, border, rim)
            if only > 0:
                rim &= own == only
            total += pack_line(padded, words[p - low, row])
    found = np.empty(total, np.int64)
    values_at(labels[low:high], words, found)
    return found


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _mark(own: Any, beside: Any, border: bool, rim: Any) -> None:
    """Mark the boundary pixels of a line; `beside` are the four lines next to it."""
    last = own.size - 1
    # no border inside the loop: it is vectorised
    for c in range(1, last):
        rim[c] = _ends(own, c, own[c - 1], own[c + 1], beside)
    if border:
        rim[0], rim[last] = own[0] > 0, own[last] > 0
    else:
        rim[0] = _ends(own, 0, own[0], own[min(1, last)], beside)
        rim[last] = _ends(own, last, own[max(last - 1, 0)], own[last], beside)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _ends(own: Any, c: int, left: int, right: int, beside: Any) -> Any:
    """Return whether a label ends at a pixel: all neighbours in one go, without branches."""
    before, after, above, below = beside
    return (own[c] > 0) & (
        _differs(own[c], left)
        | _differs(own[c], right)
        | _differs(own[c], before[c])
        | _differs(own[c], after[c])
        | _differs(own[c], above[c])
        | _differs(own[c], below[c])
    )


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _differs(own: int, other: int) -> bool:
    """Return whether a neighbour has another label; one that is unknown tells nothing."""
    return (own != other) & (other >= 0)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def sums_of_labels(labels: Any, rows: Any, owners: Any, distances: Any, near: Any) -> Any:
    """Return of each label how many pixels it owns, how many are near, and their distances added.

    `rows` says where a label stands in `labels`; if it is empty, that is looked up.
    """
    sums = np.zeros((3, labels.size))
    for i in range(owners.size):
        row = rows[owners[i]] if rows.size else np.searchsorted(labels, owners[i])
        sums[0, row] += 1
        sums[1, row] += near[i]
        sums[2, row] += distances[i]
    return sums
