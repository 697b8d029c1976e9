"""What a batch will do, found out before it begins: how files are read, what is there, the cost."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np

from napari_tessera.batch.batch_run import BatchRun
from napari_tessera.batch.earlier import EarlierRun
from napari_tessera.batch.inputs import Destination
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.cost import Estimate
from napari_tessera.io.stores import Url
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.pieces import Pieces
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.system_errors import sentence_of
from napari_tessera.signature.units import unit

_BYTES = 4
"""Of a pixel of labels, if nothing is saved by compression."""


class Standing(Enum):
    """What a batch finds of a file before it begins."""

    NEW = "to do"
    FINISHED = "there already"
    REFUSED = "cannot be done"


@dataclass(frozen=True)
class PlannedFile:
    """How a file will be read, and what will become of it.

    Attributes
    ----------
    destination : Destination
    standing : Standing
    source : Source, optional
        The file, opened but not read; None if it cannot be opened.
    problem : str
        Why it cannot be done.
    estimate : Estimate, optional
        What it costs, of recipes whose methods know.
    """

    destination: Destination
    standing: Standing
    source: Source | None = None
    problem: str = ""
    estimate: Estimate | None = None

    @property
    def reading(self) -> str:
        """How the file is read: axes with their lengths, channels, pixel size."""
        if self.source is None:
            return ""
        return how_read(self.source)


@dataclass(frozen=True)
class Plan:
    """What a batch will do.

    Attributes
    ----------
    files : sequence of PlannedFile
    free : int, optional
        Bytes that are free where the outputs go; None where nobody says it.
    """

    files: Sequence[PlannedFile]
    free: int | None = None

    def count(self, standing: Standing) -> int:
        """Return how many files stand so."""
        return sum(each.standing is standing for each in self.files)

    @cached_property
    def _estimates(self) -> list[Estimate]:
        return [e.estimate for e in self.files if e.estimate is not None]

    @property
    def seconds(self) -> float | None:
        """How long it takes, None if no method of the recipe knows."""
        return sum(each.seconds for each in self._estimates) if self._estimates else None

    @property
    def memory(self) -> int | None:
        """Bytes of memory that it takes, None if no method of the recipe knows."""
        return max((each.memory for each in self._estimates), default=None)

    @property
    def disk(self) -> int:
        """Bytes that labels or images can take at most."""
        new = (e.source for e in self.files if e.standing is Standing.NEW and e.source is not None)
        return sum(_BYTES * int(np.prod(source.shape)) for source in new)


def plan_batch(batch: BatchRun, report: Callable[[Progress], None] | None = None) -> Plan:
    """Return what a batch will do: how files are read, what is there already, what it costs.

    Parameters
    ----------
    batch : BatchRun
    report : callable, optional
        Takes `Progress`.
    """
    reporter, earlier, costs = Reporter.of(report), EarlierRun(batch), Costs(batch.recipe)
    found = []
    for number, each in enumerate(batch.destinations):
        reporter(Progress(number, len(batch.destinations)))
        found.append(_planned(batch, each, earlier, costs))
    place = (batch.folder or batch.destinations[0].output).absolute()
    if isinstance(place, Url):
        return Plan(found)
    there = next(each for each in (place, *place.parents) if each.is_dir())
    return Plan(found, shutil.disk_usage(there).free)


def _planned(batch: BatchRun, each: Destination, earlier: EarlierRun, costs: Costs) -> PlannedFile:
    source = None
    try:
        source = batch.open(each.path)
        missing = earlier.missing(each)
        estimate = costs.of(source) if missing else None
    except Exception as error:  # noqa: BLE001 (one bad file must not hide the others)
        problem = sentence_of(error)
        return PlannedFile(each, Standing.REFUSED, source, problem)
    standing = Standing.NEW if missing else Standing.FINISHED
    return PlannedFile(each, standing, source, estimate=estimate)


def how_read(source: Source) -> str:
    """Return how a file is read, for people.

    Examples
    --------
    >>> how_read(Source.of(np.zeros((20, 30, 3)), spacing=(0.5, 0.5), channel_axis=2))
    'y 20, x 30; 3 channels; 0.5 x 0.5 px'
    """
    axes = ", ".join(f"{n} {size}" for n, size in zip(source.axes, source.shape, strict=True))
    spatial = [i for i, name in enumerate(source.axes) if name.lower() in "zyx"]
    sizes = " x ".join(f"{source.spacing[i]:.4g}" for i in spatial)
    count = 1 if source.channel_axis is None else source.array.shape[source.channel_axis]
    colours = "; RGB" if source.rgb else f"; {count} channels" if count > 1 else ""
    return f"{axes}{colours}; {sizes} {unit(source.spacing.unit)}"


class Costs:
    """What files cost, tried once for each shape.

    Parameters
    ----------
    recipe : Recipe
    """

    def __init__(self, recipe: Recipe) -> None:
        self._steps = [(METHODS[step.method], step) for step in recipe.steps]
        self._cache = Cache()
        self._found: dict[tuple[object, ...], Estimate | None] = {}

    def of(self, source: Source) -> Estimate | None:
        """Return what the first step costs that knows it, None if none does."""
        for method, step in self._steps:
            if method.cost.estimate is None:
                continue
            key = source.shape, source.spacing, step.over
            if key not in self._found:
                values = method.complete(step.parameters)
                pieces = Pieces(method, source, values, method.over(step.over, source.over))
                shape = source.shape[len(pieces.lead) :]
                self._found[key] = method.cost.estimate(
                    values, shape, len(pieces), pieces.spacing, self._cache
                )
            return self._found[key]
        return None
