"""The parts of a form below one another, which scroll where the dock is too low for them."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

WIDTH = 300
"""Dots on the screen across a form that opens, at which most titles stand beside their fields."""

LOWEST = 96
"""Dots below which a dock cannot be made: a window must not grow beyond the screen for a form."""


class Scrolled(QScrollArea):
    """A column that fills the dock as long as everything in it has its least height, or scrolls.

    Qt's own scroll areas scroll as soon as something is below its usual height. Here lists, plots
    and rows that scroll themselves give way first, so that the buttons below them stay in sight.

    Attributes
    ----------
    column : QVBoxLayout
    """

    def __init__(self) -> None:
        super().__init__()
        inside = QWidget()
        self.column = QVBoxLayout(inside)
        self.column.setContentsMargins(4, 4, 4, 4)
        self.setWidget(inside)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def minimumSizeHint(self) -> QSize:
        """Return a width at which nothing is cut off, and a height that is low."""
        own = self.column.minimumSize()
        return QSize(own.width() + self._bar, min(own.height(), LOWEST))

    def sizeHint(self) -> QSize:
        """Return the size to open with."""
        width = max(WIDTH, self.minimumSizeHint().width())
        return QSize(width, self.column.heightForWidth(width))

    @property
    def _bar(self) -> int:
        return self.verticalScrollBar().sizeHint().width()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Fit the column when there is more or less in it."""
        if watched is self.widget() and event.type() == QEvent.Type.LayoutRequest:
            self._fit()
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: Any) -> None:
        """Fit the column to the dock."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room = self.maximumViewportSize()
        width, least = room.width(), self.column.minimumHeightForWidth(room.width())
        if least > room.height():
            width -= self._bar
            least = self.column.minimumHeightForWidth(width)
        self.widget().resize(width, max(least, room.height()))
