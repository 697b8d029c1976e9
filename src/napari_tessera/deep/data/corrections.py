"""Which part of the labels of an image a person has put right, so that it can be learnt from."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from napari_tessera.algorithms.labels.ids import median_diameter
from napari_tessera.signature.words import Array

LEAST = 4.0
"""Pixels around what was put right, at least, in which background counts as looked at."""


def put_right(labels: Array, before: Array, *, accepted: Collection[int] = ()) -> Array:
    """Return where objects are others than before, or were accepted.

    An object is as before if one of before has exactly its pixels, whatever their numbers.

    Parameters
    ----------
    labels : ndarray of int, shape P
        Objects, put right; 0 = background.
    before : ndarray of int, shape P
        Objects as they were predicted.
    accepted : collection of int
        Numbers in `labels` that count as put right although nothing is changed in them.

    Returns
    -------
    ndarray of bool, shape P
        All pixels of such objects: of those that are there, and of those that were there.

    Examples
    --------
    >>> before = np.array([[1, 1, 0, 2, 2, 0, 3, 3, 0, 4, 4]])
    >>> labels = np.array([[1, 1, 0, 5, 0, 0, 0, 0, 0, 7, 7]])  # one shrank, one is deleted
    >>> put_right(labels, before).astype(int)
    array([[0, 0, 0, 1, 1, 0, 1, 1, 0, 0, 0]])
    >>> put_right(labels, before, accepted=[7]).astype(int)
    array([[0, 0, 0, 1, 1, 0, 1, 1, 0, 1, 1]])
    """
    new, places = np.unique(labels, return_inverse=True)
    old, places_before = np.unique(before, return_inverse=True)
    pairs = places.reshape(-1).astype(np.int64) * len(old) + places_before.reshape(-1)
    both, shared = np.unique(pairs, return_counts=True)
    mine, theirs = np.divmod(both, len(old))
    sizes = np.bincount(places.reshape(-1), minlength=len(new))
    sizes_before = np.bincount(places_before.reshape(-1), minlength=len(old))
    same = (shared == sizes[mine]) & (shared == sizes_before[theirs])
    same &= (new[mine] != 0) & (old[theirs] != 0)
    changed = new != 0
    changed[mine[same]] = False
    changed |= np.isin(new, list(accepted)) & (new != 0)
    changed_before = old != 0
    changed_before[theirs[same]] = False
    found = changed[places.reshape(-1)] | changed_before[places_before.reshape(-1)]
    return np.asarray(found.reshape(labels.shape))


def annotated_part(labels: Array, right: Array) -> Array:
    """Return which pixels count as annotated where only some objects were put right.

    Besides these it is the background around them, as far as their median radius reaches, and at
    least `LEAST` pixels. Other objects stay out: nobody has said that they are right.

    Parameters
    ----------
    labels : ndarray of int, shape P
    right : ndarray of bool, shape P
        See `put_right`.

    Returns
    -------
    ndarray of bool, shape P

    Examples
    --------
    >>> labels = np.array([[2, 2, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 3]])
    >>> annotated_part(labels, labels == 1).astype(int)
    array([[0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0]])
    """
    reach = max(LEAST, median_diameter(np.where(right, labels, 0)) / 2)
    return right | (_near(right, reach) & (labels == 0))


def marked(
    labels: Array,
    before: Array | None,
    *,
    axes: int,
    objects: bool = True,
    accepted: Collection[int] = (),
) -> tuple[Array, int | None]:
    """Return labels in which a number of its own stands for what nobody has put right.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects or classes, put right.
    before : ndarray of int of the same shape, optional
        As they were predicted; None = all of `labels` is right.
    axes : int
        2 to look at planes one by one, 3 at volumes.
    objects : bool
        Whether the numbers are objects; otherwise pixels of other classes than before count, and
        what lies within twice `LEAST` pixels of them.
    accepted : collection of int
        Objects that are right as they are.

    Returns
    -------
    labels : ndarray of int
    number : int or None
        What stands for "not annotated"; None = nothing does.

    Raises
    ------
    ValueError
        If shapes differ, or nothing was put right.

    Examples
    --------
    >>> before = np.array([[1, 1, 0, 0, 0, 0, 0, 2]])
    >>> marked(np.array([[5, 0, 0, 0, 0, 0, 0, 2]]), before, axes=2)
    (array([[5, 0, 0, 0, 0, 0, 6, 6]]), 6)
    """
    if before is None:
        return labels, None
    if before.shape != labels.shape:
        raise ValueError(
            f"labels has shape {labels.shape} but before has {before.shape}; pass the labels as "
            "they were predicted for the same image"
        )
    known = np.zeros(labels.shape, bool)
    for index in np.ndindex(labels.shape[: labels.ndim - axes]):
        if objects:
            right = put_right(labels[index], before[index], accepted=accepted)
            known[index] = annotated_part(labels[index], right)
        else:
            known[index] = _near(labels[index] != before[index], 2 * LEAST)
    if not known.any():
        raise ValueError(
            "labels is as it was predicted, so that there is nothing to learn; correct or accept "
            "some objects first, or say that everything in it is right"
        )
    number = int(labels.max(initial=0)) + 1
    wide = np.promote_types(labels.dtype, np.min_scalar_type(number))
    return np.where(known, labels, wide.type(number)), number


def _near(mask: Array, reach: float) -> Array:
    from scipy import ndimage

    return np.asarray(ndimage.distance_transform_edt(~mask) <= reach) if mask.any() else mask
