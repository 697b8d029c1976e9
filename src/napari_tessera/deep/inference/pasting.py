"""From objects that were found one by one to labels: across tiles, the surest in front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_tessera.algorithms.labels.ids import renumbered, sizes, smallest_dtype
from napari_tessera.algorithms.labels.linking import continued, overlap
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from napari_tessera.deep.inference.detections import PlaneDetections

AGREEMENT = 0.5
"""Share of an object that two tiles must see alike to see the same object."""


@dataclass(frozen=True)
class Pasted:
    """Objects as labels.

    Attributes
    ----------
    labels : ndarray of uint16 or uint32
        1, 2, 3, ...
    classes : ndarray of int64, shape (N,)
        Of each object, 0 for the first class.
    confidence : ndarray of float32, shape (N,)
    """

    labels: Array
    classes: Array
    confidence: Array


def pasted(detections: PlaneDetections, *, confidence: float, overlap: float) -> Pasted:
    """Return the objects of a plane as labels, the surest first and in front.

    An object that a tile cuts gives way to the one that another tile sees whole; where none does,
    its parts are one object.

    Parameters
    ----------
    detections : PlaneDetections
    confidence : float
        Objects less sure are left out.
    overlap : float
        Share of an object that surer ones may cover; those covered more are left out.
    """
    from napari_tessera.deep.inference.pasting_kernels import across, paint_objects

    own = detections.surer(confidence)
    boxes = np.ascontiguousarray(own.boxes, np.float64)
    masks = np.ascontiguousarray(own.masks)
    owner = across(boxes, masks, own.tiles, own.cut, own.places.astype(np.float64), AGREEMENT)
    # an object is as sure as its surest part, which is its first
    firsts = np.flatnonzero(owner == np.arange(len(own)))
    members = np.argsort(owner, kind="stable")[np.count_nonzero(owner < 0) :]
    ends = np.searchsorted(owner[members], firsts, side="right")
    labels = np.zeros(own.shape, np.int32)
    numbers = paint_objects(labels, boxes, masks, members, ends, float(overlap))
    there = firsts[numbers > 0]
    dtype = smallest_dtype("objects", len(there))
    return Pasted(labels.astype(dtype), own.classes[there], own.confidence[there])


def stacked(
    planes: Sequence[PlaneDetections], *, confidence: float, overlap: float, smallest: int = 0
) -> Pasted:
    """Return the objects of a plane, or of the planes of a volume, without the small ones.

    From plane to plane, objects that lie on one another are one, of the surest one's class.

    Parameters
    ----------
    planes : sequence of PlaneDetections
        One for a plane, several for a volume.
    confidence, overlap : float
        As for `pasted`.
    smallest : int
        Pixels of the smallest objects that stay.
    """
    every = [pasted(each, confidence=confidence, overlap=overlap) for each in planes]
    whole = every[0] if len(every) == 1 else _linked(every)
    counted = sizes(whole.labels)
    kept = np.array([each for each, size in counted.items() if each and size >= smallest], int)
    numbers = np.zeros(len(whole.classes) + 1, smallest_dtype("objects", len(kept)))
    numbers[kept] = np.arange(1, len(kept) + 1)
    labels = renumbered(whole.labels, numbers)
    return Pasted(labels, whole.classes[kept - 1], whole.confidence[kept - 1])


def _linked(planes: Sequence[Pasted]) -> Pasted:
    """Return the objects of planes as those of a volume."""
    labels = np.zeros((len(planes), *planes[0].labels.shape), np.int64)
    classes: dict[int, int] = {}
    sure: dict[int, float] = {}
    for z, plane in enumerate(planes):
        before = labels[z - 1] if z else np.zeros_like(labels[0])
        labels[z] = continued(before, plane.labels, len(sure) + 1)
        places, numbers, _ = overlap(plane.labels, labels[z])
        for place, number in zip(places - 1, numbers.tolist(), strict=True):
            if plane.confidence[place] > sure.get(number, -1.0):
                sure[number] = float(plane.confidence[place])
                classes[number] = int(plane.classes[place])
    order = range(1, len(sure) + 1)
    return Pasted(
        labels.astype(smallest_dtype("objects", len(sure))),
        np.array([classes[each] for each in order], np.int64),
        np.array([sure[each] for each in order], np.float32),
    )
