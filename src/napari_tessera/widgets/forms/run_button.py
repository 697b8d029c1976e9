"""A button that works in a thread and becomes Stop meanwhile, with its bar and its message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QProgressBar, QPushButton, QWidget

from napari_tessera.signature.progress import Reporter
from napari_tessera.widgets.forms.method_form import red
from napari_tessera.widgets.job import Job

_STEPS = 1000


class Running:
    """What a form shows of its work.

    Parameters
    ----------
    form : QWidget
        Whose colours count.
    title : str
        Of the button while nothing runs.
    begin : callable
        Called when the button is pressed; it calls `start`, or raises `ValueError` or `TypeError`
        with what is missing.
    message : QLabel, optional
        Where sentences are said, if others say theirs there too.

    Attributes
    ----------
    job : Job or None
        What runs now.
    button, bar, message : QPushButton, QProgressBar, QLabel
    """

    def __init__(
        self,
        form: QWidget,
        title: str,
        begin: Callable[[], None],
        *,
        message: QLabel | None = None,
    ) -> None:
        self.job: Job | None = None
        self._form, self._title, self._begin = form, title, begin
        self.button, self.bar = QPushButton(title), QProgressBar()
        self.message = QLabel() if message is None else message
        self.bar.setRange(0, _STEPS)
        self.bar.setTextVisible(False)
        self.bar.setVisible(False)
        self.message.setWordWrap(True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.button.clicked.connect(self._pressed)

    def _pressed(self) -> None:
        if self.job is not None:
            self.stop()
            self.say("Stopped.")
            return
        try:
            self._begin()
        except (ValueError, TypeError) as error:
            self.say(str(error), wrong=True)

    def start(
        self,
        work: Callable[[Reporter], Any],
        *,
        title: str,
        finished: Callable[[Any], None],
    ) -> None:
        """Run work in a thread; what it returns goes to `finished`, what it raises is said.

        Parameters
        ----------
        work : callable
            Takes a `Reporter`; must not touch Qt or the viewer.
        title : str
            For napari's activity dock.
        finished : callable
        """

        def ended(found: Any) -> None:
            self.stop()
            finished(found)

        def failed(error: Exception) -> None:
            self.stop()
            self.say(str(error), wrong=True)

        self.say("")
        self.bar.setVisible(True)
        self.button.setText("Stop")
        self.job = Job(
            work,
            title=title,
            finished=ended,
            failed=failed,
            progressed=lambda share, left: self.bar.setValue(int(_STEPS * share)),
        )
        self.job.start()

    def stop(self) -> None:
        """Drop what runs, if anything does."""
        self.release()
        self.bar.setVisible(False)
        self.bar.setValue(0)
        self.button.setText(self._title)

    def release(self) -> None:
        """Drop what runs, and touch nothing of Qt, which may be gone."""
        if self.job is not None:
            self.job.stop()
        self.job = None

    def say(self, text: str, wrong: bool = False) -> None:
        """Say a sentence, in red if something is wrong."""
        self.message.setStyleSheet(f"color: {red(self._form)}" if wrong else "")
        self.message.setText(text)
