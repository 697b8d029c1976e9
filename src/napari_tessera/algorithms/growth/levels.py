"""Which levels of a queue are in use: the lowest of 65 536 is found in a few steps.

One bit a level, 64 of them a word, and one bit a word, 64 of those a group. To look at the levels
one after the other instead took most of the time where pixels come in at levels far apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from napari_tessera.signature.words import Array

_ONE, _SIX, _REST = np.uint64(1), np.int64(6), np.int64(63)
_MULTIPLIER, _SHIFT = np.uint64(0x03F79D71B4CB0A89), np.uint64(58)
_PLACES = np.zeros(64, np.int64)
_PLACES[[(0x03F79D71B4CB0A89 << bit & (1 << 64) - 1) >> 58 for bit in range(64)]] = range(64)


def levels_in_use(levels: int) -> tuple[Array, Array]:
    """Return words and groups of levels none of which is in use.

    Parameters
    ----------
    levels : int
        A multiple of 4096.

    Examples
    --------
    >>> words, groups = levels_in_use(8192)
    >>> for level in (5000, 70, 71):
    ...     use_level(level, words, groups)
    >>> leave_level(70, words, groups)
    >>> lowest_level(words, groups)
    71
    """
    return np.zeros(levels // 64, np.uint64), np.zeros(levels // 4096, np.uint64)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def use_level(level: Any, words: Any, groups: Any) -> None:
    """Note that a level is in use."""
    word = level >> _SIX
    words[word] |= _ONE << np.uint64(level & _REST)
    groups[word >> _SIX] |= _ONE << np.uint64(word & _REST)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def leave_level(level: Any, words: Any, groups: Any) -> None:
    """Note that a level is no longer in use."""
    word = level >> _SIX
    words[word] &= ~(_ONE << np.uint64(level & _REST))
    if words[word] == 0:
        groups[word >> _SIX] &= ~(_ONE << np.uint64(word & _REST))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def lowest_level(words: Any, groups: Any) -> int:
    """Return the lowest level in use; -1 if none is."""
    for group in range(groups.size):
        if groups[group]:
            word = (group << _SIX) + _lowest_bit(groups[group])
            return int((word << _SIX) + _lowest_bit(words[word]))
    return -1


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _lowest_bit(word: Any) -> Any:
    """Return the place of the lowest bit of a word that is set, by a de Bruijn sequence."""
    return _PLACES[((word & (~word + _ONE)) * _MULTIPLIER) >> _SHIFT]
