"""The order in which the Tab key goes through a form: the one in which a person reads it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout, QLayout, QLayoutItem, QScrollArea, QTabWidget, QWidget


def set_tab_order(form: QWidget) -> None:
    """Let the Tab key go through a form as it is laid out, whenever its parts were made."""
    for one, following in pairwise(_stops(form)):
        QWidget.setTabOrder(one, following)


def _stops(widget: QWidget) -> Iterator[QWidget]:
    """Yield what the key stops at in a widget and in what lies in it."""
    if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
        yield widget
    if isinstance(widget, QScrollArea) and widget.widget() is not None:
        yield from _stops(widget.widget())
    elif isinstance(widget, QTabWidget):
        for part in (widget.tabBar(), *(widget.widget(i) for i in range(widget.count()))):
            yield from _stops(part)
    elif widget.layout() is not None:
        for item in _items(widget.layout()):
            yield from _stops_of(item)


def _stops_of(item: QLayoutItem) -> Iterator[QWidget]:
    if (widget := item.widget()) is not None:
        yield from _stops(widget)
    elif (layout := item.layout()) is not None:
        for each in _items(layout):
            yield from _stops_of(each)


def _items(layout: QLayout) -> Iterator[QLayoutItem]:
    """Yield the items of a layout in visual order, which a form of rows does not keep them in."""
    if isinstance(layout, QFormLayout):
        roles = QFormLayout.ItemRole
        places = [
            (row, role)
            for row in range(layout.rowCount())
            for role in (roles.SpanningRole, roles.LabelRole, roles.FieldRole)
        ]
        found = (layout.itemAt(*place) for place in places)
    else:
        found = (layout.itemAt(i) for i in range(layout.count()))
    yield from (item for item in found if item is not None)
