"""Some planes, volumes or blocks of what a recipe gives, computed without the rest."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box, Tile
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.methods.registry import METHODS
from napari_tessera.methods.ways import PlanesOrVolumes
from napari_tessera.pipeline.blockwise.blocks import Blocks
from napari_tessera.pipeline.method_run import Run
from napari_tessera.pipeline.pieces import Location
from napari_tessera.pipeline.recipes.chain import first_linked, inputs_beside
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.refinement import Refinement
from napari_tessera.pipeline.result import ImageResult, Labelled, ScoreMaps
from napari_tessera.pipeline.source import Index, Region, Source
from napari_tessera.signature.progress import NothingToSeparate, Progress, Reporter
from napari_tessera.signature.words import Array

MOST = 1 << 26
"""Pixels of a plane or volume that is worked on as a whole, where it can be cut as well."""


class SamplePart(NamedTuple):
    """What a recipe gives at one place.

    Attributes
    ----------
    core : tuple of slice
        The place in an array of the whole, along all axes but those of the classes.
    array : ndarray
    cut : list of (int, int)
        Its faces, as axis and 0 or -1, beyond which the image goes on.
    """

    core: Box
    array: Array
    cut: list[tuple[int, int]]


@dataclass(frozen=True)
class Samples:
    """The places at which a recipe can be run without the rest; see `parts`.

    Attributes
    ----------
    run : Run
        Of the last step, on what the steps before give, computed where it is read.
    blocks : Blocks
    """

    run: Run
    blocks: Blocks

    @classmethod
    def of(cls, recipe: Recipe, image: Source, report: Reporter, **arrays: Any) -> Samples:
        """Return the places of a recipe on an image.

        Parameters
        ----------
        recipe : Recipe
        image : Source
        report : Reporter
            Hears of what is read for levels that are found in the whole.
        **arrays
            Images that the recipe only names.

        Raises
        ------
        ValueError
            If what it gives at one place depends on all others.
        """
        cache, source, steps = Cache(), image, recipe.steps
        if (number := first_linked(steps)) is not None:
            raise ValueError(f"{steps[number].method} takes what an earlier step gives")
        for number, step in enumerate(steps):
            last = number == len(steps) - 1
            own = {n: v for n, v in arrays.items() if n in inputs_beside(step)}
            run = _run(step, source, own, cache, report.part(number, len(steps)))
            _check(step, run, last=last)
            if not last:
                kind = run.kind.kind if issubclass(run.kind, Labelled) else ""
                array = ComputedArray(run.with_ids().levelled())
                source = Source(array, image.spacing, image.axes, kind=kind, name=image.name)
        run = run.with_ids()
        return cls(run if _finds_each(run) else run.levelled(), run.blocks)

    @property
    def noun(self) -> str:
        """What the places are."""
        if self.blocks.are_cut:
            return "blocks"
        return "planes" if self.blocks.pieces.axes == 2 else "volumes"

    @property
    def places(self) -> list[Location]:
        """All of them."""
        return self.blocks.places

    def parts(self, count: int, report: Reporter) -> Iterator[SamplePart]:
        """Yield what is found at some places, evenly spread from the first to the last."""
        places = self.places
        chosen = np.unique(np.linspace(0, len(places) - 1, min(count, len(places))).round())
        known: tuple[Index, Run] | None = None
        for done, number in enumerate(chosen.astype(int).tolist()):
            report(Progress(done, len(chosen)))
            place = places[number]
            if known is None or known[0] != place.index:
                known = place.index, _piece(self.run, place.index)
            array = _found(known[1], place.tile)
            cut = _cut_faces(place.tile, self.blocks.shape, array.ndim)
            box = (*(slice(i, i + 1) for i in place.index), *_core(self.run, place.tile))
            yield SamplePart(box, array, cut)


def _core(run: Run, tile: Tile | None) -> Box:
    """Return the box of a block in its plane or volume, or all of this."""
    if tile is not None:
        return tile.core
    return tuple(slice(0, n) for n in run.source.shape[-run.pieces.axes :])


def _cut_faces(tile: Tile | None, shape: Sequence[int], ndim: int) -> list[tuple[int, int]]:
    """Return the faces of a block beyond which its plane or volume goes on."""
    if tile is None:
        return []
    lead = ndim - len(shape)
    low = [(lead + axis, 0) for axis, part in enumerate(tile.core) if part.start > 0]
    high = [
        (lead + axis, -1)
        for axis, (part, length) in enumerate(zip(tile.core, shape, strict=True))
        if part.stop < length
    ]
    return low + high


def _check(step: Recipe, run: Run, *, last: bool) -> None:
    """Raise an error if what a step gives at one place cannot be found without the rest."""
    method, kinds = run.method, (Labelled, ImageResult)
    reason = ""
    if not isinstance(method.way, PlanesOrVolumes):
        reason = "works on all planes at once"
    elif step.region is not None:
        reason = "works on a region"
    elif not issubclass(run.kind, (*kinds, ScoreMaps) if last else kinds):
        reason = "gives no array"
    elif not last and (step.blocks or step.join):
        reason = "looks at all planes or blocks together"
    elif not last and run.kind.numbered and run.blocks.are_cut:
        # where two objects are equally near, their numbers decide
        reason = "numbers objects in all blocks together"
    elif run.blocks.are_cut and method.cut.assembly_with(run.values) is not None:
        reason = "decides on objects of all blocks together"
    elif step.only and method.refines:
        reason = "refines labels by their numbers"
    if reason:
        raise ValueError(f"{step.method} {reason}")


def _run(
    step: Recipe, source: Source, arrays: Mapping[str, Any], cache: Cache, report: Reporter
) -> Run:
    method = METHODS[step.method]
    if source.channel_axis is not None:
        source = replace(source, channel=step.channel)
    kind = Refinement if method.refines else Run
    values, asked = step.values(**arrays), step.walk
    run = kind.of(method, source, values, replace(asked, join=False), cache, report)
    shape = source.shape[-run.pieces.axes :]
    if run.walk.blocks is None and math.prod(shape) > MOST and _can_be_cut(run):
        run = replace(run, walk=asked.in_blocks("auto"))
    return run


def _can_be_cut(run: Run) -> bool:
    cut, values = run.method.cut, run.values
    cuttable = cut.halo is not None and cut.scope_of(values) != "global" and cut.is_exact(values)
    return cuttable and not run.method.has_loose_table


def _finds_each(run: Run) -> bool:
    """Return True if each of several planes or volumes has levels of its own."""
    return run.walk.levels_from == "each" and len(run.pieces) > 1


def _piece(run: Run, index: Index) -> Run:
    """Return the run on one plane or volume, with the levels of its own if it has some."""
    if not index:
        return run
    whole = tuple(slice(0, n) for n in run.source.shape[len(index) :])
    own = run.within(Location(index).region(whole))
    return own.levelled() if _finds_each(run) and own.blocks.are_cut else own


def _found(run: Run, tile: Tile | None) -> Array:
    """Return what a run on one plane or volume finds in it, or in a block of it."""
    lead = len(run.pieces.lead)
    place = Location((0,) * lead, tile)
    try:
        found, _ = run.at(place, 0, Reporter())
    except NothingToSeparate:  # it is empty, or stays as it is
        box = (*(slice(0, 1),) * lead, *_core(run, tile))
        if run.method.refines:
            return np.asarray(run.source.array[box])
        return np.zeros([part.stop - part.start for part in box], np.uint8)
    array = np.asarray(found[0] if isinstance(found, tuple) else found)
    own = array.ndim - run.pieces.axes  # axes of its own, in front
    return array.reshape(*array.shape[:own], *(1,) * lead, *array.shape[own:])


class ComputedArray:
    """What a step gives, computed where it is read.

    Objects are numbered in what is read at once.

    Parameters
    ----------
    run : Run
        With its levels found, unless each plane or volume has its own.
    """

    def __init__(self, run: Run) -> None:
        self._run, self._halo = run, run.blocks.halo
        self._last: tuple[Index, Array] | None = None
        self.shape = run.source.shape
        self.ndim = len(self.shape)
        self.dtype = np.dtype(np.uint32 if issubclass(run.kind, Labelled) else np.float32)

    def __getitem__(self, index: tuple[Any, ...]) -> Array:
        parts = [
            part if isinstance(part, slice) else slice(int(part), int(part) + 1) for part in index
        ]
        ranges = [range(*part.indices(n)) for part, n in zip(parts, self.shape, strict=True)]
        lead = len(self._run.pieces.lead)
        box = tuple(slice(r.start, r.stop) for r in ranges[lead:])
        found, highest = [], 0
        for place in itertools.product(*ranges[:lead]):
            array = self._at(place, box)
            if self._run.kind.numbered:  # no number twice in what is read at once
                array = np.where(array > 0, array.astype(np.uint32) + highest, 0)
                highest = max(highest, int(array.max(initial=0)))
            found.append(array)
        shape = (*(len(r) for r in ranges[:lead]), *found[0].shape[lead:])
        whole = np.concatenate(found).reshape(shape)
        steps: tuple[Any, ...] = (..., *(slice(None, None, r.step) for r in ranges[lead:]))
        whole = whole[steps]
        axes: tuple[Any, ...] = tuple(slice(None) if isinstance(p, slice) else 0 for p in index)
        return np.asarray(whole[axes])

    def _at(self, place: Index, box: Box) -> Array:
        """Return a box of one plane or volume."""
        whole = self.shape[len(place) :]
        if self._run.blocks.are_cut:
            start, stop = (tuple(getattr(part, end) for part in box) for end in ("start", "stop"))
            tile = Tile(box, Region(start, stop).grown(self._halo, whole).box)
            return _found(_piece(self._run, place), tile)
        if self._last is None or self._last[0] != place:
            self._last = place, _found(_piece(self._run, place), None)
        inside: tuple[Any, ...] = (..., *box)
        return np.asarray(self._last[1][inside])
