"""Objects that are picked one by one from a source: found, put into labels and into recipes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.algorithms.labels.ids import smallest_dtype
from napari_tessera.algorithms.picking.marks import ObjectMarks, check_picks, check_values
from napari_tessera.algorithms.picking.picked import BoxMask, Scene
from napari_tessera.methods.classical.pick_objects import PickedBy, finder
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.pieces import Pieces
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.source import Index, Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.words import Array, Over

PickRows = Sequence[Sequence[float]]
"""Marks: object, sign, and a point in pixels along all axes of a source."""

PICK = METHODS["pick_objects"]


class _Place(NamedTuple):
    """A plane or volume, and what finds objects in it."""

    scene: Scene
    found: Callable[[ObjectMarks], BoxMask]


@dataclass
class Picker:
    """Finds objects in the planes or volumes of a source.

    Attributes
    ----------
    source : Source
    over : {"planes", "volume"}
    by : {"contrast", "network"}
        See `pick_objects`.
    """

    source: Source
    over: Over
    by: PickedBy = "contrast"
    _read: dict[Index, _Place] = field(default_factory=dict)

    @property
    def lead(self) -> int:
        """How many axes the planes or volumes differ in."""
        return len(self.source.shape) - self._pieces.axes

    @property
    def _pieces(self) -> Pieces:
        return Pieces(PICK, self.source, {}, self.over)

    def picked(self, rows: PickRows) -> tuple[Box, Array]:
        """Return the box of the object that marks lie on, along all axes, and its pixels there.

        Raises
        ------
        ValueError
            If the marks make no sense.
        """
        marks, lead = np.array(rows, float), self.lead
        index: Index = tuple(np.rint(marks[0, 2 : 2 + lead]).astype(int).tolist())
        own = np.delete(marks, range(2, 2 + lead), axis=1)
        shape = self.source.shape
        if any(not 0 <= place < length for place, length in zip(index, shape, strict=False)):
            raise ValueError(f"picks has a mark at {index}, outside image, whose shape is {shape}")
        check_picks(own, shape[lead:])
        place = self._place(index)
        check_values(place.scene.image, place.scene.channel_axis, own)
        mask = place.found(ObjectMarks.of(own[:, 1:]))
        box = (*(slice(place, place + 1) for place in index), *mask.box)
        return box, mask.values.reshape((1,) * lead + mask.values.shape)

    def _place(self, index: Index) -> _Place:
        """Return a plane or volume; the last one is kept, as the next mark is likely there."""
        if index not in self._read:
            pieces = self._pieces
            image = pieces.read(index, self.source)
            colours = -1 if image.ndim > pieces.axes else None
            self._read.clear()
            scene = Scene.of(image, colours, pieces.spacing)
            self._read[index] = _Place(scene, finder(scene, self.by))
        return self._read[index]


def labels_with(labels: Any, box: Box, mask: Array, number: int, *, over_others: bool) -> Array:
    """Return the labels in a box with an object more, as `differences` takes them.

    Raises
    ------
    ValueError
        If other objects cover all of it, or the dtype ends before its number.
    """
    old = np.asarray(labels[box])
    if number > np.iinfo(old.dtype).max:
        raise ValueError(
            f"labels has dtype {old.dtype}, which has no number {number}; pick into a new layer"
        )
    free = mask if over_others else mask & (old == 0)
    if not free.any():
        raise ValueError(
            "the object lies on others that are there already; allow it to go over them, or mark "
            "another place"
        )
    return np.where(free, number, old).astype(old.dtype)


def picks_in(recipe: Mapping[str, Any] | None) -> list[list[float]]:
    """Return the marks that a recipe picks objects by; none if it does anything else."""
    if recipe is None or recipe.get("method") != PICK.name:
        return []
    return [list(row) for row in recipe["parameters"]["picks"]]


def with_object(
    known: Mapping[str, Any] | None, own: Picker, rows: PickRows, *, over_others: bool
) -> dict[str, Any] | None:
    """Return the recipe of labels with one object more, None if picking alone does not give them.

    Parameters
    ----------
    known : mapping or None
        The recipe of the labels before; None = they are empty.
    own : Picker
    rows : sequence of marks
    over_others : bool
        Whether it has the pixels that others have, too.
    """
    overlap = "last" if over_others else "first"
    before = picks_in(known)
    if known is not None:
        same = known["source"].get("name") == own.source.name and known["over"] == own.over
        told = known["parameters"]
        alike = (told.get("overlap"), told.get("by", "contrast")) == (overlap, own.by)
        if not (before and same and alike):
            return None
    values = {"picks": tuple(map(tuple, [*before, *rows])), "overlap": overlap, "by": own.by}
    return Recipe.of(PICK, own.source, values, Walk(own.over)).to_dict()


def empty_labels(source: Source) -> Array:
    """Return labels without an object, as wide as those of a thousand objects need."""
    return np.zeros(source.shape, smallest_dtype("objects", 1))
