"""What a recipe has given for one file, and what follows from it: a table, outlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.io.files import read
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import (
    Labelled,
    ObjectLabels,
    ObjectTable,
    PolygonSet,
    Result,
)
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Region, Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.words import Over, Table

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class FileResults:
    """What the steps of a recipe have given for one file.

    Attributes
    ----------
    source : Source
        The file.
    recipe : Recipe
        As of this file.
    steps : sequence of Result
        What each step gave, in order.
    """

    source: Source
    recipe: Recipe
    steps: Sequence[Result]

    def last(self, *kinds: type[Result]) -> Result | None:
        """Return the last result that is of one of these kinds, None if there is none."""
        return next((each for each in reversed(self.steps) if isinstance(each, kinds)), None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know: of the file, of what was found, and what blocks may have cut."""
        seams = (each.seams for each in self.steps if each.seams is not None)
        told = (f"{each}; the labels' file lists them all" for each in seams if each.straight)
        remarks = (note for each in self.steps for note in each.notes)
        return (*self.source.notes, *remarks, *told)

    def recipe_of(self, result: Result) -> Recipe:
        """Return the recipe that gave one of the results: without the steps after it."""
        own, after = self.recipe, len(self.steps) - 1 - self._place(result)
        for _ in range(after):
            if own.before is not None:
                own = Recipe.from_dict(own.before)
        return own

    def _place(self, result: Result) -> int:
        return next(i for i, each in enumerate(self.steps) if each is result)

    @property
    def labels(self) -> Labelled | None:
        """The last labels."""
        found = self.last(Labelled)
        return found if isinstance(found, Labelled) else None

    @property
    def over(self) -> Over:
        """Whether the labels are of planes or of volumes."""
        labels = self.labels
        own = self.recipe if labels is None else self.recipe_of(labels)
        return own.over or self.source.over

    @property
    def image(self) -> Source | None:
        """The image where the labels are, None if the recipe began with labels."""
        if METHODS[self.recipe.first.method].source.is_labels:
            return None
        labels = self.labels
        if labels is None or not labels.start:
            return self.source
        stop = tuple(np.add(labels.start, labels.array.shape).tolist())
        return self.source.cut(Region(tuple(labels.start), stop))

    @cached_property
    def table(self) -> Table:
        """The table that a step gave, or what can be measured in the labels and the image."""
        given = self.last(ObjectTable, PolygonSet)
        if given is not None and given.table is not None:
            return given.table
        labels = self.labels
        if labels is None:
            raise ValueError(f"{self.source.name}: the recipe gives nothing that can be measured")
        image = {} if self.image is None else {"image": self.image}
        walk = Walk(self.over, blocks="auto")  # labels of blocks may not fit into memory
        measured = run("measure", self._grid(labels), image, walk).table or {}
        return with_columns(measured, labels.table)

    @cached_property
    def polygons(self) -> tuple[PolygonSet, Recipe]:
        """The polygons that a step gave, or the outlines of the labels; with their recipe."""
        given = self.last(PolygonSet)
        if isinstance(given, PolygonSet):
            return given, self.recipe_of(given)
        labels = self.labels
        if labels is None:
            raise ValueError(f"{self.source.name}: the recipe gives nothing that has outlines")
        method, grid, values = METHODS["contours"], self._grid(labels), {"trace": "outlines"}
        traced = run(method, grid, values)
        before = self.recipe_of(labels).to_dict()
        lines = traced.polygons if isinstance(traced, PolygonSet) else []
        moved = [line + np.array(labels.start or 0) for line in lines]
        recipe = Recipe.of(method, grid, values, before=before)
        return PolygonSet(polygons=moved, table=traced.table), recipe

    def _grid(self, labels: Labelled) -> Source:
        """Return labels as a source, with the pixel size of their file."""
        own = self.source
        return Source(labels.array, own.spacing, own.axes, kind=labels.kind, name=own.name)


def with_columns(table: Table, other: Any) -> Table:
    """Return a table with the columns that only another table of the same objects has.

    Parameters
    ----------
    table, other : dict of ndarray
        With a column "index"; None or one without it adds nothing.

    Examples
    --------
    >>> sure = {"index": np.array([2, 1]), "confidence": np.array([0.5, 0.9])}
    >>> with_columns({"index": np.array([1, 2])}, sure)["confidence"].tolist()
    [0.9, 0.5]
    """
    if not other or "index" not in other:
        return table
    order = np.argsort(other["index"], kind="stable")
    known = np.asarray(other["index"])[order]
    place = np.searchsorted(known, table["index"]).clip(max=max(len(known) - 1, 0))
    if not len(known) or not np.array_equal(known[place], table["index"]):
        return table  # objects of which it knows nothing: a column with gaps would mislead
    added = {n: np.asarray(c)[order][place] for n, c in other.items() if n not in table}
    return {**table, **added}


def labels_from(path: Path, source: Source, recipe: Recipe) -> FileResults:
    """Return what is known of labels that lie on the disk: them, and the image they are of.

    Parameters
    ----------
    path : Path
        The labels, as a batch has written them.
    source : Source
        What they were made from.
    recipe : Recipe
    """
    kept = read(path, labels=True)
    # a region is counted from the beginning of what the step before has given
    regions = [step.region["start"] for step in recipe.steps if step.region is not None]
    start = np.sum([[0] * len(source.shape), *regions], axis=0).tolist()
    return FileResults(source, recipe, [ObjectLabels(kept.whole, start=tuple(start))])
