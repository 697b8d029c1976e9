"""Blocks of an array that does not stay, each in a file of its own: what lies between two steps.

Zarr hands all chunks through one thread. Here each thread compresses and writes its own block, in
small parts, so that what lies around a block is read without the whole blocks that it lies in.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box, tiled
from napari_tessera.pipeline.blockwise.pickling import Missing
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from pathlib import Path

_PARTS = 4  # of each side of a block: of its neighbours, one is read where a pixel is needed
_MARK = "begun"
_SHORTEST = 16  # pixels of such a part


@dataclass(frozen=True)
class BlockFiles:
    """An array whose blocks are files in a folder; those that were never written are 0.

    Several threads and processes may write blocks at once: a file is there when it is whole.

    Attributes
    ----------
    folder : Path
    shape : tuple of int
    chunks : tuple of int
        Shape of a block; those at the end of an axis are shorter.
    dtype : dtype, optional
        None = blocks are kept and given back in the types that they come in.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> blocks = BlockFiles(Path(tempfile.mkdtemp()), (4, 6), (2, 6), np.dtype(np.uint8))
    >>> blocks[2:4, 0:6] = np.ones((2, 6))
    >>> blocks[1:3, 4:6].tolist()
    [[0, 0], [1, 1]]
    """

    folder: Path
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any] | None = None

    @classmethod
    def begin(
        cls,
        folder: Path,
        shape: tuple[int, ...],
        chunks: tuple[int, ...],
        dtype: np.dtype[Any] | None = None,
    ) -> BlockFiles:
        """Make the folder, so that other processes know that it is this one that they see."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARK).write_bytes(b"")
        return cls(folder, shape, chunks, dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        return _seen, (self.folder, self.shape, self.chunks, self.dtype)

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.shape)

    def __setitem__(self, index: Any, block: Array) -> None:
        box = self._box(index)
        place = tuple(part.start // side for part, side in zip(box, self.chunks, strict=True))
        if box != self._block(place):
            raise ValueError(f"{index} is none of the blocks of {self.chunks}; write whole blocks")
        block = np.asarray(block, self.dtype).reshape([part.stop - part.start for part in box])
        file = self._file(place)
        file.parent.mkdir(parents=True, exist_ok=True)
        # two may write the same block at once
        fresh = file.with_name(f"{file.name}.{os.getpid()}.{threading.get_ident()}")
        fresh.write_bytes(b"".join(_packed(block)))
        fresh.replace(file)

    def __getitem__(self, index: Any) -> Array:
        box = self._box(index)
        found = list(self._found(box))
        dtype = self.dtype or np.result_type(np.uint8, *(part for _, part in found))
        result = np.zeros([part.stop - part.start for part in box], dtype)
        for own, part in found:
            result[own] = part
        index = _full(index, self.ndim)
        return result[tuple(slice(None) if isinstance(each, slice) else 0 for each in index)]

    def _found(self, box: Box) -> Iterator[tuple[Box, Array]]:
        """Yield what was written within a box, and where in it that lies."""
        ranges = [
            range(part.start // side, -(-part.stop // side))
            for part, side in zip(box, self.chunks, strict=True)
        ]
        for place in product(*ranges):
            file, block = self._file(place), self._block(place)
            if file.exists():
                for own, part in _unpacked(file, _within(_common(box, block), block)):
                    corner = [
                        inner.start + outer.start - whole.start
                        for inner, outer, whole in zip(own, block, box, strict=True)
                    ]
                    yield tuple(map(_long, corner, part.shape)), part

    def _box(self, index: Any) -> Box:
        """Return a box with the first pixel and the one after the last along each axis."""
        parts = []
        for each, length in zip(_full(index, self.ndim), self.shape, strict=True):
            own = each if isinstance(each, slice) else _long(int(each), 1)
            start, stop, step = own.indices(length)
            if step != 1:
                raise IndexError(f"{index} leaves out pixels; pass slices without steps")
            parts.append(slice(start, max(start, stop)))
        return tuple(parts)

    def _block(self, place: tuple[int, ...]) -> Box:
        corners = [i * side for i, side in zip(place, self.chunks, strict=True)]
        return tuple(
            slice(a, min(a + side, n))
            for a, side, n in zip(corners, self.chunks, self.shape, strict=True)
        )

    def _file(self, place: tuple[int, ...]) -> Path:
        return self.folder.joinpath(*map(str, place))


def _seen(folder: Path, *about: Any) -> BlockFiles:
    """Return blocks that were sent to another process, if it sees their folder."""
    if not (folder / _MARK).exists():
        raise Missing.here(folder, "there is no such folder")
    return BlockFiles(folder, *about)


def _parts(shape: tuple[int, ...]) -> list[Box]:
    """Return the boxes that a block is compressed in."""
    sides = [max(_SHORTEST, -(-n // _PARTS)) for n in shape]
    return [tile.core for tile in tiled(shape, (0,) * len(shape), sides)]


def _packed(block: Array) -> Iterator[bytes]:
    """Yield a line that says what follows, and the compressed parts of a block."""
    from numcodecs.blosc import SHUFFLE, Blosc

    codec = Blosc("lz4", clevel=1, shuffle=SHUFFLE)
    parts = [np.ascontiguousarray(block[box]) for box in _parts(block.shape)]
    packed = [codec.encode(part) if part.any() else b"" for part in parts]
    said = {"shape": block.shape, "dtype": block.dtype.str, "sizes": list(map(len, packed))}
    yield json.dumps(said).encode() + b"\n"
    yield from packed


def _unpacked(file: Path, box: Box) -> Iterator[tuple[Box, Array]]:
    """Yield what lies in a box of a block, and where in the block; parts without labels are not."""
    from numcodecs.blosc import Blosc

    with file.open("rb") as opened:
        said = json.loads(opened.readline())
        place = opened.tell()
        for own, size in zip(_parts(tuple(said["shape"])), said["sizes"], strict=True):
            common = _common(own, box)
            if size and all(part.stop > part.start for part in common):
                opened.seek(place)
                data = np.frombuffer(Blosc().decode(opened.read(size)), said["dtype"])
                shape = [part.stop - part.start for part in own]
                yield common, data.reshape(shape)[_within(common, own)]
            place += size


def _full(index: Any, count: int) -> tuple[Any, ...]:
    """Return an index with an entry for each axis."""
    index = index if isinstance(index, tuple) else (index,)
    if Ellipsis not in index:
        index = (*index, Ellipsis)
    at = index.index(Ellipsis)
    left = count - len(index) + 1
    return (*index[:at], *(slice(None),) * left, *index[at + 1 :])


def _common(first: Box, second: Box) -> Box:
    return tuple(
        slice(max(a.start, b.start), min(a.stop, b.stop))
        for a, b in zip(first, second, strict=True)
    )


def _within(box: Box, outer: Box) -> Box:
    """Return a box as one of another that it lies in."""
    return tuple(
        slice(part.start - out.start, part.stop - out.start)
        for part, out in zip(box, outer, strict=True)
    )


def _long(start: int, length: int) -> slice:
    return slice(start, start + length)
