"""Labels numbered without gaps, and the box around each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from napari_tessera.labels import renumbered, sizes
from napari_tessera.types import Array


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


def boxes(numbers: Array, count: int) -> Array:
    """Return the box around each number.

    Parameters
    ----------
    numbers : ndarray of uint32, shape (Z, Y, X)
    count : int
        How many numbers there are, 0 too.

    Returns
    -------
    ndarray of int64, shape (count, 3, 2)
        First pixel and one past the last, along each axis.

    Examples
    --------
    >>> boxes(np.array([[[0, 1, 1], [0, 0, 1]]], np.uint32), 2)[1].tolist()
    [[0, 1], [0, 2], [1, 3]]
    """
    found = np.zeros((count, 3, 2), np.int64)
    found[:, :, 0] = np.iinfo(np.int64).max
    for z in range(numbers.shape[0]):
        _widen(numbers[z], z, found)
    return found


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _widen(plane: Any, z: int, found: Any) -> None:
    high, wide = plane.shape
    for y in range(high):
        start = 0
        while start < wide:
            number, stop = plane[y, start], start + 1
            while stop < wide and plane[y, stop] == number:
                stop += 1
            if number != 0:
                box = found[number]
                box[0, 0], box[0, 1] = min(box[0, 0], z), max(box[0, 1], z + 1)
                box[1, 0], box[1, 1] = min(box[1, 0], y), max(box[1, 1], y + 1)
                box[2, 0], box[2, 1] = min(box[2, 0], start), max(box[2, 1], stop)
            start = stop
