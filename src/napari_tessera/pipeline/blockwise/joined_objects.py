"""Objects that blocks have found, put together: those that lie in several become one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_tessera.algorithms.halo_tiles import Tile
from napari_tessera.pipeline.blockwise.joining import BlockGrid, BlockObjects, Joining
from napari_tessera.pipeline.blockwise.seams import seams_of
from napari_tessera.pipeline.collectors import Finisher, Whole
from napari_tessera.pipeline.label_arrays import LabelArray, Numbers, with_numbers
from napari_tessera.pipeline.pieces import Location
from napari_tessera.pipeline.source import Index
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from napari_tessera.pipeline.result import Labelled, Result


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

    def __call__(self, place: Location, piece: Array) -> BlockObjects:  # noqa: D102
        tile = _block(place).around(self.reach)
        objects = BlockObjects.of(piece, tile, self.reach, self.shape)
        self.labels.write(place.core, piece[tile.inner], objects.highest)
        return objects


class JoiningCollector:
    """Puts objects into one array, of which those in several blocks become one."""

    waits = False
    passes = 2

    def __init__(self, kind: type[Labelled], whole: Whole) -> None:
        self._kind, self._whole = kind, whole
        self._grid = BlockGrid(whole.cut, whole.block[-len(whole.cut) :], whole.exact)
        self.reach = self._grid.reach
        self._labels = LabelArray.of(kind, whole, renumbers=True)
        self._joining, self._places = Joining(self._grid), list[Location]()
        self._numbers: dict[Index, int] = {}

    @property
    def finisher(self) -> Finisher:  # noqa: D102
        return JoiningFinisher(self._labels, self.reach, self._whole.cut)

    def add(self, place: Location, known: BlockObjects) -> None:  # noqa: D102
        number = self._numbers.setdefault(place.index, len(self._numbers))
        self._joining.add(number, _block(place).around(self.reach), known)
        self._places.append(place)

    def miss(self) -> None:
        """Do nothing: where nothing is to be found, nothing is joined."""

    def result(self, **about: Any) -> Result:  # noqa: D102
        count, tables = self._joining.numbers()
        jobs = (
            Numbers(place.core, table=table)
            for place, table in zip(self._places, tables, strict=True)
        )
        array = with_numbers(self._labels, self._kind, self._whole, count, jobs)
        sides, workers = self._grid.sides, self._whole.workers
        seams = None if self._whole.exact else seams_of(array, sides, workers)
        return self._kind(array, count=count, seams=seams, **about)


def _block(place: Location) -> Tile:
    if place.tile is None:
        raise ValueError(f"{place} is a plane or volume; only objects of its blocks are joined")
    return place.tile
