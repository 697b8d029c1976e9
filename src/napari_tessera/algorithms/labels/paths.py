"""Points and lines drawn over labels: which pixels and which objects they meet."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np

from napari_tessera.signature.words import Array

FARTHEST = 1e6
"""How far from the origin a point may be: a line is drawn pixel by pixel, outside the array too."""

How = Literal["line", "points"]
"""Whether a path is a line through its points, or these points alone."""


LONGEST = 1 << 23
"""Pixels of the longest line that is drawn: all of them are made before any is cut off."""


def vertices(path: Sequence[Sequence[float]], axes: int) -> Array:
    """Return a path as an array of shape (N, D).

    Raises
    ------
    ValueError
        If there are no points, or one has not one finite coordinate per axis.
    """
    wanted = "(y, x)" if axes == 2 else "(z, y, x)"
    if len(path) == 0:
        raise ValueError(f"path has no points; pass at least one, as ({wanted},)")
    wrong = [point for point in path if np.shape(point) != (axes,)]
    if wrong or not np.isfinite(np.array(path, float)).all():
        first = wrong[0] if wrong else path[0]
        raise ValueError(
            f"path has a point {first!r}, but labels has {axes} axes; pass points {wanted}"
        )
    points = np.array(path, float)
    if np.abs(points).max() > FARTHEST:
        raise ValueError(
            f"path has a point over {FARTHEST:g} pixels from the origin; draw it inside of labels"
        )
    return points


def pixels_under(path: Sequence[Sequence[float]], shape: tuple[int, ...], how: How) -> Array:
    """Return the pixels that a path meets, in its order, shape (N, D); none outside the array.

    Examples
    --------
    >>> pixels_under(((0, 0), (1, 3)), (5, 3), "line").tolist()
    [[0, 0], [0, 1], [0, 2], [1, 2]]
    """
    return inside_array(pixels_on_path(path, len(shape), how), shape)


def pixels_on_path(path: Sequence[Sequence[float]], axes: int, how: How) -> Array:
    """Return the pixels that a path meets, shape (N, D); of a line, neighbours touch.

    Raises
    ------
    ValueError
        If it is no path, or a line longer than `LONGEST`.
    """
    corners = vertices(path, axes)
    if how == "line":
        length = float(np.abs(np.diff(corners, axis=0)).max(axis=1, initial=0).sum())
        if length > LONGEST:
            raise ValueError(f"path is {length:g} pixels long; up to {LONGEST} are drawn")
        pieces = [corners[:1]]
        for a, b in pairwise(corners):
            steps = max(1, int(np.ceil(2 * np.abs(b - a).max())))  # two a pixel: none is missed
            pieces.append(a + (b - a) * np.arange(1, steps + 1)[:, None] / steps)
        corners = np.concatenate(pieces)
    return _without_repeats(np.rint(np.clip(corners, -1e15, 1e15)).astype(np.int64))


def inside_array(pixels: Array, shape: tuple[int, ...]) -> Array:
    """Return the pixels that lie in an array."""
    return np.asarray(pixels[((pixels >= 0) & (pixels < np.array(shape))).all(axis=1)])


def over_faces(pixels: Array) -> Array:
    """Return a line of pixels in which neighbours share a face, so that nothing slips through.

    Examples
    --------
    >>> over_faces(np.array([[0, 0], [1, 1]])).tolist()
    [[0, 0], [1, 0], [1, 1]]
    """
    axes = pixels.shape[1]
    moves = np.diff(pixels, axis=0)
    parts = np.cumsum(moves[:, None, :] * np.eye(axes, dtype=np.int64), axis=1)
    between = pixels[:-1, None] + parts
    return _without_repeats(np.concatenate([pixels[:1], between.reshape(-1, axes)]))


def crossed(labels: Array, pixels: Array) -> list[int]:
    """Return the objects at some pixels, in their order, each once.

    Examples
    --------
    >>> crossed(np.array([[5, 0, 3, 5]]), np.array([[0, 0], [0, 1], [0, 2], [0, 3]]))
    [5, 3]
    """
    met = labels[tuple(pixels.T)]
    return [label for label in dict.fromkeys(met.tolist()) if label]


def wall(pixels: Array, box: tuple[slice, ...]) -> Array:
    """Return where the pixels of a line lie in a box; in a volume, a wall upright on its plane.

    Raises
    ------
    ValueError
        If a line in a volume lies in no plane of pixels.
    """
    if pixels.shape[1] == 2:
        return _drawn(pixels, box)
    level = np.flatnonzero((pixels == pixels[:1]).all(axis=0))
    if level.size == 0:
        first, last = (tuple(end.tolist()) for end in (pixels[0], pixels[-1]))
        raise ValueError(
            f"path runs from {first} to {last}, which lies in no plane of pixels; draw the line in "
            "one plane, so that all its points have the same z (or y, or x)"
        )
    axis = int(level[0])
    rest = [k for k in range(3) if k != axis]
    flat = _drawn(pixels[:, rest], tuple(box[k] for k in rest))
    shape = tuple(each.stop - each.start for each in box)
    return np.broadcast_to(np.expand_dims(flat, axis), shape)


def _drawn(pixels: Array, box: tuple[slice, ...]) -> Array:
    low = np.array([each.start for each in box])
    high = np.array([each.stop for each in box])
    mask = np.zeros(tuple(high - low), bool)
    inside = ((pixels >= low) & (pixels < high)).all(axis=1)
    mask[tuple((pixels[inside] - low).T)] = True
    return mask


def _without_repeats(pixels: Array) -> Array:
    new = np.ones(len(pixels), bool)
    new[1:] = (pixels[1:] != pixels[:-1]).any(axis=1)
    return np.asarray(pixels[new])
