"""Objects filled up to their convex hulls, from the centres of their pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.geometry.distance import FAR, lower_lines
from napari_tessera.algorithms.geometry.hulls import NOWHERE, hull_chain
from napari_tessera.algorithms.labels.boxes import Boxes, batches, volume
from napari_tessera.algorithms.parallel import in_order
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array, VoxelSize

_PART = 1 << 19
_NEAR = 1e-7


def filled_out(labels: Array, boxes: Boxes, voxel: VoxelSize, report: Reporter) -> Array:
    """Return labels in which objects have taken the background within their convex hulls.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        0 = background.
    boxes : Boxes
        Of these labels.
    voxel : VoxelSize
        Where hulls overlap, a pixel goes to the nearest of their objects; of two, the lower id.
    report : Reporter

    Returns
    -------
    ndarray
        In the dtype of `labels`.
    """
    result = labels.copy()
    whole, target = volume(labels), volume(result)
    low, high = boxes.in_volume()
    contents, ids = np.prod(high - low, axis=1), boxes.ids.astype(whole.dtype)
    # objects that fill their box are their own hull
    bent = boxes.pixels < contents
    contested = np.zeros(whole.shape, np.bool_)

    def objects(rows: Array) -> tuple[Array, ...]:
        own = whole, ids[rows], low[rows], high[rows]
        return (*own, _flat_hulls(*own) if labels.ndim == 2 else _solid_hulls(*own))

    jobs = [np.arange(*job)[bent[slice(*job)]] for job in batches(contents, _PART)]
    # hulls are found side by side, but claimed one after the other: later claims see earlier ones
    for found in in_order(objects, jobs, report.part(0, 2)):
        _claim(*found, target, contested)
    if contested.any():
        steps = np.array([1.0, *voxel][-3:])
        # what several want is rare: their hulls are made a second time instead of kept
        nearest = np.full(whole.shape, np.inf, np.float32)
        jobs = [rows[_touched(contested, low[rows], high[rows])] for rows in jobs]
        for found in in_order(objects, jobs, report.part(1, 2)):
            _settle(*found, steps, contested, target, nearest)
    return result


def _solid_hulls(whole: Array, ids: Array, low: Array, high: Array) -> Array:
    """Return which pixels of boxes in a volume lie in the convex hulls, one box after the other."""
    inside = [np.empty(0, np.bool_)]
    for label, first, past in zip(ids, low, high, strict=True):
        box = tuple(map(slice, first, past))
        inside.append(_hull(whole[box] == label).reshape(-1))
    return np.concatenate(inside)


def _hull(own: Array) -> Array:
    """Return which pixels of a box lie in the convex hull of some of them."""
    from scipy.spatial import ConvexHull

    points = _corners(own)
    centre = points.mean(axis=0)
    _, extents, axes = np.linalg.svd(points - centre, full_matrices=len(points) < 3)
    flat = axes[np.count_nonzero(extents > _NEAR) :]
    # a flat hull is the middle of a double pyramid over it
    hull = ConvexHull(np.concatenate([points, centre + flat, centre - flat]))
    return np.asarray(_within(own.shape, hull.equations, flat, centre))


def _corners(own: Array) -> Array:
    """Return the pixels of a mask that end a line of it along each axis, shape (N, 3).

    The corners of its hull are among them.
    """
    ends = own.copy()
    for axis in range(3):
        before = np.cumsum(own, axis=axis)
        # far fewer points than pixels, among them all corners: qhull takes that much less time
        ends &= (before == 1) | (before == before.take([-1], axis=axis))
    return np.argwhere(ends).astype(float)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _within(shape: Any, equations: Any, flat: Any, centre: Any) -> Any:
    """Return which pixels lie on the inner side of all planes, and in the plane of a flat hull."""
    inside = np.zeros(shape, np.bool_)
    for z in range(shape[0]):
        for y in range(shape[1]):
            for x in range(shape[2]):
                good = True
                for k in range(equations.shape[0]):
                    height = equations[k, 0] * z + equations[k, 1] * y + equations[k, 2] * x
                    if height + equations[k, 3] > _NEAR:
                        good = False
                        break
                for k in range(flat.shape[0]):
                    height = flat[k, 0] * (z - centre[0]) + flat[k, 1] * (y - centre[1])
                    good = good and abs(height + flat[k, 2] * (x - centre[2])) <= _NEAR
                inside[z, y, x] = good
    return inside


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _flat_hulls(whole: Any, ids: Any, low: Any, high: Any) -> Any:
    """Return which pixels of boxes in a plane lie in the convex hulls, exactly."""
    size = high - low
    inside = np.zeros(np.sum(size[:, 1] * size[:, 2]), np.bool_)
    place = 0
    for row in range(ids.size):
        height, width = size[row, 1], size[row, 2]
        left, right = np.full(height, NOWHERE), np.full(height, -NOWHERE)
        for y in range(height):
            for x in range(width):
                if whole[0, low[row, 1] + y, low[row, 2] + x] == ids[row]:
                    left[y], right[y] = min(left[y], x), max(right[y], x)
        _bulge(left, 1)
        _bulge(right, -1)
        for y in range(height):
            inside[place + left[y] : place + right[y] + 1] = True
            place += width
    return inside


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _bulge(ends: Any, side: int) -> None:
    """Move one end of each line to the first pixel within the convex hull of all ends."""
    corners = np.empty(ends.size, np.int64)
    count = hull_chain(ends, side, corners)
    for k in range(count - 1):
        a, b = corners[k], corners[k + 1]
        for y in range(a + 1, b):
            rise = side * (ends[b] - ends[a]) * (y - a)
            ends[y] = ends[a] + side * -((-rise) // (b - a))  # rounded towards the inside


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _claim(
    whole: Any, ids: Any, low: Any, high: Any, inside: Any, result: Any, contested: Any
) -> None:
    """Let objects take the background in their hulls; mark what several want."""
    place = 0
    for row in range(ids.size):
        for z in range(low[row, 0], high[row, 0]):
            for y in range(low[row, 1], high[row, 1]):
                for x in range(low[row, 2], high[row, 2]):
                    if inside[place] and whole[z, y, x] == 0:
                        if result[z, y, x] == 0:
                            result[z, y, x] = ids[row]
                        else:
                            contested[z, y, x] = True
                    place += 1


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _touched(contested: Any, low: Any, high: Any) -> Any:
    found = np.zeros(low.shape[0], np.bool_)
    for row in range(low.shape[0]):
        for z in range(low[row, 0], high[row, 0]):
            for y in range(low[row, 1], high[row, 1]):
                for x in range(low[row, 2], high[row, 2]):
                    found[row] |= contested[z, y, x]
    return found


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _settle(
    whole: Any,
    ids: Any,
    low: Any,
    high: Any,
    inside: Any,
    steps: Any,
    contested: Any,
    result: Any,
    nearest: Any,
) -> None:
    """Give what several want to the nearest of them."""
    place = 0
    for row in range(ids.size):
        square = _squares(whole, ids[row], low[row], high[row], steps)
        for z in range(low[row, 0], high[row, 0]):
            for y in range(low[row, 1], high[row, 1]):
                for x in range(low[row, 2], high[row, 2]):
                    wanted, place = inside[place] and contested[z, y, x], place + 1
                    if not wanted:
                        continue
                    far = square[z - low[row, 0], y - low[row, 1], x - low[row, 2]]
                    least, owner = nearest[z, y, x], result[z, y, x]
                    if far < least or (far == least and ids[row] < owner):
                        nearest[z, y, x], result[z, y, x] = far, ids[row]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _squares(whole: Any, label: Any, low: Any, high: Any, steps: Any) -> Any:
    """Return the squared distance to a label of each pixel in its box."""
    planes, lines, columns = high - low
    square = np.full((planes, lines, columns), FAR, np.float32)
    for z in range(planes):
        for y in range(lines):
            for x in range(columns):
                if whole[low[0] + z, low[1] + y, low[2] + x] == label:
                    square[z, y, x] = 0
    rows = planes * lines
    lower_lines(square.reshape(rows, columns, 1), steps[2], 0, rows, 0, 1)
    lower_lines(square, steps[1], 0, planes, 0, columns)
    lower_lines(square.reshape(1, planes, lines * columns), steps[0], 0, 1, 0, lines * columns)
    return square
