"""Flooding from markers with a hierarchical queue: the heart of the watershed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array

LEVELS = 1 << 16
"""Floods rise in this many steps; landscapes of whole numbers with a smaller range are exact."""

_OUTSIDE = -1
_STEPS = 1 << 20


def flood(
    relief: Array,
    markers: Array,
    inside: Array | None,
    connectivity: int,
    report: Reporter | None = None,
) -> Array:
    """Flood a landscape from markers; each pixel gets the marker that reaches it first.

    Parameters
    ----------
    relief : ndarray, shape (..., Y, X)
        Heights; low ground is flooded first.
    markers : ndarray of int
        0 = none.
    inside : ndarray of bool, optional
        Where the flood may go; None = everywhere.
    connectivity : int
        1: neighbours share a face; the number of axes: corners count too.
    report : Reporter, optional
        Asked every million pixels.

    Returns
    -------
    ndarray of int32
        Markers grown to regions; 0 where no flood came.

    References
    ----------
    F. Meyer, "Un algorithme optimal pour la ligne de partage des eaux", 8e congres de
    reconnaissance des formes et intelligence artificielle, 1991.

    Examples
    --------
    >>> flood(np.array([[0, 1, 5, 2, 0]]), np.array([[1, 0, 0, 0, 2]]), None, 1)
    array([[1, 1, 1, 2, 2]], dtype=int32)
    """
    report = Reporter.of(report)
    # a frame of pixels outside: neighbours need no test for the border
    regions = np.full(tuple(n + 2 for n in relief.shape), _OUTSIDE, np.int32)
    centre = tuple(slice(1, -1) for _ in relief.shape)
    regions[centre] = markers
    if inside is not None:
        regions[centre][~inside] = _OUTSIDE
    levels = np.zeros(regions.shape, np.int32)
    levels[centre] = _levels(relief, inside)
    flat, flat_levels = regions.reshape(-1), levels.reshape(-1)
    # one queue per level, first in first out: linked lists through the pixels, each of which is in
    # one queue at most, so that a link per pixel is all they need
    heads = np.full(int(levels.max()) + 1, -1, np.int64)
    tails = heads.copy()
    following = np.empty(flat.size, np.int32 if flat.size < 2**31 else np.int64)
    state = np.zeros(1, np.int64)
    near = offsets(regions.shape, connectivity)
    total = float(np.count_nonzero(flat == 0) or 1)
    _start(flat, flat_levels, following, heads, tails)
    steps = 0
    while not _rise(flat, flat_levels, following, heads, tails, state, near, _STEPS):
        steps += _STEPS
        report(Progress(min(steps, total), total))
    result = regions[centre]
    return np.maximum(result, 0) if inside is not None else result.copy()


def _levels(relief: Array, inside: Array | None) -> Array:
    """Return the relief as whole numbers from 0, at most `LEVELS` of them where it is not yet."""
    some = relief if inside is None else relief[inside]
    if some.size == 0:
        return np.zeros(relief.shape, np.int32)
    low, high = some.min(), some.max()
    if relief.dtype.kind in "ui" and int(high) - int(low) < 1 << 24:
        return np.clip(relief.astype(np.int64) - int(low), 0, int(high) - int(low)).astype(np.int32)
    scale = (LEVELS - 1) / (float(high) - float(low) or 1.0)
    steps = np.clip(relief, low, high)
    return np.asarray(((steps - low) * scale).astype(np.int32))


def offsets(shape: tuple[int, ...], connectivity: int) -> Array:
    """Return how far the neighbours of a pixel are in the flat array, nearest first."""
    strides = np.cumprod([1, *shape[:0:-1]])[::-1]
    moves = np.stack(np.meshgrid(*[[-1, 0, 1]] * len(shape), indexing="ij"), -1)
    moves = moves.reshape(-1, len(shape))
    steps = np.abs(moves).sum(axis=1)
    near = (steps > 0) & (steps <= connectivity)
    order = np.argsort(steps[near], kind="stable")
    return np.asarray((moves[near] @ strides)[order])


@njit(nogil=True, inline="always", cache=True)  # type: ignore[untyped-decorator]
def enqueue(entry: Any, level: Any, following: Any, heads: Any, tails: Any) -> None:
    """Put an entry behind the last one of its level; queues are linked lists, -1 being the end."""
    following[entry] = -1
    if heads[level] < 0:
        heads[level] = entry
    else:
        following[tails[level]] = entry
    tails[level] = entry


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _start(regions: Any, levels: Any, following: Any, heads: Any, tails: Any) -> None:
    """Put the markers into the queues, each at its own level."""
    for pixel in range(regions.size):
        if regions[pixel] > 0:
            enqueue(pixel, levels[pixel], following, heads, tails)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _rise(
    regions: Any,
    levels: Any,
    following: Any,
    heads: Any,
    tails: Any,
    state: Any,
    offsets: Any,
    steps: int,
) -> bool:
    """Take up to `steps` pixels from the lowest queue; True when all are empty."""
    level = state[0]
    for _ in range(steps):
        while level < heads.size and heads[level] < 0:
            level += 1
        if level == heads.size:
            return True
        pixel = heads[level]
        heads[level] = following[pixel]
        for offset in offsets:
            near = pixel + offset
            if regions[near] == 0:
                regions[near] = regions[pixel]
                # a flood never falls
                enqueue(near, max(levels[near], level), following, heads, tails)
    state[0] = level
    return False
