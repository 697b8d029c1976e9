"""The model behind every table: columns of arrays, of which rows are shown in an order."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, Qt

from napari_tessera.signature.words import Array, Table

_PLACED = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class TableModel(QAbstractTableModel):
    """A table of columns, some of whose rows are shown in some order.

    Sorting and filtering are those of NumPy, not of Qt, which asks Python for each comparison.

    Attributes
    ----------
    table : dict of ndarray
        Columns of equal length.
    rows : ndarray of int
        The rows of the table that are shown, in their order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.table: Table = {}
        self.rows: Array = np.empty(0, int)
        self._kept: Array | None = None
        self._by, self._falling = "", False

    @property
    def total(self) -> int:
        """How many rows the table has, shown or not."""
        return len(next(iter(self.table.values()), ()))

    def fill(self, table: Table, kept: Array | None = None) -> None:
        """Show another table, in the order of the column that it was sorted by, if it has that.

        Parameters
        ----------
        table : dict of ndarray
        kept : ndarray of bool, optional
            As for `keep`.
        """
        self.beginResetModel()
        self.table, self._kept = table, kept
        self._arrange()
        self.endResetModel()

    def keep(self, kept: Array | None) -> None:
        """Show only some of the rows; None shows all."""
        self.beginResetModel()
        self._kept = kept
        self._arrange()
        self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by the values of a column, as a click on its title does; -1 is the table's order."""
        self._by = list(self.table)[column] if 0 <= column < len(self.table) else ""
        self._falling = order == Qt.SortOrder.DescendingOrder
        if self.table:
            self.keep(self._kept)

    def _arrange(self) -> None:
        rows = np.arange(self.total) if self._kept is None else np.flatnonzero(self._kept)
        if self._by in self.table:
            rows = rows[sorted_places(self.table[self._by][rows], falling=self._falling)]
        self.rows = rows

    @property
    def shown(self) -> Table:
        """The rows that are shown, in their order."""
        return {name: column[self.rows] for name, column in self.table.items()}

    # ------------------------------------------------------------------ for Qt

    def rowCount(self, parent: Any = None) -> int:
        """Return how many rows are shown."""
        return len(self.rows)

    def columnCount(self, parent: Any = None) -> int:
        """Return how many columns there are."""
        return len(self.table)

    def headerData(self, section: int, orientation: Any, role: int = 0) -> Any:
        """Return the title of a column."""
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return list(self.table)[section]
        return None

    def data(self, index: Any, role: int = 0) -> Any:
        """Return what stands in a cell: words for people, or the value."""
        column = list(self.table.values())[index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole and column.dtype.kind in "iuf":
            return _PLACED
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.UserRole):
            return None
        value = column[self.rows[index.row()]]
        value = value.item() if isinstance(value, np.generic) else value
        return in_words(value) if role == Qt.ItemDataRole.DisplayRole else value


def in_words(value: Any) -> Any:
    """Return a value as it stands in a cell: three decimals, but four digits of small numbers.

    Examples
    --------
    >>> in_words(12.34567), in_words(0.00012345), in_words(float("nan")), in_words(7)
    ('12.346', '0.0001234', '', 7)
    """
    if value is None or value != value:  # NaN, and what pandas calls missing
        return ""
    if not isinstance(value, float):
        return value if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return f"{value:.3f}" if value == 0 or 0.01 <= abs(value) < 1e9 else f"{value:.4g}"


def sorted_places(values: Array, *, falling: bool = False) -> Array:
    """Return the order of values; equal ones stay as they are, and what is not known comes last.

    Examples
    --------
    >>> sorted_places(np.array([2.0, np.nan, 10.0]), falling=True).tolist()
    [2, 0, 1]
    """
    import pandas as pd

    column = pd.Series(values)
    if column.dtype.kind == "O":  # words, and numbers among them
        column = column.astype(str).mask(column.isna())
    order = column.reset_index(drop=True).sort_values(ascending=not falling, kind="stable")
    return order.index.to_numpy()
