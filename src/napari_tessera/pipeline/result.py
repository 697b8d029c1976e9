"""What runs give: the labels, polygons or tables of many planes put together as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from napari_tessera.algorithms.labels.ids import continued, count, smallest_dtype
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.source import Index
from napari_tessera.signature.words import Array, Look


@dataclass(frozen=True)
class Result:
    """What a run gives: labels, or polygons with their table, or a table.

    Attributes
    ----------
    array : ndarray or None
        The labels, one axis per axis of the source but the channels'; or scores, with the classes
        as one more axis in front.
    kind : str
        "classes", "objects", "scores", "image", "polygons" or "table".
    resolved : dict
        The parameters with everything automatic as numbers, of the last plane.
    polygons : list of ndarray, shape (N, D)
        In pixels of the source, all axes but the channels'; a closed one repeats its first vertex.
    table : dict of ndarray or None
        Columns of equal length; of polygons, or of objects whose network tells more of them.
    skipped : int
        Planes (or volumes) in which there was nothing to separate, left empty.
    start : tuple of int
        Where in the source the labels begin, one number per axis.
    look : Look
        Names and colours of classes.
    """

    array: Any
    kind: str
    resolved: Mapping[str, Any]
    polygons: list[Array] = field(default_factory=list)
    table: dict[str, Array] | None = None
    skipped: int = 0
    start: Index = ()
    look: Look = field(default_factory=Look)

    @property
    def number(self) -> int:
        """How many labels, polygons or rows there are; takes time for large labels."""
        if self.kind == "polygons":
            return len(self.polygons)
        if self.kind == "scores":
            return len(self.array)
        if self.kind == "image":
            return 1
        if self.kind == "table" and self.table is not None:
            return len(self.table["index"])
        return count(self.array)


def counted(kind: str, number: int) -> str:
    """Return a number of results with its word.

    Examples
    --------
    >>> counted("classes", 1), counted("objects", 28), counted("table", 3)
    ('1 class', '28 objects', '3 rows')
    """
    one, many = {
        "classes": ("class", "classes"),
        "objects": ("object", "objects"),
        "polygons": ("polygon", "polygons"),
        "scores": ("probability map", "probability maps"),
        "image": ("image", "images"),
        "table": ("row", "rows"),
    }[kind]
    return f"{number} {one if number == 1 else many}"


def result_name(path: str, method: str) -> str:
    """Return the file that a run on the file `path` is written to by default.

    Examples
    --------
    >>> result_name("folder/cells.ome.tif", "watershed")
    'folder/cells-watershed.tif'
    """
    file = Path(path)
    suffix = {"polygons": "geojson", "table": "csv"}.get(METHODS[method].returns, "tif")
    return str(file.with_name(f"{file.stem.removesuffix('.ome')}-{method}.{suffix}"))


class Collector(Protocol):
    """Takes what a method gives for each plane or volume, in order."""

    def add(self, index: Index, piece: Any) -> None:
        """Take the piece of one place."""

    def miss(self) -> None:
        """Note that one place has none."""

    def whole(self) -> dict[str, Any]:
        """Return the fields of `Result` that the pieces fill."""


class Labelled:
    """Labels of all places in one array; object ids are made unique or carried on.

    Parameters
    ----------
    kind : str
        "classes" or "objects".
    shape : tuple of int
        Of the whole.
    keep_ids : bool
        Object ids stand for something and stay as they are.
    join : bool
        Objects keep their ids from place to place where they overlap.
    dtype : dtype, optional
        Of the whole unless labels do not fit; None = the smallest that is usual.
    """

    def __init__(
        self, kind: str, shape: Index, *, keep_ids: bool, join: bool, dtype: Any = None
    ) -> None:
        self._kind, self._keep_ids, self._join = kind, keep_ids or kind == "classes", join
        self._array = np.zeros(shape, dtype or smallest_dtype(kind, 0))
        self._keeps_dtype = dtype is not None
        self._next = 1
        self._previous: Array | None = None

    def add(self, index: Index, piece: Array) -> None:  # noqa: D102
        array = piece
        if index and not self._keep_ids:
            before = self._previous if self._join and index[-1] else None
            array = _numbered(before, piece, self._next)
            self._next = max(self._next, int(array.max()) + 1)
        highest = int(array.max(initial=0))
        if highest > np.iinfo(self._array.dtype).max or not self._keeps_dtype:
            dtype = smallest_dtype(self._kind, highest)
            if dtype.itemsize > self._array.dtype.itemsize:
                self._array = self._array.astype(dtype)
        self._array[index] = array
        self._previous = array

    def at(self, index: Index) -> Array:
        """Return the labels of one place, as they are in the whole."""
        return np.asarray(self._array[index])

    def miss(self) -> None:  # noqa: D102
        self._previous = None

    def whole(self) -> dict[str, Any]:  # noqa: D102
        return {"array": self._array}


def _numbered(previous: Array | None, array: Array, next_id: int) -> Array:
    """Make object ids of a plane unique in the stack, or carry on those of the plane before."""
    if previous is not None:
        return continued(previous, array, next_id)
    numbered = array.astype(np.uint32)
    return np.add(numbered, np.uint32(next_id - 1), out=numbered, where=numbered > 0)


class Described:
    """Labels of all places in one array, and one table of their objects.

    Parameters
    ----------
    labels : Labelled
    table : Tabled
    """

    def __init__(self, labels: Labelled, table: Tabled) -> None:
        self._labels, self._table = labels, table

    def add(self, index: Index, piece: tuple[Array, dict[str, Array]]) -> None:  # noqa: D102
        labels, table = piece
        self._labels.add(index, labels)
        numbers, places = np.unique(labels, return_index=True)
        given = dict(zip(numbers.tolist(), places.tolist(), strict=True))
        rows = [given[number] for number in table["index"].tolist()]
        now = self._labels.at(index).ravel()[rows].astype(int)
        self._table.add(index, {**table, "index": now})

    def miss(self) -> None:  # noqa: D102
        self._labels.miss()

    def whole(self) -> dict[str, Any]:  # noqa: D102
        return {**self._table.whole(), **self._labels.whole()}


class Scored:
    """Probabilities of all places in one array, the classes first.

    Parameters
    ----------
    shape : tuple of int
        Of the whole, without classes.
    """

    def __init__(self, shape: Index) -> None:
        self._shape = shape
        self._array: Array | None = None

    def add(self, index: Index, piece: Array) -> None:  # noqa: D102
        if not index:
            self._array = piece
            return
        if self._array is None:
            self._array = np.zeros((len(piece), *self._shape), piece.dtype)
        place: tuple[Any, ...] = (slice(None), *index)
        self._array[place] = piece

    def miss(self) -> None:
        """Do nothing: where nothing is to be found, all is 0."""

    def whole(self) -> dict[str, Any]:  # noqa: D102
        return {"array": self._array}


class Pictured:
    """Images of all places in one array.

    Parameters
    ----------
    shape : tuple of int
        Of the whole.
    """

    def __init__(self, shape: Index) -> None:
        self._shape = shape
        self._array: Array | None = None

    def add(self, index: Index, piece: Array) -> None:  # noqa: D102
        if self._array is None:
            self._array = np.zeros(self._shape, piece.dtype)
        self._array[index] = piece

    def miss(self) -> None:
        """Do nothing: where nothing is to be found, all is 0."""

    def whole(self) -> dict[str, Any]:  # noqa: D102
        return {"array": self._array}


class Tabled:
    """Tables of all places below one another, with a column for each axis they differ in.

    Parameters
    ----------
    axes : tuple of str
        Names of the leading axes.
    start : tuple of int
        Where in the source the places begin.
    """

    def __init__(self, axes: tuple[str, ...], start: Index) -> None:
        self._axes, self._start = axes, start
        self._tables: list[dict[str, Array]] = []

    def add(self, index: Index, piece: dict[str, Array]) -> None:  # noqa: D102
        rows = len(piece["index"])
        place = {
            name: np.full(rows, i + first)
            for name, i, first in zip(self._axes, index, self._start, strict=False)
        }
        self._tables.append({"index": piece["index"], **place, **piece})

    def miss(self) -> None:
        """Do nothing: a place without objects has no rows."""

    def whole(self) -> dict[str, Any]:  # noqa: D102
        if not self._tables:
            return {"array": None, "table": {"index": np.zeros(0, int)}}
        names = list(self._tables[0])
        columns = {name: np.concatenate([table[name] for table in self._tables]) for name in names}
        return {"array": None, "table": columns}


class Outlined:
    """Polygons of all places, with their coordinates in the whole, and one table of them all.

    Parameters
    ----------
    axes, start
        As for `Tabled`.
    """

    def __init__(self, axes: tuple[str, ...], start: Index) -> None:
        self._table, self._start = Tabled(axes, start), start
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

    def whole(self) -> dict[str, Any]:  # noqa: D102
        return {"polygons": self._polygons, **self._table.whole()}
