"""Outlines that an object around a point may have, and how likely each of them looks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.picking.rays import Rays
from napari_tessera.algorithms.picking.star import best_outline, radius_of
from napari_tessera.signature.words import Array

STIFFNESS = 0.1
"""What an outline loses for each ray that is one radius longer than the next, in mean steps."""

CROSSING = (0.02, 0.07)
"""What it loses for each mean step that lies within it; both are tried."""

SURROUNDINGS = 320.0
"""How far around a point steps are compared with, in the finest pixels."""

PULL = 0.5
"""What an outline loses for each radius, squared, that it is away from where it is wanted."""

_HIGHEST = 6.0  # mean steps beyond which there is hardly any difference
_BETWEEN, _AROUND = 6, 12  # middles of the ranges of radii that are tried, and how far they go
_FORBIDDEN = -50.0
_NEAR = 5  # radii beyond an outline that are looked at
_LEAST = 1e-9


@dataclass(frozen=True)
class Bounds:
    """Which radii an outline may have along each ray.

    Attributes
    ----------
    low, high : ndarray of int, shape (rings, rays)
    """

    low: Array
    high: Array

    def forbidden(self, count: int) -> Array:
        """Return which of so many radii are not allowed, shape (rings, rays, count)."""
        numbers = np.arange(count)
        return np.asarray((numbers < self.low[..., None]) | (numbers > self.high[..., None]))


@dataclass(frozen=True)
class Outline:
    """An outline, and what speaks for it.

    Attributes
    ----------
    places : ndarray of int, shape (rings, rays)
        The number of its radius along each ray.
    seen : int
        Which view of the image it was found in.
    broken : int
        Along how many rays it has a radius that is not allowed.
    measures : ndarray
        See `MEASURES`.
    """

    places: Array
    seen: int
    broken: int
    measures: Array


MEASURES = (
    "mean step",
    "weakest fifth of steps",
    "median step",
    "steps within",
    "unevenness",
    "size",
    "unlike within",
    "steps around",
    "outside the image",
    "narrowness",
    "middle narrowness",
    "unlike around",
    "centre against around",
    "bright",
    "dark",
)
"""What is known of an outline."""


def candidate_outlines(rays: Rays, bounds: Bounds) -> Iterator[Outline]:
    """Yield outlines of bright, of dark and (in colours) of differently coloured objects.

    They are the best ones of each range of sizes.
    """
    count, tried = len(rays.radii), set[bytes]()
    forbidden, lengths = bounds.forbidden(count), radius_of(np.arange(count))
    for seen, values in enumerate(_views(rays)):
        steps = _steps(values, rays)
        crossed = _crossed(steps)
        for loss in CROSSING:
            gains = _gains(steps) - loss * crossed + _FORBIDDEN * forbidden
            for middle in range(_BETWEEN, count, _BETWEEN):
                ends = max(0, middle - _AROUND), min(count - 1, middle + _AROUND)
                places = best_outline(gains, *ends, STIFFNESS)
                key = bytes([seen]) + places.tobytes()
                if key not in tried:
                    tried.add(key)
                    broken = int(np.take_along_axis(forbidden, places[..., None], -1).sum())
                    measures = np.empty(len(MEASURES))
                    _measured(values, steps, crossed, rays.inside, places, lengths, measures)
                    measures[-2:] = seen == 0, seen == 1
                    yield Outline(places, seen, broken, measures)


def outline_near(rays: Rays, bounds: Bounds, wanted: Array, seen: int) -> Array:
    """Return the outline near the wanted places that follows the image best.

    Parameters
    ----------
    rays : Rays
    bounds : Bounds
    wanted : ndarray, shape (rings, rays)
        Numbers of radii, and parts of them.
    seen : int
        The view of the image in which the object is bright.
    """
    count = len(rays.radii)
    steps = _steps(_views(rays)[seen], rays)
    pulled = (np.arange(count) - wanted[..., None]) ** 2
    gains = _gains(steps) - PULL * pulled + _FORBIDDEN * bounds.forbidden(count)
    return best_outline(gains, 0, count - 1, STIFFNESS)


def _views(rays: Rays) -> list[Array]:
    """Return the image so that objects are bright: itself, its negative, likeness to the centre."""
    values = rays.values
    grey = values.mean(axis=-1)
    if values.shape[-1] == 1:
        return [grey, -grey]
    centre = values[:, :, :4].mean(axis=(0, 1, 2))
    return [grey, -grey, -np.linalg.norm(values - centre, axis=-1)]


def _steps(values: Array, rays: Rays) -> Array:
    """Return how much darker it is beyond each radius than within, in mean steps of the image."""
    wide = np.pad(values, ((0, 0), (0, 0), (2, 2)), mode="edge")
    count = values.shape[-1]
    near, far = (wide[..., i : i + count] + wide[..., i + 1 : i + 1 + count] for i in (0, 2))
    steps = near - far
    near_by = np.abs(steps)[rays.inside & (rays.radii < SURROUNDINGS)]
    # there may be none near by, as in images of a few pixels
    return np.where(rays.inside, steps / (near_by.sum() / max(near_by.size, 1) + _LEAST), -1.0)


def _gains(steps: Array) -> Array:
    """Return what steps are worth: very high ones not much more, but the highest of all most."""
    return np.asarray(np.minimum(steps, _HIGHEST) + 0.1 * np.maximum(steps - _HIGHEST, 0))


def _crossed(steps: Array) -> Array:
    """Return the steps, up or down, that lie within each radius."""
    heights = np.minimum(np.abs(steps), _HIGHEST / 2)
    before = np.cumsum(heights, axis=-1) - heights
    return np.pad(before[..., :-2], ((0, 0), (0, 0), (2, 0)))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _measured(
    values: Any, steps: Any, crossed: Any, inside: Any, places: Any, radii: Any, measures: Any
) -> None:
    """Write what is known of an outline, in the order of `MEASURES` up to the views."""
    rings, rays, count = steps.shape
    here, lengths = np.empty(rings * rays), np.empty(rings * rays)
    within, around, middle = np.zeros(3), np.zeros(3), np.zeros(3)
    inner_steps, turns, beyond, outer_steps = 0.0, 0.0, 0.0, 0.0
    for ring in range(rings):
        for ray in range(rays):
            at = places[ring, ray]
            number = ring * rays + ray
            here[number], lengths[number] = steps[ring, ray, at], radii[at]
            inner_steps += crossed[ring, ray, at]
            beyond += not inside[ring, ray, at]
            turns += (places[ring, (ray + 1) % rays] - at) ** 2
            for k in range(max(at - 1, 1)):
                _count(values[ring, ray, k], within)
            for k in range(4):
                _count(values[ring, ray, k], middle)
            for k in range(min(at + 1, count - 1), min(at + 1 + _NEAR, count)):
                _count(values[ring, ray, k], around)
                outer_steps += abs(steps[ring, ray, k])
    here, lengths = np.sort(here), np.sort(lengths)
    total = here.size
    inner, outer = within[1] / within[0], around[1] / around[0]
    contrast = abs(inner - outer)
    spread, beside = _deviation(within), _deviation(around)
    measures[0] = np.minimum(here, _HIGHEST).mean()
    measures[1] = here[total // 5]
    measures[2] = here[total // 2]
    measures[3] = inner_steps / total
    measures[4] = turns / total
    measures[5] = math.log(lengths.mean())
    measures[6] = spread / (contrast + spread + _LEAST)
    measures[7] = outer_steps / around[0]
    measures[8] = beyond / total
    measures[9] = lengths[0] / lengths[-1]
    measures[10] = lengths[total // 4] / lengths[3 * total // 4]
    measures[11] = beside / (contrast + beside + _LEAST)
    measures[12] = (middle[1] / middle[0] - outer) / (contrast + spread + _LEAST)


@njit(nogil=True, inline="always", cache=True)  # type: ignore[untyped-decorator]
def _count(value: Any, sums: Any) -> None:
    """Add a value to a count, a sum and a sum of squares."""
    sums[0] += 1
    sums[1] += value
    sums[2] += value * value


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _deviation(sums: Any) -> float:
    mean = sums[1] / sums[0]
    return math.sqrt(max(sums[2] / sums[0] - mean * mean, 0.0))
