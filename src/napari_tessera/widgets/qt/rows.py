"""The scrolling part of a form: titled rows, some of them folded away, none cut off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFormLayout,
    QFrame,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_tessera.widgets.qt.side_by_side import SideBySide


class Rows(QScrollArea):
    """Rows of a title and a field; rows of one section are folded away at first."""

    def __init__(self) -> None:
        super().__init__()
        inside = QWidget()
        self._rows = _form(inside)
        self._rows.setContentsMargins(0, 0, 4, 0)
        self._rows.setVerticalSpacing(6)
        self._sections: dict[str, Section] = {}
        self._labels: dict[QWidget, QLabel] = {}
        self._fits_height = False
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def add(self, title: str, widget: QWidget, section: str = "") -> None:
        """Add a row, to a section that is made when it is first named."""
        if not widget.accessibleName():
            widget.setAccessibleName(title)
        label = QLabel(title)
        label.setToolTip(widget.toolTip())
        label.setBuddy(widget)
        self._labels[widget] = label
        if section and section not in self._sections:
            self.add_section(section)
        rows = self._sections[section].rows if section else self._rows
        rows.addRow(label, widget)

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
            Called before it is unfolded, such as to add its rows at the first time.
        """
        made = Section(heading or section, unfolding, self._refit)
        self._sections[section] = made
        last = self._rows.rowCount()
        place = self._rows.getWidgetPosition(self._sections[before])[0] if before else last
        self._rows.insertRow(place, made)

    def add_line(self, widget: QWidget) -> None:
        """Add a widget without a title, over the whole width."""
        self._rows.addRow(widget)

    def show_section(self, section: str, on: bool) -> None:
        """Show or hide a section with its heading."""
        self._sections[section].setVisible(on)

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

    def _refit(self) -> None:
        """Make room for a section that is opened or closed."""
        self.fit_width()
        if self._fits_height:
            self._fit_height()
        # the form hears of rows that have come, though the room it takes may be the same
        self.updateGeometry()

    def fit_width(self) -> None:
        """Make room for the rows that are shown, so that none is cut off."""
        self._rows.activate()
        bar = self.verticalScrollBar().sizeHint().width()
        self.setMinimumWidth(self.widget().minimumSizeHint().width() + bar)


def beside_one_another(*widgets: QWidget) -> SideBySide:
    """Return a row of widgets of equal importance."""
    return SideBySide(*widgets)


def _form(inside: QWidget) -> QFormLayout:
    rows = QFormLayout(inside)
    rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    # in a large font, a title stands above its field
    rows.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
    return rows


class Section(QWidget):
    """A part of the rows that is folded away at first, below a button that opens it.

    Parameters
    ----------
    title : str
    unfolding, folded : callable
        Called before it is opened, and when it has been opened or closed.

    Attributes
    ----------
    rows : QFormLayout
    """

    def __init__(
        self, title: str, unfolding: Callable[[], None], folded: Callable[[], None]
    ) -> None:
        super().__init__()
        self._content, self._button = QWidget(), QToolButton()
        self._unfolding, self._folded = unfolding, folded
        self._button.setText(title)
        self._button.setToolTip("Show or hide these settings")
        self._button.setCheckable(True)
        self._button.setAutoRaise(True)
        self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._button.setArrowType(Qt.ArrowType.RightArrow)
        self._button.toggled.connect(self._fold)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self._button)
        column.addWidget(self._content)
        self._content.setVisible(False)
        self.rows = _form(self._content)
        self.rows.setContentsMargins(8, 0, 0, 0)

    def _fold(self, opened: bool) -> None:
        if opened:
            self._unfolding()
        arrow = Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow
        self._content.setVisible(opened)
        self._button.setArrowType(arrow)
        self._folded()
