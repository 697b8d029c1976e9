"""Outlines that are nearly right, moved to the edges of an image."""

from __future__ import annotations

import numpy as np

from napari_tessera.algorithms.filters.gradient import gradient
from napari_tessera.algorithms.growth.flood import flood
from napari_tessera.algorithms.halo_tiles import extent, with_halo
from napari_tessera.signature.progress import NothingToSeparate
from napari_tessera.signature.words import Array, VoxelSize

_STEADY = 1.0
"""How strong an edge at the end of the reach must be to count as much as none where an outline is.

In units of the strong ones among the slopes around. Without it noise moves outlines: those of the
nuclei of `benchmarks/planes.py`, every second plane known, fell from 0.90 to 0.77 of overlap; with
it to 0.88.
"""


def at_edges(
    labels: Array,
    distances: Array,
    free: Array,
    image: Array,
    widths: tuple[float, ...],
    voxel: VoxelSize,
) -> Array:
    """Flood the slopes of an image from inside and outside of outlines, as far as these may move.

    Parameters
    ----------
    labels : ndarray of int32, shape (Y, X)
        Inside of outlines and around them, as far as these may move.
    distances : ndarray of float32, shape (Y, X)
        To the outlines, negative inside.
    free : ndarray of bool, shape (Y, X)
        Where outlines may be.
    image : ndarray, shape (Y, X)
    widths : tuple of float
        Standard deviations of a Gaussian, in pixels.
    voxel : VoxelSize

    Returns
    -------
    ndarray of int32
        0 outside.
    """
    if not labels.any():
        return labels
    reach = float(distances[labels > 0].max())
    box = with_halo(extent(labels), labels.shape, (1, 1)).seen
    own, depth, open_ = labels[box], distances[box], free[box]
    try:
        slopes = np.nan_to_num(gradient(image, widths, voxel).magnitude[box])
    except NothingToSeparate:  # without values there are no edges
        slopes = np.zeros(own.shape, np.float32)
    deepest = np.zeros(int(own.max()) + 1, np.float32)
    np.minimum.at(deepest, own, depth)
    outside = own.max() + 1
    # of what is thin, half stays: it would have no inside else
    markers = np.where((own > 0) & (depth <= np.maximum(-reach, deepest[own] / 2)), own, 0)
    markers[own == 0] = outside
    # of slopes alike, the outline stays where it is
    band = (markers == 0) & open_
    usual = float(np.percentile(slopes[band], 95)) if band.any() else 0
    relief = slopes / (usual or 1) + _STEADY * (1 - np.abs(depth) / (reach or 1))
    found = flood(relief, markers, open_, 1)
    result = np.zeros_like(labels)
    result[box] = np.where(found == outside, 0, found)
    return result
