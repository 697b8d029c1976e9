"""Objects that go on from one plane or block to the next: what lies on one another is one."""

from __future__ import annotations

from collections.abc import Callable

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


def counterparts(first: Array, second: Array, groups: Callable[[Array], Array]) -> Array:
    """Return which objects of two labellings of one place are the same.

    Two objects are the same if each is the one that shares most pixels with the other, and these
    are at least half of what one of them shares with any.

    Parameters
    ----------
    first, second : ndarray of int
        Labels of one shape.
    groups : callable
        Ids of `second` -> the part of `second` that each is of: an object of `first` has a
        counterpart in each part.

    Returns
    -------
    ndarray of int, shape (N, 2)
        Ids of first and of second.

    Examples
    --------
    >>> counterparts(np.array([1, 1, 1, 2, 2]), np.array([7, 7, 8, 8, 8]), np.zeros_like)
    array([[1, 7],
           [2, 8]])
    """
    here, there, pixels = overlap(first, second)
    parts = groups(there)
    _, own = np.unique(np.stack([here, parts]), axis=1, return_inverse=True)
    _, other = np.unique(there, return_inverse=True)
    own, other = own.reshape(-1), other.reshape(-1)
    order = np.lexsort((there, here, -pixels))
    same = np.ones(pixels.size, bool)
    shared = []
    for keys in (own, other):
        best = np.zeros(pixels.size, bool)
        best[order[np.unique(keys[order], return_index=True)[1]]] = True
        same &= best
        shared.append(np.bincount(keys, pixels)[keys] if pixels.size else pixels)
    same &= 2 * pixels >= np.minimum(*shared)
    return np.stack([here[same], there[same]], axis=1)


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
    shared = overlap(previous, labels)
    sizes_before, sizes_now = np.bincount(previous.ravel()), np.bincount(labels.ravel())
    smaller = np.minimum(sizes_before[shared[0]], sizes_now[shared[1]])
    present = np.flatnonzero(sizes_now)
    new = continuing(shared, smaller, present[present != 0], next_id, share)
    return np.asarray(new[labels])


def continuing(
    shared: tuple[Array, Array, Array],
    smaller: Array,
    present: Array,
    next_id: int,
    share: float = 0.25,
) -> Array:
    """Return the id that each object of a plane has when it carries on those of the plane before.

    Parameters
    ----------
    shared : ids of the plane before, ids of this plane, pixels
        Which share how many pixels, see `overlap`.
    smaller : ndarray of int
        The size of the smaller object of each pair.
    present : ndarray of int
        The ids of this plane, rising.
    next_id, share
        As for `continued`.

    Returns
    -------
    ndarray of int64
        By the ids of this plane, 0 first.

    Examples
    --------
    >>> one = np.array([1])
    >>> continuing((5 * one, one, 2 * one), 2 * one, np.array([1, 2]), next_id=6)
    array([0, 5, 6])
    """
    before, now, pixels = shared
    new = np.zeros(int(present.max(initial=0)) + 1, np.int64)
    taken: set[int] = set()
    for row in np.lexsort((now, before, -pixels)):
        a, b = int(before[row]), int(now[row])
        if new[b] == 0 and a not in taken and pixels[row] >= share * smaller[row]:
            new[b] = a
            taken.add(a)
    fresh = present[new[present] == 0]
    new[fresh] = next_id + np.arange(fresh.size)
    return new
