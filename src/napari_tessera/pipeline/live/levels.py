"""The levels of a live segmentation: those of an image's pyramid, or made by leaving out pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_tessera.methods.registry import METHODS
from napari_tessera.methods.ways import PlanesOrVolumes
from napari_tessera.pipeline.live.grid import LiveGrid
from napari_tessera.pipeline.live.reading import ChunkCache, Coarser, chunks_of
from napari_tessera.pipeline.live.steps import LiveStep, StepArray
from napari_tessera.pipeline.method_run import Run
from napari_tessera.pipeline.recipes.chain import first_linked, inputs_beside
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.refinement import Refinement
from napari_tessera.pipeline.result import Labelled
from napari_tessera.pipeline.source import Index, Points, Source
from napari_tessera.signature.arrays import as_labels
from napari_tessera.signature.units import physical
from napari_tessera.signature.words import VoxelSize

COARSEST = {2: 1 << 20, 3: 1 << 22}
"""Of about so many pixels is a plane, or a volume, of the coarsest level that is made."""

_SHORTEST = 128


@dataclass(frozen=True)
class LiveLevel:
    """What is shown at one zoom.

    Attributes
    ----------
    steps : list of LiveStep
        Of the recipe; what the last one gives is shown.
    grid : LiveGrid
        The blocks that are worked on.
    shape : tuple of int
        Along all axes.
    stride : tuple of int
        Every how many of the pixels that are worked on are shown, along the same axes.
    """

    steps: list[LiveStep]
    grid: LiveGrid
    shape: Index
    stride: Index

    @property
    def last(self) -> LiveStep:
        """The step that gives what is shown."""
        return self.steps[-1]

    @property
    def keeps_ids(self) -> bool:
        """Whether ids of objects stand for something: those of markers, or of given labels."""
        first, *others = (step.run for step in self.steps)
        given = first.method.refines or first.values.get("markers") is not None
        return given and all(each.method.refines for each in others)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of what is shown."""
        run = self.last.run
        if run.method.refines and len(self.steps) == 1:
            return as_labels(np.empty(0, run.source.array.dtype)).dtype
        return np.dtype(np.uint32 if run.kind.numbered else np.uint8)

    @property
    def exact(self) -> bool:
        """Whether objects that share a pixel where blocks overlap are one.

        Not if they are refined: where two of them touch, what belongs to which may depend on their
        numbers, which differ from block to block.
        """
        refined = any(step.run.kind.numbered for step in self.steps[:-1])
        return not refined and all(s.run.method.cut.is_exact(s.run.values) for s in self.steps)


def levels_of(
    sources: Sequence[Source], recipe: Recipe, arrays: Mapping[str, Any]
) -> list[LiveLevel]:
    """Return the levels of a recipe on an image, the finest first.

    Parameters
    ----------
    sources : sequence of Source
        The image, and the smaller levels of its pyramid if it has any.
    recipe : Recipe
    arrays : mapping
        Images that the recipe only names, or other markers and masks than it keeps.

    Raises
    ------
    ValueError
        If the recipe cannot be followed block by block.
    """
    finest = _chain(sources[0], recipe, arrays)
    first = _level(finest)
    if len(sources) == 1:
        return [first, *_thinner(first)]
    return [first, *(_level(_coarser(finest, each)) for each in sources[1:])]


def _chain(source: Source, recipe: Recipe, arrays: Mapping[str, Any]) -> list[LiveStep]:
    """Return the steps of a recipe on the full image, each of which works on the one before."""
    image, steps = cached(source), list[LiveStep]()
    began = recipe.first.source.get("name")
    if (number := first_linked(recipe.steps)) is not None:
        raise ValueError(
            f"recipe has the step {recipe.steps[number].method}, which takes what an earlier step "
            "gives besides the last one; run it, or leave that out"
        )
    for step in recipe.steps:
        _check(step, last=step is recipe.steps[-1])
        beside = inputs_beside(step)
        several = step is not recipe.steps[0] or recipe.before is not None
        own = {n: each for n, each in arrays.items() if not several or n in beside}
        if steps:
            source = _after(steps[-1], image)
            named = {n: image for n, data in beside.items() if data.get("name") == began}
            own = {**named, **own}
        else:
            source = image
            if source.channel_axis is not None and not source.rgb and source.channel is None:
                source = replace(source, channel=step.channel)
        steps.append(LiveStep(_run(step, source, step.values(**own))))
    return steps


def cached(source: Source, known: Sequence[Source] = ()) -> Source:
    """Return a source whose chunks are kept when they are read, unless it is in memory.

    Parameters
    ----------
    source : Source
    known : sequence of Source
        Of which those of the same array hand on what they have read.
    """
    array = source.array
    for each in known:
        if isinstance(each.array, ChunkCache) and each.array.array is array:
            return replace(source, array=each.array)
    chunks = None if isinstance(array, np.ndarray | ChunkCache) else chunks_of(array)
    return source if chunks is None else replace(source, array=ChunkCache(array, chunks))


def _after(step: LiveStep, image: Source) -> Source:
    kind = step.run.kind
    labels = kind.kind if issubclass(kind, Labelled) else ""
    return Source(StepArray(step), image.spacing, image.axes, kind=labels, name=image.name)


def _check(step: Recipe, *, last: bool) -> None:
    """Raise an error if a step cannot be followed block by block."""
    method = METHODS[step.method]
    by_pieces = isinstance(method.way, PlanesOrVolumes)
    if not by_pieces:
        raise ValueError(
            f"recipe has the step {step.method}, which works on all labels at once; leave it out"
        )
    if step.region is not None or step.only:
        raise ValueError(
            f"recipe works on a part of the image ({step.method}); make one of the whole layer"
        )
    if step.join:
        raise ValueError(
            f"recipe carries numbers on from plane to plane ({step.method}), which needs all of "
            "them; leave join out"
        )
    if last and not method.is_labelling:
        raise ValueError(f"recipe ends with {step.method}, which gives no labels to be shown")


def _run(step: Recipe, source: Source, values: Mapping[str, Any]) -> Run:
    method = METHODS[step.method]
    kind = Refinement if method.refines else Run
    return kind.of(method, source, values, replace(step.walk, blocks=None)).with_ids()


def _level(steps: list[LiveStep]) -> LiveLevel:
    last = steps[-1]
    grids = [each.grid for each in steps]  # which says why if planes are too large for a step
    blocks = grids[-1]
    if not all(each.can_be_cut for each in steps):
        blocks = LiveGrid(last.shape, last.shape, (0,) * len(last.shape))
    shape = last.run.source.shape
    return LiveLevel(steps, blocks, shape, (1,) * len(shape))


def _thinner(first: LiveLevel) -> list[LiveLevel]:
    """Return levels of which each has half of the pixels along the last two axes."""
    levels, shape, axes = list[LiveLevel](), list(first.shape), len(first.grid.shape)
    stride = [1] * len(shape)
    while math.prod(shape[-axes:]) > COARSEST[axes] and min(shape[-2:]) > _SHORTEST:
        stride[-2:] = [2 * each for each in stride[-2:]]
        shape[-2:] = [n // each for n, each in zip(first.shape[-2:], stride[-2:], strict=True)]
        levels.append(replace(first, shape=tuple(shape), stride=tuple(stride)))
    return levels


# ---------------------------------------------------------------------- pyramids


def _coarser(finest: list[LiveStep], source: Source) -> list[LiveStep]:
    """Return steps on a smaller level of the image; lengths keep their size in the world."""
    image, steps = cached(source), list[LiveStep]()
    for full in finest:
        own = _after(steps[-1], image) if steps else image
        was = full.run.source
        factors = [n / m for n, m in zip(was.shape, own.shape, strict=True)]
        sizes = [size * f for size, f in zip(was.spacing, factors, strict=True)]
        own = replace(
            own, spacing=VoxelSize(sizes, was.spacing.unit), channel=was.channel, kind=was.kind
        )
        values = {
            option.name: _shrunk(full.run, option.name, own) for option in full.run.method.options
        }
        steps.append(LiveStep(replace(full.run, source=own, values=values), full))
    return steps


def _shrunk(run: Run, name: str, onto: Source) -> Any:
    """Return a value as it is on a smaller level of the source."""
    option = next(each for each in run.method.options if each.name == name)
    value, shape = run.values[name], run.source.shape
    if option.word.name == "length" and value is not None and option.applies(run.values):
        return physical(value, run.pieces.spacing)
    if isinstance(value, Points):
        return _fewer(value, shape, onto.shape)
    if isinstance(value, Source):
        return _smaller(value, onto)
    if option.is_array and value is not None:
        array = value if hasattr(value, "shape") else np.asarray(value)
        return Coarser(array, onto.shape[-array.ndim :])
    return value


def _fewer(points: Points, shape: Index, onto: Index) -> Points:
    """Return points in pixels of a smaller image, one in each pixel."""
    there = np.asarray(points.coordinates, float) + 0.5
    moved = np.floor(there * np.array(onto) / np.array(shape))
    moved = np.clip(moved, 0, np.array(onto) - 1)
    first = np.sort(np.unique(moved, axis=0, return_index=True)[1])
    return points.only(first, moved)


def _smaller(source: Source, onto: Source) -> Source:
    shape = list(onto.shape)
    if source.channel_axis is not None:
        shape.insert(source.channel_axis, source.array.shape[source.channel_axis])
    return replace(source, array=Coarser(source.array, tuple(shape)), spacing=onto.spacing)
