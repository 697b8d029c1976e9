"""Outlines in two planes that belong together, laid upon one another by their centres."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from napari_tessera.algorithms.geometry.distance import nearest_label, squared_distance
from napari_tessera.algorithms.halo_tiles import Box, extent
from napari_tessera.algorithms.labels.boxes import Boxes, found
from napari_tessera.algorithms.labels.components import components
from napari_tessera.algorithms.labels.linking import overlap
from napari_tessera.signature.words import Array, VoxelSize


@dataclass(frozen=True)
class PlaneDrawing:
    """How outlines are drawn in a plane.

    Attributes
    ----------
    voxel : VoxelSize
        Pixel size in a plane.
    reach : float
        How far around an outline distances are wanted, in its unit.
    """

    voxel: VoxelSize
    reach: float = 0.0

    @property
    def rim(self) -> float:
        """The largest distance inside, and the difference of distances that is one of rounding."""
        return 1e-3 * min(self.voxel)

    @property
    def margin(self) -> Array:
        """Pixels around two outlines along each axis: as far as they are drawn, and beside."""
        return np.array([2 + math.ceil(self.reach / step) for step in self.voxel])

    @property
    def beyond(self) -> float:
        """The distance from which on nothing is drawn."""
        return self.reach + 2 * self.rim


@dataclass(frozen=True)
class Link:
    """An outline in the plane before a gap and what becomes of it behind.

    Attributes
    ----------
    low, high : ndarray of float32, shape (Y, X)
        Signed distances to both, negative inside, laid upon one another.
    starts : ndarray of float, shape (2, 2)
        Where the first pixel of each lies in its plane.
    centres : ndarray of float, shape (2, 2)
        Where the centre of each lies in its plane.
    pixels : tuple of int
        How many each has.
    """

    low: Array
    high: Array
    starts: Array
    centres: Array
    pixels: tuple[int, int]


def linked_outlines(
    sides: list[Array], start: tuple[int, int], drawing: PlaneDrawing
) -> list[Link]:
    """Return which outlines of a label in two planes belong together.

    Parameters
    ----------
    sides : list of ndarray of bool, shape (Y, X)
        A part of each plane.
    start : tuple of int
        Where it begins in the plane.
    drawing : PlaneDrawing
    """
    numbered = [components(side) for side in sides]
    both = _Pieces(numbered, [found(side) for side in numbered], start)
    pairs = pairs_of_pieces(*numbered)
    links = []
    for pair in pairs:
        low, high = (both.share(pairs, pair, side, drawing.voxel) for side in (0, 1))
        links.append(_link(low, high, drawing))
    for side, own in enumerate(both.boxes):
        going_on = {pair[side] for pair in pairs}
        alone = [number for number in own.ids.tolist() if number not in going_on]
        links += [_ending(both.one(number, side), drawing, side) for number in alone]
    return links


def pairs_of_pieces(first: Array, second: Array) -> list[tuple[int, int]]:
    """Return which pieces of one plane belong to which of another.

    Those that overlap do; of the others, those that overlap once all that are left lie upon one
    another by their common centre.

    Parameters
    ----------
    first, second : ndarray of int, shape (Y, X)
        Pieces 1, 2, 3, ...

    Examples
    --------
    >>> pairs_of_pieces(np.array([[1, 0, 2, 0, 0]]), np.array([[1, 0, 0, 0, 2]]))
    [(1, 1), (2, 2)]
    """
    pairs = _overlapping(first, second)
    left = [
        np.where(np.isin(pieces, [pair[side] for pair in pairs]), 0, pieces)
        for side, pieces in enumerate((first, second))
    ]
    if all(rest.any() for rest in left):
        centres = [np.argwhere(rest).mean(axis=0) for rest in left]
        shift = np.rint(centres[1] - centres[0]).astype(int)
        pairs += _overlapping(_moved(left[0], shift), left[1])
    return sorted(pairs)


def _overlapping(first: Array, second: Array) -> list[tuple[int, int]]:
    here, there, _ = overlap(first, second)
    return list(zip(here.tolist(), there.tolist(), strict=True))


def _moved(pieces: Array, shift: Array) -> Array:
    """Return pieces moved by whole pixels; what leaves the array is gone."""
    places = np.argwhere(pieces)
    goals = places + shift
    inside = ((goals >= 0) & (goals < pieces.shape)).all(axis=1)
    result = np.zeros_like(pieces)
    result[tuple(goals[inside].T)] = pieces[tuple(places[inside].T)]
    return result


@dataclass(frozen=True)
class _Outline:
    """A mask of a part of a plane.

    Attributes
    ----------
    mask : ndarray of bool, shape (Y, X)
    start : ndarray of int, shape (2,)
        Where it begins in the plane.
    """

    mask: Array
    start: Array

    @classmethod
    def of(cls, mask: Array, start: Array) -> _Outline:
        """Return the smallest that holds a mask."""
        box = extent(mask)
        return cls(mask[box], start + [side.start for side in box])

    @property
    def centre(self) -> Array:
        """Where its centre lies in the plane."""
        return np.asarray(self.start + np.argwhere(self.mask).mean(axis=0))


@dataclass(frozen=True)
class _Pieces:
    """The pieces of a label in the planes before and behind a gap.

    Attributes
    ----------
    sides : list of ndarray of int, shape (Y, X)
        Their numbers.
    boxes : list of Boxes
        Where they lie.
    start : tuple of int
        Where these parts of the planes begin.
    """

    sides: list[Array]
    boxes: list[Boxes]
    start: tuple[int, int]

    def one(self, number: int, side: int) -> _Outline:
        """Return a piece."""
        box = self.boxes[side].box(number - 1)
        return _Outline(self.sides[side][box] == number, self._start(box))

    def share(
        self, pairs: list[tuple[int, int]], pair: tuple[int, int], side: int, voxel: VoxelSize
    ) -> _Outline:
        """Return what of one piece of a pair goes to the other.

        A piece that belongs to several is shared out: each pixel goes to the nearest of these, so
        that every branch begins as its own part of the trunk.
        """
        own, other = pair[side], pair[1 - side]
        several = [each[1 - side] for each in pairs if each[side] == own]
        if len(several) == 1:
            return self.one(own, side)
        shape = self.sides[side].shape
        boxes = self.boxes[side].around([own], shape), self.boxes[1 - side].around(several, shape)
        box = tuple(
            slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(*boxes, strict=True)
        )
        there = self.sides[1 - side][box]
        _, nearest = nearest_label(np.where(np.isin(there, several), there, 0), voxel)
        part = (self.sides[side][box] == own) & (nearest == other)
        # nothing of it is nearest to a branch behind others
        return _Outline.of(part, self._start(box)) if part.any() else self.one(own, side)

    def _start(self, box: Box) -> Array:
        return np.array([first + own.start for first, own in zip(self.start, box, strict=True)])


def _ending(outline: _Outline, drawing: PlaneDrawing, side: int) -> Link:
    """Return a piece that has no other: it shrinks to nothing towards the plane without it."""
    link = _link(outline, outline, drawing)
    pixels = link.pixels[0]
    return replace(link, pixels=(pixels, 0) if side == 0 else (0, pixels))


def _link(low: _Outline, high: _Outline, drawing: PlaneDrawing) -> Link:
    """Return two outlines laid upon one another by their centres."""
    both = (low, high)
    centres = np.stack([each.centre for each in both])
    middles = np.rint(centres).astype(int)
    first = np.stack([each.start for each in both]) - middles
    last = first + [each.mask.shape for each in both]
    before = first.min(axis=0) - drawing.margin
    shape = last.max(axis=0) + drawing.margin - before
    fields = []
    for each, begin in zip(both, first - before, strict=True):
        laid = np.zeros(shape, bool)
        laid[tuple(map(slice, begin, begin + each.mask.shape))] = each.mask
        fields.append(signed_distance(laid, drawing.voxel))
    pixels = int(np.count_nonzero(low.mask)), int(np.count_nonzero(high.mask))
    return Link(fields[0], fields[1], (middles + before).astype(float), centres, pixels)


def signed_distance(mask: Array, voxel: VoxelSize) -> Array:
    """Return the distance to the outline of a mask: negative inside, never 0.

    Examples
    --------
    >>> signed_distance(np.array([[False, True, True, True, False]]), VoxelSize((1, 1)))
    array([[ 1., -1., -2., -1.,  1.]], dtype=float32)
    """
    outside = np.sqrt(squared_distance(~mask, voxel))
    return outside - np.sqrt(squared_distance(mask, voxel))
