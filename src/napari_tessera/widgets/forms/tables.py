"""The table of a result: shown in the viewer, written to a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from napari.utils.notifications import show_error, show_info
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_tessera.io.files import write, written_as
from napari_tessera.pipeline.result import ObjectTable
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import Array
from napari_tessera.widgets.plugin.menu import show_form

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Layer


def show_table(viewer: napari.viewer.Viewer, layer: Layer | None) -> None:
    """Open the table of a layer's features: of labels in our form, of others in napari's."""
    from napari.layers import Labels

    if layer is None or layer not in viewer.layers:
        return
    viewer.layers.selection.active = layer
    if isinstance(layer, Labels):
        show_form(viewer, "explore_table")
    else:
        viewer.window.add_plugin_dock_widget("napari", "Features table widget")


def save_table(parent: QWidget, table: dict[str, Array] | None) -> None:
    """Ask for a file and write a table to it, in any format that holds tables."""
    if table is None:
        return
    suffixes = written_as("table")
    kinds = ";;".join(f"{suffix[1:].upper()} (*{suffix})" for suffix in suffixes)
    path = ask_file(parent, "Save table", f"table{suffixes[0]}", kinds)
    if path is None:
        return
    nowhere = Source.of(np.zeros((1, 1)))  # rows, unlike labels, lie on no grid
    try:
        # the dialog has asked before
        write(path, ObjectTable(table=table), nowhere, overwrite=True)
    except ValueError as error:
        show_error(f"{error}. Nothing was written.")
    else:
        show_info("Saved.")


def ask_file(parent: QWidget, title: str, name: str, kinds: str) -> Path | None:
    """Ask where to write; nobody is asked twice, and nothing is replaced unasked.

    Parameters
    ----------
    parent : QWidget
    title : str
        Of the dialog, which asks by itself before a file is replaced.
    name : str
        What the file is called if nothing else is typed.
    kinds : str
        Filters as Qt writes them, such as "PNG (*.png);;SVG (*.svg)". Where no ending is typed,
        that of the chosen one is added, or else that of `name`.

    Returns
    -------
    Path or None
        None if nothing was chosen, or a file is there to which the ending had to be added, about
        which the dialog could not ask.
    """
    text, chosen = QFileDialog.getSaveFileName(parent, title, name, kinds)
    if not text:
        return None
    path = Path(text)
    if path.suffix:
        return path
    ending = re.search(r"\*(\.\w+)", chosen)
    path = path.with_suffix(ending[1] if ending else Path(name).suffix)
    if path.exists():
        show_error(f"{path.name} is there already; nothing was written. Choose another name.")
        return None
    return path
