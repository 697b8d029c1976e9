"""The table of a result: shown in napari's own features table, written to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_tessera.io.csv_files import write_table
from napari_tessera.signature.words import Array, Table

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Layer


def show_table(viewer: napari.viewer.Viewer, layer: Layer | None) -> None:
    """Select a layer and open napari's features table, which shows that of the selected layer."""
    if layer is not None and layer in viewer.layers:
        viewer.layers.selection.active = layer
        viewer.window.add_plugin_dock_widget("napari", "Features table widget")


def save_table(parent: QWidget, table: dict[str, Array] | None) -> None:
    """Ask for a file and write a table to it."""
    if table is None:
        return
    path = ask_file(parent, "Save table", "table.csv", "*.csv")
    if path is not None:
        write_table(path, table)
        show_info("Saved.")


def ask_file(parent: QWidget, title: str, name: str, kinds: str) -> Path | None:
    """Ask where to write; nobody is asked twice, and nothing is replaced unasked.

    Parameters
    ----------
    parent : QWidget
    title : str
        Of the dialog, which asks by itself before a file is replaced.
    name : str
        What the file is called if nothing else is typed; its ending is added where there is none.
    kinds : str
        Filters as Qt writes them.

    Returns
    -------
    Path or None
        None if nothing was chosen, or a file is there to which the ending had to be added, about
        which the dialog could not ask.
    """
    text, _ = QFileDialog.getSaveFileName(parent, title, name, kinds)
    if not text:
        return None
    path = Path(text)
    if path.suffix:
        return path
    path = path.with_suffix(Path(name).suffix)
    if path.exists():
        show_error(f"{path.name} is there already; nothing was written. Choose another name.")
        return None
    return path


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
