"""Results that are written into an OME-Zarr while they are computed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from napari_tessera.io.block_files import BlockFiles
from napari_tessera.io.formats import kept_of, origin_of, with_classes
from napari_tessera.io.resume import BlockLog
from napari_tessera.io.stores import written_whole
from napari_tessera.io.zarr_writer import OmeZarrImage, OmeZarrWriter, holds_zarr_alone
from napari_tessera.pipeline.blockwise.workers import workers_of
from napari_tessera.pipeline.result import Labelled, Result, ScoreMaps
from napari_tessera.pipeline.sinks import Log, NoLog
from napari_tessera.signature.progress import Stop

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType

    from napari_tessera.pipeline.recipes.recipe import Recipe
    from napari_tessera.pipeline.source import Index, Source
    from napari_tessera.signature.words import Report


class ZarrSink:
    """Makes the array of a result as that of an OME-Zarr, which `finish` puts in its place.

    It is used in a ``with``: whatever leaves it without having finished has written nothing.

    Parameters
    ----------
    path : Path
        Ends in .zarr.
    source : Source
        What the result is made from.
    overwrite : bool
        Whether an existing folder may be replaced, if nothing but a Zarr is in it.
    key : str
        What tells the run from others, see `work_key`: one that was interrupted goes on. "" = each
        begins anew.
    workers : Workers or distributed.Client, optional
        Who writes the smaller levels; None = the threads of this process.

    Raises
    ------
    FileExistsError, NotADirectoryError
        If what is there may not be replaced.
    OSError
        If the folder cannot be written to.
    """

    def __init__(
        self,
        path: Path,
        source: Source,
        *,
        overwrite: bool = False,
        key: str = "",
        workers: Any = None,
    ) -> None:
        self._path, self._source, self._key = path, source, key
        self._workers = workers_of(workers)
        self._opened: AbstractContextManager[Path] = written_whole(
            path, overwrite=overwrite, owned=holds_zarr_alone, key=key
        )
        self._folder: Path | None = None
        self._writer: OmeZarrWriter | None = None
        self._scratches = self._logs = 0

    def __enter__(self) -> Self:
        self._folder = self._opened.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._folder is not None:
            stopped = error or Stop()
            self._opened.__exit__(type(stopped), stopped, trace)

    def create(self, shape: Index, dtype: Any, block: Index) -> Any:
        """Return the array of the result, see `Sink`."""
        image = OmeZarrImage(self._described(shape), shape, dtype, blocks=block)
        self._writer = OmeZarrWriter(self._place, image)
        return self._writer.array

    def between(self, shape: Index, dtype: Any, block: Index) -> Any:
        """Return an array on the same disk that is gone in the end."""
        own = _fitting(block, shape)
        folder = self._scratch(shape, own, str(dtype))
        return BlockFiles.begin(folder, shape, own, np.dtype(dtype))

    def scratch(self, shape: Index, dtype: Any, block: Index) -> Any:
        """Return what keeps blocks on the same disk, in the types that they come in."""
        own = _fitting(block, shape)
        return BlockFiles.begin(self._scratch(shape, own), shape, own)

    def _scratch(self, *layout: Any) -> Path:
        self._scratches += 1
        return self._beside(f"scratch {self._scratches}", layout)

    def log(self, layout: Mapping[str, Any]) -> Log:
        """Return what an interrupted run of the same has noted, and where this one does."""
        self._logs += 1
        if not self._key:
            return NoLog()
        own = self._beside(f"log {self._logs}", layout)
        logs = {each: int(each.name.split()[1]) for each in own.parent.glob("log *")}
        if any(number == self._logs and each != own for each, number in logs.items()):
            # laid out otherwise: what came later has been, or will be, written over
            for each in (each for each, number in logs.items() if number >= self._logs):
                each.unlink()
        return BlockLog(own)

    def _beside(self, name: str, layout: Any) -> Path:
        """Return a place that no other layout has."""
        own = hashlib.sha256(json.dumps(layout, sort_keys=True).encode()).hexdigest()
        return self._place.with_name(f"{name} {own[:16]}")

    @property
    def _place(self) -> Path:
        if self._folder is None:
            raise RuntimeError("a ZarrSink is used in a with statement")
        return self._folder

    def _described(self, shape: Index) -> Source:
        """Return the source, with an axis for classes if the result has one."""
        more = len(shape) > len(self._source.axes)
        return with_classes(ScoreMaps(), self._source)[1] if more else self._source

    def finish(self, result: Result, recipe: Recipe | None = None, report: Report = None) -> Result:
        """Write the smaller levels and what is known of a result, and move it to its place.

        Parameters
        ----------
        result : Result
            Of the run that has written into this.
        recipe : Recipe, optional
        report : callable, optional
            Takes `Progress`.

        Returns
        -------
        Result
            The same, with the array in its place.
        """
        import zarr

        if self._writer is None:
            raise RuntimeError("nothing was written; finish a ZarrSink after the run")
        own, source = with_classes(result, self._source)
        self._writer.image = replace(
            self._writer.image,
            labels=isinstance(result, Labelled),
            origin=tuple(origin_of(own, source)),
            look=result.look,
            kept=kept_of(result, None),
        )
        self._writer.finish(recipe, report, self._workers)
        self._folder = None
        self._opened.__exit__(None, None, None)
        return replace(result, array=zarr.open_array(str(self._path / "0"), mode="r"))


def _fitting(block: Index, shape: Index) -> Index:
    return tuple(map(min, block, shape))
