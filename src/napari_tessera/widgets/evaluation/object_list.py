"""A list of objects that can be filtered and sorted; a click on a row goes to the object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSpinBox,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_tessera.signature.words import Array, Table
from napari_tessera.widgets.forms.choice import Choice
from napari_tessera.widgets.forms.rows import Rows
from napari_tessera.widgets.forms.tables import TableModel
from napari_tessera.widgets.layers.geometry import look_at, shown_sizes

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Labels

ALL, WRONG = "all objects", "all that are wrong"
ACROSS = 150
"""Dots on the screen across an object that was flown to."""

SMALLEST = 15
"""Pixels across an object up to which smaller ones are not enlarged further."""


class ObjectList(QWidget):
    """Objects of one or several Labels layers, a row each.

    Parameters
    ----------
    viewer : napari.Viewer
    say : callable
        Takes a sentence for people, and `wrong`.
    """

    def __init__(self, viewer: napari.viewer.Viewer, say: Callable[..., None]) -> None:
        super().__init__()
        self._viewer, self._say = viewer, say
        self.model, self.shown, self.table = TableModel(), _Shown(), QTableView()
        self._centres: Array = np.empty((0, 2))
        self._layers: Mapping[str, Labels] = {}
        self.kinds, self.least, self._filters = Choice("Show"), QSpinBox(), Rows()
        self._lay_out()
        self.kinds.currentIndexChanged.connect(self._filter)
        self.least.valueChanged.connect(self._filter)
        self.table.selectionModel().currentRowChanged.connect(self._row_chosen)

    def _lay_out(self) -> None:
        self.kinds.offer([(WRONG, WRONG), (ALL, ALL)])
        self.least.setRange(0, 10**9)
        self.least.setSuffix(" px")
        self.kinds.setToolTip("Which objects are listed, by what is wrong with them")
        self.least.setToolTip("Objects with fewer pixels are not listed")
        self._filters.add("Show", self.kinds)
        self._filters.add("At least", self.least)
        self.shown.setSourceModel(self.model)
        self.table.setModel(self.shown)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.verticalHeader().setVisible(False)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.table.setToolTip("Click on a row to go to the object")
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 4, 2, 2)
        column.addWidget(self._filters)
        column.addWidget(self.table, 1)
        self._fit()

    def _fit(self) -> None:
        """Show the filters that the list has, at their own height."""
        self._filters.show_row(self.kinds, "error" in self.model.table or not self.model.table)
        self._filters.fit()

    def fill(self, table: Table, centres: Array, layers: Mapping[str, Labels]) -> None:
        """List other objects.

        Parameters
        ----------
        table : dict of ndarray
            With "index" and "pixels"; "of", a key of `layers`, where there are several; where
            "error" is, it can be chosen.
        centres : ndarray, shape (N, D)
            Where the objects are, in pixels of their layers.
        layers : mapping of str to Labels layer
        """
        self._centres, self._layers = centres, layers
        self.model.fill(table)
        names = [str(name) for name in dict.fromkeys(table.get("error", np.array([])).tolist())]
        self.kinds.offer([(WRONG, WRONG), (ALL, ALL), *((name, name) for name in names)])
        self._fit()
        self._filter()

    def _filter(self, *_: Any) -> None:
        self.shown.ask(self.kinds.chosen, self.least.value())
        count = self.shown.rowCount()
        self._say(f"{count} of {self.model.rowCount()} objects are listed." if count else "")

    @property
    def listed(self) -> Table | None:
        """The rows that are shown, in their order; None before there are any."""
        if not self.model.table:
            return None
        rows = [
            self.shown.mapToSource(self.shown.index(row, 0)).row()
            for row in range(self.shown.rowCount())
        ]
        return {name: column[rows] for name, column in self.model.table.items()}

    def _row_chosen(self, index: QModelIndex, _: Any = None) -> None:
        if index.isValid():
            self.fly(self.shown.mapToSource(index).row())

    def fly(self, row: int) -> None:
        """Show an object: its plane, in the middle of the canvas, and its label selected."""
        table = self.model.table
        of = str(table["of"][row]) if "of" in table else next(iter(self._layers))
        layer = self._layers[of]
        if layer not in self._viewer.layers:
            self._say(f"layer {layer.name!r} is no longer there; list anew", wrong=True)
            return
        shown = self._viewer.dims.ndisplay
        side = max(float(table["pixels"][row]) ** (1 / shown), SMALLEST)
        sizes = shown_sizes(self._viewer, layer)
        half = side / 2 * sizes[-shown:].min() / sizes  # a cube in the world
        look_at(self._viewer, layer, self._centres[row] - half, self._centres[row] + half, ACROSS)
        layer.selected_label = int(table["index"][row])
        self._viewer.layers.selection.active = layer


class _Shown(QSortFilterProxyModel):
    """The rows that were asked for, sorted by their values."""

    def __init__(self) -> None:
        super().__init__()
        self._kind, self._least = WRONG, 0
        self.setSortRole(Qt.ItemDataRole.UserRole)

    def ask(self, kind: str, least: int) -> None:
        self._kind, self._least = kind, least
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: Any) -> bool:
        table = self.sourceModel().table
        if table["pixels"][row] < self._least:
            return False
        error = table["error"][row] if "error" in table else WRONG
        return bool(self._kind in (ALL, error) or (self._kind == WRONG and error != "right"))
