"""Objects that end in a straight line where two blocks meet: what joining may have missed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box, Tile, tiled
from napari_tessera.pipeline.blockwise.workers import Threads, Workers
from napari_tessera.signature.words import Array

_SHORTEST = 5  # pixels of a straight side; fewer are found at any place
_SHRINKS = 0.9  # what ends by itself is narrower in its last layer than in the one before


@dataclass(frozen=True)
class Seams:
    """The objects that lie where blocks meet.

    Attributes
    ----------
    touching : int
        How many reach a border of a block from within.
    straight : tuple of int
        Those of them that end there in a straight line, rising.
    """

    touching: int
    straight: tuple[int, ...]

    @property
    def kept(self) -> dict[str, Any]:
        """Both as plain data, for a file or a layer; empty if all is well.

        Examples
        --------
        >>> Seams(4, (2, 7)).kept, Seams(4, ()).kept
        ({'touching': 4, 'straight': [2, 7]}, {})
        """
        return {"touching": self.touching, "straight": list(self.straight)} if self.straight else {}

    @classmethod
    def of_kept(cls, kept: Any) -> Seams | None:
        """Return what was kept, or None if that is nothing of the kind."""
        try:
            return cls(int(kept["touching"]), tuple(int(number) for number in kept["straight"]))
        except (TypeError, KeyError, ValueError):
            return None

    def __str__(self) -> str:
        """Say what was found, and nothing if all is well."""
        if not self.straight:
            return ""
        some = ", ".join(map(str, self.straight[:10]))
        more = ", ..." if len(self.straight) > 10 else ""
        return (
            f"{len(self.straight)} of {self.touching} objects at borders of blocks end there in "
            f"a straight line: {some}{more}"
        )


def seams_of(labels: Any, sides: Sequence[int], workers: Workers | None = None) -> Seams:
    """Return which objects end in a straight line where blocks meet.

    Such an object covers about as much of the last layer of pixels before the border as of the one
    before it, and nothing of the first beyond it.

    Parameters
    ----------
    labels : array of int, shape (..., Y, X)
        Objects; read block by block.
    sides : sequence of int
        Of the blocks, along the last axes.
    workers : Workers, optional
        Who reads them; None = the threads of this process.

    Examples
    --------
    >>> labels = np.zeros((8, 12), int)
    >>> labels[1:7, 2:6], labels[1:7, 6:10] = 1, 2
    >>> seams_of(labels, (8, 6)), seams_of(np.minimum(labels, 1), (8, 6)).straight
    (Seams(touching=2, straight=(1, 2)), ())
    """
    lead, shape = labels.shape[: -len(sides)], labels.shape[-len(sides) :]
    places = product(np.ndindex(lead), tiled(shape, (0,) * len(shape), sides))
    faces = ((axis, (*index, *box)) for index, tile in places for axis, box in _faces(tile, shape))
    touching, straight = set[int](), set[int]()
    workers = workers or Threads()
    with closing(workers.in_order(_Face(labels), faces, at_once=workers.count)) as found:
        for ids, ends in found:
            touching.update(ids)
            straight.update(ends)
    return Seams(len(touching), tuple(sorted(straight)))


@dataclass(frozen=True)
class _Face:
    """Looks at the labels on both sides of a face."""

    labels: Any

    def __call__(self, face: tuple[int, Any]) -> tuple[list[int], list[int]]:
        axis, box = face
        own = np.asarray(self.labels[box])
        layers = np.moveaxis(own, axis, 0)
        touching, straight = list[int](), list[int]()
        for last, inner, beyond in ((1, 0, 2), (2, 3, 1)):
            if max(last, inner) < len(layers):
                shortest = _SHORTEST ** (layers.ndim - 1)
                ids, ends = _ends(layers[last], layers[inner], layers[beyond], shortest)
                touching += ids.tolist()
                straight += ids[ends].tolist()
        return touching, straight


def _faces(tile: Tile, shape: Sequence[int]) -> list[tuple[int, Box]]:
    """Return the axes along which a block follows another, with two layers on either side."""
    core = tile.core
    return [
        (axis, (*core[:axis], slice(own.start - 2, min(own.start + 2, n)), *core[axis + 1 :]))
        for axis, (own, n) in enumerate(zip(core, shape, strict=True))
        if own.start > 1
    ]


def _ends(last: Array, inner: Array, beyond: Array, shortest: int) -> tuple[Array, Array]:
    """Return the labels of a last layer, and whether each ends there in a straight line."""
    ids, width = np.unique(last[last > 0], return_counts=True)
    cut = _counts(last[(last > 0) & (last != beyond)], ids)
    before = _counts(inner, ids)
    return ids, (width >= shortest) & (cut == width) & (width >= _SHRINKS * before)


def _counts(labels: Array, ids: Array) -> Array:
    """Return how often each of some labels occurs."""
    found, counts = np.unique(labels, return_counts=True)
    there = np.isin(found, ids)
    total = np.zeros(ids.size, np.int64)
    total[np.searchsorted(ids, found[there])] = counts[there]
    return total
