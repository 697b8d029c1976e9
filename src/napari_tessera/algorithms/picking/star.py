"""Star-shaped outlines: one radius along each ray, the best of all by dynamic programming."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.algorithms.picking.rays import FIRST, RATIO, Rays
from napari_tessera.signature.words import Array

STEEPEST = 4
"""How many radii neighbouring rays may differ by."""

_SWEEPS = 3  # through the rings of a volume
_NEVER = -1e18


def best_outline(gains: Array, low: int, high: int, stiffness: float) -> Array:
    """Return the number of the radius along each ray at which an outline gains most.

    Parameters
    ----------
    gains : ndarray, shape (rings, rays, K)
        What an outline gains where it crosses a ray at a radius.
    low, high : int
        The first and the last radius that it may cross at.
    stiffness : float
        What it loses for each ray, times the squared difference to the radius of the next.

    Returns
    -------
    ndarray of int, shape (rings, rays)

    Notes
    -----
    In a plane it is the best of all closed outlines that have its radius on the first ray. The
    rings of a volume are solved one by one, each beside its neighbours, some times over.

    References
    ----------
    S. Timp and N. Karssemeijer, "A new 2D segmentation method based on dynamic programming applied
    to computer aided detection in mammography", Medical Physics 31(5), 2004.

    Examples
    --------
    >>> gains = np.zeros((1, 64, 9))
    >>> gains[..., 5] = 1
    >>> gains[0, 3, 7] = 1.5
    >>> best_outline(gains, 0, 8, 0.1)[0, :6], best_outline(gains, 0, 8, 0.01)[0, :6]
    (array([5, 5, 5, 5, 5, 5]), array([5, 5, 5, 7, 5, 5]))
    """
    gains = np.ascontiguousarray(gains, np.float64)
    rings = gains.shape[0]
    found = np.empty(gains.shape[:2], np.int64)
    for ring in range(rings):
        found[ring] = _ring(gains[ring], low, high, stiffness, STEEPEST)
    radii = np.arange(gains.shape[2])
    for _ in range(_SWEEPS if rings > 1 else 0):
        for ring in range(rings):
            beside = [found[other] for other in (ring - 1, ring + 1) if 0 <= other < rings]
            lost = sum((radii - other[:, None]) ** 2 for other in beside)
            found[ring] = _ring(gains[ring] - stiffness * lost, low, high, stiffness, STEEPEST)
    return found


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _ring(gains: Any, low: int, high: int, stiffness: float, steepest: int) -> Any:
    """Return the best radii of one ring, which is closed at the first ray.

    Twice around it, nothing is known of how it is closed: in the middle, on the first ray, that no
    longer matters. The radius that this has is then kept.
    """
    rays, count = gains.shape
    best = np.full((2 * rays + 1, count), _NEVER)
    before = np.zeros((2 * rays + 1, count), np.int16)
    best[0, low : high + 1] = gains[0, low : high + 1]
    _go_around(gains, low, high, stiffness, steepest, best, before, 2 * rays)
    radius = np.int64(np.argmax(best[2 * rays]))
    for step in range(2 * rays, rays, -1):
        radius = np.int64(before[step, radius])
    best[0] = _NEVER
    best[0, radius] = gains[0, radius]
    _go_around(gains, low, high, stiffness, steepest, best, before, rays)
    found = np.zeros(rays, np.int64)
    for step in range(rays, 0, -1):
        found[step % rays] = radius
        radius = np.int64(before[step, radius])
    return found


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _go_around(
    gains: Any,
    low: int,
    high: int,
    stiffness: float,
    steepest: int,
    best: Any,
    before: Any,
    steps: int,
) -> None:
    """Note what the best outline up to each radius of each ray gains, and where it comes from."""
    rays = len(gains)
    for step in range(1, steps + 1):
        ray = step % rays
        for k in range(low, high + 1):
            most, which = _NEVER, k
            for other in range(max(low, k - steepest), min(high, k + steepest) + 1):
                value = best[step - 1, other] - stiffness * (k - other) * (k - other)
                if value > most:
                    most, which = value, other
            best[step, k] = most + gains[ray, k]
            before[step, k] = which


def star_mask(rays: Rays, radii: Array, shape: tuple[int, ...]) -> tuple[Box, Array]:
    """Return the pixels within an outline, in the smallest box that is sure to hold them.

    Parameters
    ----------
    rays : Rays
        From the point from which the outline is seen.
    radii : ndarray, shape (rings, rays)
        Of the outline, in the finest pixels; between rays they are interpolated.
    shape : tuple of int
        Of the array.

    Examples
    --------
    >>> from napari_tessera.signature.words import VoxelSize
    >>> rays = Rays.of(np.zeros((9, 9)), None, np.array([4, 4]), 4, VoxelSize((1, 1)))
    >>> box, mask = star_mask(rays, np.full((1, 64), 1.5), (9, 9))
    >>> box, mask.astype(int)
    ((slice(2, 7, None), slice(2, 7, None)), array([[0, 0, 0, 0, 0],
           [0, 1, 1, 1, 0],
           [0, 1, 1, 1, 0],
           [0, 1, 1, 1, 0],
           [0, 0, 0, 0, 0]]))
    """
    reach = float(radii.max()) * rays.steps
    ends = np.array(shape)
    low = np.clip(np.floor(rays.centre - reach), 0, ends - 1).astype(int)
    high = np.clip(np.ceil(rays.centre + reach) + 1, low + 1, ends).astype(int)
    mask = np.zeros((*(1,) * (3 - len(shape)), *(high - low)), bool)
    away = np.zeros((2, 3))
    away[0, -len(shape) :] = (low - rays.centre) / rays.steps
    away[1, -len(shape) :] = 1 / rays.steps
    _fill(mask, away, np.ascontiguousarray(radii, np.float64))
    box = tuple(map(slice, low.tolist(), high.tolist()))
    return box, mask.reshape(tuple(high - low))


def radius_of(places: Array) -> Array:
    """Return radii of outlines in the finest pixels, from their numbers: between two samples."""
    return np.asarray(FIRST * RATIO ** (places - 0.5))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _fill(mask: Any, away: Any, radii: Any) -> None:
    """Set the pixels that are no further from the centre than the outline is in their direction."""
    least, most = radii.min() ** 2, radii.max() ** 2
    for z in range(mask.shape[0]):
        dz = away[0, 0] + z * away[1, 0]
        for y in range(mask.shape[1]):
            dy = away[0, 1] + y * away[1, 1]
            for x in range(mask.shape[2]):
                dx = away[0, 2] + x * away[1, 2]
                square = dz * dz + dy * dy + dx * dx
                if square <= least:
                    mask[z, y, x] = True
                elif square <= most:
                    mask[z, y, x] = square <= _radius(dz, dy, dx, radii) ** 2


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _radius(dz: float, dy: float, dx: float, radii: Any) -> float:
    """Return the radius of an outline in a direction, interpolated between rays and rings."""
    rings, rays = radii.shape
    around = (math.atan2(dy, dx) / (2 * math.pi) * rays) % rays
    ray = int(around)
    part = around - ray
    ray %= rays
    after = (ray + 1) % rays
    if rings == 1:
        return float((1 - part) * radii[0, ray] + part * radii[0, after])
    height = math.atan2(math.sqrt(dy * dy + dx * dx), dz) / math.pi * rings - 0.5
    height = min(max(height, 0.0), rings - 1.0)
    ring = min(int(height), rings - 2)
    up = height - ring
    lower = (1 - part) * radii[ring, ray] + part * radii[ring, after]
    upper = (1 - part) * radii[ring + 1, ray] + part * radii[ring + 1, after]
    return float((1 - up) * lower + up * upper)
