"""What a run will cost, said below the form before it begins."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from napari_tessera.deep.models.library import find_model
from napari_tessera.widgets.forms.call import amount, by
from napari_tessera.widgets.forms.results import duration
from napari_tessera.widgets.job import Job
from napari_tessera.widgets.qt.plain_text import PlainLabel

if TYPE_CHECKING:
    from napari_tessera.deep.inference.cost import Estimate
    from napari_tessera.widgets.forms.call import Call

PAUSE_MS = 400
"""How long the form has to rest before costs are found out."""


class Preflight(PlainLabel):
    """How a run reads its image, and what it will cost; found out in a thread.

    Parameters
    ----------
    read : callable
        Returns the `Call` that the form stands for now; may raise ValueError.
    """

    def __init__(self, read: Callable[[], Call]) -> None:
        super().__init__()
        self._read = read
        self._job: Job | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._begin)

    def request(self, *_: Any) -> None:
        """Say what the run would cost, after a short rest."""
        self.cancel()
        self._timer.start()

    def cancel(self) -> None:
        """Drop what is under way."""
        with suppress(RuntimeError):  # at the end of the program Qt may have gone first
            self._timer.stop()
        if self._job is not None:
            self._job.stop()
            self._job = None

    def _begin(self) -> None:
        try:
            call = self._read()
        except (ValueError, TypeError, OSError):
            self.setText("")  # Run says what is missing
            return
        self._job = Job(
            lambda report: sentences(call, call.settled().estimate()),
            title="",
            finished=self.setText,
            failed=lambda error: self.setText(str(error)),
        )
        self._job.start()


def sentences(call: Call, found: Estimate | None) -> str:
    """Return how a call reads its image and what it will cost, for people."""
    if found is None:
        return ""
    source = call.source
    names = ", ".join(source.axes)
    channels = 1 if source.channel_axis is None else source.array.shape[source.channel_axis]
    colours = f"{channels} channel{'s' if channels != 1 else ''}"
    if source.rgb:
        grey = source.channel is None and find_model(call.values["model"]).config.in_channels == 1
        colours = "mean of red, green and blue" if grey else "RGB"
    tiles = f"{found.tiles} tile{'s' if found.tiles != 1 else ''} of {by(found.tile)}"
    return (
        f"{by(source.shape)} as ({names}), {colours}: {tiles}, about {amount(found.memory)} and "
        f"{duration(found.seconds)}. {found.device}."
    )
