"""Regions that take the most similar pixel at their border: the heart of region growing."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from napari_tessera.algorithms.growth.flood import enqueue, offsets
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array

LEVELS = 1 << 16
"""Similarity is told apart in this many steps."""

_OUTSIDE = np.iinfo(np.int32).min
_STEPS = 1 << 18
_DONE, _MORE, _FULL = 0, 1, 2


class GrowthRule(NamedTuple):
    """Which pixels join a region.

    Attributes
    ----------
    tolerance : float
        Largest distance of a pixel that joins from the mean of its region; may be infinite.
    largest : float
        Pixels at which a region stops growing; may be infinite.
    connectivity : int
        1: neighbours share a face; the number of axes: corners count too.
    moving : bool
        Whether the mean takes in the pixels that join, or stays that of the seeds.
    """

    tolerance: float
    largest: float = math.inf
    connectivity: int = 1
    moving: bool = False


def grow_regions(
    framed_points: Array,
    numbers: Array,
    inside: Array | None,
    rule: GrowthRule,
    report: Reporter | None = None,
) -> Array:
    """Grow regions from seeds; of all pixels at a border the most similar one joins first.

    Parameters
    ----------
    framed_points : ndarray of float32, shape (..., Y + 2, X + 2, channels)
        Intensities, as `framed` returns them.
    numbers : ndarray of int, shape (..., Y, X)
        Seeds, numbered from 1; 0 = none.
    inside : ndarray of bool, optional
        Where regions may be; None = everywhere.
    rule : GrowthRule
    report : Reporter, optional
        Asked every 262 144 steps.

    Returns
    -------
    ndarray of int32
        0 where nothing grew. A view of a larger array.

    References
    ----------
    R. Adams and L. Bischof, "Seeded region growing", IEEE Trans. Pattern Analysis and Machine
    Intelligence 16(6), 1994. Here similarity is measured when a pixel is met, as there, and once
    more against the tolerance when it joins.

    Examples
    --------
    >>> row = np.array([[[1.0], [2], [9], [8]]])
    >>> seeds = np.array([[1, 0, 0, 2]])
    >>> grow_regions(framed(row), seeds, None, GrowthRule(np.inf, moving=True))
    array([[1, 1, 2, 2]], dtype=int32)
    """
    report = Reporter.of(report)
    padded = tuple(n + 2 for n in numbers.shape)
    centre = tuple(slice(1, -1) for _ in padded)
    regions = np.full(padded, _OUTSIDE, np.int32)
    regions[centre] = numbers
    if inside is not None:
        regions[centre][~inside] = _OUTSIDE
    flat, values = regions.reshape(-1), framed_points.reshape(-1, framed_points.shape[-1])
    seeds = np.flatnonzero(flat > 0)
    means, counts = _means(flat[seeds], values[seeds], int(numbers.max()))
    best = np.empty(flat.size, np.uint16)
    # distances are sorted into levels: queues of whole numbers instead of a heap
    settings = (
        rule.tolerance,
        _scale(framed_points[centre], rule.tolerance),
        rule.largest,
        rule.moving,
    )
    queue, near, taken, status = _queue(seeds, flat), offsets(padded, rule.connectivity), 0, _MORE
    while status != _DONE:
        queue = _longer(queue) if status == _FULL else queue
        status = _take(flat, values, means, counts, near, best, queue, settings)
        taken += _STEPS
        report(Progress(min(taken, flat.size), flat.size))
    result = regions[centre]
    return np.maximum(result, 0, out=result)


def framed(points: Array) -> Array:
    """Return points of pixels as float32, with a frame of one pixel around them.

    Parameters
    ----------
    points : ndarray, shape (..., Y, X, channels)

    Returns
    -------
    ndarray of float32, shape (..., Y + 2, X + 2, channels)
    """
    values = np.zeros((*(n + 2 for n in points.shape[:-1]), points.shape[-1]), np.float32)
    values[tuple(slice(1, -1) for _ in points.shape[:-1])] = points
    return values


def _means(numbers: Array, values: Array, highest: int) -> tuple[Array, Array]:
    """Return the mean of the values of each number and how many they are."""
    counts = np.bincount(numbers, minlength=highest + 1)
    means = np.zeros((highest + 1, values.shape[1]))
    np.add.at(means, numbers, values)
    return means / np.maximum(counts, 1)[:, np.newaxis], counts


def _scale(points: Array, tolerance: float) -> float:
    """Return the level of a distance of 1."""
    axes = tuple(range(points.ndim - 1))
    widest = float(np.linalg.norm(points.max(axis=axes) - points.min(axis=axes)))
    return (LEVELS - 1) / (min(tolerance, widest) or 1.0)


def _queue(seeds: Array, regions: Array) -> tuple[Array, ...]:
    """Return first-in first-out queues, one per level, with the seeds in the lowest.

    Entries are linked lists: pixel, region (of seeds negative) and following entry; then the first
    and the last entry of each level; then the first free entry, the lowest level in use and how
    many are free.
    """
    size, room = len(seeds), 2 * len(seeds) + (1 << 16)
    # entries are at most some per pixel: a quarter of what 32 bits can number is far enough
    kind = np.int32 if regions.size < 1 << 28 else np.int64
    pixels, owners = np.empty(room, kind), np.empty(room, np.int32)
    following = np.arange(1, room + 1, dtype=kind)
    pixels[:size], owners[:size] = seeds, -regions[seeds]
    following[size - 1] = following[-1] = -1
    heads, tails = np.full(LEVELS, -1), np.full(LEVELS, -1)
    heads[0], tails[0] = 0, size - 1
    return pixels, owners, following, heads, tails, np.array([size, 0, room - size])


def _longer(queue: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the queues with twice as much room."""
    pixels, owners, following, heads, tails, state = queue
    room = len(pixels)
    more = np.arange(room + 1, 2 * room + 1, dtype=following.dtype)
    more[-1] = state[0]
    state[0], state[2] = room, state[2] + room
    longer = [np.concatenate([part, np.empty_like(part)]) for part in (pixels, owners)]
    return (*longer, np.concatenate([following, more]), heads, tails, state)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _distance(value: Any, mean: Any) -> float:
    squares = 0.0
    for channel in range(value.size):
        squares += (value[channel] - mean[channel]) ** 2
    return float(np.sqrt(squares))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _join(
    pixel: Any, region: Any, regions: Any, values: Any, means: Any, counts: Any, moving: Any
) -> None:
    """Let a pixel join a region, and the mean of that take it in if it moves."""
    regions[pixel] = region
    counts[region] += 1
    if moving:
        for channel in range(values.shape[1]):
            change = values[pixel, channel] - means[region, channel]
            means[region, channel] += change / counts[region]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _take(
    regions: Any,
    values: Any,
    means: Any,
    counts: Any,
    near: Any,
    best: Any,
    queue: Any,
    settings: Any,
) -> int:
    """Let the most similar pixels join, one after the other, until the queues are empty or full.

    A pixel of no region holds less than 0 while it is queued, the number of the region that has
    asked for it last, and in `best` at which level; otherwise 0.
    """
    pixels, owners, following, heads, tails, state = queue
    tolerance, scale, largest, moving = settings
    free, level, spare = state[0], state[1], state[2]
    status = _MORE
    for _ in range(_STEPS):
        if spare < near.size:
            status = _FULL
            break
        while level < heads.size and heads[level] < 0:
            level += 1
        if level == heads.size:
            status = _DONE
            break
        entry = heads[level]
        pixel, region = pixels[entry], abs(owners[entry])
        heads[level] = following[entry]
        following[entry] = free
        free = entry
        spare += 1
        if owners[entry] > 0:
            if regions[pixel] > 0:
                continue
            # taken out: the pixel may be queued again, nearer to a mean that has moved
            regions[pixel] = 0
            if counts[region] >= largest:
                continue
            # the mean has moved on since the pixel was queued
            if _distance(values[pixel], means[region]) > tolerance:
                continue
            _join(pixel, region, regions, values, means, counts, moving)
        for offset in near:
            other = pixel + offset
            if regions[other] > 0 or regions[other] == _OUTSIDE:
                continue
            apart = _distance(values[other], means[region])
            own = min(int(apart * scale), heads.size - 1)
            # queued already by this region at least as near: once more would change nothing
            if apart > tolerance or (regions[other] == -region and best[other] <= own):
                continue
            best[other], regions[other] = own, -region
            new = free
            free = following[new]
            spare -= 1
            pixels[new], owners[new] = other, region
            enqueue(new, own, following, heads, tails)
            level = min(level, own)
    state[0], state[1], state[2] = free, level, spare
    return status
