"""Holes of objects: background that an object shuts off from what lies outside of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.labels.attributes import NOWHERE, Attributes
from napari_tessera.algorithms.labels.boxes import Boxes, batches, found, volume
from napari_tessera.algorithms.labels.ids import renumbered
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array

_PART = 1 << 21
_OPEN, _SHUT, _REACHED = 0, 1, 2


def filled(
    labels: Array,
    *,
    most: float = math.inf,
    objects: Array | None = None,
    report: Reporter | None = None,
) -> Array:
    """Return labels in which each object's holes are its own; other objects in them stay.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        0 = background.
    most : float
        Pixels of the largest hole that is filled.
    objects : ndarray of int, optional
        What has holes, where the labels are classes: their pieces.
    report : Reporter, optional

    Returns
    -------
    ndarray
        A copy. Of several objects, one in another, the innermost has the hole.

    Examples
    --------
    >>> filled(np.array([[2, 2, 2], [2, 0, 2], [2, 2, 2]]))[1]
    array([2, 2, 2])
    """
    report = Reporter.of(report)
    pieces, first, pixels = gaps(labels)
    report(Progress(1, 4))
    holes = np.flatnonzero((first >= 0) & (pixels <= most))
    if holes.size == 0:
        return labels.copy()
    objects = labels if objects is None else objects
    boxes = found(objects, report.part(1, 4))
    owners = enclosing(objects, boxes, first[holes], report.part(2, 4))
    ids = labels.reshape(-1)[boxes.first]
    values = np.zeros(pixels.size, labels.dtype)
    values[holes[owners >= 0]] = ids[owners[owners >= 0]]
    return np.asarray(labels | renumbered(pieces, values))  # where one is, the other is 0


def gaps(labels: Array) -> tuple[Array, Array, Array]:
    """Number the pieces of background that do not touch the border of the array.

    Returns
    -------
    pieces : ndarray of int32
        All pieces of background, 1, 2, 3, ...; 0 = labels. Neighbours share a face.
    first : ndarray of int64
        The first pixel of each number in the flat array, rising; -1 if the piece touches the
        border.
    pixels : ndarray of int64
        The size of each number.

    Examples
    --------
    >>> pieces, first, pixels = gaps(np.array([[0, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]]))
    >>> first, pixels
    (array([-1, -1,  5]), array([9, 1, 2]))
    """
    from scipy import ndimage

    # pieces of background once for all objects, not once for each
    pieces, count = ndimage.label(labels == 0, output=np.int32)
    first, pixels = np.full(count + 1, -1, np.int64), np.zeros(count + 1, np.int64)
    _measure(volume(pieces), labels.ndim == 2, first, pixels)
    return pieces, first, pixels


def enclosing(labels: Array, boxes: Boxes, places: Array, report: Reporter) -> Array:
    """Return for each of some pixels of background the row of the object that encloses it, or -1.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
    boxes : Boxes
        Of these labels.
    places : ndarray of int64, shape (N,)
        Pixels in the flat array, rising.
    report : Reporter

    Returns
    -------
    ndarray of int64, shape (N,)
        Of several objects, one in another, the innermost: that with the smallest box.
    """
    whole, planar = volume(labels), labels.ndim == 2
    low, high = boxes.in_volume()
    contents = np.prod(high - low, axis=1)
    ids, owners = boxes.ids.astype(whole.dtype), np.full(places.size, -1)
    for start, stop in batches(contents, _PART):
        _enclose(whole, planar, ids, low, high, contents, start, stop, places, owners)
        report(Progress(stop, contents.size))
    return owners


def enclosing_of(pieces: Attributes, objects: Array, shape: tuple[int, ...]) -> Array:
    """Return for each piece of one label the row of the object that encloses it, or -1.

    The same as `enclosing`, from what is known of the pieces and of which lie side by side.

    Parameters
    ----------
    pieces : Attributes
        All of an array, background among them; pieces hang together by faces.
    objects : ndarray of int64, shape (N,)
        The object that each is a piece of, 0, 1, 2, ...; -1 = none.
    shape : tuple of int
        Of the array.

    Returns
    -------
    ndarray of int64, shape (N,)
    """
    count, axes = int(objects.max(initial=-1)) + 1, pieces.low.shape[1]
    low, high = np.full((count, axes), NOWHERE), np.zeros((count, axes), np.int64)
    own = objects >= 0
    np.minimum.at(low, objects[own], pieces.low[own])
    np.maximum.at(high, objects[own], pieces.high[own])
    contents = np.prod(high - low, axis=1)
    both = np.concatenate([pieces.links, pieces.links[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    starts = np.searchsorted(both[:, 0], np.arange(len(objects) + 1))
    owners = np.full(len(objects), -1)
    boxes = np.stack([pieces.low, pieces.high], axis=1), np.stack([low, high], axis=1)
    _enclose_pieces(
        *boxes, pieces.inside(shape), objects, np.argsort(objects, kind="stable"), starts,
        both[:, 1].copy(), contents, owners,
    )  # fmt: skip
    return owners


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _enclose_pieces(
    boxes: Any,
    wholes: Any,
    inside: Any,
    objects: Any,
    order: Any,
    starts: Any,
    near: Any,
    contents: Any,
    owners: Any,
) -> None:
    """Let each object take the pieces that cannot be left but through it.

    Pieces side by side that are none of an object's are walked through together. They are open if
    one of them lies partly outside of the object's box, or at the border of the array.
    """
    met, queue = np.full(objects.size, -1), np.empty(objects.size, np.int64)
    for piece in order:
        own = objects[piece]
        if own < 0:
            continue
        for k in range(starts[piece], starts[piece + 1]):
            first = near[k]
            if objects[first] == own or met[first] == own:
                continue
            if _is_open(boxes[first], wholes[own], inside[first]):
                continue
            met[first], queue[0] = own, first
            head, tail, shut = 0, 1, True
            while head < tail:
                here = queue[head]
                head += 1
                for j in range(starts[here], starts[here + 1]):
                    there = near[j]
                    if objects[there] == own or met[there] == own:
                        continue
                    # what is open is never marked: others may lead to it too
                    if _is_open(boxes[there], wholes[own], inside[there]):
                        shut = False
                        continue
                    met[there], queue[tail] = own, there
                    tail += 1
            for i in range(tail if shut else 0):
                before = owners[queue[i]]
                if before < 0 or contents[own] < contents[before]:
                    owners[queue[i]] = own


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _is_open(box: Any, whole: Any, inside: bool) -> bool:
    """Return whether a piece lies partly outside of a box, or at the border of the array."""
    if not inside:
        return True
    for axis in range(box.shape[1]):
        if box[0, axis] < whole[0, axis] or box[1, axis] > whole[1, axis]:
            return True
    return False


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _measure(pieces: Any, planar: bool, first: Any, pixels: Any) -> None:
    """Find first pixel and size of each piece; pieces at the border keep no first pixel."""
    planes, lines, columns = pieces.shape
    outside = np.zeros(first.size, np.bool_)
    place = 0
    for z in range(planes):
        for y in range(lines):
            edge = (not planar and (z in (0, planes - 1))) or y in (0, lines - 1)
            for x in range(columns):
                piece = pieces[z, y, x]
                pixels[piece] += 1
                if piece > 0:
                    if pixels[piece] == 1:
                        first[piece] = place
                    if edge or x in (0, columns - 1):
                        outside[piece] = True
                place += 1
    first[outside] = -1


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _enclose(
    whole: Any,
    planar: bool,
    ids: Any,
    low: Any,
    high: Any,
    contents: Any,
    start: int,
    stop: int,
    places: Any,
    owners: Any,
) -> None:
    """Let each object of some rows take the places that the outside of its box does not reach."""
    for row in range(start, stop):
        if not _holds_any(whole.shape, low[row], high[row], places):
            continue
        state = _surroundings(whole, planar, ids[row], low[row], high[row])
        _reach(state.reshape(-1), state.shape, planar)
        for z in range(low[row, 0], high[row, 0]):
            for y in range(low[row, 1], high[row, 1]):
                line = (z * whole.shape[1] + y) * whole.shape[2]
                at = np.searchsorted(places, line + low[row, 2])
                while at < places.size and places[at] < line + high[row, 2]:
                    x = places[at] - line
                    inside = state[
                        z - low[row, 0] + (not planar), y - low[row, 1] + 1, x - low[row, 2] + 1
                    ]
                    own = owners[at]
                    # what the outside of the box does not reach is enclosed; the smallest of
                    # several boxes is innermost
                    if inside == _OPEN and (own < 0 or contents[row] < contents[own]):
                        owners[at] = row
                    at += 1


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _holds_any(shape: Any, low: Any, high: Any, places: Any) -> bool:
    for z in range(low[0], high[0]):
        for y in range(low[1], high[1]):
            line = (z * shape[1] + y) * shape[2]
            at = np.searchsorted(places, line + low[2])
            if at < places.size and places[at] < line + high[2]:
                return True
    return False


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _surroundings(whole: Any, planar: bool, label: Any, low: Any, high: Any) -> Any:
    """Return where a box is shut by a label, with a margin that is open; planes have none in z."""
    deep = 0 if planar else 1
    size = high - low
    state = np.zeros((size[0] + 2 * deep, size[1] + 2, size[2] + 2), np.uint8)
    for z in range(size[0]):
        for y in range(size[1]):
            for x in range(size[2]):
                if whole[low[0] + z, low[1] + y, low[2] + x] == label:
                    state[z + deep, y + 1, x + 1] = _SHUT
    return state


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _reach(state: Any, shape: Any, planar: bool) -> None:
    """Mark what can be reached from the margin over faces.

    A step over the end of a line leads from margin to margin, so it does no harm.
    """
    moves = np.array([1, shape[2], shape[1] * shape[2]])[: 2 if planar else 3]
    queue = np.zeros(1 << 10, np.int64)  # a ring: what has been reached and not yet left
    head, waiting = 0, 1
    state[0] = _REACHED
    while waiting:
        here = queue[head]
        head, waiting = (head + 1) & (queue.size - 1), waiting - 1
        for move in moves:
            for near in (here - move, here + move):
                if near < 0 or near >= state.size or state[near] != _OPEN:
                    continue
                state[near] = _REACHED
                if waiting == queue.size:
                    queue = np.concatenate((queue[head:], queue[:head], np.zeros_like(queue)))
                    head = 0
                queue[(head + waiting) & (queue.size - 1)] = near
                waiting += 1
