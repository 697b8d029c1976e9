"""What a file format can do, what its axes mean, and where in its source a result lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import numpy as np

from napari_tessera.io.sizes import NO_SIZES, GivenSizes
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import Result, ScoreMaps
from napari_tessera.pipeline.sinks import Sink
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import Array, Report, VoxelSize

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


@dataclass(frozen=True)
class Asked:
    """What is wanted of a file.

    Attributes
    ----------
    labels : bool
        Its numbers are ids of objects or classes: a palette's colours do not count.
    series : int, optional
        The image of a file that holds several, from 0; None = the first that is no thumbnail.
    """

    labels: bool = False
    series: int | None = None

    def choose(self, count: int, path: Path, usual: int = 0) -> int:
        """Return the series to take of `count`, or raise an error if there is none of its number.

        Examples
        --------
        >>> from pathlib import Path
        >>> Asked(series=1).choose(2, Path("a.tif"))
        1
        """
        if self.series is None:
            return usual
        if not 0 <= self.series < count:
            raise ValueError(
                f"series is {self.series}, but {str(path)!r} has {count}, numbered from 0"
            )
        return self.series


class Contents(NamedTuple):
    """An array in a file, and what the file says of it.

    Attributes
    ----------
    array : array
        Anything with shape, dtype and slicing.
    axes : tuple of str or None
        A name for each axis of the array, channels' too: "s" for red, green and blue, "c" for
        other channels.
    sizes : GivenSizes
    notes : tuple of str
        What a user should know of how the file was read.
    origin : tuple of float
        Where the first pixel lies along each axis, in the unit of the sizes; () = at 0.
    levels : tuple of array
        The array at smaller sizes, if the file has a pyramid.
    kept : dict
        What a file of ours says of how it was made and shown, see `kept_of`.
    """

    array: Any
    axes: tuple[str, ...] | None = None
    sizes: GivenSizes = NO_SIZES
    notes: tuple[str, ...] = ()
    origin: tuple[float, ...] = ()
    levels: tuple[Any, ...] = ()
    kept: Mapping[str, Any] = MappingProxyType({})

    def without(self, axis: int, array: Any) -> Contents:
        """Return the same of an array that lacks an axis."""
        axes, sizes = self.axes, self.sizes
        own, unit = sizes.spacing or (), getattr(sizes.spacing, "unit", "pixel")
        spacing = VoxelSize(own[:axis] + own[axis + 1 :], unit) if own else None
        return self._replace(
            array=array,
            axes=axes and axes[:axis] + axes[axis + 1 :],
            sizes=sizes._replace(spacing=spacing),
            origin=self.origin[:axis] + self.origin[axis + 1 :],
            levels=(),
        )

    def with_channels(self, array: Any) -> Contents:
        """Return the same of an array with channels in front."""
        sizes, own = self.sizes, self.sizes.spacing
        spacing = None if own is None else VoxelSize((1.0, *own), own.unit)
        origin = (0.0, *self.origin) if self.origin else ()
        axes = ("c", *(self.axes or ()))
        return self._replace(
            array=array, axes=axes, sizes=sizes._replace(spacing=spacing), origin=origin
        )


class FileSink(Sink, Protocol):
    """A file that the blocks of a result are written into; there when it is finished."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def finish(self, result: Result, recipe: Recipe | None = None, report: Report = None) -> Result:
        """Write what is known of a result, and move all to its place."""


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes
    ----------
    suffixes : tuple of str
        Of its files, in lower case, with the dot.
    read : callable, optional
        Path and `Asked` -> `Contents`, lazily where the format allows it.
    write : callable, optional
        Path, result, source and recipe or None -> nothing. The path is another than the final one,
        and nothing is there. A table that a form writes has no grid: its source is one empty pixel.
    holds : tuple of type
        The kinds of results it can hold.
    magic : tuple of bytes
        What its files begin with, whatever they are called.
    recognised : callable, optional
        Path -> True for files without such a suffix that are of this format.
    owned : callable, optional
        For formats that are folders: path -> True if all in it is of this format, so that it may be
        replaced.
    sink : callable, optional
        For formats that are written block by block: path, source, `overwrite` and `workers` ->
        what does it.
    drawn : bool
        Whether its files hold outlines of objects, which are read as labels and as nothing else.
    title : str
        What it is called where people choose one to write.
    """

    suffixes: tuple[str, ...]
    read: Callable[[Path, Asked], Contents] | None = None
    write: Callable[[Path, Result, Source, Recipe | None], None] | None = None
    holds: tuple[type[Result], ...] = ()
    magic: tuple[bytes, ...] = ()
    recognised: Callable[[Path], bool] = lambda path: False
    owned: Callable[[Path], bool] | None = None
    sink: Callable[..., FileSink] | None = None
    drawn: bool = False
    title: str = ""

    def opens(self, path: Path) -> bool:
        """Return True if it can read this file."""
        known = path.suffix.lower() in self.suffixes or self.recognised(path)
        return self.read is not None and known

    def can_hold(self, kind: type[Result]) -> bool:
        """Return True if it can hold a result of this kind, or some of its kinds."""
        return any(issubclass(kind, own) or issubclass(own, kind) for own in self.holds)


def kept_of(result: Result, recipe: Recipe | None) -> dict[str, Any]:
    """Return what a file keeps of a result beside its array, as plain data.

    "kind" is the word for what it is, "recipe" how it was made, "layer" how a viewer shows it,
    "seams" which objects end in a straight line where blocks meet.
    """
    return {
        "kind": result.kind,
        **({} if recipe is None else {"recipe": recipe.to_dict()}),
        **({"layer": dict(result.shown)} if result.shown else {}),
        **({"seams": result.seams.kept} if result.seams is not None and result.seams.kept else {}),
    }


def origin_of(result: Result, source: Source) -> list[float]:
    """Return where a result begins, in its source's unit of length."""
    nowhere = (0,) * len(source.spacing)
    places = zip(source.origin or nowhere, result.start or nowhere, source.spacing, strict=True)
    return [origin + first * size for origin, first, size in places]


def with_classes(result: Result, source: Source) -> tuple[Result, Source]:
    """Return probabilities and their source with the classes as a named axis in front.

    All other results are returned as they are.
    """
    if not isinstance(result, ScoreMaps):
        return result, source
    sizes = VoxelSize((1.0, *source.spacing), source.spacing.unit)
    start = (0, *(result.start or (0,) * len(source.spacing)))
    origin = (0.0, *source.origin) if source.origin else ()
    axes = ("c", *source.axes)
    return replace(result, start=start), replace(source, axes=axes, spacing=sizes, origin=origin)


def fitted(array: Array, types: tuple[str, ...]) -> Array:
    """Return whole numbers in a type that a format holds: their own, or the smallest for them.

    Parameters
    ----------
    array : ndarray
    types : tuple of str
        Names of the types of whole numbers, smaller ones and those without a sign first.

    Returns
    -------
    ndarray
        As it is if none of the types holds its values.
    """
    if array.dtype.kind not in "iu" or array.dtype.name in types:
        return array
    low, high = int(array.min(initial=0)), int(array.max(initial=0))
    for each in types:
        limits = np.iinfo(each)
        if limits.min <= low and high <= limits.max:
            return array.astype(each)
    return array
