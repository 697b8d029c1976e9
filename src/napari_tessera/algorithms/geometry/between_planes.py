"""Objects that are known in some planes of a volume, drawn in the planes between these.

The signed distance to an outline is negative inside and rises steadily outwards. Between two planes
it is interpolated, and where it is negative lies the object (Raya and Udupa). What moves sideways
from plane to plane would be lost where the outlines do not overlap: both are laid upon one another
by their centres first, and the centre moves on a straight line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from napari_tessera.algorithms.geometry.linked_outlines import Link, PlaneDrawing, linked_outlines
from napari_tessera.algorithms.labels.boxes import Boxes
from napari_tessera.algorithms.parallel import parallel_for
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array

_SWELL = 2.0
"""Most by which areas of other planes change that of one between: they may be of something else."""


@dataclass(frozen=True)
class Gap:
    """The planes between two in which a label is known.

    Attributes
    ----------
    row : int
        Of the label, in `Boxes`.
    low, high : int
        The planes where it is known.
    around : tuple of (int, int)
        These, and up to one more on either side: plane and pixels of the label in it.
    """

    row: int
    low: int
    high: int
    around: tuple[tuple[int, int], ...]

    def swell(self, z: int) -> float:
        """Return how much larger it is in a plane between than two planes alone would say.

        The area of a section of a ball is a parabola of its height. Of three known planes one goes
        through their areas; of four the two parabolas are blended (Overhauser), so that areas go on
        smoothly behind the next plane.

        Examples
        --------
        >>> Gap(0, 2, 4, ((0, 0), (2, 12), (4, 16), (6, 12))).swell(3)
        1.0714285714285714
        """
        places = [place for place, _ in self.around]
        first = places.index(self.low)
        share = (z - self.low) / (self.high - self.low)
        linear = _through(self.around[first : first + 2], z)
        before = _through(self.around[max(first - 1, 0) : first + 2], z)
        behind = _through(self.around[first : first + 3], z)
        if first == 0:
            before = behind
        if first + 2 == len(places):
            behind = before
        area = (1 - share) * before + share * behind
        return min(max(area / linear, 1 / _SWELL), _SWELL)


def _through(points: tuple[tuple[int, int], ...], z: int) -> float:
    """Return the value of the polynomial through points (Lagrange)."""
    total = 0.0
    for here, value in points:
        others = [place for place, _ in points if place != here]
        total += value * math.prod((z - place) / (here - place) for place in others)
    return total


def gaps_in_labels(volume: Array, boxes: Boxes) -> list[Gap]:
    """Return where labels are missing between planes that have them, in the order of the planes.

    Examples
    --------
    >>> from napari_tessera.algorithms.labels.boxes import found
    >>> volume = np.array([[[1, 0]], [[0, 0]], [[0, 2]], [[1, 2]]])
    >>> gaps_in_labels(volume, found(volume))
    [Gap(row=0, low=0, high=3, around=((0, 1), (3, 1)))]
    """
    every = []
    for row, number in enumerate(boxes.ids):
        planes, height, width = boxes.box(row)
        counted = [
            (z, int(np.count_nonzero(volume[z, height, width] == number)))
            for z in range(planes.start, planes.stop)
        ]
        known = [each for each in counted if each[1]]
        for place, ((low, _), (high, _)) in enumerate(pairwise(known)):
            if high > low + 1:
                every.append(Gap(row, low, high, tuple(known[max(place - 1, 0) : place + 3])))
    return sorted(every, key=lambda gap: (gap.low, gap.row))


def drawn_planes(
    volume: Array, boxes: Boxes, every: list[Gap], drawing: PlaneDrawing, report: Reporter
) -> Iterator[tuple[int, Array, Array]]:
    """Yield each plane that something is drawn in, with the rows of what is drawn and how deep.

    Parameters
    ----------
    volume : ndarray of int, shape (Z, Y, X)
    boxes : Boxes
        Of its labels.
    every : list of Gap
        In the order of the planes.
    drawing : PlaneDrawing
    report : Reporter

    Yields
    ------
    plane : int
    rows : ndarray of int32, shape (Y, X)
        Those in `boxes`, counted from 1; 0 = nothing.
    distances : ndarray of float32, shape (Y, X)
        To the outline of what is drawn, negative inside; up to `drawing.reach`.
    """

    def both_sides(gap: Gap) -> list[Link]:
        _, height, width = boxes.box(gap.row)
        ends = (gap.low, gap.high)
        sides = [volume[z, height, width] == boxes.ids[gap.row] for z in ends]
        return linked_outlines(sides, (height.start, width.start), drawing)

    waiting, open_gaps = list(reversed(every)), list[tuple[Gap, list[Link]]]()
    first = every[0].low if every else 0
    last = max((gap.high for gap in every), default=0)
    for z in range(first, last):
        fresh = []
        while waiting and waiting[-1].low < z:
            fresh.append(waiting.pop())
        links = parallel_for(both_sides, fresh)
        # distances are kept for gaps that are open at this plane, not for all
        open_gaps = [each for each in open_gaps if each[0].high > z]
        open_gaps += zip(fresh, links, strict=True)
        if open_gaps:
            distances = np.full(volume.shape[1:], drawing.beyond, np.float32)
            rows = np.zeros(volume.shape[1:], np.int32)
            plane = _Plane(distances, rows, drawing)
            for gap, own in sorted(open_gaps, key=lambda each: each[0].row):
                share = (z - gap.low) / (gap.high - gap.low)
                for link in own:
                    _draw(link, share, gap.row + 1, gap.swell(z), plane)
            yield z, rows, distances
        report(Progress(z + 1 - first, last - first))


class _Plane(NamedTuple):
    """What is drawn in a plane: distances to outlines, and of which rows they are."""

    distances: Array
    rows: Array
    drawing: PlaneDrawing


def _draw(link: Link, share: float, row: int, swell: float, plane: _Plane) -> None:
    """Draw what lies between two outlines, where it lies deeper than what is drawn already.

    Interpolated distances say which pixels come first, areas how many: distances alone give too
    little of what is round.
    """
    low, high = link.centres
    shifts = link.starts + (low + share * (high - low)) - link.centres
    top_left = np.ceil(shifts.max(axis=0))
    size = np.floor(shifts.min(axis=0)) + link.low.shape - 1 - top_left
    field = np.empty(size.astype(int), np.float32)
    _blend(link.low, link.high, *(top_left - shifts), np.float32(share), field)
    pixels = round(swell * ((1 - share) * link.pixels[0] + share * link.pixels[1]))
    if pixels:
        field -= _level(field, pixels, plane.drawing.rim)
        _lay(field, *top_left.astype(int), row, plane.distances, plane.rows)


def _level(field: Array, pixels: int, rim: float) -> float:
    """Return the distance up to which about so many pixels lie; those as deep go together.

    Examples
    --------
    >>> field = np.array([-2.0, -1, -1, -1, 0])
    >>> _level(field, 2, 1e-3), _level(field, 3, 1e-3)
    (-2.0, -1.0)
    """
    depths = np.sort(field, axis=None)
    level = depths[min(pixels, depths.size) - 1]
    below, upto = np.searchsorted(depths, (level - rim, level + rim))
    if below and pixels - below < upto - pixels:
        level = depths[below - 1]
    return float(level)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _blend(low: Any, high: Any, at_low: Any, at_high: Any, share: Any, field: Any) -> None:
    """Interpolate two signed distances, which are read from fractions of pixels on."""
    for y in range(field.shape[0]):
        for x in range(field.shape[1]):
            before = _between(low, y + at_low[0], x + at_low[1])
            behind = _between(high, y + at_high[0], x + at_high[1])
            field[y, x] = before + share * (behind - before)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _lay(field: Any, top: int, left: int, row: int, distances: Any, rows: Any) -> None:
    """Lay signed distances into a plane, where they are lower than those there."""
    for y in range(max(-top, 0), min(field.shape[0], distances.shape[0] - top)):
        for x in range(max(-left, 0), min(field.shape[1], distances.shape[1] - left)):
            # of two as deep, the first stays
            if field[y, x] < distances[top + y, left + x]:
                distances[top + y, left + x] = field[y, x]
                rows[top + y, left + x] = row


@njit(nogil=True, cache=True, inline="always")  # type: ignore[untyped-decorator]
def _between(field: Any, y: float, x: float) -> Any:
    """Return the value between four pixels (bilinear)."""
    i, j = int(y), int(x)
    v, u = np.float32(y - i), np.float32(x - j)
    upper = field[i, j] + u * (field[i, j + 1] - field[i, j])
    lower = field[i + 1, j] + u * (field[i + 1, j + 1] - field[i + 1, j])
    return upper + v * (lower - upper)
