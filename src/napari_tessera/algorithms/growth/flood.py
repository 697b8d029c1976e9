"""Flooding from markers with a hierarchical queue: the heart of the watershed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.parallel import slabs
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
        Markers grown to regions; 0 where no flood came. A view of a larger array.

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
    steps = in_steps(relief, inside)
    flat, links = regions.reshape(-1), _framed(steps).reshape(-1)
    # one queue per level, first in first out: linked lists through the pixels, each of which is in
    # one queue at most, so that a link per pixel is all they need
    heads = np.full(int(steps.max()) + 1, -1, np.int64)
    del steps
    tails = heads.copy()
    state = np.zeros(1, np.int64)
    near = offsets(regions.shape, connectivity)
    total = float(np.count_nonzero(flat == 0) or 1)
    _start(flat, links, heads, tails)
    taken = 0
    while not _rise(flat, links, heads, tails, state, near, _STEPS):
        taken += _STEPS
        report(Progress(min(taken, total), total))
    result = regions[centre]
    return np.maximum(result, 0, out=result)


def in_steps(relief: Array, inside: Array | None) -> Array:
    """Return a relief in the steps in which it is flooded: whole numbers from 0.

    Parameters
    ----------
    relief : ndarray, shape (..., Y, X)
    inside : ndarray of bool, optional
        Where the flood may go; what lies higher or lower elsewhere is cut off.

    Returns
    -------
    ndarray of uint16 or int32
        Whole numbers keep their differences; others become `LEVELS` steps.

    Examples
    --------
    >>> in_steps(np.array([[-3, 0, 5]]), None)
    array([[0, 3, 8]], dtype=uint16)
    """
    low, high = _ends(relief, inside)
    if not np.isfinite(float(high) - float(low)):
        raise ValueError("relief has heights that are not finite; the flood could not count them")
    exact = relief.dtype.kind in "ui" and int(high) - int(low) < 1 << 24
    wide = exact and int(high) - int(low) >= LEVELS
    if relief.dtype == np.uint16 and low == 0 and inside is None:
        return relief
    steps = np.empty(relief.shape, np.int32 if wide else np.uint16)
    # in slabs: the numbers on the way are wider than those that are kept
    for first, stop in slabs(len(relief), relief[0].size):
        own = np.clip(relief[first:stop], low, high)
        if exact:
            steps[first:stop] = own.astype(np.int64) - int(low)
        else:
            scale = (LEVELS - 1) / (float(high) - float(low) or 1.0)
            steps[first:stop] = ((own - low) * scale).astype(np.int32)
    return steps


def _ends(relief: Array, inside: Array | None) -> tuple[Any, Any]:
    """Return the lowest and the highest place that can be flooded; zeros if there is none."""
    found = []
    for first, stop in slabs(len(relief), relief[0].size):
        own = relief[first:stop] if inside is None else relief[first:stop][inside[first:stop]]
        if own.size:
            found.append((own.min(), own.max()))
    if not found:
        return relief.dtype.type(0), relief.dtype.type(0)
    return min(low for low, _ in found), max(high for _, high in found)


def _framed(steps: Array) -> Array:
    """Return steps as numbers that can hold the place of a pixel, with a frame of one around."""
    shape = tuple(n + 2 for n in steps.shape)
    framed = np.zeros(shape, np.int32 if math.prod(shape) < 2**31 else np.int64)
    framed[tuple(slice(1, -1) for _ in shape)] = steps
    return framed


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
def _start(regions: Any, links: Any, heads: Any, tails: Any) -> None:
    """Put the markers into the queues, each at its own level."""
    for pixel in range(regions.size):
        if regions[pixel] > 0:
            enqueue(pixel, links[pixel], links, heads, tails)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _rise(
    regions: Any, links: Any, heads: Any, tails: Any, state: Any, offsets: Any, steps: int
) -> bool:
    """Take up to `steps` pixels from the lowest queue; True when all are empty.

    `links` holds the level of each pixel that has not been reached, and of one that has, which
    follows it in its queue: one array of numbers instead of two.
    """
    level = state[0]
    for _ in range(steps):
        while level < heads.size and heads[level] < 0:
            level += 1
        if level == heads.size:
            return True
        pixel = heads[level]
        heads[level] = links[pixel]
        for offset in offsets:
            near = pixel + offset
            if regions[near] == 0:
                regions[near] = regions[pixel]
                # a flood never falls
                enqueue(near, max(links[near], level), links, heads, tails)
    state[0] = level
    return False
