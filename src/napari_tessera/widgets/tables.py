"""The table of a result: shown in napari's own features table, written to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.notifications import show_info
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_tessera.files import write_table
from napari_tessera.types import Array

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
    path, _ = QFileDialog.getSaveFileName(parent, "Save table", "table.csv", "*.csv")
    if path:
        write_table(path, table)
        show_info("Saved.")
