"""Holes of objects: background that an object shuts off from what lies outside of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.labels.attributes import NOWHERE, Attributes
from napari_tessera.algorithms.labels.boxes import Boxes, batches, found, volume
from napari_tessera.algorithms.labels.component_runs import ComponentRuns
from napari_tessera.algorithms.labels.runs import codes
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array

_PART = 1 << 21
_OPEN, _SHUT, _OUTSIDE, _HELD = 0, 1, 2, 3


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
    runs, first, pixels = gaps(labels)
    report(Progress(1, 4))
    holes = np.flatnonzero((first >= 0) & (pixels <= most))
    if holes.size == 0:
        return labels.copy()
    objects = labels if objects is None else objects
    boxes = found(objects, report.part(1, 4))
    walls = _only_neighbours(objects, runs, first)[holes]
    owners = enclosing(objects, boxes, first[holes], report.part(2, 4), walls=walls)
    ids = labels.reshape(-1)[boxes.first]
    values = np.zeros(pixels.size, labels.dtype)
    values[holes[owners >= 0]] = ids[owners[owners >= 0]]
    result = labels.copy(order="C")
    _fill(runs[:4], codes(values), volume(result))
    return result


def gaps(labels: Array) -> tuple[ComponentRuns, Array, Array]:
    """Number the pieces of background that do not touch the border of the array.

    Parameters
    ----------
    labels : ndarray of int, a plane or a volume
        0 = background.

    Returns
    -------
    runs : ComponentRuns
        Of all pieces of background, 1, 2, 3, ... Neighbours share a face.
    first : ndarray of int64
        The first pixel of each number in the flat array, rising; -1 if the piece touches the
        border, and for 0.
    pixels : ndarray of int64
        The size of each number.

    Examples
    --------
    >>> runs, first, pixels = gaps(np.array([[0, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]]))
    >>> first, pixels
    (array([-1, -1,  5]), array([0, 1, 2]))
    """
    # pieces of background once for all objects, not once for each
    whole = volume(labels == 0)
    runs = ComponentRuns.of(whole, 1)
    first = np.full(runs.highest + 1, -1)
    pixels = np.zeros(runs.highest + 1, np.int64)
    _measure(runs[:4], whole.shape, labels.ndim == 2, first, pixels)
    return runs, first, pixels


def _only_neighbours(labels: Array, runs: ComponentRuns, first: Array) -> Array:
    """Return of each hole the label that alone has a face in common with it, or 0."""
    whole = volume(labels)
    walls, several = np.zeros(first.size, whole.dtype), np.zeros(first.size, np.bool_)
    _look_around(whole, labels.ndim == 2, runs[:4], first, walls, several)
    walls[several] = 0
    return walls


def enclosing(
    labels: Array, boxes: Boxes, places: Array, report: Reporter, *, walls: Array | None = None
) -> Array:
    """Return for each of some pixels of background the row of the object that encloses it, or -1.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
    boxes : Boxes
        Of these labels.
    places : ndarray of int64, shape (N,)
        Pixels in the flat array, rising.
    report : Reporter
    walls : ndarray of unsigned int, shape (N,), optional
        Labels known to enclose each of them, though not whether as the innermost; 0 = not known.

    Returns
    -------
    ndarray of int64, shape (N,)
        Of several objects, one in another, the innermost: that with the smallest box.
    """
    whole, planar = volume(labels), labels.ndim == 2
    walls = np.zeros(places.size, whole.dtype) if walls is None else walls
    low, high = boxes.in_volume()
    contents = np.prod(high - low, axis=1)
    # smallest boxes first: who takes a place is its innermost
    order = np.argsort(contents, kind="stable")
    low, high = low[order], high[order]
    ids, owners = boxes.ids[order].astype(whole.dtype), np.full(places.size, -1)
    for start, stop in batches(contents[order], _PART):
        _enclose(whole, planar, ids, low, high, start, stop, places, walls, owners)
        report(Progress(stop, contents.size))
    return np.where(owners < 0, owners, order[owners]) if order.size else owners


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
def _measure(runs: Any, shape: Any, planar: bool, first: Any, pixels: Any) -> None:
    """Find first pixel and size of each piece; pieces at the border keep no first pixel."""
    place, starts, ends, numbers = runs
    planes, lines, columns = shape
    outside = np.zeros(first.size, np.bool_)
    for z in range(planes):
        for y in range(lines):
            edge = (not planar and (z in (0, planes - 1))) or y in (0, lines - 1)
            line = z * lines + y
            for run in range(place[line], place[line + 1]):
                piece = numbers[run]
                if pixels[piece] == 0:
                    first[piece] = line * columns + starts[run]
                pixels[piece] += ends[run] - starts[run]
                if edge or starts[run] == 0 or ends[run] == columns:
                    outside[piece] = True
    first[outside] = -1


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _fill(runs: Any, values: Any, result: Any) -> None:
    """Give the runs of each piece its value, unless that is 0."""
    place, starts, ends, numbers = runs
    lines = result.shape[1]
    for line in range(place.size - 1):
        own = result[line // lines, line % lines]
        for run in range(place[line], place[line + 1]):
            value = values[numbers[run]]
            if value != 0:
                own[starts[run] : ends[run]] = value


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _look_around(whole: Any, planar: bool, runs: Any, first: Any, walls: Any, several: Any) -> None:
    """Note a label beside each hole, and whether there are others; no hole lies at a border."""
    place, starts, ends, numbers = runs
    planes, lines, _ = whole.shape
    for z in range(planes):
        for y in range(lines):
            for run in range(place[z * lines + y], place[z * lines + y + 1]):
                piece, start, end = numbers[run], starts[run], ends[run]
                if first[piece] < 0:
                    continue
                wall = whole[z, y, start - 1]
                if walls[piece] == 0:
                    walls[piece] = wall
                wall = walls[piece]
                other = whole[z, y, end] != wall
                other |= _has_others(whole[z, y - 1, start:end], wall)
                other |= _has_others(whole[z, y + 1, start:end], wall)
                if not planar:
                    other |= _has_others(whole[z - 1, y, start:end], wall)
                    other |= _has_others(whole[z + 1, y, start:end], wall)
                several[piece] |= other or whole[z, y, start - 1] != wall


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _has_others(row: Any, wall: Any) -> bool:
    """Return whether a row holds labels besides one; background belongs to the hole itself."""
    found = False
    for x in range(row.size):  # to the end: several are looked at in one instruction
        found |= (row[x] != 0) & (row[x] != wall)
    return found


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _enclose(
    whole: Any,
    planar: bool,
    ids: Any,
    low: Any,
    high: Any,
    start: int,
    stop: int,
    places: Any,
    walls: Any,
    owners: Any,
) -> None:
    """Let each object of some rows take the places from which nothing leads out of its box."""
    unknown = np.empty((0, 0, 0), np.uint8)
    for row in range(start, stop):
        state = unknown
        for z in range(low[row, 0], high[row, 0]):
            for y in range(low[row, 1], high[row, 1]):
                line = (z * whole.shape[1] + y) * whole.shape[2]
                at = np.searchsorted(places, line + low[row, 2])
                while at < places.size and places[at] < line + high[row, 2]:
                    held = owners[at] < 0 and walls[at] == ids[row]
                    if owners[at] < 0 and not held:
                        if state.size == 0:
                            state = _surroundings(whole, planar, ids[row], low[row], high[row])
                        here = z - low[row, 0] + (not planar)
                        here = here * state.shape[1] + y - low[row, 1] + 1
                        here = here * state.shape[2] + places[at] - line - low[row, 2] + 1
                        held = _is_held(state.reshape(-1), state.shape, planar, here)
                    if held:
                        owners[at] = row
                    at += 1


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _surroundings(whole: Any, planar: bool, label: Any, low: Any, high: Any) -> Any:
    """Return where a box is shut by a label, with a margin outside; planes have none in z."""
    deep = 0 if planar else 1
    size = high - low
    state = np.full((size[0] + 2 * deep, size[1] + 2, size[2] + 2), np.uint8(_OUTSIDE))
    for z in range(size[0]):
        for y in range(size[1]):
            line = whole[low[0] + z, low[1] + y, low[2] : high[2]]
            own = state[z + deep, y + 1, 1 : size[2] + 1]
            for x in range(line.size):
                own[x] = line[x] == label  # _SHUT, or else _OPEN
    return state


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _is_held(state: Any, shape: Any, planar: bool, here: int) -> bool:
    """Return whether nothing leads from a pixel outside; what has been walked on is known then."""
    if state[here] == _OPEN and _leads_outside(state, shape, planar, here, _OPEN, _HELD):
        _leads_outside(state, shape, planar, here, _HELD, _OUTSIDE)
    return bool(state[here] == _HELD)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _leads_outside(
    state: Any, shape: Any, planar: bool, here: int, before: int, after: int
) -> bool:
    """Walk over faces from a pixel, and mark what is met; True once that leads outside.

    Walked on is what holds `before`, which becomes `after`. A walk that marks what is outside goes
    on to its end.
    """
    moves, axes = (1, shape[2], shape[1] * shape[2]), 2 if planar else 3
    queue = np.empty(1 << 5, np.int64)  # a ring: what has been reached and not yet left
    queue[0], head, waiting = here, 0, 1
    state[here] = after
    while waiting:
        here = queue[head]
        head, waiting = (head + 1) & (queue.size - 1), waiting - 1
        for axis in range(axes):
            for near in (here - moves[axis], here + moves[axis]):
                if state[near] == _OUTSIDE and after != _OUTSIDE:
                    return True
                if state[near] != before:
                    continue
                state[near] = after
                if waiting == queue.size:
                    queue = np.concatenate((queue[head:], queue[:head], np.zeros_like(queue)))
                    head = 0
                queue[(head + waiting) & (queue.size - 1)] = near
                waiting += 1
    return False
