"""What runs give: labels, maps, polygons or tables, put together from those of many planes.

Each kind of result is a class that knows how its pieces become a whole, how it is counted in a
sentence and what belongs to it. Files and layers add what they do with a kind from their own
rooms, by `functools.singledispatch`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

import numpy as np

from napari_tessera.algorithms.labels.components import components
from napari_tessera.algorithms.labels.ids import continued, count, smallest_dtype
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.source import Index
from napari_tessera.signature.words import Array, Look


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


@dataclass(frozen=True)
class Result:
    """What a run gives; see the kinds below.

    Attributes
    ----------
    array : ndarray or None
        One axis per axis of the source but the channels'.
    resolved : dict
        The parameters with everything automatic as numbers, of the last plane.
    table : dict of ndarray or None
        Columns of equal length; of polygons, or of objects whose network tells more of them.
    skipped : int
        Planes (or volumes) in which there was nothing to separate, left empty.
    start : tuple of int
        Where in the source the array begins, one number per axis.
    look : Look
        Names and colours of classes.
    """

    array: Any = None
    resolved: Mapping[str, Any] = field(default_factory=dict)
    table: dict[str, Array] | None = None
    skipped: int = 0
    start: Index = ()
    look: Look = field(default_factory=Look)

    kind: ClassVar[str]
    nouns: ClassVar[tuple[str, str]]
    suffix: ClassVar[str] = "tif"
    """The file it is written to by default."""
    on_grid: ClassVar[bool] = True
    """Whether it has a value for each pixel, and not places of its own."""
    continues: ClassVar[bool] = True
    """Whether another method can work on it."""

    @classmethod
    def collector(cls, whole: Whole) -> Collector:
        """Return what puts the pieces of a stack together."""
        raise NotImplementedError

    @property
    def number(self) -> int:
        """How many there are; takes time for large labels."""
        raise NotImplementedError

    def counted(self, number: int | None = None) -> str:
        """Return how many there are, with their noun.

        Examples
        --------
        >>> ClassLabels().counted(1), ObjectLabels().counted(28), ObjectTable().counted(3)
        ('1 class', '28 objects', '3 rows')
        """
        number = self.number if number is None else number
        return f"{number} {self.nouns[number != 1]}"


class Labelled(Result):
    """Labels: a number for each pixel, 0 = background."""

    kind = "labels"

    @classmethod
    def collector(cls, whole: Whole) -> Collector:  # noqa: D102
        return LabelCollector(cls, whole)

    @property
    def number(self) -> int:  # noqa: D102
        return count(self.array)

    def objects(self) -> Array:
        """Return the objects; of classes, what hangs together is an object."""
        return np.asarray(self.array)


class ObjectLabels(Labelled):
    """Labels of which each stands for one object."""

    kind, nouns = "objects", ("object", "objects")


class ClassLabels(Labelled):
    """Labels that stand for classes of pixels."""

    kind, nouns = "classes", ("class", "classes")

    def objects(self) -> Array:  # noqa: D102
        return components(np.asarray(self.array), "faces")


class ScoreMaps(Result):
    """Probabilities; the classes are one more axis in front of the array."""

    kind, nouns = "scores", ("probability map", "probability maps")
    continues = False

    @classmethod
    def collector(cls, whole: Whole) -> Collector:  # noqa: D102
        return MapCollector(cls, whole)

    @property
    def number(self) -> int:  # noqa: D102
        return len(self.array)


class ImageResult(Result):
    """An image."""

    kind, nouns = "image", ("image", "images")

    @classmethod
    def collector(cls, whole: Whole) -> Collector:  # noqa: D102
        return MapCollector(cls, whole)

    @property
    def number(self) -> int:  # noqa: D102
        return 1


class ObjectTable(Result):
    """A table, one row per object."""

    kind, nouns = "table", ("row", "rows")
    suffix = "csv"
    on_grid = continues = False

    @classmethod
    def collector(cls, whole: Whole) -> Collector:  # noqa: D102
        return TableCollector(whole)

    @property
    def number(self) -> int:  # noqa: D102
        return 0 if self.table is None else len(self.table["index"])


@dataclass(frozen=True)
class PolygonSet(Result):
    """Polygons with a table of them.

    Attributes
    ----------
    polygons : list of ndarray, shape (N, D)
        In pixels of the source, all axes but the channels'; a closed one repeats its first vertex.
    """

    polygons: list[Array] = field(default_factory=list)

    kind, nouns = "polygons", ("polygon", "polygons")
    suffix = "geojson"
    on_grid = continues = False

    @classmethod
    def collector(cls, whole: Whole) -> Collector:  # noqa: D102
        return PolygonCollector(whole)

    @property
    def number(self) -> int:  # noqa: D102
        return len(self.polygons)


KINDS: Mapping[str, type[Result]] = MappingProxyType(
    {
        kind.kind: kind
        for kind in (
            Labelled, ObjectLabels, ClassLabels, ScoreMaps, ImageResult, PolygonSet, ObjectTable,
        )
    }
)  # fmt: skip
"""The word for what a method gives -> its kind of result."""


def result_name(path: str, method: str) -> str:
    """Return the file that a run on the file `path` is written to by default.

    Examples
    --------
    >>> result_name("folder/cells.ome.tif", "watershed")
    'folder/cells-watershed.tif'
    """
    file, suffix = Path(path), KINDS[METHODS[method].returns].suffix
    return str(file.with_name(f"{file.stem.removesuffix('.ome')}-{method}.{suffix}"))


class LabelCollector:
    """Puts labels into one array, where object ids are made unique or carried on.

    Pieces may come with a table of their objects, which get the ids of the whole there too.
    """

    def __init__(self, kind: type[Labelled], whole: Whole) -> None:
        self._kind, self._whole = kind, whole
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
            self._table = self._table or TableCollector(self._whole)
            self._table.add(index, {**table, "index": _ids_now(table["index"], labels, array)})

    def _renumbered(self, index: Index, labels: Array) -> Array:
        if not index or self._whole.keep_ids or self._kind is ClassLabels:
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

    def __init__(self, whole: Whole) -> None:
        self._whole = whole
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
        return ObjectTable(table=self.whole(), **about)


class PolygonCollector:
    """Puts polygons into one list, with their coordinates in the whole, and one table of them."""

    def __init__(self, whole: Whole) -> None:
        self._table, self._start = TableCollector(whole), whole.start
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
        return PolygonSet(table=self._table.whole(), polygons=self._polygons, **about)
