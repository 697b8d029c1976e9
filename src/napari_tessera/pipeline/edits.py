"""What a step changed in an array, small enough to keep, so that it can be taken back and redone.

Old and new values are kept as their difference (XOR), which turns each into the other.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.algorithms.parallel import in_order, slabs
from napari_tessera.metrics.overlap import overlap_table
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array


@dataclass(frozen=True)
class Change:
    """What changed in one box of an array.

    Attributes
    ----------
    box : tuple of slice
        Along every axis of the array.
    dtype : str
        Of the array.
    packed : bytes
        The difference, compressed.
    before, after : int
        Checksums (CRC-32) of the old and the new values.
    """

    box: Box
    dtype: str
    packed: bytes
    before: int
    after: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the box."""
        return tuple(part.stop - part.start for part in self.box)

    @property
    def size(self) -> int:
        """Pixels in the box."""
        return math.prod(self.shape)

    def fits(self, array: Any, *, back: bool = False) -> bool:
        """Return True if an array holds the old values; with `back`, the new ones."""
        return _checksum(np.asarray(array[self.box])) == (self.after if back else self.before)

    def flip(self, array: Any) -> None:
        """Turn old values of an array into new ones, in place; the next time, new into old."""
        difference = np.frombuffer(_codec().decode(self.packed), self.dtype).reshape(self.shape)
        array[self.box] = np.asarray(array[self.box]) ^ difference


def differences(
    array: Any, start: Sequence[int], values: Array, report: Reporter | None = None
) -> list[Change]:
    """Return what changes when values are written into an array; nothing is written yet.

    Parameters
    ----------
    array : array of int
        Anything with slicing: NumPy, Zarr.
    start : sequence of int
        Where in the array the values begin, one number per axis.
    values : ndarray of int
        With as many axes.
    report : Reporter, optional

    Raises
    ------
    ValueError
        If the array's type cannot hold the values.

    Examples
    --------
    >>> labels = np.array([[1, 1, 2], [0, 0, 2]], np.uint8)
    >>> (change,) = differences(labels, (0, 1), np.array([[1, 3]]))
    >>> change.flip(labels), labels.tolist()
    (None, [[1, 1, 3], [0, 0, 2]])
    >>> change.flip(labels), labels.tolist()
    (None, [[1, 1, 2], [0, 0, 2]])
    """
    reporter, dtype = Reporter.of(report), np.dtype(array.dtype)
    highest = int(values.max(initial=0))
    if highest > np.iinfo(dtype).max:
        raise ValueError(
            f"labels has dtype {dtype}, which holds numbers up to {np.iinfo(dtype).max}, but "
            f"{highest} is needed; choose a new layer for the result"
        )
    blocks = list(_blocks(values.shape))

    def one(block: Box) -> Change | None:
        place = tuple(
            slice(part.start + first, part.stop + first)
            for part, first in zip(block, start, strict=True)
        )
        return _difference(np.asarray(array[place]), values[block].astype(dtype, copy=False), place)

    return [change for change in in_order(one, blocks, reporter) if change is not None]


class Written:
    """An array as it will be once values are written into it, read along its first axis.

    Parameters
    ----------
    array : array of int
        Anything with slicing.
    start : sequence of int
        Where in the array the values begin, one number per axis.
    values : ndarray of int
        With as many axes.
    """

    def __init__(self, array: Any, start: Sequence[int], values: Array) -> None:
        self._array, self._start, self._values = array, start, values
        self.shape, self.ndim = tuple(array.shape), len(array.shape)
        self.dtype = np.result_type(array.dtype, values.dtype)

    def __getitem__(self, rows: slice) -> Array:
        low, high, _ = rows.indices(self.shape[0])
        block = np.array(self._array[low:high], self.dtype)
        first, last = self._start[0], self._start[0] + len(self._values)
        a, b = max(low, first), min(high, last)
        if a < b:
            inside = [slice(s, s + n) for s, n in zip(self._start, self._values.shape, strict=True)]
            block[(slice(a - low, b - low), *inside[1:])] = self._values[a - first : b - first]
        return block


@dataclass(frozen=True)
class Moved:
    """What became of the labels of an array: where each new one comes from.

    Attributes
    ----------
    old : ndarray of int64
        The ids before, without background, in rising order.
    new : ndarray of int64, shape (N,)
        The ids now.
    origin : ndarray of int64, shape (N,)
        The id that each was before: its own where pixels of it still have it, else that of most of
        its pixels; 0 = it is new on background.
    whole : ndarray of bool, shape (N,)
        Whether it has the very pixels that its origin had.
    part : ndarray of bool, shape (N,)
        Whether another one goes on as the origin's own, and this is what was split off it.
    """

    old: Array
    new: Array
    origin: Array
    whole: Array
    part: Array

    @property
    def touched(self) -> Array:
        """The ids, before or now, of all that are not what they were."""
        changed = (self.origin != self.new) | ~self.whole
        return np.union1d(self.new[changed], np.setdiff1d(self.old, self.new))

    @classmethod
    def between(cls, old: Any, new: Any, report: Reporter | None = None) -> Moved:
        """Compare two arrays of ids of one shape, block by block.

        Examples
        --------
        >>> moved = Moved.between(np.array([[7, 7, 0, 3, 3, 3]]), np.array([[2, 2, 4, 1, 1, 5]]))
        >>> moved.new.tolist(), moved.origin.tolist()
        ([1, 2, 4, 5], [3, 7, 0, 3])
        >>> moved.whole.tolist(), moved.part.tolist()
        ([False, True, False, False], [False, False, False, True])
        """
        table = overlap_table(old, new, report=report)
        before, now, pixels = table.truth, table.prediction, table.pixels
        # the own id first, then most pixels; on background only what lies nowhere else
        row = np.lexsort((before, -pixels, before == 0, before != now, now))
        row = row[now[row] != 0]
        ids, first = np.unique(now[row], return_index=True)
        best = row[first]
        origin, shared = before[best], pixels[best]
        sizes = np.bincount(np.unique(before, return_inverse=True)[1], pixels)
        of_origin = sizes[np.searchsorted(np.unique(before), origin)]
        whole = (shared == of_origin) & (np.add.reduceat(pixels[row], first) == shared)
        whole = np.asarray(whole & (origin != 0))
        # of several from one origin, the one that has its id goes on, else the largest
        order = np.lexsort((-shared, ids != origin, origin))
        part = np.zeros(ids.size, bool)
        part[order[1:]] = np.diff(origin[order]) == 0
        return cls(np.unique(before[before != 0]), ids, origin, whole, part & (origin != 0))


def _blocks(shape: tuple[int, ...]) -> Iterator[Box]:
    """Yield the boxes that cover an array: planes, or rows of large planes."""
    lead, (height, width) = shape[:-2], shape[-2:]
    for index in np.ndindex(lead):
        here = tuple(slice(i, i + 1) for i in index)
        for rows in slabs(height, width):
            yield (*here, slice(*rows), slice(0, width))


def _difference(old: Array, new: Array, place: Box) -> Change | None:
    """Return the difference of two arrays in the smallest box that holds it, or None."""
    difference = old ^ new
    spans = []
    for axis in range(difference.ndim):
        rest = tuple(each for each in range(difference.ndim) if each != axis)
        there = np.flatnonzero(difference.any(axis=rest))
        if not there.size:
            return None
        spans.append((int(there[0]), int(there[-1]) + 1))
    part = tuple(slice(a, b) for a, b in spans)
    inner = np.ascontiguousarray(difference[part])
    box = tuple(
        slice(part.start + a, part.start + b) for part, (a, b) in zip(place, spans, strict=True)
    )
    sums = _checksum(old[part]), _checksum(new[part])
    return Change(box, inner.dtype.str, _codec().encode(inner), *sums)


def _checksum(values: Array) -> int:
    return zlib.crc32(np.ascontiguousarray(values).data)


def _codec() -> Any:
    from numcodecs.blosc import SHUFFLE, Blosc

    return Blosc(cname="zstd", clevel=1, shuffle=SHUFFLE)


def weight(changes: Iterable[Change]) -> int:
    """Return how many bytes changes take."""
    return sum(len(change.packed) for change in changes)


def unwritable(array: Any) -> str:
    """Return why an array of labels cannot be changed in place, "" if it can.

    Examples
    --------
    >>> unwritable(np.zeros(3, int))
    ''
    >>> unwritable(np.broadcast_to(0, 3))
    'it is read-only'
    """
    if isinstance(array, np.ndarray):
        return "" if array.flags.writeable else "it is read-only"
    if getattr(array, "read_only", False):
        return "it is a file opened for reading only"
    if not hasattr(type(array), "__setitem__") or hasattr(array, "dask"):
        return f"it is computed when it is read ({type(array).__module__.split('.')[0]})"
    return ""
