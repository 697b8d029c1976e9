"""Convex hulls of labels, from the corners of their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.labels.ids import groups
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array, VoxelSize

NOWHERE = 1 << 40
"""The end of a level where nothing lies."""


def hulls(runs: Sequence[Array], voxel: VoxelSize, report: Reporter) -> tuple[Array, Array]:
    """Return how large the convex hull of each label is, and how wide.

    Parameters
    ----------
    runs : sequence of ndarray
        The runs of labels that `moments.gather` keeps.
    voxel : VoxelSize
    report : Reporter

    Returns
    -------
    contents : ndarray of float64
        In pixels, the labels rising.
    widths : ndarray of float64
        The largest distance between two corners, in the units of `voxel`.
    """
    joined = np.concatenate(runs)
    joined = joined[np.argsort(joined[:, 0], kind="stable")]
    labels, planes, lines, first, length = joined.T
    keys, line = ([labels], planes) if len(voxel) == 2 else ([labels, planes], lines)
    starts, _ = groups(*keys)
    found = _outlines(np.append(starts, labels.size), line, first, length)
    if len(voxel) == 3:
        found = _solids(labels[starts], planes[starts], found[0], found[1], report)
    report(Progress(1, 1))
    starts, corners, contents = found
    return contents, _widest(starts, corners * np.array(voxel))


def _solids(
    labels: Array, planes: Array, starts: Array, corners: Array, report: Reporter
) -> tuple[Array, Array, Array]:
    """Join the outlines of hulls in planes to hulls in the volume: starts, corners and volumes."""
    from scipy.spatial import ConvexHull

    step = np.array([1, 0, 0])
    # corners of planes, at the top and the bottom of their voxels: among them are all corners
    below = np.column_stack([np.repeat(planes, np.diff(starts)), corners])
    bounds = np.append(starts[groups(labels)[0]], len(corners))
    vertices, volumes = [np.empty((0, 3), np.int64)], np.empty(bounds.size - 1)
    for number, (start, stop) in enumerate(pairwise(bounds)):
        points = np.concatenate([below[start:stop], below[start:stop] + step])
        hull = ConvexHull(points)
        vertices.append(points[hull.vertices])
        volumes[number] = hull.volume
        report(Progress(number + 1, volumes.size))
    return np.cumsum([len(each) for each in vertices]), np.concatenate(vertices), volumes


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _outlines(starts: Any, lines: Any, first: Any, length: Any) -> Any:
    """Return where the hull of each group of runs begins, the corners of all and their areas.

    Corners are those of pixels, so that no hull is flat; they count from the corner of the image.
    """
    groups = starts.size - 1
    corners, ends = np.empty((4 * lines.size, 2), np.int64), np.zeros(groups + 1, np.int64)
    areas = np.empty(groups)
    for group in range(groups):
        runs = range(starts[group], starts[group + 1])
        low, high = lines[starts[group]], lines[starts[group + 1] - 1] + 2
        left, right = np.full(high - low, NOWHERE), np.full(high - low, -NOWHERE)
        for run in runs:
            # both edges of the row of pixels: its corners, not its centres
            for level in range(lines[run] - low, lines[run] - low + 2):
                left[level] = min(left[level], first[run])
                right[level] = max(right[level], first[run] + length[run])
        start = ends[group]
        middle = start + hull_chain(left, 1, corners[start:, 0])
        end = middle + hull_chain(right, -1, corners[middle:, 0])
        for k in range(start, end):
            level = corners[k, 0]
            corners[k, 0], corners[k, 1] = low + level, left[level] if k < middle else right[level]
        areas[group] = _beside(corners[middle:end]) - _beside(corners[start:middle])
        ends[group + 1] = end
    return ends, corners[: ends[-1]].copy(), areas


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def hull_chain(ends: Any, side: int, corners: Any) -> int:
    """Write the levels at which one side of a convex hull has its corners; return how many.

    `ends` is the outermost place of each level on that side, `NOWHERE` or its negative where
    nothing lies; `side` is 1 on the left and -1 on the right. This is half of Andrew's monotone
    chain; levels are sorted already. In whole numbers it is exact.
    """
    count = 0
    for level in range(ends.size):
        if abs(ends[level]) == NOWHERE:
            continue
        while count >= 2:
            a, b = corners[count - 2], corners[count - 1]
            # the corner between stays if it stands out from the line between its neighbours
            turn = (ends[b] - ends[a]) * (level - a) - (ends[level] - ends[a]) * (b - a)
            if side * turn < 0:
                break
            count -= 1
        corners[count] = level
        count += 1
    return count


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _beside(chain: Any) -> float:
    """Return the area between a chain of corners and the y axis."""
    twice = 0
    for i in range(chain.shape[0] - 1):
        twice += (chain[i, 1] + chain[i + 1, 1]) * (chain[i + 1, 0] - chain[i, 0])
    return twice / 2


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _widest(starts: Any, points: Any) -> Any:
    """Return the largest distance between two points of each group."""
    widths = np.zeros(starts.size - 1)
    for group in range(starts.size - 1):
        for i in range(starts[group], starts[group + 1]):
            for j in range(starts[group], i):
                square = 0.0
                for axis in range(points.shape[1]):
                    square += (points[i, axis] - points[j, axis]) ** 2
                widths[group] = max(widths[group], square)
    return np.sqrt(widths)
