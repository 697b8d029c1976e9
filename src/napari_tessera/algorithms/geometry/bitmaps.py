"""Marks of pixels as bits, 64 to a word: an eighth of the memory, and 64 are compared at once.

Marks of a volume (P, L, C) are words of uint64 (P, L, W + 2): each line begins and ends with an
empty word, so that neighbours can be asked without looking where the line ends.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from napari_tessera.signature.words import Array

WORD = 64

_ONE = np.uint64(1)
_BYTE, _TOP = np.uint64(8), np.uint64(56)
_GATHER = np.uint64(0x0102040810204080)
"""Times eight bytes of 0 or 1, this has them as bits in the highest byte."""


def no_marks(shape: tuple[int, ...]) -> Array:
    """Return the words of a volume (P, L, C) where nothing is marked.

    Examples
    --------
    >>> no_marks((2, 3, 65)).shape
    (2, 3, 4)
    """
    return np.zeros((*shape[:-1], -(-shape[-1] // WORD) + 2), np.uint64)


def pack_marks(marks: Array) -> Array:
    """Return marks of a volume (P, L, C), 0 or 1 in bytes, as words.

    Examples
    --------
    >>> pack_marks(np.array([[[1, 0, 1]]], np.uint8))
    array([[[0, 5, 0]]], dtype=uint64)
    """
    words = no_marks(marks.shape)
    _pack_lines(marks, words)
    return words


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _pack_lines(marks: Any, words: Any) -> None:
    planes, lines, columns = marks.shape
    padded = np.zeros((words.shape[2] - 2) * WORD, np.uint8)
    for p in range(planes):
        for row in range(lines):
            padded[:columns] = marks[p, row]
            pack_line(padded, words[p, row])


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def pack_line(padded: Any, words: Any) -> int:
    """Set the words of a line from bytes of 0 or 1, as many as there are bits; return the ones."""
    eights, total = padded.view(np.uint64), 0
    for w in range(words.size - 2):
        word = np.uint64(0)
        # eight bytes of 0 or 1 become eight bits by one multiplication: no two of its sums share a
        # bit of the highest byte
        for k in range(8):
            word |= ((eights[8 * w + k] * _GATHER) >> _TOP) << (_BYTE * np.uint64(k))
        words[w + 1] = word
        total += ones(word)
    return total


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def unpack_line(words: Any, marks: Any) -> None:
    """Set bytes of 0 or 1 from words, none of which is an empty one at the ends."""
    for c in range(marks.size):
        marks[c] = (words[c // WORD] >> np.uint64(c % WORD)) & _ONE


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def values_at(values: Any, words: Any, found: Any) -> None:
    """Set `found` to the values where a volume is marked, in the order of a scan."""
    number = 0
    for p in range(words.shape[0]):
        for row in range(words.shape[1]):
            own = values[p, row]
            for w in range(1, words.shape[2] - 1):
                word = words[p, row, w]
                while word:
                    found[number] = own[(w - 1) * WORD + trailing_zeros(word)]
                    # without the lowest bit that is set: as many steps as marks
                    word &= word - _ONE
                    number += 1


@intrinsic  # type: ignore[untyped-decorator]
def ones(_: Any, word: Any) -> Any:
    """Return how many bits of a word are 1."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), build


@intrinsic  # type: ignore[untyped-decorator]
def trailing_zeros(_: Any, word: Any) -> Any:
    """Return how many bits of a word that is not 0 are 0 before the first one."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], cgutils.true_bit)

    return types.int64(types.uint64), build


@intrinsic  # type: ignore[untyped-decorator]
def leading_zeros(_: Any, word: Any) -> Any:
    """Return how many bits of a word that is not 0 are 0 after the last one."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], cgutils.true_bit)

    return types.int64(types.uint64), build
