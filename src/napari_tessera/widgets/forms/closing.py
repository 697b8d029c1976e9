"""A question to a person who closes the viewer while something runs that would end with it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QMainWindow, QMessageBox, QWidget


class AskAtClose(QObject):
    """Asks who closes the viewer by hand; scripts that close it are not held up.

    Parameters
    ----------
    form : QWidget
        In the window of the viewer, or floating beside it.
    """

    def __init__(self, form: QWidget) -> None:
        super().__init__(form)
        self._form, self._question = form, ""

    @property
    def _window(self) -> QWidget | None:
        # never kept: what Qt owns, and Python holds too, outlives the viewer
        top = self._form.window()
        return top if isinstance(top, QMainWindow) else top.parentWidget()

    def begin(self, question: str) -> None:
        """Ask from now on; "" asks nothing."""
        self._question = question
        if question and self._window is not None:
            self._window.installEventFilter(self)

    def end(self) -> None:
        """Let everybody close from now on."""
        if self._question and self._window is not None:
            self._window.removeEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Keep the viewer if the answer is no."""
        if event.type() != QEvent.Type.Close or not event.spontaneous() or self._agreed():
            return False
        event.ignore()
        return True

    def _agreed(self) -> bool:
        buttons = QMessageBox.StandardButton
        either = buttons.Close | buttons.Cancel
        answer = QMessageBox.question(
            self._window, "Close the viewer?", self._question, either, buttons.Cancel
        )
        return bool(answer == buttons.Close)
