"""How the pieces of a stack become a whole, for each kind of result."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.algorithms.labels.linking import continued
from napari_tessera.pipeline.joining import REACH, Joining
from napari_tessera.pipeline.label_arrays import ScratchLabels, label_array
from napari_tessera.pipeline.pieces import Location
from napari_tessera.pipeline.seams import seams_of
from napari_tessera.pipeline.sinks import Sink
from napari_tessera.pipeline.source import Index
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from napari_tessera.pipeline.result import Labelled, PolygonSet, Result


@dataclass(frozen=True)
class Whole:
    """What pieces are put together to.

    Attributes
    ----------
    shape : tuple of int
        Of the source, without channels.
    axes : tuple of str
        Names of the axes that the pieces differ in, which lead.
    start : tuple of int
        Where in the source the places begin, one number per axis.
    keep_ids : bool
        Ids of objects stand for something and stay as they are.
    join : bool
        Objects keep their ids from place to place where they overlap.
    dtype : dtype, optional
        Of labels unless they do not fit; None = the smallest that is usual.
    sink : Sink, optional
        What makes the array that they are written into; None = it is kept in memory.
    block : tuple of int
        Shape of what is written there at once.
    cut : tuple of int
        Shape of the planes or volumes that blocks are cut from; empty = they are not cut.
    exact : bool
        Whether objects of several blocks that share a pixel are one, see `Cut`.
    report : Reporter
        Hears of what is done after the last piece.
    """

    shape: Index
    axes: tuple[str, ...] = ()
    start: Index = ()
    keep_ids: bool = False
    join: bool = False
    dtype: Any = None
    sink: Sink | None = None
    block: Index = ()
    cut: Index = ()
    exact: bool = True
    report: Reporter = field(default_factory=Reporter)

    def array(self, first: Index, dtype: Any) -> Any:
        """Return an array of zeros for a result; axes of its own, of lengths `first`, lead."""
        if self.sink is None:
            return np.zeros((*first, *self.shape), dtype)
        return self.sink.create((*first, *self.shape), dtype, (*first, *self.block))


class Collector(Protocol):
    """Takes what a method gives for each plane, volume or block, in order.

    Attributes
    ----------
    reach : int
        How many pixels around the core of a block it wants to see.
    """

    reach: ClassVar[int] = 0

    def add(self, place: Location, piece: Any) -> None:
        """Take the piece of one place."""

    def miss(self) -> None:
        """Note that one place has none."""

    def result(self, **about: Any) -> Result:
        """Return the whole, with what is known about the run."""


class LabelCollector:
    """Puts labels into one array, where object ids are made unique or carried on.

    Pieces may come with a table of their objects, which get the ids of the whole there too.
    """

    reach: ClassVar[int] = 0

    def __init__(self, kind: type[Labelled], whole: Whole, *, renumbers: bool) -> None:
        self._kind, self._whole = kind, whole
        self._renumbers = renumbers and not whole.keep_ids
        self._array = label_array(kind, whole, renumbers=renumbers)
        self._table: TableCollector | None = None
        self._next = 1
        self._previous: Array | None = None

    def add(self, place: Location, piece: Array | tuple[Array, dict[str, Array]]) -> None:  # noqa: D102
        labels, table = piece if isinstance(piece, tuple) else (piece, None)
        array = self._renumbered(place.index, labels)
        self._array.write(place.core, array)
        self._previous = array
        if table is not None:
            self._table = self._table or TableCollector(self._kind, self._whole)
            self._table.add(place, {**table, "index": _ids_now(table["index"], labels, array)})

    def _renumbered(self, index: Index, labels: Array) -> Array:
        if not index or not self._renumbers:
            return labels
        # the first plane of each series continues none
        before = self._previous if self._whole.join and index[-1] else None
        array = _numbered(before, labels, self._next)
        self._next = max(self._next, int(array.max()) + 1)
        return array

    def miss(self) -> None:  # noqa: D102
        self._previous = None

    def result(self, **about: Any) -> Result:  # noqa: D102
        table = None if self._table is None else self._table.whole()
        array, count = self._array.finished()
        return self._kind(array, table=table, count=count, **about)


class JoiningCollector:
    """Puts objects into one array, of which those in several blocks become one."""

    reach: ClassVar[int] = REACH

    def __init__(self, kind: type[Labelled], whole: Whole) -> None:
        self._kind, self._whole = kind, whole
        self._array = ScratchLabels(kind, whole)
        self._joining = Joining(whole.cut, exact=whole.exact)
        self._numbers: dict[Index, int] = {}

    def add(self, place: Location, piece: Array) -> None:  # noqa: D102
        number = self._numbers.setdefault(place.index, len(self._numbers))
        if place.tile is not None:
            seen = place.tile.around(REACH)
            written = partial(self._written, place.index)
            self._array.write(place.core, self._joining.add(number, seen, piece, written))

    def _written(self, index: Index, box: Box) -> Array:
        return self._array.read((*index, *box))

    def miss(self) -> None:
        """Do nothing: where nothing is to be found, nothing is joined."""

    def result(self, **about: Any) -> Result:  # noqa: D102
        array, count = self._array.finished(self._joining.numbers())
        sides = self._whole.block[-len(self._whole.cut) :]
        seams = None if self._whole.exact else seams_of(array, sides)
        return self._kind(array, count=count, seams=seams, **about)


def _numbered(previous: Array | None, array: Array, next_id: int) -> Array:
    """Make object ids of a plane unique in the stack, or carry on those of the plane before."""
    if previous is not None:
        return continued(previous, array, next_id)
    numbered = array.astype(np.uint32)
    return np.add(numbered, np.uint32(next_id - 1), out=numbered, where=numbered > 0)


def _ids_now(ids: Array, labels: Array, array: Array) -> Array:
    """Return the ids that objects have in `array`, by those that they have in `labels`."""
    numbers, places = np.unique(labels, return_index=True)
    return array.ravel()[places[np.searchsorted(numbers, ids)]].astype(int)


class MapCollector:
    """Puts images into one array, or probabilities, whose classes come first."""

    reach: ClassVar[int] = 0

    def __init__(self, kind: type[Result], whole: Whole) -> None:
        self._kind, self._whole = kind, whole
        self._array: Any = None

    def add(self, place: Location, piece: Array) -> None:  # noqa: D102
        if not place.core and self._whole.sink is None:
            self._array = piece
            return
        own = piece.ndim + len(place.index) - len(self._whole.shape)  # axes of its own, in front
        if self._array is None:
            self._array = self._whole.array(piece.shape[:own], piece.dtype)
        self._array[(*(slice(None),) * own, *place.core, ...)] = piece

    def miss(self) -> None:
        """Do nothing: where nothing is to be found, all is 0."""

    def result(self, **about: Any) -> Result:  # noqa: D102
        return self._kind(self._array, **about)


class TableCollector:
    """Puts tables below one another, with a column for each axis that places differ in."""

    reach: ClassVar[int] = 0

    def __init__(self, kind: type[Result], whole: Whole) -> None:
        self._kind, self._whole = kind, whole
        self._tables: list[dict[str, Array]] = []

    def add(self, place: Location, piece: dict[str, Array]) -> None:  # noqa: D102
        rows, axes, start = len(piece["index"]), self._whole.axes, self._whole.start
        where = {
            name: np.full(rows, i + first)
            for name, i, first in zip(axes, place.index, start, strict=False)
        }
        self._tables.append({"index": piece["index"], **where, **piece})

    def miss(self) -> None:
        """Do nothing: a place without objects has no rows."""

    def whole(self) -> dict[str, Array]:
        """Return the rows of all places."""
        if not self._tables:
            return {"index": np.zeros(0, int)}
        names = list(self._tables[0])
        return {name: np.concatenate([table[name] for table in self._tables]) for name in names}

    def result(self, **about: Any) -> Result:  # noqa: D102
        return self._kind(table=self.whole(), **about)


class PolygonCollector:
    """Puts polygons into one list, with their coordinates in the whole, and one table of them."""

    reach: ClassVar[int] = 0

    def __init__(self, kind: type[PolygonSet], whole: Whole) -> None:
        self._kind, self._start = kind, whole.start
        self._table = TableCollector(kind, whole)
        self._polygons: list[Array] = []

    def add(self, place: Location, piece: tuple[list[Array], dict[str, Array]]) -> None:  # noqa: D102
        polygons, table = piece
        self._table.add(place, {**table, "index": table["index"] + len(self._polygons)})
        lead = [i + first for i, first in zip(place.index, self._start, strict=False)]
        self._polygons += [
            np.hstack([np.full((len(vertices), len(lead)), lead, float), vertices])
            for vertices in polygons
        ]

    def miss(self) -> None:
        """Do nothing: a place without objects has no polygons."""

    def result(self, **about: Any) -> Result:  # noqa: D102
        return self._kind(table=self._table.whole(), polygons=self._polygons, **about)
