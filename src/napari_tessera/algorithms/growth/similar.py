"""Regions that take the most similar pixel at their border: the heart of region growing."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from napari_tessera.algorithms.growth.flood import enqueue, offsets
from napari_tessera.algorithms.growth.levels import (
    leave_level,
    levels_in_use,
    lowest_level,
    use_level,
)
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
    points: Array,
    numbers: Array,
    inside: Array | None,
    rule: GrowthRule,
    report: Reporter | None = None,
) -> Array:
    """Grow regions from seeds; of all pixels at a border the most similar one joins first.

    Parameters
    ----------
    points : ndarray, shape (..., Y, X, channels)
        Intensities, without NaN.
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
        0 where nothing grew.

    References
    ----------
    R. Adams and L. Bischof, "Seeded region growing", IEEE Trans. Pattern Analysis and Machine
    Intelligence 16(6), 1994. Here similarity is measured when a pixel is met, as there, and once
    more against the tolerance when it joins.

    Examples
    --------
    >>> row = np.array([[[1.0], [2], [9], [8]]])
    >>> seeds = np.array([[1, 0, 0, 2]])
    >>> grow_regions(row, seeds, None, GrowthRule(np.inf, moving=True))
    array([[1, 1, 2, 2]], dtype=int32)
    """
    report = Reporter.of(report)
    centre = (slice(1, -1),) * numbers.ndim
    pixels = _pixels(points, numbers, inside)
    flat = pixels.reshape(-1, pixels.shape[-1])
    regions, best, values = flat[:, 0], flat[:, 1], flat[:, 2:].view(np.float32)
    seeds = np.flatnonzero(regions > 0)
    means, counts = _means(regions[seeds], values[seeds], int(numbers.max()))
    # distances are sorted into levels: queues of whole numbers instead of a heap
    settings = rule.tolerance, _scale(points, rule.tolerance), rule.largest, rule.moving
    near = offsets(pixels.shape[:-1], rule.connectivity)
    queue, taken, status = _queue(seeds, regions), 0, _MORE
    while status != _DONE:
        queue = _longer(queue) if status == _FULL else queue
        status = _take(regions, values, means, counts, near, best, queue, settings)
        taken += _STEPS
        report(Progress(min(taken, regions.size), regions.size))
    return np.maximum(pixels[centre][..., 0], 0)


def _pixels(points: Array, numbers: Array, inside: Array | None) -> Array:
    """Return what is known of each pixel, with a frame of one pixel around them.

    Region, level and intensities lie side by side, the latter as float32 in the same bits: a pixel
    is met at random, and then costs one access to the memory instead of three.
    """
    channels = points.shape[-1]
    pixels = np.empty((*(n + 2 for n in numbers.shape), 2 + channels), np.int32)
    pixels[..., 0] = _OUTSIDE
    inner = pixels[(slice(1, -1),) * numbers.ndim]
    inner[..., 0] = numbers
    if inside is not None:
        inner[~inside, 0] = _OUTSIDE
    inner[..., 2:].view(np.float32)[:] = points
    return pixels


def _means(numbers: Array, values: Array, highest: int) -> tuple[Array, Array]:
    """Return the mean of the values of each number and how many they are."""
    counts = np.bincount(numbers, minlength=highest + 1)
    means = np.zeros((highest + 1, values.shape[1]))
    np.add.at(means, numbers, values)
    return means / np.maximum(counts, 1)[:, np.newaxis], counts


def _scale(points: Array, tolerance: float) -> float:
    """Return the level of a distance of 1: the largest that can join has the last level.

    A finite tolerance alone decides, so that a region grows alike in a part of an image.
    """
    if math.isfinite(tolerance):
        return (LEVELS - 1) / (tolerance or 1.0)
    points, axes = points.astype(np.float32, copy=False), tuple(range(points.ndim - 1))
    widest = float(np.linalg.norm(points.max(axis=axes) - points.min(axis=axes)))
    return (LEVELS - 1) / (widest or 1.0)


def _queue(seeds: Array, regions: Array) -> tuple[Array, ...]:
    """Return first-in first-out queues, one per level, with the seeds in the lowest.

    Entries are linked lists: pixel, region (of seeds negative) and following entry; then the first
    and the last entry of each level; then the first free entry and how many are free; then which
    levels are in use, see `lowest_level`.
    """
    size, room = len(seeds), 2 * len(seeds) + (1 << 16)
    # entries are at most some per pixel: a quarter of what 32 bits can number is far enough
    kind = np.int32 if regions.size < 1 << 28 else np.int64
    pixels, owners = np.empty(room, kind), np.empty(room, np.int32)
    following = np.arange(1, room + 1, dtype=kind)
    pixels[:size], owners[:size] = seeds, -regions[seeds]
    following[size - 1] = following[-1] = -1
    heads, tails = np.full((2, LEVELS), -1, kind)
    heads[0], tails[0] = 0, size - 1
    used = levels_in_use(LEVELS)
    use_level(0, *used)
    return pixels, owners, following, heads, tails, np.array([size, room - size]), *used


def _longer(queue: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the queues with twice as much room."""
    pixels, owners, following, *levels, state, words, groups = queue
    room = len(pixels)
    more = np.arange(room + 1, 2 * room + 1, dtype=following.dtype)
    more[-1] = state[0]
    state[:] = room, state[1] + room
    longer = [np.concatenate([part, np.empty_like(part)]) for part in (pixels, owners)]
    return (*longer, np.concatenate([following, more]), *levels, state, words, groups)


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
    pixels, owners, following, heads, tails, state, words, groups = queue
    tolerance, scale, largest, moving = settings
    free, spare = state[0], state[1]
    status = _MORE
    for _ in range(_STEPS):
        if spare < near.size:
            status = _FULL
            break
        # a mean that moves, or a pixel that is met, may be nearer than those that wait
        level = lowest_level(words, groups)
        if level < 0:
            status = _DONE
            break
        entry = heads[level]
        pixel, region = pixels[entry], abs(owners[entry])
        heads[level] = following[entry]
        if heads[level] < 0:
            leave_level(level, words, groups)
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
            use_level(own, words, groups)
    state[0], state[1] = free, spare
    return status
