"""Hashes of what files and arrays hold, of large ones from a sample of it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

MOST = 1 << 31
"""Most bytes that are all read."""

MOST_LAZY = 1 << 28
"""The same of arrays that are no memory, as each byte of them may have to be computed."""

SAMPLES = 256
"""How many pieces of a larger one are read, evenly spread."""

PIECE = 1 << 20
"""Bytes of such a piece."""


@dataclass(frozen=True)
class ContentHash:
    """A hash, and whether all was read for it.

    Attributes
    ----------
    sha256 : str
    sampled : bool
        Whether it is one of the sizes and of a sample of the contents: another file is told by it,
        a change in a few bytes may not be.
    """

    sha256: str
    sampled: bool = False


def hash_of_files(
    files: Sequence[tuple[str, Path]], about: str = "", *, sampled: bool | None = None
) -> ContentHash:
    """Return the hash of files; of one without a name that of its contents alone, as sha256sum.

    Parameters
    ----------
    files : sequence of (str, Path)
        Names, which count, and where they lie.
    about : str
        What counts besides.
    sampled : bool, optional
        Whether a sample is read; None = of more than `MOST` bytes.

    Raises
    ------
    OSError
        If one cannot be read.
    """
    found, sizes = hashlib.sha256(about.encode()), [path.stat().st_size for _, path in files]
    sampled = sum(sizes) > MOST if sampled is None else sampled
    step = max(PIECE, sum(sizes) // SAMPLES) if sampled else PIECE
    begin = 0
    for (name, path), size in zip(files, sizes, strict=True):
        found.update(f"{name}{size}".encode() if sampled else name.encode())
        # of all files laid end to end, what begins at a multiple of the step
        _read_into(found, path, range(-begin % step if sampled else 0, size, step))
        begin += size
    return ContentHash(found.hexdigest(), sampled)


def _read_into(found: Any, path: Path, starts: Iterable[int]) -> None:
    """Add the pieces of a file that begin at some places to a hash."""
    with path.open("rb") as file:
        for start in starts:
            file.seek(start)
            found.update(file.read(PIECE))


def hash_of_array(array: Any, *, sampled: bool | None = None) -> ContentHash:
    """Return the hash of an array's type, shape and values.

    Parameters
    ----------
    array : array
        Anything with shape, dtype and slicing.
    sampled : bool, optional
        Whether a sample is read; None = of more than `MOST` bytes, or `MOST_LAZY`.

    Examples
    --------
    >>> one = hash_of_array(np.array([[1, 2], [3, 4]], np.uint8))
    >>> one == hash_of_array(np.array([[1, 2], [3, 5]], np.uint8)), one.sampled
    (False, False)
    """
    shape, dtype = tuple(map(int, array.shape)), np.dtype(array.dtype).newbyteorder("<")
    found = hashlib.sha256(f"{dtype.str} {shape}".encode())
    if sampled is None:
        most = MOST if isinstance(array, np.ndarray) else MOST_LAZY
        sampled = math.prod(shape) * dtype.itemsize > most
    lead = _leading(shape, dtype.itemsize)
    rows, row = math.prod(shape[:lead]), math.prod(shape[lead:]) * dtype.itemsize
    step = max(1, rows * row // (SAMPLES * PIECE)) if sampled else 1
    rest = (slice(None),) * (len(shape) - lead)
    for number in range(0, rows, step):
        place = map(int, np.unravel_index(number, shape[:lead])) if lead else ()
        piece = np.ascontiguousarray(array[(*place, *rest)], dtype)
        found.update(piece.view(np.uint8).data)
    return ContentHash(found.hexdigest(), sampled)


def _leading(shape: Sequence[int], itemsize: int) -> int:
    """Return how many of the first axes are gone along, so that some megabytes are read at once."""
    lead = 0
    while lead < len(shape) - 1 and math.prod(shape[lead:]) * itemsize > 16 * PIECE:
        lead += 1
    return lead
