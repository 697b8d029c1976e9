"""Work that is done by threads in the order in which it is wanted, and dropped when it is not."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from functools import partial

from napari_tessera.signature.progress import Progress, Reporter, Stop


class LiveQueue:
    """Does what is wanted now; threads live while there is something to do.

    Parameters
    ----------
    work : callable
        Takes what is wanted, and a `Reporter` that raises `Stop` when it is so no more.
    workers : int
        How many threads work at once.
    name : str
        Of the threads.

    Attributes
    ----------
    error : Exception or None
        What went wrong last.
    """

    def __init__(self, work: Callable[[Hashable, Reporter], None], workers: int, name: str) -> None:
        self._work, self._workers, self._name = work, workers, name
        self._changed = threading.Condition()
        self._pending: deque[Hashable] = deque()
        self._wanted: set[Hashable] = set()
        self._running: set[Hashable] = set()
        self._failed: set[Hashable] = set()
        self._threads, self._closed = 0, False
        self.error: Exception | None = None

    @property
    def is_busy(self) -> bool:
        """Whether threads are at work."""
        return self._threads > 0

    def want(self, items: Sequence[Hashable]) -> None:
        """Do these in their order, and nothing else any more; what has failed stays so."""
        with self._changed:
            if self._closed:
                return
            self._wanted = set(items)
            self._pending = deque(
                each for each in items if each not in self._running and each not in self._failed
            )
            for _ in range(min(self._workers - self._threads, len(self._pending))):
                self._threads += 1
                threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def close(self) -> None:
        """Do nothing any more; what is under way ends at its next report."""
        self.want(())
        with self._changed:
            self._closed = True

    def wait(self, patience: float | None = None) -> bool:
        """Wait until all that is wanted is done; return whether it is."""
        end = None if patience is None else time.monotonic() + patience
        with self._changed:
            while self._threads:
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def _run(self) -> None:
        while (item := self._next()) is not None:
            try:
                self._work(item, Reporter(partial(self._check, item)))
            except Stop:
                self._again(item)
            except Exception as error:  # noqa: BLE001 (whatever it is, who asked is told)
                self._failed.add(item)
                self.error = error
            finally:
                with self._changed:
                    self._running.discard(item)

    def _next(self) -> Hashable | None:
        with self._changed:
            if self._pending:
                item = self._pending.popleft()
                self._running.add(item)
                return item
            self._threads -= 1
            self._changed.notify_all()
            return None

    def _again(self, item: Hashable) -> None:
        """Do what is wanted once more after it was dropped."""
        with self._changed:
            if item in self._wanted:
                self._pending.appendleft(item)

    def _check(self, item: Hashable, progress: Progress) -> None:
        if item not in self._wanted:
            raise Stop
