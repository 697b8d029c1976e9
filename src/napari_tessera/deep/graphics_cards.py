"""Which graphics card a process takes where several processes share those of one computer."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from threading import Event

from napari_tessera.algorithms.file_lock import FileLock

_SHARED = Event()


def one_for_each_process() -> None:
    """Give this process a card of its own from now on, as long as there is one.

    It keeps the card until it ends. Without this, every process takes the first card.
    """
    _SHARED.set()


def own_number(names: Callable[[], Sequence[str]]) -> int | None:
    """Return the number of the card to take, None if it makes no difference.

    Parameters
    ----------
    names : callable
        Returns what tells the cards of this computer apart that this process sees, in the order of
        their numbers.
    """
    if not _SHARED.is_set():
        return None
    own = tuple(names())
    return _taken(own) if len(own) > 1 else None


@cache
def _taken(names: tuple[str, ...]) -> int:
    """Return the number of the first card that no other process has taken, and take it."""
    folder = Path(tempfile.gettempdir())
    for number, name in enumerate(names):
        try:
            if _lock(folder / f"napari-tessera-{name}.lock").take():
                return number
        except OSError:  # of another user, whose process has it
            continue
    return os.getpid() % len(names)  # there are more processes than cards


@cache
def _lock(path: Path) -> FileLock:
    """Return the lock of a card, which has to be kept as long as the process lasts."""
    return FileLock(path)
