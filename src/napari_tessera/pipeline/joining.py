"""Objects that lie in several blocks become one, with the numbers that a whole array would give."""

from __future__ import annotations

from array import array
from collections.abc import Callable

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box, Tile
from napari_tessera.algorithms.labels.linking import counterparts, overlap
from napari_tessera.pipeline.source import Index
from napari_tessera.signature.words import Array

REACH = 4
"""How many pixels around a block are compared with the objects of other blocks."""

_NOWHERE = np.iinfo(np.int64).max


class Joining:
    """Numbers the objects of blocks on, and learns which of them are one.

    Parameters
    ----------
    shape : tuple of int
        Of a plane or volume.
    exact : bool
        Whether objects that share a pixel are one; else those that are each other's most likely
        counterpart.
    """

    def __init__(self, shape: Index, *, exact: bool) -> None:
        self._shape, self._exact = shape, exact
        self._next = 1
        self._starts = array("q")  # the first number of each block
        self._ids: list[Array] = []
        self._first: list[Array] = []
        self._pairs: list[Array] = [np.empty((0, 2), np.int64)]

    def add(self, number: int, tile: Tile, labels: Array, written: Callable[[Box], Array]) -> Array:
        """Return the core of a block with numbers that no other has.

        Parameters
        ----------
        number : int
            Which plane or volume it lies in, counted from 0.
        tile : Tile
        labels : ndarray of int
            Objects 1, 2, 3, ... in what is seen of the block.
        written : callable
            A box of the plane or volume -> the numbers of blocks before this one; 0 elsewhere.
        """
        offset = self._next - 1
        self._next += int(labels.max(initial=0))
        if self._next > np.iinfo(np.uint32).max:
            raise ValueError(f"there are more than {self._next - 1} objects; choose larger blocks")
        core = labels[tile.inner]
        self._place(number, tile, core, offset)
        for box in preceding(tile):
            self._compare(labels[tile.part(box)], written(box), offset)
        self._starts.append(offset + 1)
        numbers = core.astype(np.uint32)
        return np.add(numbers, np.uint32(offset), out=numbers, where=numbers > 0)

    def _place(self, number: int, tile: Tile, core: Array, offset: int) -> None:
        """Note the first pixel of each object, as a scan of all planes or volumes meets them."""
        from napari_tessera.algorithms.labels.boxes import found

        boxes = found(core)
        corner = [part.start for part in tile.core]
        places = np.unravel_index(boxes.first, core.shape)
        own = [place + start for place, start in zip(places, corner, strict=True)]
        size = np.prod(self._shape, dtype=np.int64)
        self._first.append(np.ravel_multi_index(own, self._shape) + number * size)
        self._ids.append(boxes.ids.astype(np.int64) + offset)

    def _compare(self, labels: Array, written: Array, offset: int) -> None:
        """Note which objects are those of blocks before."""
        if self._exact:
            pairs = np.stack(overlap(labels, written)[:2], axis=1)
        else:
            pairs = counterparts(labels, written, self._blocks)
        self._pairs.append(pairs + np.array([offset, 0]))

    def _blocks(self, numbers: Array) -> Array:
        """Return the block that has written each number."""
        starts = np.frombuffer(self._starts, np.int64)
        return np.asarray(np.searchsorted(starts, numbers, side="right"))

    def numbers(self) -> Array:
        """Return the number of the joined object for each number, 0 first: 1, 2, 3, ... by scan."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        pairs = np.concatenate(self._pairs)
        links = coo_array(
            (np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(self._next, self._next)
        )
        count, sets = connected_components(links, directed=False)
        first = np.full(count, _NOWHERE)
        for ids, places in zip(self._ids, self._first, strict=True):
            np.minimum.at(first, sets[ids], places)
        order = np.argsort(first, kind="stable")
        present = int(np.count_nonzero(first != _NOWHERE))  # others lie in halos alone
        table = np.zeros(count, np.uint32)
        table[order[:present]] = np.arange(1, present + 1)
        return np.asarray(table[sets])


def preceding(tile: Tile) -> list[Box]:
    """Return the boxes around the core of a block in which blocks before it lie.

    A scan of blocks meets those that lie before it along the first axis, then, within its own
    range of this, those before it along the second, and so on.

    Examples
    --------
    >>> preceding(Tile((slice(4, 8), slice(5, 9)), (slice(3, 9), slice(4, 9))))
    [(slice(3, 4, None), slice(4, 9, None)), (slice(4, 8, None), slice(4, 5, None))]
    """
    boxes = []
    for axis, (own, seen) in enumerate(zip(tile.core, tile.seen, strict=True)):
        if seen.start < own.start:
            edge = slice(seen.start, own.start)
            boxes.append((*tile.core[:axis], edge, *tile.seen[axis + 1 :]))
    return boxes
