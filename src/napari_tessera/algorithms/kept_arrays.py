"""Arrays that are kept in memory for later, as many as fit into a share of it."""

from __future__ import annotations

import threading
from collections.abc import Hashable

from napari_tessera.signature.words import Array

SHARE = 0.25
"""Of the memory that is free, how much may be filled with what could be computed again."""


class KeptArrays:
    """Arrays that may be asked for again; those that do not fit are not kept.

    Several threads may use it at once.

    Parameters
    ----------
    most : int, optional
        Bytes; None = a share of the memory that is free.

    Examples
    --------
    >>> kept = KeptArrays(8)
    >>> kept.put("first", np.zeros(8, np.uint8)), kept.put("second", np.zeros(1, np.uint8))
    (True, False)
    >>> kept.taken("first").size, kept.get("first"), kept.get("second")
    (8, None, None)
    """

    def __init__(self, most: int | None = None) -> None:
        self._left = int(SHARE * free_memory()) if most is None else most
        self._arrays: dict[Hashable, Array] = {}
        self._lock = threading.Lock()

    def put(self, key: Hashable, array: Array) -> bool:
        """Keep an array if it fits, and return whether it is kept."""
        with self._lock:
            if key not in self._arrays and array.nbytes <= self._left:
                self._arrays[key] = array
                self._left -= array.nbytes
            return key in self._arrays

    def get(self, key: Hashable) -> Array | None:
        """Return what is kept under a key, None if nothing is."""
        return self._arrays.get(key)

    def taken(self, key: Hashable) -> Array | None:
        """Return what is kept under a key, for the last time."""
        with self._lock:
            array = self._arrays.pop(key, None)
            self._left += 0 if array is None else array.nbytes
            return array


def free_memory() -> int:
    """Return how many bytes this process may still take: free ones, within its limit."""
    import psutil

    free = int(psutil.virtual_memory().available)
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return free
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return free
    return max(0, min(free, limit - int(psutil.Process().memory_info().vms)))
