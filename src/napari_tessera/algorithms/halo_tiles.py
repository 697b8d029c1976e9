"""Cover an array with tiles that see a halo of pixels around them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from napari_tessera.signature.parts import PartOfWhole
from napari_tessera.signature.words import Array

Box = tuple[slice, ...]


@dataclass(frozen=True)
class Tile:
    """A part of an array, and what is looked at around it.

    Attributes
    ----------
    core : tuple of slice
        The part. The cores of all tiles cover the array once.
    seen : tuple of slice
        The part with its surroundings, as far as the array goes.
    """

    core: Box
    seen: Box

    @property
    def inner(self) -> Box:
        """The core within what is seen."""
        return self.part(self.core)

    def part(self, box: Box) -> Box:
        """Return a box of the array as one of what is seen."""
        return tuple(
            slice(own.start - out.start, own.stop - out.start)
            for own, out in zip(box, self.seen, strict=True)
        )

    def part_of(self, whole: tuple[int, ...], reach: int = 0) -> PartOfWhole:
        """Return the tile as a part of an array of this shape; for `reach` see `PartOfWhole`."""
        return PartOfWhole(whole, self.seen, self.core, reach)

    def around(self, width: int) -> Tile:
        """Return the tile with less of its surroundings, so many pixels at most.

        Examples
        --------
        >>> Tile((slice(4, 8),), (slice(0, 9),)).around(2)
        Tile(core=(slice(4, 8, None),), seen=(slice(2, 9, None),))
        """
        seen = tuple(
            slice(max(out.start, own.start - width), min(out.stop, own.stop + width))
            for own, out in zip(self.core, self.seen, strict=True)
        )
        return Tile(self.core, seen)


def extent(marks: Array) -> Box:
    """Return the smallest box that holds all that is marked.

    Parameters
    ----------
    marks : ndarray
        0 or False = not marked; at least one pixel is.

    Examples
    --------
    >>> extent(np.array([[0, 0, 0], [0, 5, 7], [0, 0, 0]]))
    (slice(1, 2, None), slice(1, 3, None))
    """
    # rows first, which are read as they lie; then only those that hold any
    box: list[slice] = []
    for axis in range(marks.ndim):
        part = marks[tuple(box)]
        others = tuple(range(axis + 1, part.ndim))
        occupied = np.flatnonzero(part.any(axis=(*range(axis), *others)))
        box.append(slice(int(occupied[0]), int(occupied[-1]) + 1))
    return tuple(box)


def with_halo(box: Box, shape: Sequence[int], halo: Sequence[float]) -> Tile:
    """Return a box of an array with what is looked at around it, as far as the array goes.

    Examples
    --------
    >>> with_halo((slice(1, 4),), (9,), (2,)).seen
    (slice(0, 6, None),)
    """
    seen = tuple(
        slice(max(0, own.start - math.ceil(more)), min(length, own.stop + math.ceil(more)))
        for own, length, more in zip(box, shape, halo, strict=True)
    )
    return Tile(box, seen)


def covering(shape: Sequence[int], halo: Sequence[float], pixels: int) -> list[Tile]:
    """Return tiles of at most so many pixels each, their halo not counted.

    Parameters
    ----------
    shape : sequence of int
    halo : sequence of float
        Pixels that are looked at beyond a tile, along each axis.
    pixels : int

    Examples
    --------
    >>> [tile.seen for tile in covering((3, 100), (1, 5), 150)]
    [(slice(0, 3, None), slice(0, 55, None)), (slice(0, 3, None), slice(45, 100, None))]
    """
    sides = list(shape)
    while math.prod(sides) > pixels and max(sides) > 1:
        # the longest side is cut, so that tiles become cubes and their halos small
        longest = sides.index(max(sides))
        parts = -(-shape[longest] // sides[longest]) + 1
        sides[longest] = min(sides[longest] - 1, -(-shape[longest] // parts))
    return tiled(shape, halo, sides)


def tiled(shape: Sequence[int], halo: Sequence[float], sides: Sequence[int]) -> list[Tile]:
    """Return tiles of these sides, in the order in which a scan meets them; the last are shorter.

    Examples
    --------
    >>> [tile.core for tile in tiled((5,), (1,), (3,))]
    [(slice(0, 3, None),), (slice(3, 5, None),)]
    """
    wide, tiles = [math.ceil(each) for each in halo], []
    for corner in product(*map(range, (0,) * len(sides), shape, sides)):
        ends = [
            min(at + side, length) for at, side, length in zip(corner, sides, shape, strict=True)
        ]
        low = [max(0, at - width) for at, width in zip(corner, wide, strict=True)]
        high = [min(length, end + w) for length, end, w in zip(shape, ends, wide, strict=True)]
        tiles.append(Tile(tuple(map(slice, corner, ends)), tuple(map(slice, low, high))))
    return tiles
