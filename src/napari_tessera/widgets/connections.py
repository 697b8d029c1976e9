"""Callbacks on signals of the viewer and its layers, which end together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Connections:
    """What is connected here is disconnected by one call."""

    def __init__(self) -> None:
        self._made: list[tuple[Any, Callable[..., None]]] = []

    def add(self, callback: Callable[..., None], *emitters: Any) -> None:
        """Connect a callback to each of the emitters."""
        for emitter in emitters:
            emitter.connect(callback)
            self._made.append((emitter, callback))

    def end(self) -> None:
        """Disconnect everything."""
        while self._made:
            emitter, callback = self._made.pop()
            emitter.disconnect(callback)
