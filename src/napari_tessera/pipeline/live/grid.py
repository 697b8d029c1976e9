"""The blocks of a plane or volume, found by arithmetic: there may be millions of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from napari_tessera.algorithms.halo_tiles import Box, Tile
from napari_tessera.pipeline.source import Index


@dataclass(frozen=True)
class LiveGrid:
    """Blocks of equal sides beside one another; those at the end of an axis are shorter.

    Attributes
    ----------
    shape : tuple of int
        Of a plane or volume.
    sides, halo : tuple of int
        Of a block, and what is read around it, in pixels along each axis.
    """

    shape: Index
    sides: Index
    halo: Index

    @property
    def counts(self) -> Index:
        """How many blocks there are along each axis."""
        return tuple(-(-n // side) for n, side in zip(self.shape, self.sides, strict=True))

    @property
    def is_cut(self) -> bool:
        """Whether there are several."""
        return math.prod(self.counts) > 1

    def cells(self, box: Box) -> tuple[range, ...]:
        """Return which blocks share pixels with a box, along each axis.

        Examples
        --------
        >>> LiveGrid((10,), (4,), (0,)).cells((slice(3, 5),))
        (range(0, 2),)
        """
        return tuple(
            range(part.start // side, -(-part.stop // side))
            for part, side in zip(box, self.sides, strict=True)
        )

    def tile(self, cell: Sequence[int]) -> Tile:
        """Return a block with what is read around it.

        Examples
        --------
        >>> LiveGrid((10,), (4,), (1,)).tile((1,))
        Tile(core=(slice(4, 8, None),), seen=(slice(3, 9, None),))
        """
        core, seen = [], []
        for at, n, side, width in zip(cell, self.shape, self.sides, self.halo, strict=True):
            start, stop = at * side, min(n, (at + 1) * side)
            core.append(slice(start, stop))
            seen.append(slice(max(0, start - width), min(n, stop + width)))
        return Tile(tuple(core), tuple(seen))

    def around(self, cell: Sequence[int], reach: int) -> Iterator[Index]:
        """Yield the other blocks of which some pixels lie at most so far from a block."""
        box = tuple(
            slice(max(0, part.start - reach), min(n, part.stop + reach))
            for part, n in zip(self.tile(cell).core, self.shape, strict=True)
        )
        yield from (each for each in product(*self.cells(box)) if each != tuple(cell))
