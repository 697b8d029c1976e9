"""Objects that go on from one plane to the next: what lies on one another keeps its id."""

from __future__ import annotations

import numpy as np

from napari_tessera.signature.words import Array


def overlap(first: Array, second: Array) -> tuple[Array, Array, Array]:
    """Return which labels lie on one another, and on how many pixels.

    Parameters
    ----------
    first, second : ndarray of int
        Labels of one shape; background does not count.

    Returns
    -------
    ids of first, ids of second, pixels : ndarray
        One row per pair that shares pixels.

    Examples
    --------
    >>> [list(map(int, column)) for column in overlap(np.array([1, 1, 2]), np.array([0, 3, 3]))]
    [[1, 2], [3, 3], [1, 1]]
    """
    both = (first != 0) & (second != 0)
    a, b = first[both].astype(np.int64), second[both].astype(np.int64)
    width = int(b.max(initial=0)) + 1
    pairs, pixels = np.unique(a * width + b, return_counts=True)
    return pairs // width, pairs % width, pixels


def continued(previous: Array, labels: Array, next_id: int, share: float = 0.25) -> Array:
    """Renumber `labels` so that each object keeps the id of the one it continues.

    An object continues the object of the previous plane with which it shares most pixels, when
    these are at least `share` of the smaller of the two, and no other object shares more with it.

    Parameters
    ----------
    previous, labels : ndarray of int
        Two neighbouring planes of one shape.
    next_id : int
        First id for objects that continue none.
    share : float
        Smallest shared part of the smaller object.

    Returns
    -------
    ndarray of int64

    Examples
    --------
    >>> continued(np.array([[5, 5, 0, 0]]), np.array([[0, 1, 0, 2]]), next_id=6)
    array([[0, 5, 0, 6]])
    """
    before, now, pixels = overlap(previous, labels)
    sizes_before, sizes_now = np.bincount(previous.ravel()), np.bincount(labels.ravel())
    new = np.zeros(sizes_now.size, np.int64)
    taken: set[int] = set()
    for row in np.lexsort((now, before, -pixels)):
        a, b = int(before[row]), int(now[row])
        smaller = min(sizes_before[a], sizes_now[b])
        if new[b] == 0 and a not in taken and pixels[row] >= share * smaller:
            new[b] = a
            taken.add(a)
    fresh = np.flatnonzero((sizes_now > 0) & (new == 0))
    fresh = fresh[fresh != 0]
    new[fresh] = next_id + np.arange(fresh.size)
    return np.asarray(new[labels])
