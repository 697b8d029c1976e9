"""Two arrays compared: how many pixels and objects differ, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.metrics.overlap import Overlap, blocks, overlap_table
from napari_tessera.signature.words import Array


@dataclass(frozen=True)
class Comparison:
    """How two arrays of one shape differ.

    Attributes
    ----------
    pixels : int
        How many were compared.
    differing : int
        How many of them differ.
    objects : int
        How many objects have such pixels.
    box : tuple of slice, optional
        Where these lie, None if there are none.
    renumbered : bool
        Whether objects have other numbers, which do not count as a difference.
    unit : str
        What is counted: "pixel", or "row" and the like of what is no array.
    """

    pixels: int
    differing: int = 0
    objects: int = 0
    box: Box | None = None
    renumbered: bool = False
    unit: str = "pixel"

    def moved(self, start: Sequence[int]) -> Comparison:
        """Return the comparison as one of a larger array in which the two begin at `start`."""
        if self.box is None:
            return self
        box = tuple(
            slice(part.start + first, part.stop + first)
            for part, first in zip(self.box, start, strict=True)
        )
        return replace(self, box=box)

    @classmethod
    def joined(cls, parts: Sequence[Comparison]) -> Comparison:
        """Return the comparison of several parts; objects in several of them count in each."""
        boxes = [part.box for part in parts if part.box is not None]
        return cls(
            sum(part.pixels for part in parts),
            sum(part.differing for part in parts),
            sum(part.objects for part in parts),
            _around(boxes) if boxes else None,
            any(part.renumbered for part in parts),
        )


def compare_entries(kept: Sequence[Any], again: Sequence[Any], unit: str) -> Comparison:
    """Compare two lists entry by entry: rows of a table, polygons.

    Examples
    --------
    >>> compare_entries(["a", "b"], ["a", "c", "d"], "row").differing
    2
    """
    wrong = [i for i, (one, other) in enumerate(zip(kept, again, strict=False)) if one != other]
    wrong += range(min(len(kept), len(again)), max(len(kept), len(again)))
    box = (slice(wrong[0], wrong[-1] + 1),) if wrong else None
    return Comparison(max(len(kept), len(again)), len(wrong), box=box, unit=unit)


def compare_values(kept: Any, again: Any) -> Comparison:
    """Compare two arrays number by number; NaN is the same as NaN.

    Examples
    --------
    >>> compare_values(np.array([[1, 2], [3, 4]]), np.array([[1, 2], [3, 5]])).box
    (slice(1, 2, None), slice(1, 2, None))
    """
    return _differing(kept, again, _unlike)


def _unlike(kept: Array, again: Array) -> Array:
    unlike = kept != again
    if kept.dtype.kind == again.dtype.kind == "f":
        unlike &= ~(np.isnan(kept) & np.isnan(again))
    return np.asarray(unlike)


def _differing(kept: Any, again: Any, unlike: Any) -> Comparison:
    """Compare two arrays, in pieces along the first axis."""
    first, count, boxes = 0, 0, []
    for one, other in blocks(kept, again):
        where = unlike(one, other)
        if number := int(np.count_nonzero(where)):
            count += number
            boxes.append(_moved_first(_box_of(where), first))
        first += len(one)
    box = _around(boxes) if boxes else None
    return Comparison(int(np.prod(kept.shape, dtype=np.int64)), count, box=box)


def _box_of(where: Array) -> Box:
    spans = []
    for axis in range(where.ndim):
        others = tuple(i for i in range(where.ndim) if i != axis)
        hit = np.flatnonzero(where.any(axis=others))
        spans.append(slice(int(hit[0]), int(hit[-1]) + 1))
    return tuple(spans)


def _moved_first(box: Box, by: int) -> Box:
    return (slice(box[0].start + by, box[0].stop + by), *box[1:])


def _around(boxes: Sequence[Box]) -> Box:
    """Return the smallest box that boxes lie in."""
    return tuple(
        slice(min(part.start for part in parts), max(part.stop for part in parts))
        for parts in zip(*boxes, strict=True)
    )


def compare_objects(kept: Any, again: Any, *, cut: Sequence[tuple[int, int]] = ()) -> Comparison:
    """Compare the objects of two arrays, whatever their numbers.

    Parameters
    ----------
    kept, again : array of int
        Object ids, 0 = background.
    cut : sequence of (int, int)
        The faces, as axis and 0 or -1, beyond which objects of `again` go on unseen: those that
        touch them may be one in `kept`.

    Examples
    --------
    >>> found = compare_objects(np.array([[7, 7, 0, 2]]), np.array([[1, 1, 0, 2]]))
    >>> found.differing, found.renumbered
    (0, True)
    >>> compare_objects(np.array([[7, 7, 0, 7]]), np.array([[1, 1, 0, 2]])).objects
    1
    >>> compare_objects(
    ...     np.array([[7, 7, 0, 7]]), np.array([[1, 1, 0, 2]]), cut=[(0, 0)]
    ... ).differing
    0
    """
    table = overlap_table(kept, again)
    same = table.truth == table.prediction
    if same.all():
        return Comparison(int(table.pixels.sum()))
    matched = _matched(table, _at_faces(again, cut))
    if matched.all():
        return Comparison(int(table.pixels.sum()), renumbered=True)
    partner = _Lookup(table.prediction[matched], table.truth[matched])

    def unlike(one: Array, other: Array) -> Array:
        return np.asarray(partner(other) != one)

    found = _differing(kept, again, unlike)
    renumbered = bool((matched & ~same).any())
    objects = _objects_of(table, matched)
    return Comparison(found.pixels, found.differing, objects, found.box, renumbered)


def _at_faces(again: Any, cut: Sequence[tuple[int, int]]) -> Array:
    """Return the objects that touch faces."""
    ids = [np.unique(np.take(np.asarray(again), side, axis=axis)) for axis, side in cut]
    return np.unique(np.concatenate(ids)) if ids else np.empty(0, np.int64)


def _matched(table: Overlap, at_faces: Array) -> Array:
    """Return which pairs stand for the same: each is what the other mostly lies on."""
    background = (table.truth == 0) | (table.prediction == 0)
    matched: Array = (table.truth == 0) & (table.prediction == 0)
    # those that share most pixels first
    order = np.lexsort((table.truth, table.prediction, -table.pixels))
    faces, taken = set(at_faces.tolist()), set[int]()
    open_ones: dict[int, bool] = {}  # objects that are kept, and whether all of them go on unseen
    for row in order[~background[order]].tolist():
        one, other = int(table.truth[row]), int(table.prediction[row])
        goes_on = other in faces
        if other in taken or (one in open_ones and not (goes_on and open_ones[one])):
            continue
        taken.add(other)
        open_ones[one] = goes_on
        matched[row] = True
    return matched


def _objects_of(table: Overlap, matched: Array) -> int:
    """Return how many kept objects have pixels that differ, and how many lie where none is kept."""
    known = table.truth > 0
    beyond = np.isin(table.prediction, table.prediction[~matched & ~known]) & matched & known
    changed = np.unique(table.truth[(~matched & known) | beyond])
    alone = np.setdiff1d(table.prediction, table.prediction[known])
    return changed.size + int(np.count_nonzero(alone))


class _Lookup:
    """Numbers for other numbers; -1 for those that have none."""

    def __init__(self, keys: Array, values: Array) -> None:
        order = np.argsort(keys, kind="stable")
        self._keys, self._values = keys[order], values[order]

    def __call__(self, array: Array) -> Array:
        ids = np.asarray(array).astype(np.int64)
        if not self._keys.size:
            return np.full(ids.shape, -1)
        place = np.searchsorted(self._keys, ids).clip(max=self._keys.size - 1)
        found: Array = np.where(self._keys[place] == ids, self._values[place], -1)
        return found
