"""Widgets beside one another, as many in a line as there is room for."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtWidgets import QLayout, QLayoutItem, QWidget


class SideBySide(QLayout):
    """Widgets of equal importance in one line; in a narrow dock or a large font, in several.

    Each line is filled: by the widgets that expand, otherwise by all, as equal as they can be.

    Parameters
    ----------
    *widgets : QWidget
    """

    def __init__(self, *widgets: QWidget) -> None:
        super().__init__()
        self._items = list[QLayoutItem]()
        for widget in widgets:
            self.addWidget(widget)

    # ------------------------------------------------------------------ what Qt asks of layouts

    def addItem(self, item: QLayoutItem) -> None:
        """Take an item in at the end."""
        self._items.append(item)

    def count(self) -> int:
        """Return how many items there are, hidden ones too."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """Return an item, None if there is no such."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        """Take an item out and return it, None if there is no such."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        """Return that lines are as wide as they can be, and not higher than they have to be."""
        return Qt.Orientation.Horizontal

    def hasHeightForWidth(self) -> bool:
        """Return True: there are more lines where there is less room."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return how high the lines are at a width."""
        lines = self._lines(width)
        return sum(_height(line) for line in lines) + self._gap * max(len(lines) - 1, 0)

    def minimumSize(self) -> QSize:
        """Return the width of the widest item; how many lines that takes is told elsewhere."""
        shown = self._shown
        width = max((each.minimumSize().width() for each in shown), default=0)
        return QSize(width, _height(shown))

    def sizeHint(self) -> QSize:
        """Return the size of all in one line."""
        shown = self._shown
        gaps = self._gap * max(len(shown) - 1, 0)
        return QSize(sum(each.sizeHint().width() for each in shown) + gaps, _height(shown))

    def setGeometry(self, place: QRect) -> None:
        """Put the items into lines that fill the place."""
        super().setGeometry(place)
        top, leftwards = place.y(), self._leftwards
        for line in self._lines(place.width()):
            high, left = _height(line), 0
            for item, width in zip(line, self._widths(line, place.width()), strict=True):
                x = place.width() - left - width if leftwards else left
                item.setGeometry(QRect(place.x() + x, top, width, high))
                left += width + self._gap
            top += high + self._gap

    # ------------------------------------------------------------------ lines

    @property
    def _gap(self) -> int:
        return max(self.spacing(), 0)

    @property
    def _leftwards(self) -> bool:
        """True where people write from right to left."""
        around = self.parentWidget()
        return around is not None and around.isRightToLeft()

    @property
    def _shown(self) -> list[QLayoutItem]:
        return [each for each in self._items if not each.isEmpty()]

    def _lines(self, width: int) -> list[list[QLayoutItem]]:
        lines, room = list[list[QLayoutItem]](), 0
        for item in self._shown:
            needed = item.minimumSize().width()
            if lines and needed <= room:
                lines[-1].append(item)
            else:
                lines.append([item])
                room = width
            room -= needed + self._gap
        return lines

    def _widths(self, line: Sequence[QLayoutItem], width: int) -> list[int]:
        room = width - self._gap * (len(line) - 1)
        own = [each.sizeHint().width() for each in line]
        if sum(own) > room:
            own = [each.minimumSize().width() for each in line]
        growing = [i for i, each in enumerate(line) if _expands(each)] or list(range(len(line)))
        # the widest stay as they are, if they have more than their share; the others are equal
        room -= sum(own[i] for i in range(len(line)) if i not in growing)
        for left, i in zip(
            range(len(growing), 0, -1), sorted(growing, key=own.__getitem__)[::-1], strict=True
        ):
            own[i] = max(own[i], room // left)
            room -= own[i]
        return own


def _height(line: Sequence[QLayoutItem]) -> int:
    return max((each.sizeHint().height() for each in line), default=0)


def _expands(item: QLayoutItem) -> bool:
    return bool(item.expandingDirections() & Qt.Orientation.Horizontal)
