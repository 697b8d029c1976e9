"""Choosers whose entries stand for Python objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import (
    QComboBox,
    QMenu,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QToolTip,
)

from napari_tessera.widgets.qt.plain_text import as_written, menu_text


class Choice(QComboBox):
    """A combo box of titled objects, which are kept in Python and never converted by Qt."""

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self._objects: list[Any] = []
        # as narrow as the dock asks for, not as wide as the longest entry
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)
        self.setAccessibleName(name)

    def offer(self, entries: Iterable[tuple[str, Any]], usual: Any = None) -> None:
        """Offer titles with their objects; what was chosen stays so, else the usual one, or first.

        The signal of a new choice is sent only if another object is chosen now.
        """
        before, entries = self.chosen, list(entries)
        self.blockSignals(True)
        self.clear()
        self.addItems([title for title, _ in entries])
        self._objects = [each for _, each in entries]
        self.choose(before if self._place(before) is not None else usual)
        self.blockSignals(False)
        if self.chosen is not before:
            self.currentIndexChanged.emit(self.currentIndex())

    def choose(self, wanted: Any) -> None:
        """Choose an object, or the first one if it is not offered."""
        place = self._place(wanted)
        self.setCurrentIndex((0 if self._objects else -1) if place is None else place)

    def _place(self, wanted: Any) -> int | None:
        """Return where an object is offered, None if it is not."""
        same = (i for i, each in enumerate(self._objects) if each is wanted or _equal(each, wanted))
        return next(same, None)

    @property
    def shown(self) -> str:
        """The title of what is chosen as there is room for it, with dots where it is cut off."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        part = QStyle.SubControl.SC_ComboBoxEditField
        box = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, self)
        # the style leaves a dot free on each side
        return self.fontMetrics().elidedText(
            self.currentText(), Qt.TextElideMode.ElideRight, box.width() - 2
        )

    def paintEvent(self, event: Any) -> None:
        """Draw the box, with dots where its text is cut off."""
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = self.shown
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def event(self, event: Any) -> bool:
        """Say in the tool tip what is cut off in the box."""
        if event.type() == QEvent.Type.ToolTip and self.shown != self.currentText():
            whole = f"{as_written(self.currentText())}<br><br>{self.toolTip()}"
            QToolTip.showText(event.globalPos(), f"<qt>{whole}</qt>", self)
            return True
        return super().event(event)

    @property
    def chosen(self) -> Any:
        """The object chosen now, None if there is none."""
        index = self.currentIndex()
        return self._objects[index] if 0 <= index < len(self._objects) else None


def _equal(first: Any, second: Any) -> bool:
    """Compare words and numbers; layers are the same only if they are one."""
    return isinstance(first, str | int) and isinstance(second, str | int) and first == second


class Several(QToolButton):
    """A button with a menu from which any number of titled objects can be ticked."""

    changed = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self._menu = QMenu(self)
        self._ticked: list[tuple[QAction, Any]] = []
        self.setMenu(self._menu)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)

    def offer(self, entries: Iterable[tuple[str, Any]]) -> None:
        """Offer titles with their objects; those ticked before stay so."""
        before = self.chosen
        self._menu.clear()
        self._ticked = []
        for title, each in entries:
            action = QAction(menu_text(title), self._menu, checkable=True)
            action.setChecked(any(each is old for old in before))
            action.toggled.connect(self._toggled)
            self._menu.addAction(action)
            self._ticked.append((action, each))
        self._name()
        if len(self.chosen) < len(before):
            self.changed.emit()

    def tick(self, wanted: Any, on: bool = True) -> None:
        """Tick an object, as a click on it does."""
        for action, each in self._ticked:
            if each is wanted:
                action.setChecked(on)

    @property
    def chosen(self) -> list[Any]:
        """The objects that are ticked, in the order of the menu."""
        return [each for action, each in self._ticked if action.isChecked()]

    @property
    def offered(self) -> int:
        """How many there are to choose from."""
        return len(self._ticked)

    def _toggled(self) -> None:
        self._name()
        self.changed.emit()

    def _name(self) -> None:
        titles = [action.text() for action, _ in self._ticked if action.isChecked()]
        self.setText(", ".join(titles) or "none")
