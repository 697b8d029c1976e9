"""Objects that are known in some planes of a volume, drawn in the planes between these.

The signed distance to an outline is negative inside and rises steadily outwards. Between two planes
it is interpolated, and where it is negative lies the object (Raya and Udupa). What moves sideways
from plane to plane would be lost where the outlines do not overlap: both are laid upon one another
by their centres first, and the centre moves on a straight line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.geometry.linked_outlines import Drawing, Link, linked
from napari_tessera.algorithms.labels.boxes import Boxes
from napari_tessera.algorithms.parallel import parallel_for
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array


@dataclass(frozen=True)
class Gap:
    """The planes between two in which a label is known.

    Attributes
    ----------
    row : int
        Of the label, in `Boxes`.
    low, high : int
        The planes where it is known.
    """

    row: int
    low: int
    high: int


def gaps(volume: Array, boxes: Boxes) -> list[Gap]:
    """Return where labels are missing between planes that have them, in the order of the planes.

    Examples
    --------
    >>> from napari_tessera.algorithms.labels.boxes import found
    >>> volume = np.array([[[1, 0]], [[0, 0]], [[0, 2]], [[1, 2]]])
    >>> gaps(volume, found(volume))
    [Gap(row=0, low=0, high=3)]
    """
    every = []
    for row, number in enumerate(boxes.ids):
        planes, height, width = boxes.box(row)
        inside = range(planes.start, planes.stop)
        known = [z for z in inside if (volume[z, height, width] == number).any()]
        every += [Gap(row, low, high) for low, high in pairwise(known) if high > low + 1]
    return sorted(every, key=lambda gap: (gap.low, gap.row))


def fill_gaps(
    volume: Array, boxes: Boxes, every: list[Gap], drawing: Drawing, report: Reporter
) -> Iterator[tuple[int, Array, Array]]:
    """Yield each plane that something is drawn in, with the rows of what is drawn and how deep.

    Parameters
    ----------
    volume : ndarray of int, shape (Z, Y, X)
    boxes : Boxes
        Of its labels.
    every : list of Gap
        In the order of the planes.
    drawing : Drawing
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
        return linked(sides, (height.start, width.start), drawing)

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
            for gap, own in sorted(open_gaps, key=lambda each: each[0].row):
                share = (z - gap.low) / (gap.high - gap.low)
                for link in own:
                    _draw(link, share, gap.row + 1, distances, rows)
            yield z, rows, distances
        report(Progress(z + 1 - first, last - first))


def _draw(link: Link, share: float, row: int, distances: Array, rows: Array) -> None:
    """Draw what lies between two outlines, where it lies deeper than what is drawn already."""
    low, high = link.centres
    shifts = link.starts + (low + share * (high - low)) - link.centres
    _blend(link.low, link.high, *shifts, np.float32(share), row, distances, rows)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _blend(
    low: Any, high: Any, at_low: Any, at_high: Any, share: Any, row: int, distances: Any, rows: Any
) -> None:
    """Lay two signed distances, which begin at fractions of pixels, into a plane."""
    height, width = low.shape
    top = max(np.ceil(max(at_low[0], at_high[0])), 0)
    left = max(np.ceil(max(at_low[1], at_high[1])), 0)
    bottom = min(np.floor(min(at_low[0], at_high[0])) + height - 1, distances.shape[0])
    right = min(np.floor(min(at_low[1], at_high[1])) + width - 1, distances.shape[1])
    for y in range(int(top), int(bottom)):
        for x in range(int(left), int(right)):
            before = _between(low, y - at_low[0], x - at_low[1])
            behind = _between(high, y - at_high[0], x - at_high[1])
            value = before + share * (behind - before)
            # of two as deep, the first stays
            if value < distances[y, x]:
                distances[y, x] = value
                rows[y, x] = row


@njit(nogil=True, cache=True, inline="always")  # type: ignore[untyped-decorator]
def _between(field: Any, y: float, x: float) -> Any:
    """Return the value between four pixels (bilinear)."""
    i, j = int(y), int(x)
    v, u = np.float32(y - i), np.float32(x - j)
    upper = field[i, j] + u * (field[i, j + 1] - field[i, j])
    lower = field[i + 1, j] + u * (field[i + 1, j + 1] - field[i + 1, j])
    return upper + v * (lower - upper)
