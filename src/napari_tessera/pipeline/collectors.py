"""How the pieces of a stack become a whole, for each kind of result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_tessera.algorithms.labels.ids import smallest_dtype
from napari_tessera.algorithms.labels.linking import continued
from napari_tessera.pipeline.source import Index
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
    """

    shape: Index
    axes: tuple[str, ...] = ()
    start: Index = ()
    keep_ids: bool = False
    join: bool = False
    dtype: Any = None


class Collector(Protocol):
    """Takes what a method gives for each plane or volume, in order."""

    def add(self, index: Index, piece: Any) -> None:
        """Take the piece of one place."""

    def miss(self) -> None:
        """Note that one place has none."""

    def result(self, **about: Any) -> Result:
        """Return the whole, with what is known about the run."""


class LabelCollector:
    """Puts labels into one array, where object ids are made unique or carried on.

    Pieces may come with a table of their objects, which get the ids of the whole there too.
    """

    def __init__(self, kind: type[Labelled], whole: Whole, *, renumbers: bool) -> None:
        self._kind, self._whole = kind, whole
        self._renumbers = renumbers and not whole.keep_ids
        self._array = np.zeros(whole.shape, whole.dtype or smallest_dtype(kind.kind, 0))
        self._table: TableCollector | None = None
        self._next = 1
        self._previous: Array | None = None

    def add(self, index: Index, piece: Array | tuple[Array, dict[str, Array]]) -> None:  # noqa: D102
        labels, table = piece if isinstance(piece, tuple) else (piece, None)
        array = self._renumbered(index, labels)
        self._widen(int(array.max(initial=0)))
        self._array[index] = array
        self._previous = array
        if table is not None:
            self._table = self._table or TableCollector(self._kind, self._whole)
            self._table.add(index, {**table, "index": _ids_now(table["index"], labels, array)})

    def _renumbered(self, index: Index, labels: Array) -> Array:
        if not index or not self._renumbers:
            return labels
        # the first plane of each series continues none
        before = self._previous if self._whole.join and index[-1] else None
        array = _numbered(before, labels, self._next)
        self._next = max(self._next, int(array.max()) + 1)
        return array

    def _widen(self, highest: int) -> None:
        """Make room for the highest label; a dtype that was asked for stays while it suffices."""
        if self._whole.dtype is not None and highest <= np.iinfo(self._array.dtype).max:
            return
        dtype = smallest_dtype(self._kind.kind, highest)
        if dtype.itemsize > self._array.dtype.itemsize:
            self._array = self._array.astype(dtype)

    def miss(self) -> None:  # noqa: D102
        self._previous = None

    def result(self, **about: Any) -> Result:  # noqa: D102
        table = None if self._table is None else self._table.whole()
        return self._kind(self._array, table=table, **about)


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

    def __init__(self, kind: type[Result], whole: Whole) -> None:
        self._kind, self._shape = kind, whole.shape
        self._array: Array | None = None

    def add(self, index: Index, piece: Array) -> None:  # noqa: D102
        if not index:
            self._array = piece
            return
        own = piece.ndim + len(index) - len(self._shape)  # axes of its own, in front
        if self._array is None:
            self._array = np.zeros((*piece.shape[:own], *self._shape), piece.dtype)
        place: tuple[Any, ...] = (*(slice(None),) * own, *index)
        self._array[place] = piece

    def miss(self) -> None:
        """Do nothing: where nothing is to be found, all is 0."""

    def result(self, **about: Any) -> Result:  # noqa: D102
        return self._kind(self._array, **about)


class TableCollector:
    """Puts tables below one another, with a column for each axis that places differ in."""

    def __init__(self, kind: type[Result], whole: Whole) -> None:
        self._kind, self._whole = kind, whole
        self._tables: list[dict[str, Array]] = []

    def add(self, index: Index, piece: dict[str, Array]) -> None:  # noqa: D102
        rows = len(piece["index"])
        place = {
            name: np.full(rows, i + first)
            for name, i, first in zip(self._whole.axes, index, self._whole.start, strict=False)
        }
        self._tables.append({"index": piece["index"], **place, **piece})

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

    def __init__(self, kind: type[PolygonSet], whole: Whole) -> None:
        self._kind, self._start = kind, whole.start
        self._table = TableCollector(kind, whole)
        self._polygons: list[Array] = []

    def add(self, index: Index, piece: tuple[list[Array], dict[str, Array]]) -> None:  # noqa: D102
        polygons, table = piece
        self._table.add(index, {**table, "index": table["index"] + len(self._polygons)})
        place = [i + first for i, first in zip(index, self._start, strict=False)]
        self._polygons += [
            np.hstack([np.full((len(vertices), len(place)), place, float), vertices])
            for vertices in polygons
        ]

    def miss(self) -> None:
        """Do nothing: a place without objects has no polygons."""

    def result(self, **about: Any) -> Result:  # noqa: D102
        return self._kind(table=self._table.whole(), polygons=self._polygons, **about)
