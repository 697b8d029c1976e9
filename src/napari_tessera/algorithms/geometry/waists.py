"""Objects come apart where they are narrow: two round things that touch make an 8, not an O.

The distance to the outside of an object has a peak in each of its lobes. From the deepest pixel to
the rim, each pixel joins the lobe of its deepest neighbour. Where two lobes meet, the lesser one is
swallowed unless it rises by more than a limit above that place: its persistence. So waists that are
only a little narrower than what they join do not divide.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from napari_tessera.signature.words import Array, VoxelSize

SMOOTHING = 1.0
"""Standard deviation, in finest pixels, by which distances are smoothed: outlines are jagged."""

LEAST = 0.75
"""How far a lobe rises above a waist at least, in finest pixels: less is but the grid."""


def split_at_waists(labels: Array, depth: float, voxel: VoxelSize) -> Array:
    """Return objects that are divided at their waists.

    Parameters
    ----------
    labels : ndarray of int, shape ([Z,] Y, X)
        Objects, numbered with few gaps; 0 = background. Nothing lies beyond the border.
    depth : float
        How much farther from the outside the middle of a lobe is than the waist, as a share of what
        it is in the middle of the object; 0 = nothing is divided.
    voxel : VoxelSize

    Returns
    -------
    ndarray of int32, or `labels` if nothing is to be divided
        1, 2, 3, ...; the other objects are as they were, under other numbers.

    References
    ----------
    F. Chazal et al., "Persistence-based clustering in Riemannian manifolds", Journal of the ACM 60,
    2013.

    Examples
    --------
    >>> from skimage.draw import disk
    >>> labels = np.zeros((30, 50), int)
    >>> for centre in ((15, 15), (15, 32)):
    ...     labels[disk(centre, 10)] = 1
    >>> split_at_waists(labels, 0.1, VoxelSize((1, 1)))[15, ::6]
    array([0, 1, 1, 1, 2, 2, 2, 0, 0], dtype=int32)
    """
    if not depth or not labels.any():
        return labels
    framed = np.pad(labels, 1)
    far = np.pad(_depths(labels, voxel), 1)
    inside = np.flatnonzero(framed)
    # of equally deep pixels the first one leads: the same result on every machine
    order = inside[np.argsort(-far.reshape(-1)[inside], kind="stable")]
    numbers = np.zeros(framed.size, np.int32)
    _climb(
        framed.reshape(-1),
        far.reshape(-1),
        order,
        _neighbours(framed.shape),
        np.float32(depth),
        np.float32(LEAST * min(voxel)),
        numbers,
    )
    middle = (slice(1, -1),) * labels.ndim
    return np.ascontiguousarray(numbers.reshape(framed.shape)[middle])


def _depths(labels: Array, voxel: VoxelSize) -> Array:
    """Return how far pixels are from the rim of their object, smoothed."""
    from napari_tessera.algorithms.filters.gaussian import gaussian
    from napari_tessera.algorithms.geometry.distance import squared_distance
    from napari_tessera.algorithms.morphology.elements import element
    from napari_tessera.algorithms.morphology.reach import touched

    rim = touched(labels, element("ball", (1.0,) * labels.ndim))
    far = np.sqrt(squared_distance((labels != 0) & ~rim, voxel))
    return gaussian(far, tuple(SMOOTHING * min(voxel) / size for size in voxel))


def _neighbours(shape: tuple[int, ...]) -> Array:
    """Return the steps, in a flat array, to all pixels that touch one, by a corner too."""
    from napari_tessera.algorithms.growth.flood import offsets

    return offsets(shape, len(shape))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _climb(
    labels: Any, depths: Any, order: Any, steps: Any, share: Any, least: Any, numbers: Any
) -> None:
    """Number the lobes of all objects, from their deepest pixels on.

    A pixel's leader is one of its lobe that was there before; that of a peak is itself.
    """
    leaders = np.full(labels.size, -1, np.int64)
    limits = np.zeros(labels.max() + 1, np.float32)
    for pixel in order:
        own, deepest = labels[pixel], -1
        if limits[own] == 0:  # the first pixel of an object is its deepest one
            limits[own] = max(share * depths[pixel], least)
        for step in steps:
            other = pixel + step
            there = labels[other] == own and leaders[other] >= 0
            if there and (deepest < 0 or depths[other] > depths[deepest]):
                deepest = other
        if deepest < 0:
            leaders[pixel] = pixel
            continue
        peak = _peak(leaders, deepest)
        leaders[pixel] = peak
        for step in steps:
            other = pixel + step
            if labels[other] != own or leaders[other] < 0:
                continue
            beside = _peak(leaders, other)
            if beside == peak:
                continue
            low, high = (beside, peak) if depths[beside] <= depths[peak] else (peak, beside)
            if depths[low] - depths[pixel] < limits[own]:
                leaders[low] = high
                peak = high
    count = 0
    for pixel in order:
        peak = _peak(leaders, pixel)
        if numbers[peak] == 0:
            count += 1
            numbers[peak] = count
        numbers[pixel] = numbers[peak]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _peak(leaders: Any, pixel: int) -> int:
    """Return the deepest pixel of a lobe, and shorten the way to it."""
    while leaders[pixel] != pixel:
        leaders[pixel] = leaders[leaders[pixel]]
        pixel = leaders[pixel]
    return pixel
