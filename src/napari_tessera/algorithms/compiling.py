"""Whether numba is compiling, which it does once on each machine: later it loads what it kept."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from numba.core import event

_GAP_S = 0.5
"""Kernels are compiled one after the other, with moments between them."""


class Compiling(event.Listener):  # type: ignore[misc]
    """Hears from numba when it begins to compile a kernel, and when it has done so."""

    def __init__(self) -> None:
        # numba compiles in one thread at a time; a kernel that calls another one compiles both
        self._under_way, self._ended = 0, float("-inf")
        event.register("numba:compile", self)

    def on_start(self, event: Any) -> None:
        """Count a kernel that is being compiled."""
        self._under_way += 1

    def on_end(self, event: Any) -> None:
        """Count it no longer."""
        self._under_way -= 1
        self._ended = time.monotonic()

    @property
    def now(self) -> bool:
        """Whether kernels are being compiled."""
        return self._under_way > 0 or time.monotonic() - self._ended < _GAP_S


@cache
def compiling() -> Compiling:
    """Return the one who hears it, from the first call on."""
    return Compiling()
