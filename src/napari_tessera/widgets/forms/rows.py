"""The scrolling part of a form: titled rows, some of them folded away, none cut off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)


class Rows(QScrollArea):
    """Rows of a title and a field; rows of one section are folded away at first."""

    def __init__(self) -> None:
        super().__init__()
        inside = QWidget()
        self._rows = _form(inside)
        self._rows.setContentsMargins(0, 0, 4, 0)
        self._rows.setVerticalSpacing(6)
        self._sections: dict[str, QFormLayout] = {"": self._rows}
        self._folded: dict[str, QWidget] = {}
        self._labels: dict[QWidget, QLabel] = {}
        self._fits_height = False
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def add(self, title: str, widget: QWidget, section: str = "") -> None:
        """Add a row, to a section that is made when it is first named."""
        if section not in self._sections:
            self.add_section(section)
        label = QLabel(title)
        label.setToolTip(widget.toolTip())
        label.setBuddy(widget)
        self._labels[widget] = label
        self._sections[section].addRow(label, widget)

    def add_section(
        self,
        section: str,
        *,
        before: str = "",
        heading: str = "",
        unfolding: Callable[[], None] = lambda: None,
    ) -> None:
        """Add a section that has no rows yet, at the end or before another one.

        Parameters
        ----------
        section : str
            By which it is named here.
        before : str
            The section that follows; "" adds it at the end.
        heading : str
            What is shown, if not its name.
        unfolding : callable
            Called when it is unfolded or folded, such as to add its rows.
        """
        self._folded[section], self._sections[section] = _section(heading or section)
        self._folded[section].findChild(QToolButton).toggled.connect(lambda _: unfolding())
        last = self._rows.rowCount()
        place = self._rows.getWidgetPosition(self._folded[before])[0] if before else last
        self._rows.insertRow(place, self._folded[section])

    def add_line(self, widget: QWidget) -> None:
        """Add a widget without a title, over the whole width."""
        self._rows.addRow(widget)

    def show_section(self, section: str, on: bool) -> None:
        """Show or hide a section with its heading."""
        self._folded[section].setVisible(on)

    def show_row(self, widget: QWidget, on: bool) -> None:
        """Show or hide a row."""
        widget.setVisible(on)
        self._labels[widget].setVisible(on)

    def fit(self) -> None:
        """Be as high and at least as wide as the rows that are shown."""
        self._fits_height = True
        self.fit_width()
        self._fit_height()

    def _fit_height(self) -> None:
        inside = self.widget()
        high = inside.heightForWidth(self.viewport().width())
        self.setFixedHeight((high if high >= 0 else inside.sizeHint().height()) + 2)

    def resizeEvent(self, event: Any) -> None:
        """Be as high as the rows, of which more wrap in a narrow dock."""
        super().resizeEvent(event)
        if self._fits_height:
            self._fit_height()

    def fit_width(self) -> None:
        """Make room for the rows that are shown, so that none is cut off."""
        self._rows.activate()
        bar = self.verticalScrollBar().sizeHint().width()
        self.setMinimumWidth(self.widget().minimumSizeHint().width() + bar)


def beside_one_another(*widgets: QWidget) -> QHBoxLayout:
    """Return a row of widgets of equal importance."""
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget)
    return row


def _form(inside: QWidget) -> QFormLayout:
    rows = QFormLayout(inside)
    rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    # in a large font, a title stands above its field
    rows.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
    return rows


def _section(title: str) -> tuple[QWidget, QFormLayout]:
    """Return a part of the form that is folded away at first, and the rows inside it."""
    section, content, button = QWidget(), QWidget(), QToolButton()
    button.setText(title)
    button.setToolTip("Show or hide these settings")
    button.setCheckable(True)
    button.setAutoRaise(True)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setArrowType(Qt.ArrowType.RightArrow)

    def fold(opened: bool) -> None:
        content.setVisible(opened)
        button.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)

    button.toggled.connect(fold)
    column = QVBoxLayout(section)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(2)
    column.addWidget(button)
    column.addWidget(content)
    content.setVisible(False)
    rows = _form(content)
    rows.setContentsMargins(8, 0, 0, 0)
    return section, rows
