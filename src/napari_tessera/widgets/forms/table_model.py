"""A table of columns as Qt's views read it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt

from napari_tessera.signature.words import Table


class TableModel(QAbstractTableModel):
    """A table of columns."""

    def __init__(self) -> None:
        super().__init__()
        self.table: Table = {}

    def fill(self, table: Table) -> None:
        """Show another table."""
        self.beginResetModel()
        self.table = table
        self.endResetModel()

    def rowCount(self, parent: Any = None) -> int:
        """Return how many rows there are."""
        return len(next(iter(self.table.values()), ()))

    def columnCount(self, parent: Any = None) -> int:
        """Return how many columns there are."""
        return len(self.table)

    def headerData(self, section: int, orientation: Any, role: int = 0) -> Any:
        """Return the title of a column."""
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return list(self.table)[section]
        return None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        """Return what stands in a cell: words for people, or the value to sort by."""
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.UserRole):
            return None
        value = list(self.table.values())[index.column()][index.row()].item()
        if role == Qt.ItemDataRole.DisplayRole and isinstance(value, float):
            return f"{value:.3f}"
        return value
