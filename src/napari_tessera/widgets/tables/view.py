"""A table on the screen, whose chosen rows stay chosen however it is sorted and filtered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from qtpy.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QItemSelectionRange,
    QModelIndex,
    Qt,
    Signal,
)
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from napari_tessera.signature.words import Array, Table
from napari_tessera.widgets.tables.model import TableModel

_SAMPLED = 50
"""Rows from whose texts the width of a column is found."""


class TableView(QTableView):
    """A table that is sorted by a click on a title.

    Rows are named by their numbers in `model.table`, whatever is shown of it.

    Parameters
    ----------
    model : TableModel
    several : bool
        Whether several rows may be chosen.
    """

    picked = Signal(object)
    """A user has chosen rows; carries the row the cursor is on, or None."""

    def __init__(self, model: TableModel, *, several: bool = False) -> None:
        super().__init__()
        self._rows, self._quiet = model, False
        self._of: Table | None = None
        self.chosen: Array = np.empty(0, int)
        self.setModel(model)
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        modes = QAbstractItemView.SelectionMode
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(modes.ExtendedSelection if several else modes.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().setVisible(False)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setResizeContentsPrecision(_SAMPLED)
        header.setStretchLastSection(True)
        model.modelReset.connect(self._shown_anew)
        self.selectionModel().selectionChanged.connect(self._user_chose)

    def keyPressEvent(self, event: Any) -> None:
        """Leave letters to napari, which has keys of its own; Qt would look for rows with them."""
        if event.text().isalpha():
            event.ignore()
        else:
            super().keyPressEvent(event)

    def choose(self, rows: Array) -> None:
        """Choose rows and bring the first of them that is shown into sight."""
        self.chosen = np.unique(rows)
        places = self._select()
        if places.size:
            self.scrollTo(self._rows.index(int(places[0]), 0))

    def _select(self) -> Array:
        """Mark the chosen rows; return their places among those that are shown."""
        places = np.flatnonzero(np.isin(self._rows.rows, self.chosen))
        last = self._rows.columnCount() - 1
        apart = np.flatnonzero(np.diff(places) != 1)
        tops = places[np.append(0, apart + 1)] if places.size else places
        bottoms = places[np.append(apart, places.size - 1)] if places.size else places
        selection, at = QItemSelection(), self._rows.createIndex
        for top, bottom in zip(tops.tolist(), bottoms.tolist(), strict=True):
            selection.append(QItemSelectionRange(at(top, 0), at(bottom, last)))
        with self._quietly():
            own = self.selectionModel()
            own.reset()  # Qt compares thousands of ranges before and after one by one
            first = self._rows.index(int(places[0]), 0) if places.size else QModelIndex()
            own.setCurrentIndex(first, QItemSelectionModel.SelectionFlag.NoUpdate)
            own.select(selection, QItemSelectionModel.SelectionFlag.Select)
        self.viewport().update()
        return places

    def _shown_anew(self) -> None:
        """Keep what is chosen in the rows of the same table; fit columns to those of another."""
        if self._of is not self._rows.table:
            before, self._of = self._of, self._rows.table
            self.chosen = np.empty(0, int)
            if list(before or ()) != list(self._of):
                self.resizeColumnsToContents()
        self._select()

    def _user_chose(self, *_: Any) -> None:
        if self._quiet:
            return
        ranges = self.selectionModel().selection()
        places = [np.empty(0, int), *(np.arange(r.top(), r.bottom() + 1) for r in ranges)]
        self.chosen = np.unique(self._rows.rows[np.concatenate(places)])
        current = self.currentIndex()
        on = current.isValid() and self.selectionModel().isSelected(current)
        self.picked.emit(int(self._rows.rows[current.row()]) if on else None)

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False
