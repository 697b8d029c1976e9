"""What runs give: labels, maps, polygons or tables, put together from those of many planes.

Each kind of result is a class that knows how its pieces become a whole, how it is counted in a
sentence and what belongs to it. Files and layers add what they do with a kind from their own
rooms, by `functools.singledispatch`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from napari_tessera.algorithms.labels.components import components
from napari_tessera.algorithms.labels.ids import count
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.blockwise.assembling import (
    AssemblingCollector,
    AssemblingTableCollector,
    Decision,
)
from napari_tessera.pipeline.blockwise.joined_objects import JoiningCollector
from napari_tessera.pipeline.blockwise.seams import Seams
from napari_tessera.pipeline.collectors import (
    Collector,
    LabelCollector,
    MapCollector,
    PolygonCollector,
    TableCollector,
    Whole,
)
from napari_tessera.pipeline.source import Index
from napari_tessera.signature.named_arrays import NamedArray
from napari_tessera.signature.words import Array, Look


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
        Planes (or volumes) in which there was nothing to separate: left empty, or as
        they are if labels are refined.
    start : tuple of int
        Where in the source the array begins, one number per axis.
    look : Look
        Names and colours of classes.
    shown : dict
        How a viewer shows it: name, place, colours and the like, as plain data that files keep.
    count : int or None
        How many labels there are, if they were counted on the way.
    seams : Seams or None
        Which objects may have been cut where blocks meet, if that can be.
    blocks : tuple
        Of what a recipe gives: for each of its steps the sides of the blocks that it worked on, or
        None where the result does not depend on them.
    notes : tuple of str
        What the method remarks of what it worked on, in sentences.
    """

    array: Any = None
    resolved: Mapping[str, Any] = field(default_factory=dict)
    table: dict[str, Array] | None = None
    skipped: int = 0
    start: Index = ()
    look: Look = field(default_factory=Look)
    shown: Mapping[str, Any] = field(default_factory=dict)
    count: int | None = None
    seams: Seams | None = None
    blocks: tuple[list[int] | None, ...] = ()
    notes: tuple[str, ...] = ()

    kind: ClassVar[str]
    nouns: ClassVar[tuple[str, str]]
    suffix: ClassVar[str] = "tif"
    """The file it is written to by default."""
    on_grid: ClassVar[bool] = True
    """Whether it has a value for each pixel, and not places of its own."""
    continues: ClassVar[bool] = True
    """Whether another method can work on it."""
    numbered: ClassVar[bool] = False
    """Whether each label is a number of its own, which no other plane may use for another."""
    stands_alone: ClassVar[bool] = True
    """Whether it is something without its source, and not only what is known of it."""
    shown_by_plane: ClassVar[bool] = True
    """Whether a plane of it can be looked at by itself."""

    @classmethod
    def collector(cls, whole: Whole) -> Collector:
        """Return what puts the pieces of a stack together."""
        raise NotImplementedError

    @classmethod
    def assembling_collector(cls, whole: Whole, decision: Decision) -> Collector:
        """Return what puts together objects of which blocks know pieces."""
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
    numbered = True

    @classmethod
    def collector(cls, whole: Whole) -> Collector:  # noqa: D102
        if whole.cut and cls.numbered and not whole.keep_ids:
            return JoiningCollector(cls, whole)
        return LabelCollector(cls, whole, renumbers=cls.numbered)

    @classmethod
    def assembling_collector(cls, whole: Whole, decision: Decision) -> Collector:  # noqa: D102
        return AssemblingCollector(cls, whole, decision)

    @property
    def number(self) -> int:  # noqa: D102
        return count(self.array) if self.count is None else self.count

    def objects(self) -> Array:
        """Return the objects; of classes, what hangs together is an object."""
        return np.asarray(self.array)


class ObjectLabels(Labelled):
    """Labels of which each stands for one object."""

    kind, nouns = "objects", ("object", "objects")


class ClassLabels(Labelled):
    """Labels that stand for classes of pixels."""

    kind, nouns = "classes", ("class", "classes")
    numbered = False

    def objects(self) -> Array:  # noqa: D102
        return components(np.asarray(self.array), "faces")


class ScoreMaps(Result):
    """Probabilities; the classes are one more axis in front of the array."""

    kind, nouns = "scores", ("probability map", "probability maps")
    continues = shown_by_plane = False

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
    on_grid = continues = stands_alone = shown_by_plane = False

    @classmethod
    def collector(cls, whole: Whole) -> Collector:  # noqa: D102
        return TableCollector(cls, whole)

    @classmethod
    def assembling_collector(cls, whole: Whole, decision: Decision) -> Collector:  # noqa: D102
        return AssemblingTableCollector(cls, whole, decision)

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
        return PolygonCollector(cls, whole)

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


def on_grid(result: Result, grid: NamedArray) -> Result:
    """Return a result whose array, if it has one in memory, has the coordinates of its source."""
    array = grid.like(result.array, result.start)
    return result if array is result.array else replace(result, array=array)


def result_name(path: str, method: str) -> str:
    """Return the file that a run on the file `path` is written to by default.

    Examples
    --------
    >>> result_name("folder/cells.ome.tif", "watershed")
    'folder/cells-watershed.tif'
    """
    file, suffix = Path(path), KINDS[METHODS[method].returns].suffix
    return str(file.with_name(f"{file.stem.removesuffix('.ome')}-{method}.{suffix}"))
