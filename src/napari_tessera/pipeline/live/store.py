"""Blocks of labels that are kept while they are looked at, with numbers that no two share."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box, Tile
from napari_tessera.algorithms.labels.linking import counterparts, overlap
from napari_tessera.signature.words import Array

KEPT = 1 << 29
"""Bytes of labels that are kept."""

_MOST_JOINED = 1 << 20
_MOST_NUMBERS = 1 << 31

Key = tuple[Any, ...]


@dataclass
class LiveBlock:
    """The labels of one block, with some pixels around its core.

    Attributes
    ----------
    tile : Tile
        The core, and what is kept around it, in the plane or volume.
    labels : ndarray of int
        Of what is kept, numbered within the block.
    first : int
        The number of its object 1 in the whole, less 1.
    numbers : ndarray of uint32, optional
        The number of each of its objects in the whole, 0 first; None = they stand as they are.
    """

    tile: Tile
    labels: Array
    first: int = 0
    numbers: Array | None = None

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return int(self.labels.nbytes + (0 if self.numbers is None else self.numbers.nbytes))

    def within(self, box: Box) -> Array:
        """Return the labels of a box of the plane or volume."""
        return self.labels[self.tile.part(box)]


class LiveStore:
    """Keeps the blocks that were looked at last, and learns which of their objects are one.

    Numbers stay when a block is dropped and worked on again.

    Parameters
    ----------
    memory : int
        Bytes of labels that are kept at most.
    numbered : bool
        Whether each label is an object with a number of its own.
    exact : bool
        Whether objects that share a pixel are one; else those that are each other's most likely
        counterpart.
    """

    def __init__(self, memory: int, *, numbered: bool, exact: bool) -> None:
        self._memory, self._numbered, self._exact = memory, numbered, exact
        self._blocks: dict[Key, LiveBlock] = {}  # the one that was used last comes last
        self._lock, self._joining = threading.Lock(), threading.Lock()
        self._bytes = 0
        self._forget()

    def _forget(self) -> None:
        """Begin to number anew."""
        self._firsts: dict[Key, tuple[int, int]] = {}
        self._starts, self._owners = list[int](), list[Key]()
        self._next = 0
        self._shown_as: dict[int, int] = {}
        self._together: dict[int, list[int]] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of the labels that are kept."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._blocks)

    def __contains__(self, key: Key) -> bool:
        return key in self._blocks

    def blocks(self, keys: Iterable[Key] | None = None) -> list[tuple[Key, LiveBlock]]:
        """Return those of some blocks that are kept, or all that are."""
        with self._lock:
            if keys is None:
                return list(self._blocks.items())
            return [(key, self._blocks[key]) for key in keys if key in self._blocks]

    def use(self, keys: Iterable[Key]) -> None:
        """Keep blocks longer than those that were used before."""
        with self._lock:
            for key in keys:
                if key in self._blocks:
                    self._blocks[key] = self._blocks.pop(key)

    def put(self, key: Key, tile: Tile, labels: Array, beside: Iterable[Key]) -> None:
        """Keep a block, joined with those beside it that are there.

        Parameters
        ----------
        key : tuple
        tile : Tile
            Its core, and what `labels` cover.
        labels : ndarray of int
        beside : iterable of tuple
            The blocks whose objects may go on in this one.
        """
        if not self._numbered:
            self._keep(key, LiveBlock(tile, labels))
            return
        highest = int(labels.max(initial=0))
        block = LiveBlock(tile, labels.astype(np.min_scalar_type(highest)))
        with self._joining:
            if len(self._shown_as) > _MOST_JOINED or self._next > _MOST_NUMBERS:
                self._drop_all()
            block.first = self._first(key, highest)
            block.numbers = self._numbers(block.first, highest)
            self._keep(key, block)
            for _, other in self.blocks(beside):
                self._join(*self._same(block, other))

    def _drop_all(self) -> None:
        with self._lock:
            self._blocks.clear()
            self._bytes = 0
        self._forget()

    def _keep(self, key: Key, block: LiveBlock) -> None:
        with self._lock:
            old = self._blocks.pop(key, None)
            self._bytes += block.nbytes - (0 if old is None else old.nbytes)
            self._blocks[key] = block
            while self._bytes > self._memory and len(self._blocks) > 1:
                oldest = next(iter(self._blocks))
                self._bytes -= self._blocks.pop(oldest).nbytes

    # ------------------------------------------------------------------ numbers

    def _first(self, key: Key, highest: int) -> int:
        known = self._firsts.get(key)
        if known is not None and known[1] >= highest:
            return known[0]
        first = self._next
        self._firsts[key] = first, highest
        self._starts.append(first + 1)
        self._owners.append(key)
        self._next += highest
        return first

    def _numbers(self, first: int, highest: int) -> Array:
        numbers = np.arange(first, first + highest + 1, dtype=np.uint32)
        numbers[0] = 0
        for each in range(1, highest + 1) if self._shown_as else ():
            numbers[each] = self._shown_as.get(first + each, first + each)
        return numbers

    def _same(self, block: LiveBlock, other: LiveBlock) -> tuple[Array, Array]:
        """Return which objects of two blocks are one, as pairs of their numbers at first."""
        corner, there = ([part.start for part in b.tile.core] for b in (block, other))
        # which of the two came first does not count, but where they lie, as in a run of all blocks
        later, earlier = (block, other) if corner > there else (other, block)
        box = tuple(
            slice(max(a.start, b.start), min(a.stop, b.stop))
            for a, b in zip(later.tile.seen, earlier.tile.core, strict=True)
        )
        one, two = later.within(box), earlier.within(box)
        if self._exact:
            first, second = overlap(one, two)[:2]
        else:
            first, second = counterparts(one, two, np.zeros_like).T
        return first + later.first, second + earlier.first

    def _join(self, first: Array, second: Array) -> None:
        """Let pairs of objects have one number: that of the set with more members."""
        for a, b in zip(first.tolist(), second.tolist(), strict=True):
            mine, theirs = self._shown_as.get(a, a), self._shown_as.get(b, b)
            if mine == theirs:
                continue
            sets = {n: self._together.pop(n, [n]) for n in (mine, theirs)}
            stays = max(sets, key=lambda n: (len(sets[n]), -n))
            goes = theirs if stays == mine else mine
            for number in sets[goes]:
                self._show_as(number, stays)
            self._shown_as[stays] = stays
            self._together[stays] = sets[stays] + sets[goes]

    def _show_as(self, number: int, shown: int) -> None:
        self._shown_as[number] = shown
        key = self._owners[bisect_right(self._starts, number) - 1]
        with self._lock:
            block = self._blocks.get(key)
        if block is not None and block.numbers is not None:
            own = number - block.first
            if 0 < own < len(block.numbers):
                block.numbers[own] = shown
