"""What a file format can do, what its axes mean, and where in its source a result lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_tessera.pipeline.recipe import Recipe
from napari_tessera.pipeline.result import Result
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import Array, VoxelSize

if TYPE_CHECKING:
    from pathlib import Path


class Contents(NamedTuple):
    """An array in a file, and what the file says of it.

    Attributes
    ----------
    array : array
        Anything with shape, dtype and slicing.
    axes : tuple of str or None
        A name for each axis of the array, channels' too.
    spacing : VoxelSize or None
    """

    array: Any
    axes: tuple[str, ...] | None = None
    spacing: VoxelSize | None = None


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes
    ----------
    suffixes : tuple of str
        Of its files, in lower case, with the dot.
    read : callable, optional
        Path -> `Contents`, lazily where the format allows it.
    write : callable, optional
        Path, result, source and recipe or None -> nothing. The path is another than the final one,
        and nothing is there.
    holds : tuple of type
        The kinds of results it can hold.
    recognised : callable, optional
        Path -> True for files without such a suffix that are of this format.
    owned : callable, optional
        For formats that are folders: path -> True if all in it is of this format, so that it may be
        replaced.
    """

    suffixes: tuple[str, ...]
    read: Callable[[Path], Contents] | None = None
    write: Callable[[Path, Result, Source, Recipe | None], None] | None = None
    holds: tuple[type[Result], ...] = ()
    recognised: Callable[[Path], bool] = lambda path: False
    owned: Callable[[Path], bool] | None = None

    def opens(self, path: Path) -> bool:
        """Return True if it can read this file."""
        known = path.suffix.lower() in self.suffixes or self.recognised(path)
        return self.read is not None and known

    def can_hold(self, kind: type[Result]) -> bool:
        """Return True if it can hold a result of this kind, or some of its kinds."""
        return any(issubclass(kind, own) or issubclass(own, kind) for own in self.holds)


def origin_of(result: Result, source: Source) -> list[float]:
    """Return where the labels begin in the source, in its unit of length."""
    start = result.start or (0,) * len(source.spacing)
    return [first * size for first, size in zip(start, source.spacing, strict=True)]


def fitted(array: Array, types: tuple[str, ...], path: Path, wanted: str) -> Array:
    """Return an array in a type that a format holds: its own, or the smallest for its numbers.

    Parameters
    ----------
    array : ndarray
    types : tuple of str
        Names of the types of whole numbers, smaller ones and those without a sign first.
    path : Path
        For the message.
    wanted : str
        What to do if none fits, for the message.

    Raises
    ------
    ValueError
        If none of the types holds the values.
    """
    if array.dtype.kind not in "iu" or array.dtype.name in types:
        return array
    low, high = int(array.min(initial=0)), int(array.max(initial=0))
    for each in types:
        limits = np.iinfo(each)
        if limits.min <= low and high <= limits.max:
            return array.astype(each)
    raise ValueError(
        f"{path.name!r} has numbers from {low} to {high}, but {path.suffix} holds up to "
        f"{max(np.iinfo(each).max for each in types)}; {wanted}"
    )
