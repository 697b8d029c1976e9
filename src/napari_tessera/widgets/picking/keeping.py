"""A picked object put into a Labels layer: the step of its timeline, with its recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.algorithms.parallel import slabs
from napari_tessera.methods.refine.paint import as_text
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.edits import Written, differences
from napari_tessera.pipeline.picking import Picker, PickRows, labels_with, with_object
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import Array
from napari_tessera.widgets.layers.following import ObjectRows
from napari_tessera.widgets.layers.history import Step


@dataclass(frozen=True)
class Found:
    """A picked object.

    Attributes
    ----------
    rows : sequence of marks
        By which it was picked; what number they give it does not matter.
    box : tuple of slice
    mask : ndarray of bool
    """

    rows: PickRows
    box: Box
    mask: Array

    @property
    def pixels(self) -> int:
        """How many there are."""
        return int(np.count_nonzero(self.mask))


def step_of_object(
    found: Found,
    picker: Picker,
    into: Source,
    known: Mapping[str, Any] | None,
    table: ObjectRows | None,
    *,
    over_others: bool,
) -> Step:
    """Return the step that puts an object into labels; nothing is written yet.

    Parameters
    ----------
    found : Found
    picker : Picker
        That has found it.
    into : Source
        The labels.
    known : mapping or None
        Their recipe.
    table : ObjectRows, optional
        Of the objects in them.
    over_others : bool
        Whether it gets the pixels of others.
    """
    labels = into.array
    highest = _highest(labels)
    number, start = highest + 1, [side.start for side in found.box]
    values = labels_with(labels, found.box, found.mask, number, over_others=over_others)
    changes = differences(labels, tuple(start), values)
    rows = [[number, *row[1:]] for row in found.rows]
    # what labels hold that have no recipe, nobody knows
    picked = None
    if known is not None or highest == 0:
        picked = with_object(known, picker, rows, over_others=over_others)
    if picked is None:
        places = np.argwhere(values == number) + start
        drawn = {"drawn": as_text(places, np.full(len(places), number))}
        picked = Recipe.of(METHODS["paint"], into, drawn, before=known).to_dict()
    own = None if table is None else table.change(labels, Written(labels, tuple(start), values))
    return Step("pick", changes, known, picked, own)


def _highest(labels: Any) -> int:
    """Return the highest number, read piece by piece."""
    rows = slabs(len(labels), int(np.prod(labels.shape[1:])))
    return max(int(np.max(labels[first:stop], initial=0)) for first, stop in rows)
