"""The steps of a recipe, run one after the other; what they give may be kept for the next run."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.methods.method import Method
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.blockwise.blocks import sides_kept
from napari_tessera.pipeline.blockwise.workers import Workers
from napari_tessera.pipeline.pieces import Pieces
from napari_tessera.pipeline.recipes.chain import inputs_beside, results_taken, sources_of
from napari_tessera.pipeline.result import KINDS, Labelled, Result, ScoreMaps
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.sinks import Between, Sink
from napari_tessera.pipeline.source import Index, Points, Region, Source
from napari_tessera.pipeline.walk import BlockSize, Walk
from napari_tessera.signature.progress import Reporter

if TYPE_CHECKING:
    from distributed import Client

    from napari_tessera.pipeline.recipes.recipe import Recipe

_OF_RUN = ("method", "parameters", "inputs", "over", "levels_from", "join", "region", "only")
"""What a step gives depends on these of its fields, and on blocks and channel."""


@dataclass(frozen=True)
class StepOutcome:
    """What a step of a recipe gave.

    Attributes
    ----------
    result : Result
        It begins at `start` of the image that the recipe ran on.
    seconds : float
        How long that took.
    """

    result: Result
    seconds: float

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it takes, tables and polygons included."""
        arrays = [self.result.array, *(self.result.table or {}).values()]
        arrays += getattr(self.result, "polygons", [])
        return sum(int(getattr(each, "nbytes", 0)) for each in arrays)


class KeptSteps:
    """What steps gave, kept in memory by what they were made from; the oldest go first.

    Parameters
    ----------
    limit : int
        Bytes.
    """

    def __init__(self, limit: int) -> None:
        self._cache = Cache(limit)

    def outcome(self, key: Hashable, make: Callable[[], StepOutcome]) -> tuple[StepOutcome, bool]:
        """Return what is kept, or make and keep it; and whether it was made."""
        made: list[StepOutcome] = []

        def making() -> StepOutcome:
            made.append(make())
            return made[0]

        found = self._cache.value("step", key, making, size=lambda each: each.nbytes)
        return found, bool(made)

    def clear(self) -> None:
        """Let everything go."""
        self._cache.clear()


@dataclass(frozen=True)
class StepTools:
    """What a run of steps works with, besides what it works on.

    Attributes
    ----------
    cache : Cache, optional
        Where networks are kept for the next run.
    blocks : tuple of int or {"auto", "whole"}, optional
        Sides of the blocks that each step works on; None = as its recipe says.
    sink : Sink, optional
        What makes the last array that is given; None = it is kept in memory.
    kept : KeptSteps, optional
        What earlier runs gave; None = every step is run.
    workers : Workers or distributed.Client, optional
        Who computes planes, volumes or blocks; None = the threads of this process.
    """

    cache: Cache | None = None
    blocks: BlockSize | Literal["whole"] | None = None
    sink: Sink | None = None
    kept: KeptSteps | None = None
    workers: Workers | Client | None = None


@dataclass(frozen=True)
class RecipeRun:
    """The steps of a recipe on one image.

    A step works on the last labels or image that a step before it gave, or on the one that it
    names; tables, polygons and probability maps are branches. What it takes beside that may be what
    earlier steps gave, too: it is kept until the last of those that name it.

    Attributes
    ----------
    steps : sequence of Recipe
        The first one first.
    image : Source
    arrays : sequence of mapping
        The images, markers and masks that each step is given, instead of those it keeps; where an
        earlier step has worked in a region, they may have the shape of the image, too.
    tools : StepTools
    """

    steps: Sequence[Recipe]
    image: Source
    arrays: Sequence[Mapping[str, Any]]
    tools: StepTools = field(default_factory=StepTools)

    def outcomes(self, report: Reporter) -> Iterator[tuple[StepOutcome, bool]]:
        """Yield what each step gives, and whether it was run for it and not kept."""
        count, kept = len(self.steps), self.tools.kept
        known = None if kept is None else image_key(self.image)
        began = _Given(self.image, (0,) * len(self.image.shape), known)
        given = dict[int | None, _Given]({None: began})
        sides: tuple[list[int] | None, ...] = ()  # of the blocks of each step
        for number, step in enumerate(self.steps):
            on = given[self._sources[number]]
            beside = {name: given[other] for name, other in results_taken(step).items()}
            make = partial(self._made, number, on, beside, report.part(number, count))
            if kept is None:
                key, found, fresh = None, make(), True
            else:
                others = {name: each.key for name, each in beside.items()}
                key = step_key(on.key, step, self.arrays[number], others)
                found, fresh = kept.outcome(key, make)
            # what a step gives begins in what it worked on
            start = tuple(np.add(on.start, found.result.start or 0).tolist())
            sides = (*sides, *found.result.blocks)
            yield replace(found, result=replace(found.result, start=start, blocks=sides)), fresh
            if found.result.on_grid:
                given[number] = _Given(_next(self.image, found.result), start, key)
            given = {
                n: each for n, each in given.items() if n is None or self._last_use(n) > number
            }

    @cached_property
    def _sources(self) -> list[int | None]:
        return sources_of(self.steps)

    def _last_use(self, number: int) -> int:
        """Return the last step that takes what a step gives, -1 if none does."""
        users = (
            other
            for other, step in enumerate(self.steps)
            if self._sources[other] == number or number in results_taken(step).values()
        )
        return max(users, default=-1)

    def _made(
        self, number: int, on: _Given, beside: Mapping[str, _Given], report: Reporter
    ) -> StepOutcome:
        step, tools, began = self.steps[number], self.tools, time.perf_counter()
        source = on.source
        if source is self.image and source.channel_axis is not None:
            source = replace(source, channel=step.channel)
        walk = step.walk if tools.blocks is None else step.walk.in_blocks(tools.blocks)
        part = Region(on.start, tuple(np.add(on.start, source.shape).tolist()))
        method = METHODS[step.method]
        others = {n: _part_given(number, n, each, part, method) for n, each in beside.items()}
        given = {**self._own(number, part), **others, **self._cut(number, part)}
        values, sink = step.values(**given), self._sink(number)
        how: dict[str, Any] = {"cache": tools.cache, "sink": sink, "workers": tools.workers}
        result = run(step.method, source, values, walk, report=report, **how)
        sides = sides_worked_on(method, source, values, walk)
        return StepOutcome(replace(result, blocks=(sides,)), time.perf_counter() - began)

    def _sink(self, number: int) -> Sink | None:
        """Return what makes the array of a step: the last one that gives labels or an image."""
        sink, gives = self.tools.sink, [KINDS[METHODS[s.method].returns] for s in self.steps]
        if sink is None or not gives[number].on_grid:
            return None
        later = any(kind.on_grid for kind in gives[number + 1 :])
        return Between(sink) if later else sink

    def _own(self, number: int, part: Region) -> dict[str, Any]:
        """Return the image that all began with, for the step that names it beside its source."""
        began = self.steps[0].source.get("name")
        beside = inputs_beside(self.steps[number])
        names = [name for name, data in beside.items() if data.get("name") == began]
        return dict.fromkeys(names, self.image.cut(part)) if number and names else {}

    def _cut(self, number: int, part: Region) -> dict[str, Any]:
        """Return the arrays of a step, cut to the part that an earlier one has worked in."""
        given, whole = dict(self.arrays[number]), self.image.shape
        if part.stop == whole and not any(part.start):
            return given
        return {name: _cut_to(part, each, whole) for name, each in given.items()}


@dataclass(frozen=True)
class _Given:
    """What a step gave, or the image, for those that take it.

    Attributes
    ----------
    source : Source
        Of probabilities, the classes are its channels.
    start : tuple of int
        Where in the image it begins.
    key : hashable
        By what it is known, if what steps give is kept.
    """

    source: Source
    start: Index
    key: Hashable


def _part_given(number: int, name: str, given: _Given, part: Region, method: Method) -> Any:
    """Return what an earlier step gave in the part of the image that another one works on.

    Raises
    ------
    ValueError
        If the earlier one has worked on a part that does not hold it.
    """
    source, ends = given.source, (part.start, part.stop)
    start, stop = (tuple(np.subtract(each, given.start).tolist()) for each in ends)
    own = Region(start, stop)
    if min(start, default=0) < 0 or any(a > b for a, b in zip(stop, source.shape, strict=True)):
        there = tuple(np.add(given.start, source.shape).tolist())
        raise ValueError(
            f"steps[{number}]: {name} lies in {given.start} to {there} of the image, but "
            f"{method.name} works on {part.start} to {part.stop}; let both work on one region"
        )
    is_image = any(each.name == name and each.is_image for each in method.options)
    cut = source if own.covers(source.shape) else source.cut(own)
    if is_image:
        return cut
    return cut.whole if isinstance(source.array, np.ndarray) else cut.array


def sides_worked_on(
    method: Method, source: Source, values: Mapping[str, Any], walk: Walk
) -> list[int] | None:
    """Return the sides of the blocks that a run works on, if what it gives depends on them."""
    part = source if walk.region is None else source.cut(walk.region)
    pieces = Pieces(method, part, method.complete(values), method.over(walk.over, source.over))
    return sides_kept(pieces, walk.blocks)


def _cut_to(region: Region, given: Any, whole: Index) -> Any:
    """Return the part of what lies on the whole image; what has another shape is as it was."""
    if isinstance(given, Points):
        return given.cut(region)
    if tuple(getattr(given, "shape", ())) != whole:
        return given
    return given.cut(region) if isinstance(given, Source) else given[region.box]


def _next(image: Source, result: Result) -> Source:
    """Return what a step made from an image as the source of the next one."""
    kind = result.kind if isinstance(result, Labelled) else ""
    axis = 0 if isinstance(result, ScoreMaps) else None
    return Source(result.array, image.spacing, image.axes, axis, kind=kind, name=image.name)


# ------------------------------------------------------------------ by what results are known


@dataclass(frozen=True, eq=False)
class _Same:
    """An array that is known by itself only, as it is read from elsewhere."""

    array: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.array is self.array

    def __hash__(self) -> int:
        return id(self.array)


def array_key(array: Any) -> Hashable:
    """Return by what an array is known: what it holds, if it lies in memory, or which one it is.

    Examples
    --------
    >>> array_key(np.zeros(3)) == array_key(np.zeros(3)), array_key(np.zeros(3)) == array_key([0])
    (True, False)
    """
    if isinstance(array, Points):
        return "points", array_key(array.coordinates), array_key(array.ids)
    if isinstance(array, Source):
        return image_key(array)
    parts = getattr(array, "parts", None)
    if parts is not None:  # such as layers that are the channels of one image
        return type(array), tuple(map(array_key, parts))
    if not isinstance(array, np.ndarray):
        return _Same(array)
    # as bytes, one row after the other: a copy only where the array is a view with gaps
    found = hashlib.blake2b(np.ascontiguousarray(array).view(np.uint8).data, digest_size=16)
    return array.shape, array.dtype.str, found.digest()


def image_key(image: Source) -> Hashable:
    """Return by what an image is known: its pixels, their size, axes and channels."""
    own = image.spacing, image.spacing.unit, image.axes, image.channel_axis, image.channel
    return array_key(image.array), own, image.rgb, image.kind


def step_key(
    before: Hashable,
    step: Recipe,
    given: Mapping[str, Any],
    others: Mapping[str, Hashable] = MappingProxyType({}),
) -> Hashable:
    """Return by what is known what a step gives.

    Parameters
    ----------
    before : hashable
        By what is known what it works on.
    step : Recipe
    given : mapping
        Arrays instead of those it keeps.
    others : mapping
        By what is known what it takes of earlier steps beside that.
    """
    own = {name: getattr(step, name) for name in (*_OF_RUN, "blocks", "channel")}
    text = json.dumps(own, sort_keys=True)
    arrays = tuple((name, array_key(each)) for name, each in sorted(given.items()))
    return before, text, arrays, tuple(sorted(others.items(), key=itemgetter(0)))
