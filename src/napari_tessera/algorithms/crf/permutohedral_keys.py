"""The vertices of a permutohedral lattice: which lie around each pixel, and beside each other.

In units of d + 1, a vertex has d + 1 coordinates that sum to 0: whole numbers (its quotients) plus
one and the same rest, 0 to d parts of d + 1. Its key is a single number: the first d quotients as
digits, each with its own stride, above the rest as the lowest digit. So a step from one vertex to
another adds one of a few constants to the key.

Pixels are taken in blocks and the loops run along them, so that the compiler can work on several
pixels at once; what belongs to corner `c` of their simplices stands in row `c`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_BLOCK = 256
_SCATTER = np.uint64(0x9E3779B97F4A7C15)
_ONE = np.uint64(1)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def bounds(features: Any) -> tuple[Any, Any]:
    """Return the least and the greatest value of each feature, or the first that is no number."""
    low, high = features[0].copy(), features[0].copy()
    for pixel in range(len(features)):
        for axis in range(low.size):
            value = features[pixel, axis]
            low[axis], high[axis] = min(low[axis], value), max(high[axis], value)
            if not np.isfinite(value):
                low[axis] = value
                return low, high
    return low, high


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _elevate(features: Any, scale: Any, heights: Any) -> None:
    """Lay the features into the plane of vectors that sum to 0, one row per coordinate."""
    total = heights[0]
    total[:] = 0
    for axis in range(scale.size, 0, -1):
        height = heights[axis]
        for pixel in range(len(features)):
            step = features[pixel, axis - 1] * scale[axis - 1]
            # the rows of Adams et al. without their matrix: coordinate a is the sum of the steps
            # after it, less a times its own, so d additions do for d + 1 coordinates
            height[pixel] = total[pixel] - np.float32(axis) * step
            total[pixel] += step


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _round(heights: Any, wholes: Any, surplus: Any) -> None:
    """Split heights into the nearest whole numbers, which sum to the surplus, and the rests."""
    for pixel in range(heights.size):
        whole = np.floor(heights[pixel] + np.float32(0.5))
        heights[pixel] -= whole
        wholes[pixel] = np.int32(whole)
        surplus[pixel] += np.int32(whole)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _compare(first: Any, second: Any, first_ranks: Any, second_ranks: Any) -> None:
    """Move the smaller of two rests one rank down."""
    for pixel in range(first.size):
        # ranks by comparing all pairs: d is 6 at most, and loops without branches vectorise
        less = np.int32(first[pixel] < second[pixel])
        first_ranks[pixel] += less
        second_ranks[pixel] += np.int32(1) - less


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _return(surplus: Any, wholes: Any, rests: Any, ranks: Any, axes: int) -> None:
    """Round those the other way that were rounded furthest, until wholes sum to 0."""
    for pixel in range(ranks.size):
        rank = ranks[pixel] + surplus[pixel]
        # at most one step: rounding each coordinate leaves a surplus of (d + 1) / 2 at most
        turn = np.int32(rank < 0) - np.int32(rank > axes)
        ranks[pixel] = rank + turn * np.int32(axes + 1)
        wholes[pixel] += turn
        rests[pixel] -= np.float32(turn)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _pick(ranks: Any, rank: Any, rests: Any, stride: int, picked: Any, strides: Any) -> None:
    """Take the rest and the stride of those pixels for which this axis has the given rank."""
    for pixel in range(ranks.size):
        hit = ranks[pixel] == rank
        picked[pixel] += rests[pixel] if hit else np.float32(0)
        strides[pixel] += stride if hit else 0


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _simplices(features: Any, constants: Any, rows: Any, weights: Any, keys: Any) -> None:
    """Find the corners of the simplices in which a block of pixels lies, and their weights."""
    scale, origin, strides = constants
    rests, ordered, wholes, ranks, steps, surplus = rows
    axes = scale.size
    ordered[:], ranks[:], steps[:], surplus[:], keys[0] = 0, 0, 0, 0, 0
    _elevate(features, scale, rests)
    for axis in range(axes + 1):
        _round(rests[axis], wholes[axis], surplus)
        for other in range(axis):
            _compare(rests[other], rests[axis], ranks[other], ranks[axis])
    for axis in range(axes + 1):
        _return(surplus, wholes[axis], rests[axis], ranks[axis], axes)
        for rank in range(axes + 1):
            _pick(ranks[axis], rank, rests[axis], strides[axis], ordered[rank], steps[rank])
    for pixel in range(surplus.size):  # the first corner comes after the last
        ordered[axes + 1, pixel] = ordered[0, pixel] - np.float32(1)
    for axis in range(axes):
        whole, least, stride, key = wholes[axis], origin[axis], strides[axis], keys[0]
        for pixel in range(key.size):
            key[pixel] += (whole[pixel] - least) * stride
    for corner in range(axes + 1):
        rank = axes - corner
        near, far, weight = ordered[rank], ordered[rank + 1], weights[corner]
        for pixel in range(weight.size):
            # barycentric: differences of neighbouring rests, sorted; they sum to 1
            weight[pixel] = near[pixel] - far[pixel]
        if corner > 0:
            before, step, key = keys[corner - 1], steps[rank + 1], keys[corner]
            for pixel in range(key.size):
                key[pixel] = before[pixel] + 1 - step[pixel]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _number(keys: Any, table: Any, own: Any, known: int, numbers: Any) -> int:
    """Look up the number of each key; a new one gets the next, and a place among its own."""
    slots, held, shift = table
    mask = np.uint64(slots.size - 1)
    for place in range(numbers.size):
        key = keys[place]
        # Fibonacci hashing: the highest bits of the product, as many as the table has
        slot = (np.uint64(key) * _SCATTER) >> shift
        while slots[slot] != key and slots[slot] >= 0:
            slot = (slot + _ONE) & mask
        if slots[slot] < 0:
            slots[slot], held[slot], own[known] = key, known, key
            known += 1
        numbers[place] = held[slot]
    return known


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _table(size: int) -> tuple[Any, Any, Any]:
    """Return an empty table: keys by slot, their numbers, and the shift that makes a slot."""
    slots, shift = np.empty(size, np.int64), np.uint64(64)
    slots[:] = -1
    while size > 1:
        size //= 2
        shift -= _ONE
    return slots, np.empty(slots.size, np.int32), shift


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _room(own: Any, known: int, table: Any, more: int) -> tuple[Any, Any]:
    """Return keys and table, both longer unless `more` keys find room in a table half full."""
    slots, _, _ = table
    size = slots.size
    while size < 2 * (known + more):
        size *= 2
    if size == slots.size:
        return own, table
    longer = np.empty(size // 2, np.int64)
    for number in range(known):  # a copy by slices takes seconds to compile
        longer[number] = own[number]
    wider = _table(size)
    _number(longer, wider, longer, 0, np.empty(known, np.int32))
    return longer, wider


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def embed(features: Any, constants: Any, weights: Any, corners: Any) -> Any:
    """Find the corners of the simplex around each pixel, and how near it is to each.

    Corners are numbered in the order in which they are met; their keys are returned.
    """
    rows = len(weights)
    rests, wholes = np.zeros((rows, _BLOCK), np.float32), np.empty((rows, _BLOCK), np.int32)
    ranks, surplus = np.empty((rows, _BLOCK), np.int32), np.empty(_BLOCK, np.int32)
    ordered, steps = np.empty((rows + 1, _BLOCK), np.float32), np.empty((rows, _BLOCK), np.int64)
    keys, near = np.empty((rows, _BLOCK), np.int64), np.empty((rows, _BLOCK), np.float32)
    scratch = rests, ordered, wholes, ranks, steps, surplus
    own, table = np.empty(1, np.int64), _table(2)
    known = 0
    for first in range(0, len(features), _BLOCK):
        size = min(_BLOCK, len(features) - first)
        _simplices(features[first : first + size], constants, scratch, near, keys)
        own, table = _room(own, known, table, rows * size)
        for corner in range(rows):
            numbers = corners[corner, first : first + size]
            known = _number(keys[corner], table, own, known, numbers)
            for place in range(size):
                weights[corner, first + place] = near[corner, place]
    return own[:known]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def unite(keys: Any, vertices: Any) -> tuple[Any, Any]:
    """Number the different keys in the order in which they are met; return them and their table."""
    own, table = np.empty(1, np.int64), _table(2)
    known = 0
    for first in range(0, keys.size, _BLOCK):
        some, numbers = keys[first : first + _BLOCK], vertices[first : first + _BLOCK]
        own, table = _room(own, known, table, some.size)
        known = _number(some, table, own, known, numbers)
    return own[:known], table


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def link(keys: Any, table: Any, strides: Any, first: int, last: int, links: Any) -> None:
    """Find both neighbours of the vertices `first` to `last` along each axis; 0 = there is none.

    Each vertex looks for the next one only, and tells it that it is the one before.
    """
    slots, held, shift = table
    mask = np.uint64(slots.size - 1)
    axes = len(links) - 1
    every = 0
    for stride in strides:
        every += stride
    for vertex in range(first, last):
        # one part more for every coordinate, d + 1 parts less for that of the axis
        key = keys[vertex - 1] + 1
        if key % (axes + 1) == 0:
            key += every - axes - 1
        for axis in range(axes + 1):
            wanted = key - strides[axis]
            slot = (np.uint64(wanted) * _SCATTER) >> shift
            while slots[slot] != wanted and slots[slot] >= 0:
                slot = (slot + _ONE) & mask
            if slots[slot] >= 0:
                following = held[slot] + 1
                links[axis, vertex, 1], links[axis, following, 0] = following, vertex
