"""Blocks: planes or volumes cut into boxes that are worked on one after the other.

What a pixel becomes may depend on those around it, so each block is read with the halo that its
method declares, of which only the core is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from napari_tessera.algorithms.halo_tiles import Tile, tiled
from napari_tessera.algorithms.kept_arrays import KeptArrays
from napari_tessera.pipeline.blockwise.workers import Threads, Workers
from napari_tessera.pipeline.pieces import Location, Pieces
from napari_tessera.pipeline.regions import cut_source
from napari_tessera.pipeline.source import Index, Source
from napari_tessera.pipeline.walk import BlockSize
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array

R = TypeVar("R")

PIXELS = 1 << 24
"""About how many pixels a block has at most, its halo among them, if its size is automatic."""

_STEP = 64  # sides of arrays that are not kept in chunks
_MEMORY = 2 << 30  # what all blocks at work may take
_READ = 2.0  # how often each pixel is read, at most, where a block may be large enough for that


@dataclass(frozen=True)
class Blocks:
    """The planes or volumes of a source cut into blocks; going through them reads their arrays.

    Attributes
    ----------
    pieces : Pieces
        The planes or volumes.
    sides : tuple of int
        Of a block, in pixels; those at the end of an axis are shorter.
    only : tuple of int, optional
        The one plane or volume that is gone through; None = all.
    reading : Reporter
        Hears of each block that is read.
    workers : Workers
        Who reads blocks, for statistics that leave it to them.
    kept : KeptArrays, optional
        Where they keep what they make of blocks first, by `Location.key`.
    """

    pieces: Pieces
    sides: tuple[int, ...]
    only: Index | None = None
    reading: Reporter = field(default_factory=Reporter)
    workers: Workers = field(default_factory=Threads)
    kept: KeptArrays | None = None

    @classmethod
    def of(cls, pieces: Pieces, asked: BlockSize) -> Blocks:
        """Return the blocks of the size that is asked for.

        Raises
        ------
        ValueError
            If the size does not fit the axes, or the method cannot be cut.
        """
        blocks = cls(pieces, sides_of(pieces, asked))
        blocks._check()
        return blocks

    def _check(self) -> None:
        method, values = self.pieces.method, self.pieces.values
        if not self.are_cut:
            return
        refusal = method.cut.refusal(values)
        if refusal:
            raise ValueError(
                f"blocks is {self.sides}, but {method.name} cannot be cut: {refusal}; "
                "leave out blocks, or work on a part (region)"
            )
        if method.has_loose_table and method.cut.assembly_with(values) is None:
            raise ValueError(
                f"blocks is {self.sides}, but {method.name} gives a table, whose objects would be "
                "cut; use predict, and measure what it finds"
            )

    @property
    def shape(self) -> Index:
        """Shape of a plane or volume."""
        return self.pieces.source.shape[-self.pieces.axes :]

    @property
    def are_cut(self) -> bool:
        """Whether there are several in a plane or volume, or all are decided on together."""
        assembly = self.pieces.method.cut.assembly_with(self.pieces.values)
        if assembly is not None and assembly.across:
            return True
        return any(side < n for side, n in zip(self.sides, self.shape, strict=True))

    @property
    def halo(self) -> tuple[int, ...]:
        """How many pixels are read around each, along the axes of a plane or volume."""
        return _halo(self.pieces)

    @property
    def block(self) -> tuple[int, ...]:
        """Sides along all axes of the source."""
        return (1,) * len(self.pieces.lead) + self.sides

    @cached_property
    def tiles(self) -> list[Tile]:
        """The blocks of a plane or volume, in the order in which a scan meets them."""
        return tiled(self.shape, self.halo, self.sides)

    @property
    def places(self) -> list[Location]:
        """All blocks, or all planes or volumes if they are not cut."""
        indices = np.ndindex(self.pieces.lead) if self.only is None else [self.only]
        tiles: Sequence[Tile | None] = self.tiles if self.are_cut else [None]
        return [Location(index, tile) for index in indices for tile in tiles]

    def at_once(self, workers: int) -> int:
        """Return how many may be worked on at once, as far as memory goes."""
        seen = math.prod(_seen(self.sides, self.halo, self.shape))
        # one more waits for its turn to be taken
        return max(1, min(workers, _MEMORY // (self.pieces.method.cut.memory * seen) - 1))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Read the arrays of one block after the other, for the statistics; see `Cut`."""
        return filter(None, map(_Reading(self.pieces), self._read()))

    def mapped(
        self,
        function: Callable[[Any], R],
        prepare: Callable[[dict[str, Any]], Array | None] | None = None,
    ) -> Iterator[R | None]:
        """Yield what a function gives for the arrays of each block, where workers read them.

        Parameters
        ----------
        function : callable
        prepare : callable, optional
            What makes of the arrays the one that the function takes, kept for the next time if
            there is memory; None = there is none, and nothing for the function.
        """
        kept = self.kept if self.workers.share_memory else None
        work = _Reading(replace(self.pieces, reading=Reporter()), function, prepare, kept)
        at_once = self.at_once(self.workers.count) if self.are_cut else 1
        with closing(self.workers.in_order(work, self._read(), at_once=at_once)) as found:
            yield from found

    def _read(self) -> Iterator[Location]:
        places = self.places
        for number, place in enumerate(places):
            self.reading(Progress(number, len(places)))
            yield place

    def resolved(self) -> dict[str, Any]:
        """Return the values with everything automatic as numbers, found in all blocks."""
        return self.pieces.method.cut.resolve(self, self.pieces.values, self.pieces.spacing)


@dataclass(frozen=True)
class _Reading:
    """Reads the arrays of a block, and does something with them."""

    pieces: Pieces
    function: Callable[[Any], Any] | None = None
    prepare: Callable[[dict[str, Any]], Array | None] | None = None
    kept: KeptArrays | None = None

    def __call__(self, place: Location) -> Any:
        if self.function is None or self.prepare is None:
            arrays = self._arrays(place)
            return arrays if self.function is None else self.function(arrays)
        known = None if self.kept is None else self.kept.get(place.key)
        prepared = self.prepare(self._arrays(place)) if known is None else known
        if prepared is None:
            return None
        if self.kept is not None:
            self.kept.put(place.key, prepared)
        return self.function(prepared)

    def _arrays(self, place: Location) -> dict[str, Any]:
        if place.tile is None:
            return self.pieces.arrays(place.index) if self.pieces.tells(place.index) else {}
        smooths = self.pieces.method.cut.smooths
        tile = place.tile if smooths else place.tile.around(0)
        part = Location(place.index, tile).seen
        source, values = cut_source(self.pieces.source, self.pieces.values, part)
        own = replace(self.pieces, source=source, values=values)
        if not own.tells((0,) * len(own.lead)):
            return {}
        arrays: dict[str, Any] = own.arrays((0,) * len(own.lead))
        shape = self.pieces.source.shape[-self.pieces.axes :]
        return {**arrays, "core": tile.inner, "part": tile.part_of(shape)}


def sides_of(pieces: Pieces, asked: BlockSize) -> tuple[int, ...]:
    """Return the sides of blocks: as asked, or of about `PIXELS` with whole chunks of the source.

    Where the halo is wide they have more pixels, as far as memory goes: most of what a small one
    reads would belong to others.

    Raises
    ------
    ValueError
        If there is another number of sides than of axes, or one is no pixel long.
    """
    shape = pieces.source.shape[-pieces.axes :]
    if asked == "auto":
        return _with_little_overlap(pieces, shape)
    sides = asked * len(shape) if len(asked) == 1 else asked
    if len(sides) != len(shape):
        raise ValueError(
            f"blocks is {asked}, but {pieces.over} have {len(shape)} axes; pass as many sides, or "
            "one for all"
        )
    return tuple(min(side, n) for side, n in zip(sides, shape, strict=True))


def _with_little_overlap(pieces: Pieces, shape: Index) -> tuple[int, ...]:
    halo, chunks = _halo(pieces), _chunks(pieces.source, pieces.axes)
    most, pixels = _MEMORY // pieces.method.cut.memory, PIXELS
    sides = automatic_sides(shape, halo, chunks)
    while pixels < most and math.prod(_seen(sides, halo, shape)) > _READ * math.prod(sides):
        pixels = min(2 * pixels, most)
        sides = automatic_sides(shape, halo, chunks, pixels=pixels)
    return sides


def sides_kept(pieces: Pieces, asked: BlockSize | None) -> list[int] | None:
    """Return the sides of blocks if a result depends on them, to run it again; else None."""
    if asked is None or pieces.method.cut.is_exact(pieces.values):
        return None
    blocks = Blocks(pieces, sides_of(pieces, asked))
    return list(blocks.sides) if blocks.are_cut else None


def automatic_sides(
    shape: Sequence[int], halo: Sequence[int], chunks: Sequence[int], pixels: int = PIXELS
) -> tuple[int, ...]:
    """Return sides of blocks that are chunks put together, and as large as may be.

    Parameters
    ----------
    shape, halo, chunks : sequence of int
        Of a plane or volume: its length, what is read around a block, and the length of a chunk,
        along each axis.
    pixels : int
        How many a block has at most, its halo among them, unless it would be thinner than its halo.

    Examples
    --------
    >>> automatic_sides((60, 2048, 2048), (1, 1, 1), (1, 2048, 2048), 1 << 24)
    (2, 2048, 2048)
    >>> automatic_sides((500, 500, 500), (8, 8, 8), (64, 64, 64), 1 << 21)
    (128, 128, 64)
    """
    # thinner than twice its halo, a block would mostly read what belongs to others
    least = [min(n, max(1, 2 * width)) for n, width in zip(shape, halo, strict=True)]
    sides = [
        min(n, -(-thin // chunk) * chunk)
        for n, thin, chunk in zip(shape, least, chunks, strict=True)
    ]
    while math.prod(_seen(sides, halo, shape)) > pixels and sides != least:
        axis = max(range(len(sides)), key=lambda i: sides[i] / least[i])
        sides[axis] = max(least[axis], -(-sides[axis] // 2))
    while True:
        # what is read twice is least where the thinnest grows first
        for axis in sorted(range(len(sides)), key=lambda i: sides[i] / (2 * halo[i] + 1)):
            longer = [*sides]
            longer[axis] = min(shape[axis], 2 * sides[axis])
            if longer != sides and math.prod(_seen(longer, halo, shape)) <= pixels:
                sides = longer
                break
        else:
            return tuple(sides)


def _seen(sides: Sequence[int], halo: Sequence[int], shape: Sequence[int]) -> list[int]:
    return [
        min(n, side + 2 * width) if side < n else n
        for side, width, n in zip(sides, halo, shape, strict=True)
    ]


def _halo(pieces: Pieces) -> tuple[int, ...]:
    wide = pieces.method.cut.halo_in_blocks(pieces.values, pieces.spacing)
    return tuple(math.ceil(each) for each in wide)


def _chunks(source: Source, axes: int) -> tuple[int, ...]:
    """Return the sides of what is read from a file at once, along the last axes."""
    array = source.array
    kept = getattr(array, "shards", None) or getattr(array, "chunks", None)
    if not isinstance(kept, tuple) or len(kept) != array.ndim:
        return (_STEP,) * axes
    # Dask lists the lengths of all chunks along each axis
    sides = [each if isinstance(each, int) else max(each) for each in kept]
    if source.channel_axis is not None:
        sides.pop(source.channel_axis)
    return tuple(sides[-axes:])
