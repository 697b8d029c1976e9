"""Boxes from which Mask R-CNN starts, as large as the objects it is to find."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_tessera.signature.words import Array

PUBLISHED = (32.0, 64.0, 128.0, 256.0, 512.0)
"""Sides for the objects of everyday photographs, in pixels, at strides 4, 8, 16, 32 and 64."""

_SMALLEST = 4.0
_PREFERENCE = 0.1


def anchor_sizes(diameters: Array | Sequence[float]) -> tuple[float, ...]:
    """Return the sides of anchors that fit objects.

    Each is twice the one before, and the median object has one of its own size. Of the five ways to
    do so, the one is taken whose sides lie nearest to the objects; where several do, that nearest
    to the published sides, so that large objects are found on coarse features.

    Parameters
    ----------
    diameters : ndarray or sequence of float
        Of the boxes of objects, sqrt(height x width), in pixels.

    Returns
    -------
    tuple of float
        Five sides, in pixels, at least 4; the published ones if there are no objects.

    Examples
    --------
    >>> anchor_sizes([18, 20, 22])
    (20.0, 40.0, 80.0, 160.0, 320.0)
    >>> anchor_sizes([10, 24, 100, 390, 400])
    (25.0, 50.0, 100.0, 200.0, 400.0)
    """
    found = np.asarray(diameters, float).ravel()
    found = found[np.isfinite(found) & (found > 0)]
    if not found.size:
        return PUBLISHED
    octaves = 2.0 ** np.arange(5)
    firsts = np.median(found) / octaves
    firsts = firsts[firsts >= _SMALLEST] if firsts[0] >= _SMALLEST else np.array([_SMALLEST])
    misses = [np.abs(np.log2(found[:, None] / (first * octaves))).min(1).mean() for first in firsts]
    far = np.abs(np.log2(firsts / PUBLISHED[0]))  # in octaves, as the misses are
    best = firsts[int(np.argmin(misses + _PREFERENCE * far))]
    return tuple(round(float(side), 1) for side in best * octaves)


def sizes_for(boxes: Array) -> tuple[float, ...]:
    """Return the sides of anchors that fit boxes.

    Parameters
    ----------
    boxes : ndarray, shape (N, 4)
        x0, y0, x1, y1 in pixels.

    Examples
    --------
    >>> sizes_for(np.array([[0, 0, 40, 10]]))
    (20.0, 40.0, 80.0, 160.0, 320.0)
    """
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    return anchor_sizes(np.sqrt(width * height))
