"""OME-Zarr written block by block, with its pyramid, and at its place when it is whole."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from napari_tessera.algorithms.atomic_files import atomic_write
from napari_tessera.io.ngff import VERSION, image_label, multiscales
from napari_tessera.io.pyramids import halved, halvings
from napari_tessera.io.stores import MARKS
from napari_tessera.pipeline.blockwise.workers import Threads, Workers
from napari_tessera.pipeline.recipes.recipe import KEY, Recipe
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.progress import Progress, Stop
from napari_tessera.signature.words import Look, Report

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType

SIDE = 512
"""Longest side of a chunk in pixels: what is read to show a part of a plane."""

_IN_A_FILE = 64
"""Most chunks in a file: disks are slow with many small ones."""

_MEMORY = 1 << 30  # what pieces of smaller levels may take while they are made
_OWN_FILES = (*MARKS, ".zmetadata", ".DS_Store")
_CHUNK = re.compile(r"c|(c\.)?\d+(\.\d+)*")


@dataclass(frozen=True)
class OmeZarrImage:
    """What an OME-Zarr is to hold.

    Attributes
    ----------
    source : Source
        Its axes, pixel size and time unit; its array is not looked at.
    shape : tuple of int
        One number for each of the axes.
    dtype : dtype
    labels : bool
        Whether its numbers are ids.
    origin : tuple of float
        Where its first pixel lies, in the units of the source's `spacing`; () = where the source's.
    look : Look
        Names and colours of labels.
    blocks : tuple of int, optional
        Shape of the blocks that it is written in, all beginning at multiples of it: none of them
        touches a file that another one is written to. None = as suits the shape.
    kept : dict
        What is kept under the name of this program beside the recipe, as plain data.
    """

    source: Source
    shape: tuple[int, ...]
    dtype: Any
    labels: bool = True
    origin: tuple[float, ...] = ()
    look: Look = field(default_factory=Look)
    blocks: tuple[int, ...] | None = None
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def files(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shape of a chunk, and of what is in one file of them."""
        lead = (1,) * (len(self.shape) - 2)  # planes are what is looked at
        if self.blocks is not None:
            blocks = tuple(min(a, b) for a, b in zip(self.blocks, self.shape, strict=True))
            return (*lead, *map(_chunk_of, blocks[-2:])), blocks
        chunks = (*lead, *(min(SIDE, n) for n in self.shape[-2:]))
        return chunks, _file_of(self.shape, chunks)


def _chunk_of(side: int) -> int:
    """Return the longest side of a chunk of which a whole number makes the side of a block."""
    parts = next((k for k in range(-(-side // SIDE), side + 1) if side % k == 0), 1)
    chunk = side // parts
    return chunk if chunk >= SIDE // 8 else side  # of a prime, all of it


def _file_of(shape: Sequence[int], chunks: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of the chunks in a file, as many as may be, along the last axes first."""
    left, counts = _IN_A_FILE, []
    for length, chunk in zip(reversed(shape), reversed(chunks), strict=True):
        counts.append(max(1, min(-(-length // chunk), left)))
        left //= counts[-1]
    return tuple(n * chunk for n, chunk in zip(reversed(counts), chunks, strict=True))


class OmeZarrWriter:
    """An OME-Zarr that is being written: fill its array, then `finish` it.

    Until then nothing is at its place, or what was there before. Who leaves a ``with`` of it
    without having finished it has written nothing.

    Attributes
    ----------
    array : zarr.Array
        The full size. Blocks may be written from several threads at once, as long as each begins at
        a multiple of the image's `blocks`, or of the array's `shards`, and none is written twice
        at the same time.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> place = Path(tempfile.mkdtemp()) / "cells.zarr"
    >>> cells = np.ones((4, 6), np.uint16)
    >>> image = OmeZarrImage(Source.of(cells), cells.shape, cells.dtype, blocks=(2, 6))
    >>> with OmeZarrWriter.create(place, image) as writer:
    ...     writer.array[:2] = cells[:2]
    ...     writer.array[2:] = cells[2:]
    ...     writer.finish()
    >>> sorted(each.name for each in place.iterdir())
    ['0', 'zarr.json']
    """

    def __init__(
        self, folder: Path, image: OmeZarrImage, opened: AbstractContextManager[Path] | None = None
    ) -> None:
        import zarr

        self.image, self.name, self._opened = image, folder.stem, opened
        self.group: Any = zarr.open_group(str(folder), mode="a", zarr_format=3)
        # of a run that was interrupted, if it is the same
        self.array: Any = self._begun() or self._level(0, image.shape)

    @classmethod
    def create(cls, path: str | Path, image: OmeZarrImage, *, overwrite: bool = False) -> Self:
        """Begin to write an OME-Zarr that will be at `path`.

        Parameters
        ----------
        path : str or Path
            Ends in .zarr.
        image : OmeZarrImage
        overwrite : bool
            Whether an existing folder may be replaced, if nothing but a Zarr is in it.

        Raises
        ------
        FileExistsError, NotADirectoryError
            If what is there may not be replaced.
        OSError
            If the folder cannot be written to.
        """
        opened = atomic_write(path, overwrite=overwrite, owned=holds_zarr_alone)
        folder = opened.__enter__()
        try:
            return cls(folder, image, opened)
        except BaseException as error:
            opened.__exit__(type(error), error, None)
            raise

    def finish(
        self, recipe: Recipe | None = None, report: Report = None, workers: Workers | None = None
    ) -> None:
        """Write the smaller levels and what is known of the image, and move it to its place.

        Parameters
        ----------
        recipe : Recipe, optional
        report : callable, optional
            Takes `Progress`.
        workers : Workers, optional
            Who writes the smaller levels; None = the threads of this process.
        """
        shrunk = self._write_levels(report, workers or Threads())
        image = self.image
        steps = np.array([(1,) * len(image.shape), *shrunk])
        factors = np.cumprod(steps, axis=0).tolist()
        origin = image.origin or image.source.origin or (0.0,) * len(image.shape)
        said: dict[str, Any] = {
            "version": VERSION,
            "multiscales": [multiscales(self.name, image.source, origin, factors)],
        }
        if image.labels:
            said["image-label"] = image_label(image.look)
        kept = {**image.kept, **({} if recipe is None else {"recipe": recipe.to_dict()})}
        self.group.update_attributes({"ome": said, **({KEY: kept} if kept else {})})
        if self._opened is not None:
            self._opened.__exit__(None, None, None)
            self._opened = None

    def discard(self) -> None:
        """Remove what has been written, unless it is finished."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            opened.__exit__(Stop, Stop(), None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()

    def _begun(self) -> Any:
        """Return the array that is there already, if it is laid out as this one would be."""
        array, image = self.group.get("0"), self.image
        if array is None:
            return None
        chunks, shards = image.files
        own = (image.shape, np.dtype(image.dtype), chunks, None if shards == chunks else shards)
        return array if (array.shape, array.dtype, array.chunks, array.shards) == own else None

    def _level(self, level: int, shape: tuple[int, ...]) -> Any:
        """Make the array of a level of the pyramid."""
        own = OmeZarrImage(self.image.source, shape, self.image.dtype, blocks=self.image.blocks)
        chunks, shards = own.files
        return self.group.create_array(
            str(level),
            shape=shape,
            dtype=own.dtype,
            chunks=chunks,
            shards=None if shards == chunks else shards,
            dimension_names=list(own.source.axes),
            overwrite=True,
        )

    def _write_levels(self, report: Report, workers: Workers) -> list[tuple[int, ...]]:
        """Write the pyramid, each level from the one before it."""
        image = self.image
        steps = halvings(image.shape, image.source.axes, image.source.spacing)
        finer = self.array
        for level, by in enumerate(steps, 1):
            shape = tuple(-(-n // step) for n, step in zip(finer.shape, by, strict=True))
            coarser = self._level(level, shape)
            work = _Halving(finer, coarser, tuple(by), image.labels)
            pieces = list(file_boxes(coarser))
            sides = coarser.shards or coarser.chunks
            read = math.prod(sides) * math.prod(by) * coarser.dtype.itemsize
            at_once = max(1, min(workers.count, _MEMORY // (2 * read)))
            with closing(workers.in_order(work, pieces, at_once=at_once)) as done:
                for number, _ in enumerate(done):
                    if report is not None:
                        report(Progress(level - 1 + number / len(pieces), len(steps)))
            finer = coarser
        return steps


@dataclass(frozen=True)
class _Halving:
    """Writes a piece of a smaller level."""

    finer: Any
    coarser: Any
    by: tuple[int, ...]
    labels: bool

    def __call__(self, box: tuple[slice, ...]) -> None:
        below = tuple(
            slice(part.start * step, part.stop * step)
            for part, step in zip(box, self.by, strict=True)
        )
        self.coarser[box] = halved(np.asarray(self.finer[below]), self.by, labels=self.labels)


def file_boxes(array: Any) -> Iterator[tuple[slice, ...]]:
    """Return the boxes of a Zarr array that are a file each, in its order."""
    sides = array.shards or array.chunks
    starts = [range(0, n, side) for n, side in zip(array.shape, sides, strict=True)]
    for first in itertools.product(*starts):
        yield tuple(
            slice(a, min(a + side, n)) for a, side, n in zip(first, sides, array.shape, strict=True)
        )


def is_zarr(path: Path) -> bool:
    """Return True for a folder that is a Zarr, whatever it is called."""
    return any((path / name).exists() for name in MARKS)


def holds_zarr_alone(path: Path) -> bool:
    """Return True for an empty folder, or a Zarr without any other files in it."""
    files = [each for each in path.rglob("*") if not each.is_dir() or each.is_symlink()]
    return not files or (is_zarr(path) and all(map(_of_zarr, files)))


def _of_zarr(file: Path) -> bool:
    """Return True for a file of Zarr (2 or 3), or one that a computer leaves everywhere."""
    return file.name in _OWN_FILES or _CHUNK.fullmatch(file.name) is not None
