"""What the axes of a file mean, and where in its source a result lies."""

from __future__ import annotations

from typing import Any, NamedTuple

from napari_tessera.pipeline.result import Result
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import VoxelSize


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


def origin_of(result: Result, source: Source) -> list[float]:
    """Return where the labels begin in the source, in its unit of length."""
    start = result.start or (0,) * len(source.spacing)
    return [first * size for first, size in zip(start, source.spacing, strict=True)]
