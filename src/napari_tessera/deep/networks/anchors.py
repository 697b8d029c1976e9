"""Boxes that YOLOv5 stretches, of the sizes of the objects it is to find."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_tessera.signature.words import Array

STRIDES = (8, 16, 32)
"""Pixels per cell of each level."""

PER_LEVEL = 3
"""Anchors of each level."""

PUBLISHED = (
    (10.0, 13.0), (16.0, 30.0), (33.0, 23.0),
    (30.0, 61.0), (62.0, 45.0), (59.0, 119.0),
    (116.0, 90.0), (156.0, 198.0), (373.0, 326.0),
)  # fmt: skip
"""Widths and heights for the objects of everyday photographs, in pixels."""

STRETCH = 4.0
"""A box may be up to so many times, exclusive, as wide or high as its anchor, or as narrow."""

_STARTS = 10
_STEPS = 100
_ENOUGH = 4000


def fitted_anchors(boxes: Array, *, seed: int = 0) -> tuple[tuple[float, float], ...]:
    """Return nine anchors that fit boxes: the middles of nine groups of sizes.

    Groups are found by k-means whose distance is how many times one box is as wide as another, or
    as narrow, times the same of the heights, so that small boxes count as much as large ones. The
    middle of a group is its median width and height. No anchor is smaller than the cells of its
    level: several small objects in one cell would be told apart on a finer level only.

    Parameters
    ----------
    boxes : ndarray, shape (N, 4)
        x0, y0, x1, y1 in pixels, of the objects in images as the network sees them.
    seed : int
        Of the random starts.

    Returns
    -------
    tuple of (float, float)
        Widths and heights in pixels, the smallest first: three for each of the strides 8, 16 and
        32.

    Raises
    ------
    ValueError
        If there are no boxes with an area.

    References
    ----------
    J. Redmon, A. Farhadi, "YOLO9000: better, faster, stronger", CVPR 2017.

    Examples
    --------
    >>> sizes = np.repeat([[10, 20], [40, 40], [200, 100]], 5, axis=0)
    >>> found = fitted_anchors(np.hstack([0 * sizes, sizes]))
    >>> found[0], found[-1]
    ((10.0, 20.0), (200.0, 100.0))
    """
    sizes = _sizes(boxes)
    if not len(sizes):
        raise ValueError(
            f"boxes has {len(boxes)} boxes, none of them with an area; pass at least one"
        )
    random = np.random.default_rng(seed)
    if len(sizes) > _ENOUGH:
        sizes = sizes[random.choice(len(sizes), _ENOUGH, replace=False)]
    # the distance is |log(w1 / w2)| + |log(h1 / h2)|, where YOLO9000 (section 2) has 1 - IoU: by
    # such ratios, see `STRETCH`, an anchor is found fit for a box
    logs = np.log(sizes)  # (N, 2)
    starts = [_groups(logs, PER_LEVEL * len(STRIDES), random) for _ in range(_STARTS)]
    best = min(starts, key=lambda middles: float(_distances(logs, middles).min(1).mean()))
    found = np.exp(best[np.argsort(best.sum(1), kind="stable")])
    return tuple((round(float(w), 1), round(float(h), 1)) for w, h in _at_least_cells(found))


def share_reached(boxes: Array, anchors: tuple[tuple[float, float], ...]) -> float:
    """Return the share of boxes to which an anchor can be stretched; others are never learnt.

    Parameters
    ----------
    boxes : ndarray, shape (N, 4)
        x0, y0, x1, y1 in pixels.
    anchors : tuple of (float, float)
        Widths and heights in pixels.

    Returns
    -------
    float
        0 to 1; 1 if there are no boxes.

    Examples
    --------
    >>> share_reached(np.array([[0, 0, 30, 30], [0, 0, 2, 30]]), ((10, 10), (40, 30)))
    0.5
    """
    sizes = _sizes(boxes)
    if not len(sizes):
        return 1.0
    stretch = sizes[:, None] / np.array(anchors)  # (N, anchors, 2)
    return float(np.mean(np.maximum(stretch, 1 / stretch).max(2).min(1) < STRETCH))


def _sizes(boxes: Array) -> Array:
    """Return widths and heights of the boxes that have an area, shape (N, 2)."""
    corners = np.asarray(boxes, float).reshape(-1, 4)
    sizes = corners[:, 2:] - corners[:, :2]
    return np.asarray(sizes[(sizes > 0).all(1)])


def _groups(logs: Array, count: int, random: np.random.Generator) -> Array:
    """Return the middles of groups of sizes, both as logarithms; each step brings them nearer."""
    middles = _spread(logs, count, random)
    for _ in range(_STEPS):
        group = _distances(logs, middles).argmin(1)
        moved = np.array(
            [
                np.median(logs[group == number], axis=0) if np.any(group == number) else middle
                for number, middle in enumerate(middles)
            ]
        )
        if np.array_equal(moved, middles):
            break
        middles = moved
    return middles


def _spread(logs: Array, count: int, random: np.random.Generator) -> Array:
    """Return sizes drawn one by one, the likelier the farther they are from those before."""
    chosen = [logs[random.integers(len(logs))]]
    for _ in range(count - 1):
        far = _distances(logs, np.array(chosen)).min(1)  # (N,) as k-means++ draws its starts
        shares = far / far.sum() if far.sum() else None
        chosen.append(logs[random.choice(len(logs), p=shares)])
    return np.array(chosen)


def _distances(logs: Array, middles: Array) -> Array:
    """Return how many times one size is the other, as a logarithm, shape (N, groups)."""
    return np.asarray(np.abs(logs[:, None] - middles).sum(2))


def _at_least_cells(anchors: Array) -> Array:
    """Return anchors enlarged to the area of the cells of their level, their shape kept."""
    cells = np.repeat(STRIDES, PER_LEVEL)
    factors = np.maximum(1, cells / np.sqrt(anchors.prod(1)))
    return anchors * factors[:, None]


PUBLISHED_SIDES = (32.0, 64.0, 128.0, 256.0, 512.0)
"""Sides for the objects of everyday photographs, in pixels, at strides 4, 8, 16, 32 and 64."""

_SMALLEST = 4.0

_PREFERENCE = 0.1


def anchor_sizes(diameters: Array | Sequence[float]) -> tuple[float, ...]:
    """Return the sides of anchors that fit objects.

    Each is twice the one before, and the median object has one of its own size. Of the five ways to
    do so, the one is taken whose sides lie nearest to the objects; where several do, that nearest
    to the published sides, so that large objects are found on coarse features.

    Parameters
    ----------
    diameters : ndarray or sequence of float
        Of the boxes of objects, sqrt(height x width), in pixels.

    Returns
    -------
    tuple of float
        Five sides, in pixels, at least 4; the published ones if there are no objects.

    Examples
    --------
    >>> anchor_sizes([18, 20, 22])
    (20.0, 40.0, 80.0, 160.0, 320.0)
    >>> anchor_sizes([10, 24, 100, 390, 400])
    (25.0, 50.0, 100.0, 200.0, 400.0)
    """
    found = np.asarray(diameters, float).ravel()
    found = found[np.isfinite(found) & (found > 0)]
    if not found.size:
        return PUBLISHED_SIDES
    octaves = 2.0 ** np.arange(5)  # feature pyramid networks, section 4.1: one scale per level
    firsts = np.median(found) / octaves
    firsts = firsts[firsts >= _SMALLEST] if firsts[0] >= _SMALLEST else np.array([_SMALLEST])
    misses = [np.abs(np.log2(found[:, None] / (first * octaves))).min(1).mean() for first in firsts]
    far = np.abs(np.log2(firsts / PUBLISHED_SIDES[0]))  # in octaves, as the misses are
    best = firsts[int(np.argmin(misses + _PREFERENCE * far))]
    return tuple(round(float(side), 1) for side in best * octaves)


def sizes_for(boxes: Array) -> tuple[float, ...]:
    """Return the sides of anchors that fit boxes.

    Parameters
    ----------
    boxes : ndarray, shape (N, 4)
        x0, y0, x1, y1 in pixels.

    Examples
    --------
    >>> sizes_for(np.array([[0, 0, 40, 10]]))
    (20.0, 40.0, 80.0, 160.0, 320.0)
    """
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    return anchor_sizes(np.sqrt(width * height))
