"""How the pieces of a stack become a whole, for each kind of result.

A piece is finished where it is computed: a `Finisher` writes what lies in an array, and returns the
little that the `Collector` has to know of it, piece after piece, to put them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from napari_tessera.algorithms.labels.attributes import Attributes
from napari_tessera.algorithms.labels.linking import continuing, overlap
from napari_tessera.pipeline.blockwise.workers import Threads, Workers
from napari_tessera.pipeline.label_arrays import LabelArray, Numbers, Present, with_numbers
from napari_tessera.pipeline.pieces import Location
from napari_tessera.pipeline.sinks import Sink
from napari_tessera.pipeline.source import Index
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array, Table

if TYPE_CHECKING:
    from napari_tessera.pipeline.result import Labelled, PolygonSet, Result


JoinedRows = Callable[[Table, Array, Attributes], Table]
"""Makes rows of objects of those of their pieces, see `joined_rows` of `Cut`."""


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
    blocks : int
        How many pieces there are.
    workers : Workers
        Who does what is left to do when all pieces are there.
    at_once : int
        How many pieces fit into memory.
    report : Reporter
        Hears of what is done after the last piece.
    joined_rows : callable, optional
        Makes the table of objects that lie in several blocks; None = they have none.
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
    blocks: int = 1
    workers: Workers = field(default_factory=Threads)
    at_once: int = 1
    report: Reporter = field(default_factory=Reporter)
    joined_rows: JoinedRows | None = None

    def array(self, first: Index, dtype: Any) -> Any:
        """Return an array of zeros for a result; axes of its own, of lengths `first`, lead."""
        if self.sink is None:
            return np.zeros((*first, *self.shape), dtype)
        return self.sink.create((*first, *self.shape), dtype, (*first, *self.block))


class Finisher(Protocol):
    """Does with a piece, where it was computed, what can be done there.

    It is pickled to be sent to other processes, and writes the same if a piece is made again.
    """

    def __call__(self, place: Location, piece: Any) -> Any:
        """Return what the collector has to know of a piece."""


class Collector(Protocol):
    """Takes what is known of each plane, volume or block, in order.

    Attributes
    ----------
    reach : int
        How many pixels around the core of a block its finisher wants to see.
    passes : int
        2 if all pieces are gone through again when they are there, else 1.
    """

    reach: int
    passes: int

    @property
    def finisher(self) -> Finisher:
        """What finishes the pieces that are computed from now on."""

    @property
    def waits(self) -> bool:
        """Whether the array is there only when the first piece is: until then they come whole."""

    def add(self, place: Location, known: Any) -> None:
        """Take what is known of the piece of one place."""

    def miss(self) -> None:
        """Note that one place has none."""

    def result(self, **about: Any) -> Result:
        """Return the whole, with what is known about the run."""


class LabelPiece(NamedTuple):
    """What is known of labels.

    Attributes
    ----------
    present : Present
    table : dict, optional
        Of the objects, if their network tells more of them.
    """

    present: Present
    table: dict[str, Array] | None = None


@dataclass(frozen=True)
class LabelFinisher:
    """Writes labels as they are.

    Attributes
    ----------
    labels : LabelArray
    """

    labels: LabelArray

    def __call__(  # noqa: D102
        self, place: Location, piece: Array | tuple[Array, dict[str, Array]]
    ) -> LabelPiece:
        array, table = piece if isinstance(piece, tuple) else (piece, None)
        present = Present.of(array)
        self.labels.write(place.core, array, present.highest)
        return LabelPiece(present, table)


class LabelCollector:
    """Puts labels into one array, where object ids are made unique or carried on.

    Pieces may come with a table of their objects, which get the ids of the whole there too.
    """

    reach = 0
    waits = False

    def __init__(self, kind: type[Labelled], whole: Whole, *, renumbers: bool) -> None:
        self._kind, self._whole = kind, whole
        self._renumbers = renumbers and not whole.keep_ids
        self._labels = LabelArray.of(kind, whole, renumbers=renumbers)
        self.passes = 1 if self._labels.stays else 2
        # a place that was missed has none
        self._pieces: list[tuple[Location, LabelPiece] | None] = []

    @property
    def finisher(self) -> Finisher:  # noqa: D102
        return LabelFinisher(self._labels)

    def add(self, place: Location, known: LabelPiece) -> None:  # noqa: D102
        self._pieces.append((place, known))

    def miss(self) -> None:  # noqa: D102
        self._pieces.append(None)

    def result(self, **about: Any) -> Result:  # noqa: D102
        numbers = list(self._numbers())
        pieces = [each for each in self._pieces if each is not None]
        ids, table = [np.empty(0, np.int64)], TableCollector(self._kind, self._whole)
        for (place, known), own in zip(pieces, numbers, strict=True):
            ids.append(_ids_now(known.present.ids, own))
            if known.table is not None:
                table.add(place, {**known.table, "index": _ids_now(known.table["index"], own)})
        every = np.unique(np.concatenate(ids))
        highest = int(every.max(initial=0))
        array = with_numbers(self._labels, self._kind, self._whole, highest, numbers)
        rows = table.whole() if any(known.table is not None for _, known in pieces) else None
        return self._kind(array, table=rows, count=every.size, **about)

    def _numbers(self) -> Iterator[Numbers]:
        """Yield what becomes of the labels of each piece."""
        following, before, joined = 1, None, self._shared()
        for each in self._pieces:
            if each is None:
                before = None
                continue
            place, known = each
            own = Numbers(place.core)
            if place.index and self._renumbers:
                # the first plane of each series continues none
                if self._whole.join and place.index[-1] and before is not None:
                    own = self._continuing(next(joined), before, known.present, following, own.box)
                else:
                    own = own._replace(offset=following - 1)
                highest = _ids_now(known.present.ids, own).max(initial=0)
                following = max(following, int(highest) + 1)
            yield own
            before = known.present, own

    @staticmethod
    def _continuing(
        shared: tuple[Array, Array, Array],
        before: tuple[Present, Numbers],
        present: Present,
        following: int,
        box: Any,
    ) -> Numbers:
        """Return the numbers of a plane whose objects carry on those of the plane before."""
        here, now, pixels = shared
        sizes = before[0].pixels[np.searchsorted(before[0].ids, here)]
        smaller = np.minimum(sizes, present.pixels[np.searchsorted(present.ids, now)])
        shared = _ids_now(here, before[1]), now, pixels
        return Numbers(box, table=continuing(shared, smaller, present.ids, following))

    def _shared(self) -> Iterator[tuple[Array, Array, Array]]:
        """Yield which objects of neighbouring planes share how many pixels, if they are joined."""
        if not self._whole.join or not self._renumbers:
            return iter(())
        jobs = [
            (before[0].core, place[0].core)
            for before, place in zip(self._pieces, self._pieces[1:], strict=False)
            if before is not None and place is not None and place[0].index[-1]
        ]
        work = _Sharing(self._labels.array)
        return self._whole.workers.in_order(work, jobs, at_once=self._whole.at_once)


def _ids_now(ids: Array, numbers: Numbers) -> Array:
    """Return the numbers that ids of a piece have in the whole."""
    if numbers.table is not None:
        return numbers.table[ids.astype(np.int64)].astype(int)
    return ids.astype(int) + numbers.offset


@dataclass(frozen=True)
class _Sharing:
    """Compares two pieces that were written."""

    array: Any

    def __call__(self, boxes: tuple[Any, Any]) -> tuple[Array, Array, Array]:
        first, second = (np.asarray(self.array[box]) for box in boxes)
        return overlap(first, second)


@dataclass(frozen=True)
class MapFinisher:
    """Writes a map, or hands it on whole while there is no array for it.

    Attributes
    ----------
    array : array or None
    own : int
        How many axes of its own it has, in front.
    """

    array: Any = None
    own: int = 0

    def __call__(self, place: Location, piece: Array) -> Array | None:  # noqa: D102
        if self.array is None:
            return piece
        self.array[(*(slice(None),) * self.own, *place.core, ...)] = piece
        return None


class MapCollector:
    """Puts images into one array, or probabilities, whose classes come first."""

    reach = 0
    passes = 1

    def __init__(self, kind: type[Result], whole: Whole) -> None:
        self._kind, self._whole = kind, whole
        self.finisher = MapFinisher()

    @property
    def waits(self) -> bool:  # noqa: D102
        return self.finisher.array is None

    def add(self, place: Location, known: Array | None) -> None:  # noqa: D102
        if known is None:
            return
        if not place.core and self._whole.sink is None:
            self.finisher = MapFinisher(known)
            return
        if self.waits:  # its type and its own axes are known now
            own = known.ndim + len(place.index) - len(self._whole.shape)
            array = self._whole.array(known.shape[:own], known.dtype)
            self.finisher = MapFinisher(array, own)
        self.finisher(place, known)

    def miss(self) -> None:
        """Do nothing: where nothing is to be found, all is 0."""

    def result(self, **about: Any) -> Result:  # noqa: D102
        return self._kind(self.finisher.array, **about)


def handed_on(place: Location, piece: Any) -> Any:
    """Return a piece as it is: tables and polygons are small."""
    return piece


class TableCollector:
    """Puts tables below one another, with a column for each axis that places differ in."""

    reach, waits, passes = 0, False, 1
    finisher = staticmethod(handed_on)

    def __init__(self, kind: type[Result], whole: Whole) -> None:
        self._kind, self._whole = kind, whole
        self._tables: list[dict[str, Array]] = []

    def add(self, place: Location, known: dict[str, Array]) -> None:  # noqa: D102
        rows, axes, start = len(known["index"]), self._whole.axes, self._whole.start
        where = {
            name: np.full(rows, i + first)
            for name, i, first in zip(axes, place.index, start, strict=False)
        }
        self._tables.append({"index": known["index"], **where, **known})

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

    reach, waits, passes = 0, False, 1
    finisher = staticmethod(handed_on)

    def __init__(self, kind: type[PolygonSet], whole: Whole) -> None:
        self._kind, self._start = kind, whole.start
        self._table = TableCollector(kind, whole)
        self._polygons: list[Array] = []

    def add(self, place: Location, known: tuple[list[Array], dict[str, Array]]) -> None:  # noqa: D102
        polygons, table = known
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
