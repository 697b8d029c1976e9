"""Collect Python's garbage in the GUI thread alone while other threads work.

Python collects in whichever thread makes the most objects, which is the one that works. Qt's
objects have to end in the thread that they live in: a timer of a closed form that a worker collects
stays in the list of the GUI thread, and ends the process when its time has come.
"""

from __future__ import annotations

import gc
from functools import cache

from qtpy.QtCore import QCoreApplication, QTimer

_EVERY_MS = 50
_DUE = (700, 10, 1000)
"""After how many objects, or collections of younger ones, those of each age are looked through.

The oldest as good as never: that takes napari half a second.
"""


class GarbageCollection:
    """Takes turns with Python's own collection, which it switches off while threads work."""

    def __init__(self) -> None:
        self._works = 0
        self._timer = QTimer(QCoreApplication.instance())
        self._timer.timeout.connect(self.collect)

    def begin(self) -> None:
        """Collect in this thread from now on; called in the GUI thread for each thread of work."""
        self._works += 1
        if self._works == 1:
            gc.disable()
            self._timer.start(_EVERY_MS)

    def end(self) -> None:
        """Leave it to Python again when no thread works any more."""
        self._works -= 1
        if not self._works:
            self._timer.stop()
            gc.enable()

    def collect(self) -> None:
        """Look through the oldest generation that it is time for."""
        due = [age for age, count in enumerate(gc.get_count()) if count > _DUE[age]]
        if due:
            gc.collect(due[-1])


@cache
def garbage() -> GarbageCollection:
    """Return the one that all jobs share."""
    return GarbageCollection()
