"""Results that are kept between runs, so that a new threshold does not run a network again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import cache
from typing import Any


class Cache:
    """Things that took long to make, by what they were made from; the oldest go first.

    Of each group the newest is kept, however large it is; older ones while all together stay under
    the limit. Several threads may use it.

    Parameters
    ----------
    limit : int
        Bytes.

    Examples
    --------
    >>> cache = Cache(limit=10)
    >>> cache.value("words", 1, lambda: "one", size=len)
    'one'
    >>> cache.value("words", 1, lambda: "another", size=len)
    'one'
    """

    def __init__(self, limit: int = 0) -> None:
        self._limit, self._lock = limit, threading.Lock()
        self._entries: OrderedDict[tuple[str, Hashable], tuple[Any, int]] = OrderedDict()

    def __reduce__(self) -> tuple[Callable[[int], Cache], tuple[int]]:
        # sent to another process it is the one that is kept there
        return kept_here, (self._limit,)

    def value(
        self, group: str, key: Hashable, make: Callable[[], Any], *, size: Callable[[Any], int]
    ) -> Any:
        """Return what is kept under a key, or make it and keep it."""
        with self._lock:
            if (group, key) in self._entries:
                self._entries.move_to_end((group, key))
                return self._entries[group, key][0]
        made = make()
        with self._lock:
            self._entries[group, key] = made, size(made)
            self._trim()
        return made

    def forget_all_but(self, group: str) -> None:
        """Let go of everything of other groups."""
        with self._lock:
            for own, key in list(self._entries):
                if own != group:
                    del self._entries[own, key]

    def clear(self) -> None:
        """Let everything go."""
        with self._lock:
            self._entries.clear()

    def _trim(self) -> None:
        newest = dict(list(self._entries))  # group -> key, the last one counts
        for group, key in list(self._entries):
            if sum(size for _, size in self._entries.values()) <= self._limit:
                return
            if newest[group] != key:
                del self._entries[group, key]


@cache
def kept_here(limit: int) -> Cache:
    """Return the cache of this process that all shares of a run use which were sent to it."""
    return Cache(limit)
