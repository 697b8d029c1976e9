"""The line of a form that says what came of it, in red if something is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QPalette

from napari_tessera.widgets.qt.plain_text import PlainLabel

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget


class StatusLine(PlainLabel):
    """A sentence for people, which can be marked and copied."""

    def __init__(self) -> None:
        super().__init__()
        self._wrong = False
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Say a sentence in place of the one before."""
        self._wrong = wrong
        self.fit_theme()
        self.setText(text)

    def fit_theme(self) -> None:
        """Take the red of the theme if something is wrong."""
        self.setStyleSheet(f"color: {red(self)}" if self._wrong else "")


def red(widget: QWidget) -> str:
    """Return a red that can be read in the theme of a widget."""
    light = widget.palette().color(QPalette.ColorRole.Window).lightness() > 127
    return "#b3261e" if light else "#ff8a80"
