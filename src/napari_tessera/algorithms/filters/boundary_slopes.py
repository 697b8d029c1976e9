"""Edges in an image, and what lies on both sides of the boundaries of labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.geometry.bitmaps import pack_marks
from napari_tessera.signature.words import Array


@dataclass(frozen=True)
class Rises:
    """How steep a smoothed volume is, found some planes at a time.

    Attributes
    ----------
    image : ndarray of float, shape (P, L, C)
    valid : ndarray of bool, optional
        Where its slope means something; None = everywhere.
    steps : tuple of float
        Pixel size along each axis, in finest pixels.
    """

    image: Array
    valid: Array | None
    steps: tuple[float, float, float]

    def planes(self, low: int, high: int) -> tuple[Array, Array]:
        """Return the image in some planes, contiguous, and its steepness, NaN beside gaps.

        In the first and the last plane it is that of the volume only where the volume ends there.
        """
        part = np.ascontiguousarray(self.image[low:high])
        steepness = np.empty(part.shape, np.float32)
        slopes(part, 0, len(part), self.steps, steepness)
        if self.valid is not None:
            steepness[~self.valid[low:high]] = np.nan
        return part, steepness

    def steepness(self, low: int, high: int) -> Array:
        """Return the steepness in some planes."""
        first = max(low - 1, 0)
        return self.planes(first, high + 1)[1][low - first : high - first]

    def crests(self, low: int, high: int, level: float) -> Array:
        """Return the marks of the crests in some planes, as `bits`."""
        # two planes more: a crest is compared with the steepness beside it, which looks one further
        first = max(low - 2, 0)
        image, steepness = self.planes(first, high + 2)
        marks = np.zeros(image.shape, np.uint8)
        crests(image, steepness, low - first, high - first, level, self.steps, marks)
        return np.asarray(pack_marks(marks[low - first : high - first]))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def slopes(image: Any, low: int, high: int, steps: Any, steepness: Any) -> None:
    """Set how steeply a volume (P, L, C) rises in planes `low` to `high`, by differences."""
    for p in range(low, high):
        for row in range(image.shape[1]):
            for c in range(image.shape[2]):
                z, y, x = _rise(image, p, row, c, steps)
                steepness[p, row, c] = np.sqrt(z * z + y * y + x * x)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _rise(image: Any, p: int, row: int, c: int, steps: Any) -> Any:
    """Return the differences along the axes, central but at the border."""
    planes, lines, columns = image.shape
    a, b = max(p - 1, 0), min(p + 1, planes - 1)
    z = (image[b, row, c] - image[a, row, c]) / (max(b - a, 1) * steps[0])
    a, b = max(row - 1, 0), min(row + 1, lines - 1)
    y = (image[p, b, c] - image[p, a, c]) / (max(b - a, 1) * steps[1])
    a, b = max(c - 1, 0), min(c + 1, columns - 1)
    x = (image[p, row, b] - image[p, row, a]) / (max(b - a, 1) * steps[2])
    return z, y, x


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def crests(
    image: Any, steepness: Any, low: int, high: int, level: float, steps: Any, marks: Any
) -> None:
    """Mark where a volume is steeper than `level` and than both neighbours up and down the slope.

    Of two equally steep neighbours the lower one is marked.
    """
    planes, lines, columns = image.shape
    for p in range(low, high):
        for row in range(lines):
            for c in range(columns):
                own = steepness[p, row, c]
                if not own > level:
                    continue
                z, y, x = _rise(image, p, row, c, steps)
                # the slope in pixels, rounded to the nearest neighbour
                z, y, x = z / steps[0], y / steps[1], x / steps[2]
                largest = max(abs(z), abs(y), abs(x))
                dz, dy, dx = round(z / largest), round(y / largest), round(x / largest)
                crest = True
                for sign in (-1, 1):
                    q, other, d = p + sign * dz, row + sign * dy, c + sign * dx
                    if 0 <= q < planes and 0 <= other < lines and 0 <= d < columns:
                        near = steepness[q, other, d]
                        # strict on one side only: a plateau two pixels wide is marked once
                        crest = crest and (own > near if sign < 0 else own >= near)
                marks[p, row, c] = crest


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def add_sides(labels: Any, image: Any, low: int, high: int, reach: Any, sums: Any) -> None:
    """Add up the intensities beside the boundaries in planes `low` to `high`.

    From each face between a label and another one (or background), straight lines of up to `reach`
    pixels go inwards and outwards, as far as the label stays the same. `sums` has, for label n in
    row n - 1, number and sum of the finite intensities inside, in background, in other labels.
    """
    planes, lines, columns = labels.shape
    for p in range(low, high):
        for row in range(lines):
            for c in range(columns):
                own = labels[p, row, c]
                if own == 0:
                    continue
                for axis in range(3):
                    for sign in (-1, 1):
                        dz, dy, dx = sign * (axis == 0), sign * (axis == 1), sign * (axis == 2)
                        q, other, d = p + dz, row + dy, c + dx
                        if not (0 <= q < planes and 0 <= other < lines and 0 <= d < columns):
                            continue
                        beyond = labels[q, other, d]
                        if beyond == own:
                            continue
                        # apart: other objects count only where no background touches
                        side = sums[own - 1, 1 if beyond == 0 else 2]
                        _walk(
                            labels, image, p, row, c, -dz, -dy, -dx, reach[axis], sums[own - 1, 0]
                        )
                        _walk(labels, image, q, other, d, dz, dy, dx, reach[axis], side)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _walk(
    labels: Any,
    image: Any,
    p: int,
    row: int,
    c: int,
    dz: int,
    dy: int,
    dx: int,
    reach: int,
    total: Any,
) -> None:
    """Add the intensities of a straight line, while it stays in its label and in the image."""
    own = labels[p, row, c]
    for _ in range(reach):
        value = image[p, row, c]
        if np.isfinite(value):
            total[0] += 1
            total[1] += value
        p, row, c = p + dz, row + dy, c + dx
        if not (
            0 <= p < labels.shape[0] and 0 <= row < labels.shape[1] and 0 <= c < labels.shape[2]
        ):
            return
        if labels[p, row, c] != own:
            return
