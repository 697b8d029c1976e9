"""Objects that blocks have found, put together: those that lie in several become one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_tessera.algorithms.halo_tiles import Tile
from napari_tessera.algorithms.labels.attributes import Attributes, attributes
from napari_tessera.pipeline.blockwise.joining import BlockGrid, BlockObjects, Joining
from napari_tessera.pipeline.blockwise.seams import seams_of
from napari_tessera.pipeline.collectors import Finisher, JoinedRows, TableCollector, Whole
from napari_tessera.pipeline.label_arrays import LabelArray, Numbers, with_numbers
from napari_tessera.pipeline.pieces import Location
from napari_tessera.pipeline.source import Index
from napari_tessera.signature.parts import PartOfWhole
from napari_tessera.signature.words import Array, Table

if TYPE_CHECKING:
    from napari_tessera.pipeline.result import Labelled, Result


class RowsOfBlock(NamedTuple):
    """What a table tells of the objects in the core of a block.

    Attributes
    ----------
    known : Attributes
        How much of them lies there, and where; ids are their numbers in the block.
    table : dict of ndarray
        Their rows, of all that is seen of the block.
    """

    known: Attributes
    table: Table

    @classmethod
    def of(cls, labels: Array, table: Table, part: PartOfWhole) -> RowsOfBlock:
        """Return what a table tells of labels 1, 2, 3, ... in the core of a part."""
        known = attributes(labels, labels, part)
        known = known.of(known.places)
        rows = np.searchsorted(table["index"], known.ids)
        return cls(known, {name: column[rows] for name, column in table.items()})


class ObjectsOfBlock(NamedTuple):
    """What is known of the objects of a block.

    Attributes
    ----------
    objects : BlockObjects
        Where they lie, and what neighbours have to see of them.
    rows : RowsOfBlock, optional
        If their method tells more of them.
    """

    objects: BlockObjects
    rows: RowsOfBlock | None


@dataclass(frozen=True)
class JoiningFinisher:
    """Writes the core of a block, whose objects are numbered by themselves.

    Attributes
    ----------
    labels : LabelArray
    reach : int
    shape : tuple of int
        Of the plane or volume.
    """

    labels: LabelArray
    reach: int
    shape: Index

    def __call__(  # noqa: D102
        self, place: Location, piece: Array | tuple[Array, Table]
    ) -> ObjectsOfBlock:
        labels, table = piece if isinstance(piece, tuple) else (piece, None)
        tile = _block(place).around(self.reach)
        objects = BlockObjects.of(labels, tile, self.reach, self.shape)
        self.labels.write(place.core, labels[tile.inner], objects.highest)
        rows = None if table is None else RowsOfBlock.of(labels, table, tile.part_of(self.shape))
        return ObjectsOfBlock(objects, rows)


class JoiningCollector:
    """Puts objects into one array, of which those in several blocks become one."""

    waits = False
    passes = 2

    def __init__(self, kind: type[Labelled], whole: Whole) -> None:
        self._kind, self._whole = kind, whole
        self._grid = BlockGrid(whole.cut, whole.block[-len(whole.cut) :], whole.exact)
        self.reach = self._grid.reach
        self._labels = LabelArray.of(kind, whole, renumbers=True)
        self._joining = Joining(self._grid)
        self._blocks: list[tuple[Location, RowsOfBlock | None]] = []
        self._numbers: dict[Index, int] = {}

    @property
    def finisher(self) -> Finisher:  # noqa: D102
        return JoiningFinisher(self._labels, self.reach, self._whole.cut)

    def add(self, place: Location, known: ObjectsOfBlock) -> None:  # noqa: D102
        number = self._numbers.setdefault(place.index, len(self._numbers))
        self._joining.add(number, _block(place).around(self.reach), known.objects)
        self._blocks.append((place, known.rows))

    def miss(self) -> None:
        """Do nothing: where nothing is to be found, nothing is joined."""

    def result(self, **about: Any) -> Result:  # noqa: D102
        whole, (count, numbers) = self._whole, self._joining.numbers()
        tables: Iterable[Array] = numbers
        table = None
        if whole.joined_rows is not None:
            tables = every = list(numbers)
            table = self._table(every, whole.joined_rows)
        jobs = (
            Numbers(place.core, table=own)
            for (place, _), own in zip(self._blocks, tables, strict=True)
        )
        array = with_numbers(self._labels, self._kind, whole, count, jobs)
        seams = None if whole.exact else seams_of(array, self._grid.sides, whole.workers)
        return self._kind(array, count=count, seams=seams, table=table, **about)

    def _table(self, numbers: Sequence[Array], joined_rows: JoinedRows) -> Table:
        """Return the table of objects, whose numbers are those of the objects of each block."""
        result = TableCollector(self._kind, self._whole)
        blocks = zip(self._blocks, numbers, strict=True)
        for index, group in groupby(blocks, key=lambda block: block[0][0].index):
            own = [(rows, table) for (_, rows), table in group if rows is not None]
            known = [rows.known for rows, _ in own]
            now = [table[rows.known.ids.astype(np.int64)] for rows, table in own]
            ids, objects = np.unique(np.concatenate(now), return_inverse=True)
            ends = np.cumsum([each.size for each in now])[:-1]
            joined = Attributes.joined(known, np.split(objects, ends), ids.size)
            names = own[0][0].table
            pieces = {name: np.concatenate([rows.table[name] for rows, _ in own]) for name in names}
            found = joined_rows(pieces, objects, joined)
            result.add(Location(index), {**found, "index": ids.astype(np.int64)})
        return result.whole()


def _block(place: Location) -> Tile:
    if place.tile is None:
        raise ValueError(f"{place} is a plane or volume; only objects of its blocks are joined")
    return place.tile
