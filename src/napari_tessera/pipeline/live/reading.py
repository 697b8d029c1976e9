"""Arrays that are read in pieces while they are looked at: each chunk once, or more coarsely."""

from __future__ import annotations

import threading
from collections import OrderedDict
from itertools import product
from typing import Any

import numpy as np

from napari_tessera.pipeline.source import Index
from napari_tessera.signature.words import Array

READ = 1 << 27
"""Bytes of what was read that are kept, because blocks overlap."""


def chunks_of(array: Any) -> Index | None:
    """Return the sides of what an array reads at once, None if it does not say so.

    Examples
    --------
    >>> import dask.array as da
    >>> chunks_of(da.zeros((5, 8), chunks=(2, 8)))
    (2, 8)
    """
    kept = getattr(array, "shards", None) or getattr(array, "chunks", None)
    if not isinstance(kept, tuple) or len(kept) != array.ndim:
        return None
    # Dask lists the lengths of all chunks along each axis
    return tuple(each if isinstance(each, int) else max(each) for each in kept)


class ChunkCache:
    """An array of which the chunks that were read last are kept.

    Parameters
    ----------
    array : array
        Anything with shape, dtype and slicing.
    chunks : tuple of int
        Sides of what is read at once.
    memory : int
        Bytes that are kept, one chunk at least.

    Attributes
    ----------
    array : array
    nbytes : int
        Bytes that are kept now.
    """

    def __init__(self, array: Any, chunks: Index, memory: int = READ) -> None:
        self.array, self.chunks, self._memory = array, chunks, memory
        self.shape: Index = tuple(array.shape)
        self.ndim, self.dtype = len(self.shape), np.dtype(array.dtype)
        self._kept: OrderedDict[Index, Array] = OrderedDict()
        self.nbytes = 0
        self._under_way: dict[Index, threading.Lock] = {}
        self._lock = threading.Lock()

    def __getitem__(self, index: tuple[Any, ...]) -> Array:
        whole = [_range(each, n) for each, n in zip(index, self.shape, strict=True)]
        result = np.empty([len(each) for each in whole], self.dtype)
        spans = [
            range(each.start // side, -(-each.stop // side)) if each else range(0)
            for each, side in zip(whole, self.chunks, strict=True)
        ]
        for cell in product(*spans):
            into, out = [], []
            for own, at, side in zip(whole, cell, self.chunks, strict=True):
                low, high = max(own.start, at * side), min(own.stop, (at + 1) * side)
                into.append(slice(low - own.start, high - own.start))
                out.append(slice(low - at * side, high - at * side))
            result[tuple(into)] = self._chunk(cell)[tuple(out)]
        return result[tuple(slice(None) if isinstance(each, slice) else 0 for each in index)]

    def _chunk(self, cell: Index) -> Array:
        """Return a chunk, which one thread alone reads while the others wait for it."""
        with self._lock:
            if cell in self._kept:
                self._kept.move_to_end(cell)
                return self._kept[cell]
            reading = self._under_way.setdefault(cell, threading.Lock())
        with reading:
            with self._lock:
                if cell in self._kept:
                    return self._kept[cell]
            box = tuple(
                slice(at * side, min(n, (at + 1) * side))
                for at, side, n in zip(cell, self.chunks, self.shape, strict=True)
            )
            chunk = np.asarray(self.array[box])
            self._keep(cell, chunk)
            return chunk

    def _keep(self, cell: Index, chunk: Array) -> None:
        with self._lock:
            self._under_way.pop(cell, None)
            self._kept[cell] = chunk
            self.nbytes += chunk.nbytes
            while len(self._kept) > 1 and self.nbytes > self._memory:
                self.nbytes -= self._kept.popitem(last=False)[1].nbytes


class Coarser:
    """An array as if it had fewer pixels: of those in a larger one, it has that in the middle.

    Parameters
    ----------
    array : array
        Anything with shape, dtype and slicing.
    shape : tuple of int
        Of which no axis is longer than the array's.

    Examples
    --------
    >>> Coarser(np.arange(9), (3,))[slice(0, 3),].tolist()
    [1, 4, 7]
    """

    def __init__(self, array: Any, shape: Index) -> None:
        self._array, self.shape = array, shape
        self.ndim, self.dtype = len(shape), array.dtype

    def __getitem__(self, index: tuple[Any, ...]) -> Array:
        own = [_range(each, n) for each, n in zip(index, self.shape, strict=True)]
        places = [
            ((2 * np.arange(each.start, each.stop) + 1) * full) // (2 * n)
            for each, n, full in zip(own, self.shape, self._array.shape, strict=True)
        ]
        if not all(each.size for each in places):
            return np.empty([each.size for each in places], self.dtype)
        box = tuple(slice(int(each[0]), int(each[-1]) + 1) for each in places)
        read = np.asarray(self._array[box])[np.ix_(*(each - each[0] for each in places))]
        return read[tuple(slice(None) if isinstance(each, slice) else 0 for each in index)]


def _range(position: Any, length: int) -> range:
    """Return the places that an index or a slice without a step stands for."""
    if isinstance(position, slice):
        start, stop, _ = position.indices(length)
        return range(start, max(start, stop))
    return range(int(position), int(position) + 1)
