"""Buttons that keys press too: those that begin, stop, preview, go on and accept."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QCheckBox, QPushButton, QWidget


class RunButton(QPushButton):
    """A button that begins and stops: by a click, not by the second half of one; Esc stops too.

    Parameters
    ----------
    title : str
        While nothing runs.
    form : QWidget
        In which Esc is heard.
    """

    def __init__(self, title: str, form: QWidget) -> None:
        super().__init__(title)
        self._title, self._stops = title, False
        form.installEventFilter(self)

    def show_running(self, on: bool) -> None:
        """Show whether it stops or begins."""
        self._stops = on
        self.setText("Stop" if on else self._title)

    def mouseDoubleClickEvent(self, event: Any) -> None:
        """Leave alone what the first click has begun."""

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Stop on Esc, while there is something to stop."""
        pressed = event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Escape
        if not (pressed and self._stops):
            return False
        self.click()
        return True


class PreviewBox(QCheckBox):
    """The box that shows and hides a preview."""


class NextButton(QPushButton):
    """The button that goes to the next object."""


class PreviousButton(QPushButton):
    """The button that goes to the object before."""


class AcceptButton(QPushButton):
    """The button that accepts an object as it is."""


class TakeBackButton(QPushButton):
    """The button that takes it back that an object is accepted."""
