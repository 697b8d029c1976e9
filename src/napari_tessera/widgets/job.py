"""Work off the GUI thread, with progress and with a stop that takes effect at once."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from napari.utils import progress as activity
from qtpy.QtCore import QTimer
from superqt.utils import FunctionWorker

from napari_tessera.signature.progress import Progress, Reporter, Stop
from napari_tessera.widgets.garbage import garbage
from napari_tessera.widgets.qt.plain_text import as_written

_EVERY_MS = 50
_STEPS = 1000
_LET_GO_MS = 1000


class Job:
    """One run of a function in a thread.

    Parameters
    ----------
    work : callable
        Takes a `Reporter` and returns the result; must not touch Qt or the viewer.
    title : str
        Shown in napari's activity dock; "" shows nothing there.
    finished : callable
        Called with the result in the GUI thread.
    failed : callable
        Called with the exception in the GUI thread.
    progressed : callable, optional
        Called with the share done (0 to 1) and the seconds left (None = unknown), at most 20 times
        a second.
    noted : callable, optional
        Called in the GUI thread with each sentence that the work reports as a value "note".

    Attributes
    ----------
    running : bool
        False once it was stopped, or has handed over what came of it.
    notes : list of str
        What was noted so far, each sentence once.
    """

    def __init__(
        self,
        work: Callable[[Reporter], Any],
        *,
        title: str,
        finished: Callable[[Any], None],
        failed: Callable[[Exception], None],
        progressed: Callable[[float, float | None], None] | None = None,
        noted: Callable[[str], None] | None = None,
    ) -> None:
        self._work, self._finished, self._failed = work, finished, failed
        self._progressed, self._noted = progressed, noted
        self.notes, self._unsaid = list[str](), deque[str]()
        self.running, self._stopped = True, False
        self._share = 0.0
        self._began = time.monotonic()
        self._title = title
        self._bar: activity | None = None
        self._timer = QTimer()
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self._tick)
        self._held: list[Any] = [self]
        self._worker = FunctionWorker(partial(_run_held, self._held))
        self._worker.returned.connect(self._returned)

    def start(self) -> None:
        """Begin as soon as Qt is idle; what it calls back is connected by now.

        No thread runs while a form is still made and docked: garbage that Qt collects meanwhile,
        beside a thread in PyTorch, has ended the process.
        """
        self._timer.start()
        QTimer.singleShot(0, self._begin)

    def _begin(self) -> None:
        if self._stopped:
            self._held.clear()
        else:
            self._hold()
            self._worker.start()
            self._show_bar()

    def _show_bar(self) -> None:
        """Show a bar in the activity dock; napari lets Qt work on whenever it touches that one.

        Buttons are pressed meanwhile and work ends, so that it is touched last of all.
        """
        if self._title:
            bar = activity(total=_STEPS, desc=as_written(self._title))
            if self.running:
                self._bar = bar
            else:
                bar.close()

    def _hold(self) -> None:
        """Let job and worker live until the thread has let go of them, whoever forgets them.

        Nor do they hold one another after that, so that no thread collects them as garbage. One
        that did took the signals of the worker apart, for which it waited for Python while it held
        a lock of Qt's: it has locked up the viewer when a form was closed at its work.
        """
        held = self._held
        held.append(self._worker)
        garbage().begin()

        def let_go() -> None:
            held.clear()
            garbage().end()

        self._worker.finished.connect(lambda: QTimer.singleShot(_LET_GO_MS, let_go))

    def hush(self) -> None:
        """Call nobody before the end: what is said of the stop must not be overwritten."""
        self._progressed = self._noted = None

    def stop(self) -> None:
        """Drop the result; the thread ends at its next report."""
        self._stopped = True
        self._end()
        self._close_bar()

    def _report(self, progress: Progress) -> None:
        if self._stopped:
            raise Stop
        # parts that run side by side report out of order; the bar only goes forward
        self._share = max(self._share, float(progress.done))
        if "note" in progress.values:
            self._unsaid.append(str(progress.values["note"]))

    def run(self) -> tuple[Any, Exception | None]:
        """Do the work, in the thread, and return what came of it or what went wrong."""
        work = self._work
        del self._work  # whatever it knows of the viewer is let go when it is done
        try:
            return work(Reporter(self._report)), None
        except Exception as error:  # noqa: BLE001 (whatever it is, the form shows it)
            return None, error

    def _returned(self, outcome: tuple[Any, Exception | None]) -> None:
        if self._stopped:
            return
        self._hear_notes()
        result, error = outcome
        call, value = (self._finished, result) if error is None else (self._failed, error)
        self._end()
        try:
            call(value)
        finally:
            self._close_bar()

    def _tick(self) -> None:
        elapsed = time.monotonic() - self._began
        left = elapsed * (1 - self._share) / self._share if self._share > 0.02 else None
        self._hear_notes()
        if self._progressed is not None:
            self._progressed(self._share, left)
        if self._bar is not None:
            self._bar.update(int(self._share * _STEPS) - self._bar.n)

    def _hear_notes(self) -> None:
        while self._unsaid:
            note = self._unsaid.popleft()
            if note in self.notes:
                continue
            self.notes.append(note)
            if self._noted is not None:
                self._noted(note)

    def _end(self) -> None:
        self.running = False
        # the form, which may be gone before the thread is
        self._finished = self._failed = lambda _: None
        self.hush()
        with suppress(RuntimeError):  # at the end of the program Qt may have gone first
            self._timer.stop()
            # by Qt: Python may collect it as garbage in a thread, where timers must not end
            self._timer.deleteLater()

    def _close_bar(self) -> None:
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.close()


def _run_held(held: list[Any]) -> Any:
    return held[0].run()
