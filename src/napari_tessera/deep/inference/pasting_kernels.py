"""Loops over the pixels of masks that are given on a grid in their boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from napari_tessera.signature.words import Array

HALF = 127.5
"""Of a mask's values, 0 to 255."""

FAR = (1 << 30, 1 << 30)
"""The shape of a plane that no box leaves to the right or below."""


@njit(nogil=True, cache=True)
def _places(box: Array, shape: Any) -> tuple[int, int, int, int]:
    """Return the pixels whose centres lie in a box, as far as there are any: y0, y1, x0, x1."""
    x0, y0 = max(0, int(np.ceil(box[0] - 0.5))), max(0, int(np.ceil(box[1] - 0.5)))
    x1 = min(shape[1], int(np.ceil(box[2] - 0.5)))
    y1 = min(shape[0], int(np.ceil(box[3] - 0.5)))
    return y0, y1, x0, x1


@njit(nogil=True, cache=True)
def _inside(mask: Array, box: Array, y: int, x: int) -> bool:
    """Tell whether the centre of a pixel lies in a mask, by linear interpolation of its grid."""
    rows, columns = mask.shape
    v = (y + 0.5 - box[1]) / (box[3] - box[1]) * rows - 0.5
    u = (x + 0.5 - box[0]) / (box[2] - box[0]) * columns - 0.5
    v, u = min(max(v, 0.0), rows - 1.0), min(max(u, 0.0), columns - 1.0)
    top, left = min(int(v), rows - 2), min(int(u), columns - 2)
    b, a = v - top, u - left
    above = (1 - a) * mask[top, left] + a * mask[top, left + 1]
    below = (1 - a) * mask[top + 1, left] + a * mask[top + 1, left + 1]
    found: bool = (1 - b) * above + b * below > HALF
    return found


@njit(nogil=True, cache=True)
def paint_objects(
    labels: Array, boxes: Array, masks: Array, members: Array, ends: Array, share: float
) -> Array:
    """Paint objects one after the other where no other is; return their numbers, 0 if left out.

    Parameters
    ----------
    labels : ndarray of int32, shape (Y, X)
        Zeros; painted in place with 1, 2, 3, ...
    boxes : ndarray, shape (N, 4)
    masks : ndarray of uint8, shape (N, G, G)
    members : ndarray of int
        The masks of the first object, then those of the second, ...
    ends : ndarray of int
        Of each object in `members`.
    share : float
        An object of which more than this is covered by those before it is left out.
    """
    numbers = np.zeros(len(ends), np.int64)
    start, number = 0, 0
    for place in range(len(ends)):
        own = members[start : ends[place]]
        start = ends[place]
        total, covered = 0, 0
        for m in own:
            y0, y1, x0, x1 = _places(boxes[m], labels.shape)
            for y in range(y0, y1):
                for x in range(x0, x1):
                    if _inside(masks[m], boxes[m], y, x):
                        total += 1
                        covered += labels[y, x] != 0
        if total == covered or covered > share * total:
            continue
        number += 1
        numbers[place] = number
        for m in own:
            y0, y1, x0, x1 = _places(boxes[m], labels.shape)
            for y in range(y0, y1):
                for x in range(x0, x1):
                    if labels[y, x] == 0 and _inside(masks[m], boxes[m], y, x):
                        labels[y, x] = number
    return numbers


@njit(nogil=True, cache=True)
def _common(first: Array, second: Array) -> Array:
    """Return the box that two boxes share, without pixels if they do not meet."""
    zone = np.empty(4)
    zone[:2] = np.maximum(first[:2], second[:2])
    zone[2:] = np.minimum(first[2:], second[2:])
    return zone


@njit(nogil=True, cache=True)
def _pixels(box: Array, mask: Array, zone: Array) -> int:
    """Return how many pixels of a zone a mask has."""
    y0, y1, x0, x1 = _places(_common(box, zone), FAR)
    count = 0
    for y in range(y0, y1):
        for x in range(x0, x1):
            count += _inside(mask, box, y, x)
    return count


@njit(nogil=True, cache=True)
def _shared(box: Array, other: Array, mask: Array, second: Array, zone: Array) -> int:
    """Return how many pixels of a zone two masks have in common."""
    y0, y1, x0, x1 = _places(_common(_common(box, other), zone), FAR)
    count = 0
    for y in range(y0, y1):
        for x in range(x0, x1):
            count += _inside(mask, box, y, x) and _inside(second, other, y, x)
    return count


@njit(nogil=True, cache=True)
def _meet(first: Array, second: Array) -> bool:
    across_x = first[0] < second[2] and second[0] < first[2]
    found: bool = across_x and first[1] < second[3] and second[1] < first[3]
    return found


@njit(nogil=True, cache=True)
def across(
    boxes: Array, masks: Array, tiles: Array, cut: Array, places: Array, agreement: float
) -> Array:
    """Return which object each detection belongs to: its first detection, or -1 if it is not used.

    Parameters
    ----------
    boxes : ndarray, shape (N, 4)
    masks : ndarray of uint8, shape (N, G, G)
    tiles : ndarray of int, shape (N,)
        Which tile has seen it.
    cut : ndarray of bool, shape (N,)
        Whether it touches a border of its tile within the image.
    places : ndarray, shape (T, 4)
        Of the tiles.
    agreement : float
        Share of its pixels that another tile must see too.
    """
    owner = np.arange(len(boxes))
    those = np.flatnonzero(cut)
    for i in those:
        own = _pixels(boxes[i], masks[i], boxes[i])
        for j in range(len(boxes)):
            if not cut[j] and tiles[i] != tiles[j] and _meet(boxes[i], boxes[j]):
                both = _shared(boxes[i], boxes[j], masks[i], masks[j], boxes[i])
                if both > agreement * own:  # another tile sees the whole of it
                    owner[i] = -1
                    break
    left = those[owner[those] >= 0]
    for k in range(len(left)):
        for m in range(k):
            i, j = left[k], left[m]
            if tiles[i] == tiles[j] or not _meet(boxes[i], boxes[j]):
                continue
            zone = _common(places[tiles[i]], places[tiles[j]])
            both = _shared(boxes[i], boxes[j], masks[i], masks[j], zone)
            either = _pixels(boxes[i], masks[i], zone) + _pixels(boxes[j], masks[j], zone) - both
            if both > agreement * either:  # both tiles see the same in what they share
                one, two = _first(owner, i), _first(owner, j)
                owner[max(one, two)] = min(one, two)
    for place in range(len(boxes)):  # the first lies before the others
        if owner[place] >= 0:
            owner[place] = owner[owner[place]]
    return owner


@njit(nogil=True, cache=True)
def _first(owner: Array, place: int) -> int:
    while owner[place] != place:
        place = owner[place]
    return place
