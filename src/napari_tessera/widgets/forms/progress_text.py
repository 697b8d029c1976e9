"""What is said of work under way: on its bar, and while kernels are compiled for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_tessera.algorithms.compiling import compiling
from napari_tessera.widgets.forms.results import duration

if TYPE_CHECKING:
    from napari_tessera.widgets.qt.status_line import StatusLine

COMPILES = "First use: compiling for this machine, once only; this may take up to a minute ..."


def progress_text(left: float | None) -> str:
    """Return the text of a progress bar as Qt takes it, where "%p" is how much is done.

    Parameters
    ----------
    left : float, optional
        Seconds until the end; None = nobody knows yet.

    Examples
    --------
    >>> progress_text(None), progress_text(33.3)
    ('%p %', '%p %   33 s left')
    """
    return "%p %" if left is None else f"%p %   {duration(left)} left"


class CompilingNote:
    """Says in a line that kernels are being compiled, and then what stood there before.

    Parameters
    ----------
    line : StatusLine
    """

    def __init__(self, line: StatusLine) -> None:
        self._line, self._before = line, ""
        self._heard = compiling()

    def show(self) -> None:
        """Say it while it is true."""
        if not self._heard.now:
            self.end()
        elif self._line.text() != COMPILES:
            self._before = self._line.text()
            self._line.say(COMPILES)

    def end(self) -> None:
        """Say again what stood there, if nothing else has been said since."""
        if self._line.text() == COMPILES:
            self._line.say(self._before)
