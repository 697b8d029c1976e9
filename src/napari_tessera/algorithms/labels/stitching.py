"""Objects found in the planes of a volume by themselves, put together to objects of the volume."""

from __future__ import annotations

import numpy as np

from napari_tessera.algorithms.labels.ids import smallest_dtype
from napari_tessera.algorithms.labels.linking import continuing, overlap
from napari_tessera.signature.words import Array


def stitched(labels: Array, iou: float = 0.25) -> Array:
    """Return objects of a volume, of objects that were found in each of its planes.

    Objects of neighbouring planes are one if their intersection over union is large enough. Each is
    joined to one object of the next plane at most, those that share most pixels first.

    Parameters
    ----------
    labels : ndarray of int, shape (Z, Y, X)
        Each plane with numbers of its own; the same number in two of them means nothing.
    iou : float
        Least intersection over union, 0 to 1; 0 joins all that overlap.

    Returns
    -------
    ndarray of uint16 or uint32, shape (Z, Y, X)
        1, 2, 3, ..., in the order of their first planes.

    Notes
    -----
    An object that no plane between two shows is two objects.

    References
    ----------
    C. Stringer et al., "Cellpose: a generalist algorithm for cellular segmentation", Nature Methods
    18, 2021 (planes stitched by their overlap).

    Examples
    --------
    >>> stitched(np.array([[[1, 1, 1, 0, 2]], [[0, 3, 3, 0, 0]], [[0, 3, 3, 0, 7]]]))[:, 0]
    array([[1, 1, 1, 0, 2],
           [0, 1, 1, 0, 0],
           [0, 1, 1, 0, 3]], dtype=uint16)
    """
    result = np.zeros(labels.shape, np.int64)
    before, areas_before, count = np.zeros(labels.shape[1:], np.int64), np.zeros(1, np.int64), 0
    for place, plane in zip(result, labels, strict=True):
        areas = np.bincount(plane.ravel())
        present = np.flatnonzero(areas)
        shared = overlap(before, plane)
        union = areas_before[shared[0]] + areas[shared[1]] - shared[2]
        ids = continuing(shared, union, present[present != 0], count + 1, iou)
        place[...] = ids[plane]
        before, areas_before = place, np.bincount(place.ravel())
        count = max(count, int(ids.max()))
    return result.astype(smallest_dtype("objects", count))
