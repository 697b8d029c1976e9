"""Labels numbered without gaps."""

from __future__ import annotations

import numpy as np

from napari_tessera.algorithms.labels.ids import renumbered, sizes
from napari_tessera.signature.words import Array


def column_of_ids(ids: Array) -> Array:
    """Return ids as a column of a table: uint64 where the labels are, int64 of all others.

    The type is that of the labels, whatever ids there are: columns of several frames are put
    together, and NumPy's common type of int64 and uint64 is float64, which loses digits.

    Examples
    --------
    >>> column_of_ids(np.array([3, 7], np.uint8)).dtype
    dtype('int64')
    """
    return ids.astype(np.uint64 if ids.dtype == np.uint64 else np.int64)


def numbered(labels: Array) -> tuple[Array, Array]:
    """Number the labels from 1, in rising order.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Any ids, 0 = background.

    Returns
    -------
    numbers : ndarray of uint32
        0 = background, 1, 2, ...
    ids : ndarray
        The label of each number, in the dtype of `labels`; 0 first.

    Examples
    --------
    >>> numbers, ids = numbered(np.array([[900, 0, 7]]))
    >>> numbers, ids
    (array([[2, 0, 1]], dtype=uint32), array([  0,   7, 900]))
    """
    plain = labels.view(np.uint8) if labels.dtype == bool else labels
    found = np.array([label for label in sizes(plain) if label != 0], plain.dtype)
    ids = np.concatenate([np.zeros(1, plain.dtype), found])
    highest = int(found[-1]) if found.size else 0
    if found.size and (found[0] < 0 or highest > 4 * labels.size + 256):
        places = np.searchsorted(found, plain).astype(np.uint32) + np.uint32(1)
        return np.where(plain != 0, places, np.uint32(0)), ids
    table = np.zeros(highest + 1, np.uint32)
    table[ids] = np.arange(ids.size)
    return renumbered(plain, table), ids.astype(labels.dtype)
