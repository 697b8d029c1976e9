"""Objects that are decided on as wholes, of which blocks know pieces.

Pieces are written, and joined as objects of blocks are. What is known of those that are one is put
together; what becomes of each is decided, and replaces the pieces' numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_tessera.algorithms.halo_tiles import Tile
from napari_tessera.algorithms.labels.attributes import Attributes
from napari_tessera.algorithms.labels.ids import smallest_dtype
from napari_tessera.pipeline.blockwise.joining import BlockGrid, BlockObjects, Joining
from napari_tessera.pipeline.collectors import TableCollector, Whole, handed_on
from napari_tessera.pipeline.label_arrays import LabelArray, Numbers, with_numbers
from napari_tessera.pipeline.pieces import Location
from napari_tessera.pipeline.source import Index
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from napari_tessera.metrics.measurements import Gathered
    from napari_tessera.pipeline.result import Labelled, ObjectTable, Result


@dataclass(frozen=True)
class Decision:
    """What becomes of objects, of which all is known.

    Attributes
    ----------
    decided : callable
        What is known of them -> the label of each, or a table.
    by_id : bool
        Whether pieces of one label are one object wherever they lie.
    across : bool
        Whether those of all planes or volumes are decided on together.
    """

    decided: Callable[[Any], Any]
    by_id: bool
    across: bool

    def labels(self, objects: Attributes) -> Array:
        """Return the label that each object gets."""
        if not self.by_id:
            return np.asarray(self.decided(objects))
        ids, own = np.unique(objects.ids, return_inverse=True)
        own = own.reshape(-1)
        return np.asarray(self.decided(Attributes.joined([objects], [own], ids.size))[own])


class PiecesOfBlock(NamedTuple):
    """What is known of the pieces of a block.

    Attributes
    ----------
    objects : BlockObjects
        Where they lie, and what neighbours have to see of them.
    attributes : Attributes
    """

    objects: BlockObjects
    attributes: Attributes


@dataclass(frozen=True)
class PieceFinisher:
    """Writes the pieces in the core of a block.

    Attributes
    ----------
    labels : LabelArray
    grid : BlockGrid
    """

    labels: LabelArray
    grid: BlockGrid

    def __call__(  # noqa: D102
        self, place: Location, piece: tuple[Array, Attributes]
    ) -> PiecesOfBlock:
        (pieces, known), tile = piece, _tile(place, self.grid)
        objects = BlockObjects.of(pieces, tile, self.grid.reach, self.grid.shape)
        self.labels.write(place.core, pieces[tile.inner], objects.highest)
        return PiecesOfBlock(objects, known)


class AssemblingCollector:
    """Puts labels together that are decided on object by object."""

    waits = False
    passes = 2

    def __init__(self, kind: type[Labelled], whole: Whole, decision: Decision) -> None:
        self._kind, self._whole, self._decision = kind, whole, decision
        self._grid = BlockGrid(whole.cut, whole.block[-len(whole.cut) :], exact=True)
        self.reach = self._grid.reach
        self._labels = LabelArray.of(kind, replace(whole, dtype=None), renumbers=True)
        self._joining = Joining(self._grid)
        self._pieces: list[tuple[Location, Attributes]] = []
        self._numbers: dict[Index, int] = {}

    @property
    def finisher(self) -> PieceFinisher:  # noqa: D102
        return PieceFinisher(self._labels, self._grid)

    def add(self, place: Location, known: PiecesOfBlock) -> None:  # noqa: D102
        number = self._numbers.setdefault(place.index, len(self._numbers))
        self._joining.add(number, _tile(place, self._grid), known.objects)
        self._pieces.append((place, known.attributes))

    def miss(self) -> None:
        """Do nothing: where nothing is to be found, nothing is joined."""

    def result(self, **about: Any) -> Result:  # noqa: D102
        _, tables = self._joining.numbers()
        done: list[Numbers] = []
        for _, group in groupby(zip(self._pieces, tables, strict=True), key=self._together):
            pieces, sets = zip(*group, strict=True)
            places, known = zip(*pieces, strict=True)
            labels = self._decided(known, sets)
            done += [
                Numbers(place.core, table=own) for place, own in zip(places, labels, strict=True)
            ]
        ids = np.unique(np.concatenate([each.table for each in done if each.table is not None]))
        whole, highest = self._whole, int(ids[-1])
        if self._decision.across:  # new numbers have a type of their own
            whole = replace(whole, dtype=smallest_dtype("objects", highest))
        array = with_numbers(self._labels, self._kind, whole, highest, done)
        return self._kind(array, count=ids.size - 1, **about)

    def _together(self, piece: tuple[tuple[Location, Attributes], Array]) -> Index:
        """Return what pieces have in common that are decided on together."""
        return () if self._decision.across else piece[0][0].index

    def _decided(self, known: tuple[Attributes, ...], sets: tuple[Array, ...]) -> Iterator[Array]:
        """Yield what becomes of the pieces of each block, 0 first."""
        # objects of a plane or volume have numbers that follow one another
        highest = max(int(each.max(initial=0)) for each in sets)
        lowest = min((int(each[each > 0].min()) for each in sets if each.any()), default=1)
        rows = [np.where(each > 0, each.astype(np.int64) - lowest, -1) for each in sets]
        count = max(highest - lowest + 1, 0)
        objects = Attributes.joined(known, [each[1:] for each in rows], count)
        labels = self._decision.labels(objects) if count else np.zeros(0, np.uint8)
        labels = np.append(labels, np.zeros(1, labels.dtype))  # of no object, the last
        for each in rows:
            yield labels[each]


class AssemblingTableCollector:
    """Puts tables together of objects of which blocks have summed up pieces."""

    reach, waits, passes = 0, False, 1
    finisher = staticmethod(handed_on)

    def __init__(self, kind: type[ObjectTable], whole: Whole, decision: Decision) -> None:
        self._table, self._decision = TableCollector(kind, whole), decision
        self._pieces: list[tuple[Location, Gathered]] = []

    def add(self, place: Location, known: tuple[None, Gathered]) -> None:  # noqa: D102
        self._pieces.append((place, known[1]))

    def miss(self) -> None:
        """Do nothing: a block without objects has no rows."""

    def result(self, **about: Any) -> Result:  # noqa: D102
        for index, group in groupby(self._pieces, key=lambda piece: piece[0].index):
            known = [sums for _, sums in group]
            objects = type(known[0]).joined(known)
            self._table.add(Location(index), self._decision.decided(objects))
        return self._table.result(**about)


def _tile(place: Location, grid: BlockGrid) -> Tile:
    if place.tile is None:
        raise ValueError(f"{place} is a plane or volume; only blocks of it have pieces")
    return place.tile.around(grid.reach)
