"""Background that several objects reach: who gets which pixel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.geometry.distance import FAR, nearest_label, squared_distance
from napari_tessera.algorithms.labels import boxes
from napari_tessera.algorithms.labels.ids import renumbered
from napari_tessera.algorithms.labels.numbering import numbered
from napari_tessera.algorithms.labels.runs import codes
from napari_tessera.algorithms.morphology.elements import Element
from napari_tessera.algorithms.morphology.reach import (
    ElementPlan,
    covered,
    mark,
    plan_element,
    touched,
)
from napari_tessera.algorithms.parallel import PIECE, parallel_for, slabs
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array, VoxelSize

_LARGE = 1 << 22


def grown(labels: Array, element: Element, voxel: VoxelSize, report: Reporter) -> Array:
    """Return labels in which background has the nearest label within the element.

    Of several as near it is the lowest.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        0 = background.
    element : Element
    voxel : VoxelSize
        Pixel size along each axis.
    report : Reporter

    Returns
    -------
    ndarray

    Examples
    --------
    >>> from napari_tessera.algorithms.morphology.elements import element
    >>> reach = element("box", (0.0, 2.0))
    >>> grown(np.array([[0, 0, 0, 7, 0, 4, 0]]), reach, VoxelSize((1, 1)), Reporter())
    array([[0, 7, 7, 7, 4, 4, 4]])
    """
    if element.shape == "ball":
        radius = max(
            r * step for r, step in zip(element.radius[-labels.ndim :], voxel, strict=True)
        )
        return nearest_label(labels, voxel, limit=radius, report=report)[1]
    owners = codes(labels).reshape((1,) * (3 - labels.ndim) + labels.shape).copy()
    square = np.where(owners != 0, np.float32(0), FAR)
    # a box is the sum of its sides: one axis after the other finds the nearest within it
    passes = list(_shifts(element))
    for number, shifts in enumerate(passes):
        # in the plane of labels without Z, no step goes along it
        steps = np.array([0.0] * (3 - labels.ndim) + list(voxel))
        costs = ((shifts * steps) ** 2).sum(axis=1).astype(np.float32)
        square, owners = _pulled(square, owners, shifts, costs, report.part(number, len(passes)))
    return owners.reshape(labels.shape).view(labels.dtype)


def _shifts(element: Element) -> Iterator[Array]:
    """Yield the steps (Z, Y, X) of each pass: a box goes along one axis after the other."""
    if element.shape == "line":
        yield np.array([(0, s * y, s * x) for y, x in element.path for s in (-1, 1)])
        return
    for axis in (2, 1, 0):
        if element.half[axis]:
            shifts = np.zeros((2 * element.half[axis], 3), np.int64)
            shifts[:, axis] = [s * k for k in range(1, element.half[axis] + 1) for s in (-1, 1)]
            yield shifts


def _pulled(
    square: Array, owners: Array, shifts: Array, costs: Array, report: Reporter
) -> tuple[Array, Array]:
    """Let each pixel take the owner that is nearest by one of the shifts."""
    new_square, new_owners = square.copy(), owners.copy()
    deep, high, wide = square.shape
    jobs = [(z, *slab) for z in range(deep) for slab in slabs(high, wide, pixels=PIECE)]
    parallel_for(
        lambda job: _pull(square, owners, new_square, new_owners, shifts, costs, *job), jobs, report
    )
    return new_square, new_owners


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _pull(
    square: Any,
    owners: Any,
    new_square: Any,
    new_owners: Any,
    shifts: Any,
    costs: Any,
    z: int,
    y0: int,
    y1: int,
) -> None:
    deep, high, wide = square.shape
    for y in range(y0, y1):
        for number in range(costs.size):
            level, row, shift = z + shifts[number, 0], y + shifts[number, 1], shifts[number, 2]
            first, last = max(0, -shift), min(wide, wide - shift)
            if not (0 <= level < deep and 0 <= row < high and first < last):
                continue
            there = square[level, row, first + shift : last + shift]
            theirs = owners[level, row, first + shift : last + shift]
            here, own = new_square[z, y, first:last], new_owners[z, y, first:last]
            for x in range(here.size):
                # selects instead of branches: the loop is vectorised
                far = there[x] + costs[number]
                wins = (far < here[x]) | ((far == here[x]) & (theirs[x] < own[x]))
                here[x] = far if wins else here[x]
                own[x] = theirs[x] if wins else own[x]


def closed(labels: Array, element: Element, voxel: VoxelSize, report: Reporter) -> Array:
    """Return labels in which each object, by itself, has been closed into the background.

    A pixel that several claim goes to the nearest of them, and of several as near to the lowest.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        0 = background.
    element : Element
    voxel : VoxelSize
        Pixel size along each axis.
    report : Reporter

    Returns
    -------
    ndarray

    Examples
    --------
    >>> from napari_tessera.algorithms.morphology.elements import element
    >>> labels = np.array([[3, 0, 3, 0, 5, 0, 0, 5]])
    >>> closed(labels, element("box", (0.0, 1.0)), VoxelSize((1, 1)), Reporter())
    array([[3, 3, 3, 0, 5, 5, 5, 5]])
    """
    volume = labels.reshape((1,) * (3 - labels.ndim) + labels.shape)
    numbers, ids = numbered(volume)
    found = _bounds(boxes.found(numbers), element, numbers.shape)
    # pixels that one object wants are settled at once; distances are needed only where several do
    claims = _claims(numbers, found, element, report)
    owners = numbers.reshape(-1).copy()
    contested = np.zeros(numbers.size, bool)
    for claim in claims:
        _settle(*claim, owners, contested)
    if contested.any():
        _contest(numbers, found, owners, contested, claims, VoxelSize((1, *voxel)[-3:]))
    return renumbered(owners, ids).reshape(labels.shape)


def _bounds(objects: boxes.Boxes, element: Element, shape: tuple[int, ...]) -> Array:
    """Return the boxes that closings stay in: those of the objects, but for the array's border.

    Beyond the border nothing lies, so that an object near it may be closed against it.

    Returns
    -------
    ndarray of int64, shape (N + 1, 3, 2)
        First pixel and one past the last, along each axis; that of the background is empty.
    """
    found = np.pad(np.stack([objects.low, objects.high], axis=2), ((1, 0), (0, 0), (0, 0)))
    reach, length = np.array(element.half), np.array(shape)
    low, high = found[:, :, 0], found[:, :, 1]
    near = np.stack([low < 2 * reach, high + 2 * reach > length], axis=2)
    if element.shape == "line":  # it may leave the array sideways, whichever way it is followed
        near[:] = near.any(axis=(1, 2), keepdims=True)
    wide = np.stack([np.maximum(low - reach, 0), np.minimum(high + reach, length)], axis=2)
    return np.where(near, wide, found)


def _claims(
    numbers: Array, found: Array, element: Element, report: Reporter
) -> list[tuple[Array, Array]]:
    """Return which pixels the objects want, and which wants each; the lower objects first."""
    sides = found[1:, :, 1] - found[1:, :, 0] + 2 * np.array(element.half)
    areas = np.prod(sides, axis=1, dtype=np.int64)
    large = np.flatnonzero(areas > _LARGE) + 1
    claims = {
        own: _claims_of_one(numbers, found[own], element, own, report.part(number, 2 * large.size))
        for number, own in enumerate(large.tolist())
    }
    how, jobs = plan_element(element), _batches(areas)
    of_many = parallel_for(
        lambda job: _claims_of_many(numbers, found, how, *job), jobs, report.part(1, 2)
    )
    claims |= {first: claim for (first, _), claim in zip(jobs, of_many, strict=True)}
    return [claims[first] for first in sorted(claims)]


def _batches(areas: Array) -> list[tuple[int, int]]:
    """Return first and last number (exclusive) of small objects that are about one job together.

    Examples
    --------
    >>> _batches(np.array([10, 10, 1 << 30, 10, PIECE]))
    [(1, 3), (4, 5), (5, 6)]
    """
    small = areas <= _LARGE
    place = np.cumsum(np.where(small, areas, 0)) // PIECE
    begins = np.diff(place, prepend=-1) > 0
    begins[1:] |= ~small[:-1]
    firsts = np.flatnonzero(begins | ~small)
    lasts = [*firsts[1:].tolist(), areas.size]
    pairs = zip(firsts.tolist(), lasts, strict=False)
    return [(first + 1, last + 1) for first, last in pairs if small[first]]


def _claims_of_many(
    numbers: Array, found: Array, how: ElementPlan, first: int, last: int
) -> tuple[Array, Array]:
    """Close small objects one after the other."""
    room = int(np.prod(found[first:last, :, 1] - found[first:last, :, 0], axis=1).sum())
    places, wanted = np.empty(room, np.int64), np.empty(room, np.uint32)
    count = _close_each(numbers, found, how, first, last, places, wanted)
    return places[:count].copy(), wanted[:count].copy()


def _claims_of_one(
    numbers: Array, box: Array, element: Element, own: int, report: Reporter
) -> tuple[Array, Array]:
    """Close a large object, on all cores."""
    half = np.array(element.half)
    start, stop = np.maximum(box[:, 0] - half, 0), np.minimum(box[:, 1] + half, numbers.shape)
    part = numbers[tuple(map(slice, start, stop))]
    wide = covered(part == own, element, report.part(0, 2))
    new = wide & ~touched(wide, element, report.part(1, 2)) & (part == 0)
    # further out than the box, the part does not hold all that the element covers
    inner = tuple(slice(*side) for side in box - start[:, None])
    place = np.ravel_multi_index(
        tuple(axis + low for axis, low in zip(np.nonzero(new[inner]), box[:, 0], strict=True)),
        numbers.shape,
    )
    return place, np.full(place.size, own, np.uint32)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _close_each(
    numbers: Any, found: Any, how: Any, first: int, last: int, places: Any, wanted: Any
) -> int:
    """Close each object in its box; the closing of an object stays within it."""
    deep, high, wide = numbers.shape
    dz, dy, dx = how.half
    count = 0
    for own in range(first, last):
        box = found[own]
        z0, z1 = max(box[0, 0] - dz, 0), min(box[0, 1] + dz, deep)
        y0, y1 = max(box[1, 0] - dy, 0), min(box[1, 1] + dy, high)
        x0, x1 = max(box[2, 0] - dx, 0), min(box[2, 1] + dx, wide)
        mask = np.empty((z1 - z0, y1 - y0, x1 - x0), np.uint8)
        reach = np.empty(mask.shape, how.table.dtype)
        for z in range(z0, z1):
            for y in range(y0, y1):
                line, out = numbers[z, y, x0:x1], mask[z - z0, y - y0]
                for x in range(out.size):
                    out[x] = line[x] == own
        flat, flat_reach = mask.reshape(-1), reach.reshape(-1)
        # erosion is dilation of the rest: what is reached by no other label stays
        for turn in range(2):  # dilate, then find what erosion takes
            mark(mask, how, reach)
            if turn == 0:
                for k in range(flat.size):
                    flat[k] |= flat_reach[k] > 0
        for z in range(box[0, 0], box[0, 1]):
            for y in range(box[1, 0], box[1, 1]):
                for x in range(box[2, 0], box[2, 1]):
                    inner = z - z0, y - y0, x - x0
                    if numbers[z, y, x] == 0 and mask[inner] == 1 and reach[inner] == 0:
                        places[count] = (z * high + y) * wide + x
                        wanted[count] = own
                        count += 1
    return count


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _settle(places: Any, wanted: Any, owners: Any, contested: Any) -> None:
    """Give each pixel to the first that wants it; where there is another, say so."""
    for k in range(places.size):
        if owners[places[k]] == 0:
            owners[places[k]] = wanted[k]
        else:
            contested[places[k]] = True


def _contest(
    numbers: Array,
    found: Array,
    owners: Array,
    contested: Array,
    claims: list[tuple[Array, Array]],
    voxel: VoxelSize,
) -> None:
    """Give contested pixels to the nearest of those that want them."""
    best = np.full(contested.size, FAR, np.float32)
    for places, wanted in claims:
        both = contested[places]
        pixels, wanting = places[both], wanted[both]
        # numbers rise, so that of several as near the lowest comes first and stays
        for own in np.unique(wanting):
            box = tuple(slice(*side) for side in found[own])
            far = squared_distance(numbers[box] != own, voxel)
            mine = pixels[wanting == own]
            inner = np.unravel_index(mine, numbers.shape)
            distance = far[tuple(a - side.start for a, side in zip(inner, box, strict=True))]
            wins = distance < best[mine]
            best[mine[wins]], owners[mine[wins]] = distance[wins], own
