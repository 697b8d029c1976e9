"""How large and how many the objects of examples are, and what follows for a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.algorithms.labels.ids import renumbered, sizes
from napari_tessera.deep.networks.registry import NETWORKS, made_at
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from napari_tessera.deep.data.pieces import Piece

SMALLEST = 4
"""Pixels that an object, or what a patch shows of it, needs to be learnt."""


@dataclass(frozen=True)
class Outlines:
    """The objects of a plane.

    Attributes
    ----------
    ids : ndarray of int, shape (N,)
        In rising order.
    boxes : ndarray of int, shape (N, 4)
        x0, y0, x1, y1: pixels from x0 up to, but without, x1.
    pixels : ndarray of int, shape (N,)
    """

    ids: Array
    boxes: Array
    pixels: Array


def boxes_and_sizes(labels: Array) -> Outlines:
    """Return boxes and sizes of the objects of a plane.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        0 and below are no objects.

    Examples
    --------
    >>> found = boxes_and_sizes(np.array([[0, 7, 7], [3, 0, 0]]))
    >>> found.ids, found.boxes.tolist(), found.pixels
    (array([3, 7]), [[0, 1, 1, 2], [1, 0, 3, 1]], array([1, 2]))
    """
    from scipy import ndimage

    counted = {number: count for number, count in sizes(labels).items() if number > 0}
    ids = np.array(list(counted), np.int64)
    slices = ndimage.find_objects(_without_gaps(labels, ids), len(ids)) if len(ids) else ()
    boxes = [[x.start, y.start, x.stop, y.stop] for y, x in slices]
    pixels = np.array(list(counted.values()), np.int64)
    return Outlines(ids, np.array(boxes, np.int64).reshape(-1, 4), pixels)


def _without_gaps(labels: Array, ids: Array) -> Array:
    """Return labels numbered 1, 2, 3, ... in the order of `ids`, all others 0."""
    highest = int(labels.max(initial=0))
    if highest > 4 * labels.size + 256 or labels.min(initial=0) < 0:
        places = np.searchsorted(ids, labels)
        known = ids[np.minimum(places, len(ids) - 1)] == labels
        return np.where(known, places + 1, 0).astype(np.int32)
    numbers = np.zeros(highest + 1, np.int32)
    numbers[ids] = np.arange(1, len(ids) + 1)
    return renumbered(labels, numbers)


@dataclass(frozen=True)
class ObjectSizes:
    """The objects of the examples as a network sees them.

    Attributes
    ----------
    boxes : ndarray of float, shape (N, 4)
        x0, y0, x1, y1 in pixels of the enlarged images.
    crowd : int
        Most objects in a patch.
    small : int
        Objects too small to be learnt.
    """

    boxes: Array
    crowd: int
    small: int

    @property
    def note(self) -> str:
        """A sentence about those that are left out, or nothing."""
        if not self.small:
            return ""
        many = f"{self.small} objects" if self.small > 1 else "1 object"
        return f" Left out: {many} of fewer than {SMALLEST} pixels."


def object_sizes(
    pieces: Sequence[Piece], patch: int, report: Reporter | None = None
) -> ObjectSizes:
    """Return how large and how many the objects of pieces are.

    Parameters
    ----------
    pieces : sequence of Piece
        Planes.
    patch : int
        Side of a patch in pixels.
    report : Reporter, optional

    Raises
    ------
    ValueError
        If there are none that are large enough.
    """
    boxes, crowd, small = [np.zeros((0, 4))], 0, 0
    report = Reporter.of(report)
    for number, piece in enumerate(pieces):
        report(Progress(number, len(pieces)))
        found = boxes_and_sizes(piece.labels_at(piece.everything))
        large = piece.zoom**2 * found.pixels >= SMALLEST
        small += int(np.count_nonzero(~large))
        boxes.append(piece.zoom * found.boxes[large])
        crowd = max(crowd, _crowd(boxes[-1], patch))
    every = np.concatenate(boxes)
    if not len(every):
        raise ValueError(
            f"labels has {small} objects to train on, all of fewer than {SMALLEST} pixels; pass "
            "labels with larger ones"
        )
    return ObjectSizes(every, crowd, small)


def _crowd(boxes: Array, patch: int) -> int:
    """Return about how many boxes have their centres in a patch, where most of them are."""
    if not len(boxes):
        return 0
    cells = np.floor((boxes[:, :2] + boxes[:, 2:]) / patch).astype(int)  # half a patch each
    counts = np.zeros(cells.max(axis=0) + 2, int)
    np.add.at(counts, tuple(cells.T), 1)
    return int((counts[:-1, :-1] + counts[1:, :-1] + counts[:-1, 1:] + counts[1:, 1:]).max())


def fitted_options(network: str, options: dict[str, Any], found: ObjectSizes) -> dict[str, Any]:
    """Return the options of a network with anchors as large as the objects.

    Anchors that were asked for stay.

    Parameters
    ----------
    network : str
        A key of `NETWORKS`.
    options : dict
    found : ObjectSizes

    Examples
    --------
    >>> found = ObjectSizes(np.array([[0, 0, 20, 20]]), 1, 0)
    >>> fitted_options("mask_rcnn", {}, found)["anchors"]
    (20.0, 40.0, 80.0, 160.0, 320.0)
    """
    place = NETWORKS[network].anchors
    if not place or options.get("anchors") is not None:
        return options
    return {**options, "anchors": made_at(place)(found.boxes)}
