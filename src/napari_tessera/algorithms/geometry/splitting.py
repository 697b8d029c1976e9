"""One object in parts: cut along a wall, or divided between points."""

from __future__ import annotations

from itertools import product

import numpy as np

from napari_tessera.signature.words import Array, VoxelSize


def cut_apart(region: Array, barrier: Array, voxel: VoxelSize) -> tuple[Array, int]:
    """Number the parts into which a barrier cuts each piece of an object.

    Parameters
    ----------
    region : ndarray of bool
        The object. Corners count as contact.
    barrier : ndarray of bool
        Pixels of the cut, which no contact leads through; those in the object go to the nearest
        part.
    voxel : VoxelSize

    Returns
    -------
    parts : ndarray of int32
        1, 2, 3, ...; 0 is what stays: pieces that are not cut through, and of each that is the
        largest part.
    count : int

    Examples
    --------
    >>> region = np.array([[True, True, True, True, True, True]])
    >>> cut_apart(region, np.array([[0, 0, 0, 1, 0, 0]], bool), VoxelSize((1, 1)))
    (array([[0, 0, 0, 0, 1, 1]], dtype=int32), 1)
    """
    from scipy import ndimage

    corners = np.ones((3,) * region.ndim)
    cut, count = ndimage.label(region & ~barrier, corners)
    whole, _ = ndimage.label(region, corners)
    sizes, owners = np.bincount(cut.reshape(-1)), np.zeros(count + 1, np.int64)
    owners[cut] = whole
    owners[0] = 0
    parts, number = np.zeros(region.shape, np.int32), 0
    for piece in np.flatnonzero(np.bincount(owners)[1:] > 1) + 1:
        own = np.flatnonzero(owners == piece)
        own = own[np.argsort(-sizes[own], kind="stable")]
        joined = _joined(whole == piece, cut, own, voxel)
        parts[joined > 1] = joined[joined > 1] + (number - 1)
        number += own.size - 1
    return parts, number


def _joined(region: Array, cut: Array, own: Array, voxel: VoxelSize) -> Array:
    """Return the parts `own` of a cut as 1, 2, 3, ..., grown over the rest of the region."""
    from scipy import ndimage

    from napari_tessera.algorithms.geometry.distance import squared_distance
    from napari_tessera.algorithms.growth.flood import flood

    numbers = np.zeros(int(cut.max()) + 1, np.int32)
    numbers[own] = np.arange(1, own.size + 1)
    parts = np.where(region, numbers[cut], 0)
    rest = np.nonzero(region & (parts == 0))
    far = [squared_distance(cut != each, voxel)[rest] for each in own]
    nearest = parts.copy()
    nearest[rest] = np.argmin(far, axis=0) + 1
    # what is nearest across a bay hangs on to nothing: it goes to the part it is connected with
    for number in range(1, own.size + 1):
        pieces, _ = ndimage.label(nearest == number, np.ones((3,) * region.ndim))
        held = np.unique(pieces[parts == number])
        nearest[(pieces > 0) & ~np.isin(pieces, held)] = 0
    return flood(np.zeros(region.shape, np.uint8), nearest, region, region.ndim)


def divided(region: Array, seeds: Array, voxel: VoxelSize) -> Array:
    """Return a region divided between points: along the neck between them, or halfway.

    Parameters
    ----------
    region : ndarray of bool
        The object, with a margin where it does not lie at the border of the array.
    seeds : ndarray of int, shape (N, D)
        Pixels of the region.
    voxel : VoxelSize

    Returns
    -------
    ndarray of int32
        1, 2, 3, ... in the order of the points; 0 outside, and in pieces without a point.

    Notes
    -----
    Where each point climbs to a place of its own that is farthest from the background, these are
    flooded from there, as in a watershed. Points that climb to the same place share a lobe, which
    has no neck; then, and where there is no background at all, pixels go to the nearest point.
    """
    from napari_tessera.algorithms.geometry.distance import squared_distance
    from napari_tessera.algorithms.growth.flood import flood

    depth = np.sqrt(squared_distance(region, voxel))
    climbs = [_climb(depth, tuple(seed)) for seed in seeds.tolist()]
    markers = np.zeros(region.shape, np.int32)
    if not region.all() and len({climb[-1] for climb in climbs}) == len(climbs):
        relief = -depth
    else:
        climbs = [climb[:1] for climb in climbs]
        away = np.ones(region.shape, bool)
        away[tuple(seeds.T)] = False
        relief = np.sqrt(squared_distance(away, voxel))
    for number, climb in enumerate(climbs, 1):
        markers[tuple(np.array(climb).T)] = number
    return flood(relief, markers, region, region.ndim)


def _climb(heights: Array, start: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the pixels on the steepest way up."""
    way, moves = [start], list(product((-1, 0, 1), repeat=heights.ndim))
    while True:
        near = [tuple(np.add(way[-1], move).tolist()) for move in moves]
        near = [p for p in near if all(0 <= a < n for a, n in zip(p, heights.shape, strict=True))]
        best = max(near, key=lambda place: float(heights[place]))
        if heights[best] <= heights[way[-1]]:
            return way
        way.append(best)
