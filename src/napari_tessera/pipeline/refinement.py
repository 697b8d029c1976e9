"""Runs that change labels: their numbers stay, and so do those that are not worked on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box, Tile, tiled
from napari_tessera.algorithms.labels.ids import alone, beside_others
from napari_tessera.algorithms.parallel import WORKERS
from napari_tessera.methods.method import Method
from napari_tessera.pipeline.label_arrays import Present
from napari_tessera.pipeline.method_run import Run
from napari_tessera.pipeline.result import Result
from napari_tessera.pipeline.sinks import Between, MemorySink
from napari_tessera.pipeline.source import Index, Region, Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.arrays import as_labels
from napari_tessera.signature.words import Array

_log = logging.getLogger(__name__)


class Refinement(Run):
    """A run that changes labels: their numbers stay, and so do those not worked on."""

    @classmethod
    def check_only(cls, method: Method, walk: Walk) -> None:
        """Do nothing: here there are labels."""

    def collected(self, start: Index) -> Result:
        """Refine the labels everywhere; see `Run`.

        Raises
        ------
        ValueError
            If none of those to be refined is there.
        """
        if self.walk.only:
            self._say_missing()
            if self.method.cut.assembly_with(self.values) is not None and self.blocks.are_cut:
                return self._assembled_alone(start)
        return super().collected(start)

    def _assembled_alone(self, start: Index) -> Result:
        """Return the labels of which some were decided on as wholes, in a run of them alone."""
        source, only, sink = self.source, self.walk.only, self.sink or MemorySink()
        own = replace(
            self,
            source=replace(source, array=_Alone(source.array, only)),
            walk=replace(self.walk, only=()),
            sink=None if self.sink is None else Between(sink),
        )
        result = own.collected(start)
        dtype = np.result_type(result.array.dtype, self._numbers()["dtype"])
        array = sink.create(source.shape, dtype, own.blocks.block)
        work = _BesideOthers(result.array, source, only, array)
        boxes, there = tiled(source.shape, (0,) * len(source.shape), own.blocks.block), set[int]()
        for ids in self.workers.in_order(work, boxes, at_once=WORKERS):
            there.update(ids)
        return replace(result, array=array, count=len(there))

    def _say_missing(self) -> None:
        missing = set(self.walk.only)
        for place in self.blocks.places:
            labels = self._own(place)
            missing = {number for number in missing if not (labels == number).any()}
            if not missing:
                return
        absent = f"{self.source.name} has no {', '.join(map(str, sorted(missing)))}"
        if missing == set(self.walk.only):
            raise ValueError(f"only is {self.walk.only}, but {absent}")
        _log.warning("%s, of those to be refined", absent)

    def _called(
        self, function: Callable[..., Any], arrays: dict[str, Array], values: dict[str, Any]
    ) -> Any:
        name, only = self.method.source.name, self.walk.only
        if not only:
            return super()._called(function, arrays, values)
        labels = arrays[name]
        piece = super()._called(function, {**arrays, name: alone(labels, only)}, values)
        return beside_others(labels, only, piece)

    def _numbers(self) -> dict[str, Any]:
        dtype = as_labels(np.empty(0, self.source.array.dtype)).dtype
        return {"keep_ids": True, "dtype": dtype}

    def in_region(self, region: Region) -> Result:
        """Return the labels of a region, refined as if all were; outside its mask they stay."""
        pieces, cut, shape = self.pieces, self.method.cut, self.source.shape
        halo = shape[-pieces.axes :] if cut.halo is None else cut.halo(self.values, pieces.spacing)
        # the mask is no part of what is seen: labels go on outside it
        seen, sink = region.grown(halo, shape), self.sink or MemorySink()
        own = replace(self.within(seen), sink=None if self.sink is None else Between(sink))
        result = own.levelled().collected(seen.start)
        block = tuple(map(min, own.blocks.block, region.shape))
        array = sink.create(region.shape, result.array.dtype, block)
        work = _Part(result.array, seen, self.source, region, array)
        boxes, there = tiled(region.shape, (0,) * len(shape), block), set[int]()
        for ids in self.workers.in_order(work, boxes, at_once=WORKERS):
            there.update(ids)
        return replace(result, array=array, start=region.start, count=len(there))


@dataclass(frozen=True)
class _Alone:
    """Some labels of an array without the others, as it is read.

    Attributes
    ----------
    array : array
    numbers : tuple of int
    """

    array: Any
    numbers: tuple[int, ...]

    @property
    def shape(self) -> Index:
        return tuple(self.array.shape)

    @property
    def ndim(self) -> int:
        return len(self.array.shape)

    @property
    def dtype(self) -> Any:
        return self.array.dtype

    def __getitem__(self, index: Any) -> Array:
        return alone(np.asarray(self.array[index]), self.numbers)


@dataclass(frozen=True)
class _BesideOthers:
    """Copies a block of refined labels; where others lie, these stay.

    Attributes
    ----------
    refined : array
    source : Source
        All labels as they were.
    numbers : tuple of int
        Those that were refined.
    result : array
    """

    refined: Any
    source: Source
    numbers: tuple[int, ...]
    result: Any

    def __call__(self, tile: Tile) -> list[int]:
        """Return which labels there are."""
        labels = as_labels(np.asarray(self.source.array[tile.core]))
        own = beside_others(labels, self.numbers, np.asarray(self.refined[tile.core]))
        self.result[tile.core] = own
        return [int(number) for number in Present.of(own).ids]


@dataclass(frozen=True)
class _Part:
    """Copies a block of refined labels; outside a mask they are those of the source.

    Attributes
    ----------
    refined : array
        Labels of the region `seen`.
    seen : Region
    source : Source
    region : Region
        The part that is wanted.
    result : array
    """

    refined: Any
    seen: Region
    source: Source
    region: Region
    result: Any

    def __call__(self, tile: Tile) -> list[int]:
        """Return which labels there are."""
        place = self.region.start
        own = np.asarray(self.refined[_moved(tile.core, place, self.seen.start)])
        if self.region.mask is not None:
            mask = np.broadcast_to(self.region.mask, self.region.shape)[tile.core]
            kept = as_labels(np.asarray(self.source.array[_moved(tile.core, place)]))
            own = np.where(mask, own, kept).astype(own.dtype)
        self.result[tile.core] = own
        return [int(number) for number in Present.of(own).ids]


def _moved(box: Box, to: Index, start: Index | None = None) -> Box:
    """Return a box of the region as one of the source, or of a part that starts there."""
    first = start or (0,) * len(box)
    return tuple(
        slice(part.start + a - b, part.stop + a - b)
        for part, a, b in zip(box, to, first, strict=True)
    )
