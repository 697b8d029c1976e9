"""Arrays of labels: ids, sizes and overlap, shared by refinement, evaluation and stacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_tessera.signature.arrays import as_labels, whole
from napari_tessera.signature.units import in_ball
from napari_tessera.signature.words import Array

_PIECE = 1 << 17

_OBJECTS = (np.uint16, np.uint32, np.iinfo(np.uint16).max // 2)
# the usual dtype, the wider one, and the highest number that is kept in the former
_DTYPES = {"classes": (np.uint8, np.uint16, 255), "objects": _OBJECTS, "labels": _OBJECTS}


def smallest_dtype(kind: str, highest: int) -> np.dtype[Any]:
    """Return the dtype in which labels are kept.

    Classes are uint8. Objects are uint16, or uint32 once more than half of that is used, so that
    new labels can still be painted.

    Examples
    --------
    >>> smallest_dtype("objects", 40_000)
    dtype('uint32')
    """
    narrow, wide, most = _DTYPES[kind]
    return np.dtype(narrow if highest <= most else wide)


def count(labels: Array) -> int:
    """Return how many different labels there are, background not counted.

    Examples
    --------
    >>> count(np.array([[0, 7], [3, 7]]))
    2
    """
    labels = as_labels(labels)
    highest = int(labels.max(initial=0))
    if labels.min(initial=0) < 0 or highest > 4 * labels.size + 256:
        return int(np.unique(labels[labels != 0]).size)
    present = np.zeros(highest + 1, bool)
    flat = labels.reshape(-1)
    # in pieces of well under a millisecond: indexing holds the interpreter lock
    for start in range(0, flat.size, _PIECE):
        present[flat[start : start + _PIECE]] = True
    return int(np.count_nonzero(present[1:]))


def sizes(labels: Array) -> dict[int, int]:
    """Return how many pixels each label has that occurs, background too, in rising order.

    Examples
    --------
    >>> sizes(np.array([[0, 7], [3, 7]]))
    {0: 1, 3: 1, 7: 2}
    """
    labels = as_labels(labels)
    highest = int(labels.max(initial=0))
    if labels.min(initial=0) < 0 or highest > 4 * labels.size + 256:
        values, found = np.unique(labels, return_counts=True)
        return dict(zip(map(int, values), map(int, found), strict=True))
    total = np.zeros(highest + 1, np.int64)
    flat = labels.reshape(-1)
    # in pieces of well under a millisecond: counting holds the interpreter lock
    for start in range(0, flat.size, _PIECE):
        part = np.bincount(flat[start : start + _PIECE])
        total[: part.size] += part
    there = np.flatnonzero(total)
    return dict(zip(there.tolist(), total[there].tolist(), strict=True))


def renumbered(labels: Array, numbers: Array) -> Array:
    """Return ``numbers[labels]``, made in pieces because indexing holds the interpreter lock.

    Examples
    --------
    >>> renumbered(np.array([[0, 2]]), np.array([0, 5, 1], np.uint8))
    array([[0, 1]], dtype=uint8)
    """
    result = np.empty(labels.size, numbers.dtype)
    flat = labels.reshape(-1)
    for start in range(0, flat.size, _PIECE):
        np.take(numbers, flat[start : start + _PIECE], out=result[start : start + _PIECE])
    return result.reshape(labels.shape)


def alone(labels: Array, numbers: Sequence[int]) -> Array:
    """Return a copy with these labels alone.

    Examples
    --------
    >>> alone(np.array([[1, 2], [0, 3]]), [2, 3])
    array([[0, 2],
           [0, 3]])
    """
    return np.where(_is_one_of(labels, numbers), labels, labels.dtype.type(0))


def beside_others(labels: Array, numbers: Sequence[int], changed: Array) -> Array:
    """Return labels in which some were changed and the others keep all of their pixels.

    Parameters
    ----------
    labels : ndarray of int
        As they were.
    numbers : sequence of int
        Those that were changed.
    changed : ndarray of int
        What became of them.

    Examples
    --------
    >>> beside_others(np.array([1, 2, 2, 0]), [1], np.array([1, 1, 0, 1]))
    array([1, 2, 2, 1])
    """
    others = (labels != 0) & ~_is_one_of(labels, numbers)
    return np.where(others, labels, changed)


def _is_one_of(labels: Array, numbers: Sequence[int]) -> Array:
    found = np.zeros(labels.shape, bool)
    for number in numbers:  # few: comparing lets other threads run, searching does not
        found |= labels == number
    return found


def median_diameter(objects: Array) -> float:
    """Return the diameter of a disc (or ball) as large as the median object, in pixels.

    Returns
    -------
    float
        0 if there are no objects.

    Examples
    --------
    >>> round(median_diameter(np.array([[1, 1, 0], [1, 1, 2]])), 2)
    1.78
    """
    found = object_pixels(objects)
    return ball_diameter(float(np.median(found)), objects.ndim) if found.size else 0.0


def object_pixels(objects: Array) -> Array:
    """Return how many pixels each object has; what is below 0 is none.

    Examples
    --------
    >>> object_pixels(np.array([0, 3, 3, -1, 7])).tolist()
    [2, 1]
    """
    return np.array([size for label, size in sizes(objects).items() if label > 0], np.int64)


def prevailing_diameter(pixels: Array, axes: int) -> float:
    """Return the diameter of a disc (or ball) as large as the object that the middle pixel is in.

    Half of all pixels of objects lie in smaller ones. Where objects are alike it is near the median
    diameter, but specks and splinters, however many, hardly count.

    Parameters
    ----------
    pixels : ndarray of int, shape (N,)
        How many pixels each object has.
    axes : int

    Returns
    -------
    float
        0 if there are no objects.

    Examples
    --------
    >>> round(prevailing_diameter(np.array([100, 1, 110, 1, 1, 120]), 2), 2)
    11.83
    """
    ordered = np.sort(pixels)
    if not ordered.size:
        return 0.0
    until = np.cumsum(ordered)
    return ball_diameter(float(ordered[np.searchsorted(until, until[-1] / 2)]), axes)


def ball_diameter(pixels: float, axes: int) -> float:
    """Return the diameter of the disc (or ball) of so many pixels.

    Examples
    --------
    >>> round(ball_diameter(100, 2), 2)
    11.28
    """
    return float((pixels / in_ball((1.0,) * axes)) ** (1 / axes))


def groups(*keys: Array) -> tuple[Array, Array]:
    """Return where each group of equal neighbours begins, and the group of each element.

    Examples
    --------
    >>> groups(np.array([3, 3, 8]))
    (array([0, 2]), array([0, 0, 1]))
    """
    new = np.zeros(keys[0].size, bool)
    new[:1] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(new), np.cumsum(new) - 1


def from_points(points: Array, shape: tuple[int, ...], ids: Array | None = None) -> Array:
    """Draw points as labels into an array of zeros.

    Parameters
    ----------
    points : ndarray, shape (N, D)
        Coordinates in pixels.
    shape : tuple of int
        Shape of the array, D numbers.
    ids : ndarray of int, shape (N,), optional
        The label of each point, 1 or more; None = 1, 2, 3, ...

    Returns
    -------
    ndarray of int32

    Raises
    ------
    ValueError
        If a point lies outside, two points of different labels fall on one pixel, or an id is not
        positive.

    Examples
    --------
    >>> from_points(np.array([[0, 2], [1, 0]]), (2, 3))
    array([[0, 0, 1],
           [2, 0, 0]], dtype=int32)
    """
    points = np.asarray(points, float).reshape(-1, len(shape))
    nearest = np.rint(points)
    outside = ~np.all((nearest >= 0) & (nearest < np.array(shape)), axis=1)  # NaN too
    if outside.any():
        raise ValueError(
            f"markers has {outside.sum()} points outside the image, the first at "
            f"{tuple(points[outside][0].tolist())}; the image has shape {shape}; move "
            "or delete them"
        )
    pixels = nearest.astype(int)
    own = np.arange(1, len(pixels) + 1) if ids is None else whole(np.asarray(ids), "markers")
    for extreme in (own.min(initial=1), own.max(initial=1)):
        if not 1 <= extreme <= np.iinfo(np.int32).max:
            raise ValueError(
                f"markers has a point of label {extreme}; number them from 1 to 2 147 483 647"
            )
    labels = np.zeros(shape, np.int32)
    labels[tuple(pixels.T)] = own
    lost = labels[tuple(pixels.T)] != own
    if lost.any():
        raise ValueError(
            "markers has points of different labels on one pixel, "
            f"{tuple(pixels[lost][0].tolist())}; move or delete one of them"
        )
    return labels
