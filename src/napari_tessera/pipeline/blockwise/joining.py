"""Objects that lie in several blocks become one, with the numbers that a whole array would give.

Each block is numbered by itself where it is computed. What is known of it then is small: how many
objects it has, where a scan meets each of them first, and thin slabs of labels at its faces, in
which blocks that see the same pixels are compared.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box, Tile
from napari_tessera.algorithms.labels.linking import counterparts, overlap
from napari_tessera.pipeline.source import Index
from napari_tessera.signature.words import Array

REACH = 4
"""How many pixels around a block are compared with the objects of other blocks, if these may
differ there; where they are the same, one is enough."""

_NOWHERE = np.iinfo(np.int64).max


class Slab(NamedTuple):
    """A few layers of labels, compressed: a row of blocks waits for the next one with them.

    Attributes
    ----------
    shape : tuple of int
    dtype : str
    data : bytes
    """

    shape: Index
    dtype: str
    data: bytes

    @classmethod
    def of(cls, labels: Array) -> Slab:
        """Return the slab of labels."""
        narrow = labels.astype(np.min_scalar_type(int(labels.max(initial=0))))
        return cls(narrow.shape, narrow.dtype.str, zlib.compress(narrow.tobytes(), 1))

    @property
    def labels(self) -> Array:
        """The labels.

        Examples
        --------
        >>> Slab.of(np.array([[0, 7]])).labels
        array([[0, 7]], dtype=uint8)
        """
        return np.frombuffer(zlib.decompress(self.data), self.dtype).reshape(self.shape)


class BlockObjects(NamedTuple):
    """What is known of the objects of a block, which are numbered 1, 2, 3, ... in what it sees.

    Attributes
    ----------
    highest : int
        The highest number.
    ids : ndarray of uint32, shape (N,)
        Those that lie in its core.
    first : ndarray of int64, shape (N,)
        Where a scan of the plane or volume meets each first: a place in the flat array.
    around : tuple of Slab
        What it sees in the places of blocks before it, see `preceding`.
    faces : tuple of Slab
        The last layers of its core along each axis, which blocks after it see.
    """

    highest: int
    ids: Array
    first: Array
    around: tuple[Slab, ...]
    faces: tuple[Slab, ...]

    @classmethod
    def of(cls, labels: Array, tile: Tile, reach: int, shape: Index) -> BlockObjects:
        """Return what is known of the objects of a block.

        Parameters
        ----------
        labels : ndarray of int
            What is seen of the block.
        tile : Tile
        reach : int
            How many layers of its core others see.
        shape : tuple of int
            Of the plane or volume.
        """
        from napari_tessera.algorithms.labels.boxes import found

        core = labels[tile.inner]
        boxes, corner = found(core), [part.start for part in tile.core]
        places = np.unravel_index(boxes.first, core.shape)
        own = [place + start for place, start in zip(places, corner, strict=True)]
        return cls(
            int(labels.max(initial=0)),
            boxes.ids.astype(np.uint32),
            np.ravel_multi_index(own, shape),
            tuple(Slab.of(labels[tile.part(box)]) for _, box in preceding(tile)),
            tuple(
                Slab.of(core[(*(slice(None),) * axis, slice(-reach, None))])
                for axis in range(core.ndim)
            ),
        )


class _Done(NamedTuple):
    """A block that others are compared with."""

    core: Box
    offset: int
    faces: tuple[Slab, ...]


@dataclass(frozen=True)
class BlockGrid:
    """The blocks of planes or volumes that objects are joined in.

    Attributes
    ----------
    shape : tuple of int
        Of a plane or volume.
    sides : tuple of int
        Of a block.
    exact : bool
        Whether objects that share a pixel are one; else those that are each other's most likely
        counterpart.
    """

    shape: Index
    sides: Index
    exact: bool

    @cached_property
    def reach(self) -> int:
        """How many pixels around a block are compared: no more than belong to its neighbours."""
        return 1 if self.exact else min(REACH, *self.sides)

    def touched(self, box: Box) -> Iterator[Index]:
        """Yield the blocks that a box touches, as their places in the grid."""
        ranges = [
            range(part.start // side, -(-part.stop // side))
            for part, side in zip(box, self.sides, strict=True)
        ]
        return product(*ranges)

    def place(self, tile: Tile) -> Index:
        """Return the place of a block in the grid."""
        return tuple(part.start // side for part, side in zip(tile.core, self.sides, strict=True))


class Joining:
    """Numbers the objects of blocks on, and learns which of them are one.

    Parameters
    ----------
    grid : BlockGrid
    """

    def __init__(self, grid: BlockGrid) -> None:
        self._grid = grid
        self._next = 1
        self._number = -1
        self._near: dict[Index, _Done] = {}
        self._starts = array("q")  # the first number of each block
        self._ids: list[Array] = []
        self._first: list[Array] = []
        self._pairs: list[Array] = [np.empty((0, 2), np.int64)]

    def add(self, number: int, tile: Tile, objects: BlockObjects) -> None:
        """Take what is known of the objects of the next block.

        Parameters
        ----------
        number : int
            Which plane or volume it lies in, counted from 0.
        tile : Tile
            With as much around it as is compared.
        objects : BlockObjects
        """
        offset = self._next - 1
        self._next += objects.highest
        if self._next > np.iinfo(np.uint32).max:
            raise ValueError(f"there are more than {self._next - 1} objects; choose larger blocks")
        self._starts.append(offset + 1)
        size = np.prod(self._grid.shape, dtype=np.int64)
        self._first.append(objects.first + number * size)
        self._ids.append(objects.ids + np.uint32(offset))
        place = self._grid.place(tile)
        self._forget(number, place)
        for (axis, box), around in zip(preceding(tile), objects.around, strict=True):
            self._compare(around.labels, self._before(axis, box), offset)
        self._near[place] = _Done(tile.core, offset, objects.faces)

    def _forget(self, number: int, place: Index) -> None:
        """Let go of blocks that no other one borders on any more."""
        if number != self._number:
            self._number = number
            self._near.clear()
        # of those that border on this block or later ones, the first in the order of a scan
        corner = tuple(i - 1 for i in place)
        while self._near and (first := next(iter(self._near))) < corner:
            del self._near[first]

    def _before(self, axis: int, box: Box) -> Array:
        """Return the numbers of blocks before one, in a box that borders on it along an axis."""
        numbers = np.zeros([part.stop - part.start for part in box], np.uint32)
        for each in self._grid.touched(box):
            if each not in self._near:
                continue
            core, offset, faces = self._near[each]
            labels = faces[axis].labels
            low = [part.start for part in core]
            low[axis] = core[axis].stop - labels.shape[axis]
            common = [
                slice(max(part.start, a), min(part.stop, own.stop))
                for part, a, own in zip(box, low, core, strict=True)
            ]
            here = tuple(_moved(part, own.start) for part, own in zip(common, box, strict=True))
            there = labels[tuple(map(_moved, common, low))].astype(np.uint32)
            np.add(there, np.uint32(offset), out=there, where=there > 0)
            numbers[here] = there
        return numbers

    def _compare(self, labels: Array, written: Array, offset: int) -> None:
        """Note which objects are those of blocks before."""
        if self._grid.exact:
            pairs = np.stack(overlap(labels, written)[:2], axis=1)
        else:
            pairs = counterparts(labels, written, self._blocks)
        self._pairs.append(pairs + np.array([offset, 0]))

    def _blocks(self, numbers: Array) -> Array:
        """Return the block that has each number."""
        starts = np.frombuffer(self._starts, np.int64)
        return np.asarray(np.searchsorted(starts, numbers, side="right"))

    def numbers(self) -> tuple[int, Iterator[Array]]:
        """Return how many joined objects there are, and their numbers for each block.

        Returns
        -------
        count : int
            They are 1, 2, 3, ... as a scan meets them.
        tables : iterator of ndarray
            Of each block, in order: the number of each of its objects, 0 first.
        """
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
        return present, self._tables(table[sets])

    def _tables(self, numbers: Array) -> Iterator[Array]:
        bounds = [*self._starts, self._next]
        for start, stop in pairwise(bounds):
            yield np.concatenate([np.zeros(1, np.uint32), numbers[start:stop]])


def preceding(tile: Tile) -> list[tuple[int, Box]]:
    """Return the boxes around the core of a block in which blocks before it lie.

    A scan of blocks meets those that lie before it along the first axis, then, within its own
    range of this, those before it along the second, and so on.

    Returns
    -------
    list of (axis, box)
        The axis along which blocks in the box come before this one.

    Examples
    --------
    >>> for each in preceding(Tile((slice(4, 8), slice(5, 9)), (slice(3, 9), slice(4, 9)))):
    ...     print(each)
    (0, (slice(3, 4, None), slice(4, 9, None)))
    (1, (slice(4, 8, None), slice(4, 5, None)))
    """
    boxes = []
    for axis, (own, seen) in enumerate(zip(tile.core, tile.seen, strict=True)):
        if seen.start < own.start:
            edge = slice(seen.start, own.start)
            boxes.append((axis, (*tile.core[:axis], edge, *tile.seen[axis + 1 :])))
    return boxes


def _moved(part: slice, start: int) -> slice:
    return slice(part.start - start, part.stop - start)
