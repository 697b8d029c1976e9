"""Where every object of an array of labels lies, found part by part, and kept up with edits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.algorithms.labels.boxes import found
from napari_tessera.algorithms.labels.ids import groups
from napari_tessera.algorithms.parallel import slabs
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array, Report

READ = 1 << 24
"""Pixels that are read at a time, as long as that is more than a plane."""


@dataclass(frozen=True)
class ObjectPlaces:
    """Objects of an array of labels, a row each.

    The same id in two planes, or in two volumes of a series, stands for two objects.

    Attributes
    ----------
    lead : int
        How many of the first axes number planes or volumes.
    index : ndarray of int64, shape (N,)
        Ids.
    low, high : ndarray of int64, shape (N, D)
        First pixel along each axis of the array, and the one after the last.
    pixels : ndarray of int64, shape (N,)
    """

    lead: int
    index: Array
    low: Array
    high: Array
    pixels: Array

    @classmethod
    def none(cls, axes: int, lead: int) -> ObjectPlaces:
        """Return no objects of an array of `axes` axes."""
        number, corner = np.empty(0, np.int64), np.empty((0, axes), np.int64)
        return cls(lead, number, corner, corner, number)

    def __len__(self) -> int:
        return len(self.index)

    @property
    def places(self) -> Array:
        """The plane or volume that each object is in, shape (N, lead)."""
        return self.low[:, : self.lead]

    def box(self, row: int) -> Box:
        """Return the box of an object along every axis of the array."""
        return tuple(map(slice, self.low[row].tolist(), self.high[row].tolist()))

    def take(self, rows: Array) -> ObjectPlaces:
        """Return some of the objects, in the order of `rows`."""
        own = (each[rows] for each in (self.index, self.low, self.high, self.pixels))
        return ObjectPlaces(self.lead, *own)

    def rows_of(self, index: Array, places: Array) -> Array:
        """Return the row of each object that is named by id and place, -1 where there is none."""
        import pandas as pd

        def keys(*columns: Array) -> Any:
            every = [*columns[1].T, columns[0]]
            return pd.MultiIndex.from_arrays(every) if len(every) > 1 else pd.Index(every[0])

        rows = keys(self.index, self.places).get_indexer(keys(index, places))
        return np.asarray(rows, np.int64)

    @staticmethod
    def joined(parts: Sequence[ObjectPlaces]) -> ObjectPlaces:
        """Return the objects of several parts in one table, in the order of the parts."""
        names = ("index", "low", "high", "pixels")
        every = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
        return ObjectPlaces(parts[0].lead, *every)


def object_places(labels: Any, *, lead: int = 0, report: Report = None) -> ObjectPlaces:
    """Find all objects of an array, of which no more than `READ` pixels or a plane is read at once.

    Parameters
    ----------
    labels : array of int, shape (..., Y, X)
        Ids, 0 = background; anything with slicing: NumPy, Dask, Zarr.
    lead : int
        How many of the first axes number planes or volumes.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ObjectPlaces
        Plane by plane or volume by volume, of each in rising order of ids.

    Raises
    ------
    ValueError
        If an id is negative.

    Examples
    --------
    >>> objects = object_places(np.array([[0, 7, 7], [3, 0, 7]]))
    >>> objects.index.tolist(), objects.low.tolist(), objects.high.tolist()
    ([3, 7], [[1, 0], [0, 1]], [[2, 1], [2, 3]])
    """
    reporter, shape = Reporter.of(report), tuple(labels.shape)
    count = max(1, math.prod(shape[:lead]))
    parts = [ObjectPlaces.none(labels.ndim, lead)]
    for number, place in enumerate(np.ndindex(shape[:lead])):
        whole = tuple(slice(0, length) for length in shape[lead:])
        parts.append(_found_in(labels, place, whole, reporter.part(number, count)))
    return ObjectPlaces.joined(parts)


def cut(box: Sequence[slice]) -> Iterator[Box]:
    """Yield the boxes, one after the other along the first axis, in which a box is read.

    Examples
    --------
    >>> [part[0] for part in cut((slice(0, 3), slice(0, 4096), slice(0, 4096)))]
    [slice(0, 1, None), slice(1, 2, None), slice(2, 3, None)]
    """
    first, *others = box
    across = math.prod(each.stop - each.start for each in others)
    for start, stop in slabs(first.stop - first.start, across, pixels=READ):
        yield (slice(first.start + start, first.start + stop), *others)


def _found_in(
    labels: Any, place: tuple[int, ...], box: Sequence[slice], report: Reporter
) -> ObjectPlaces:
    """Return what of each object lies in a box of one plane or volume."""
    parts, lead = [ObjectPlaces.none(labels.ndim, len(place))], np.array(place, np.int64)
    for part in cut(box):
        own = found(np.asarray(labels[(*place, *part)]))
        start, here = np.array([each.start for each in part]), (len(own.ids), 1)
        low = np.column_stack([np.tile(lead, here), own.low + start])
        high = np.column_stack([np.tile(lead + 1, here), own.high + start])
        parts.append(ObjectPlaces(len(place), own.ids.astype(np.int64), low, high, own.pixels))
        report(Progress(part[0].stop - box[0].start, box[0].stop - box[0].start))
    return _merged(ObjectPlaces.joined(parts))


def _merged(parts: ObjectPlaces) -> ObjectPlaces:
    """Return one row for each id, of which there may be several parts; ids rise."""
    parts = parts.take(np.argsort(parts.index, kind="stable"))
    first, _ = groups(parts.index)
    if not first.size:
        return parts
    return ObjectPlaces(
        parts.lead,
        parts.index[first],
        np.minimum.reduceat(parts.low, first),
        np.maximum.reduceat(parts.high, first),
        np.add.reduceat(parts.pixels, first),
    )


def after_edit(
    objects: ObjectPlaces, labels: Any, boxes: Sequence[Box]
) -> tuple[ObjectPlaces, Array]:
    """Return the objects after an edit, of which only what it may have changed is looked at.

    Parameters
    ----------
    objects : ObjectPlaces
        Before it.
    labels : array of int
        After it.
    boxes : sequence of tuple of slice
        Of the array, along all axes, outside of which nothing has changed.

    Returns
    -------
    objects : ObjectPlaces
        Those that are still there, in the same order, then the new ones.
    origin : ndarray of int64, shape (N,)
        The row that each had before, -1 if it is new.

    Examples
    --------
    >>> labels = np.array([[1, 1, 0, 2, 2]])
    >>> before = object_places(labels)
    >>> labels[0, 2:] = 1, 5, 5
    >>> now, origin = after_edit(before, labels, [(slice(0, 1), slice(2, 5))])
    >>> now.index.tolist(), now.pixels.tolist(), origin.tolist()
    ([1, 5], [3, 2], [0, -1])
    """
    lead, parts = objects.lead, [ObjectPlaces.none(labels.ndim, objects.lead)]
    now = np.arange(len(objects))  # the row of what each has become, -1 = it is gone
    for place, box in _by_place(boxes, lead).items():
        inside = _found_in(labels, place, box, Reporter.of(None)).index
        low, high = (np.array([getattr(each, end) for each in box]) for end in ("start", "stop"))
        meets = ((objects.low[:, lead:] < high) & (objects.high[:, lead:] > low)).all(axis=1)
        near = (objects.places == place).all(axis=1) & (meets | np.isin(objects.index, inside))
        # around all of them, so that what is found there is whole
        low = np.minimum(low, objects.low[near, lead:].min(axis=0, initial=low.max()))
        high = np.maximum(high, objects.high[near, lead:].max(axis=0, initial=0))
        around = tuple(map(slice, low.tolist(), high.tolist()))
        every = _found_in(labels, place, around, Reporter.of(None))
        concerned = np.union1d(objects.index[near], inside)
        parts.append(every.take(np.flatnonzero(np.isin(every.index, concerned))))
        now[near] = -1
    fresh = ObjectPlaces.joined(parts)
    before = objects.rows_of(fresh.index, fresh.places)
    behind = len(objects) + np.arange(len(fresh))
    known = before >= 0
    now[before[known]] = behind[known]
    rows = np.append(now[now >= 0], behind[~known])
    origin = np.append(np.flatnonzero(now >= 0), before[~known])
    return ObjectPlaces.joined([objects, fresh]).take(rows), origin


def _by_place(boxes: Sequence[Box], lead: int) -> dict[tuple[int, ...], Box]:
    """Return the box around those that lie in each plane or volume."""
    around: dict[tuple[int, ...], Box] = {}
    for box in boxes:
        for place in np.ndindex(*(each.stop - each.start for each in box[:lead])):
            here = tuple(i + each.start for i, each in zip(place, box[:lead], strict=True))
            both = zip(around.get(here, box[lead:]), box[lead:], strict=True)
            around[here] = tuple(slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in both)
    return around
