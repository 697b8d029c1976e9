"""A plot inside a form, in the colours of the viewer's theme."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info
from napari.utils.theme import get_theme
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QMenu, QSizePolicy, QVBoxLayout, QWidget

# after qtpy, whose choice of a Qt binding matplotlib follows
# isort: split
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure

from napari_tessera.algorithms.atomic_files import atomic_write
from napari_tessera.metrics.plots import PAPER, Colours
from napari_tessera.widgets.connections import Connections
from napari_tessera.widgets.forms.tables import ask_file

if TYPE_CHECKING:
    from pathlib import Path

    import napari.viewer

Paint = Callable[[Figure, Colours], None]

KINDS = "PNG (*.png);;SVG (*.svg);;PDF (*.pdf)"


class Plot(QWidget):
    """A figure of matplotlib that follows the theme and is saved as for print.

    Parameters
    ----------
    viewer : napari.Viewer
        Its theme gives the colours.
    least : tuple of int
        Width and height in dots on the screen below which nothing can be read.
    """

    def __init__(self, viewer: napari.viewer.Viewer, least: tuple[int, int] = (200, 180)) -> None:
        super().__init__()
        self._paint: Paint | None = None
        self._viewer, self._themed = viewer, Connections()
        self.figure = Figure(figsize=(2.8, 2.2), dpi=100)
        self.canvas = FigureCanvasQTAgg(self.figure)
        self.canvas.setMinimumSize(*least)
        self.canvas.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.canvas.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.canvas.customContextMenuRequested.connect(self._menu)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.canvas)
        self._themed.add(self._recolour, viewer.events.theme)
        self._recolour()

    @property
    def drawn(self) -> bool:
        """True if there is something to save."""
        return self._paint is not None

    def draw(self, paint: Paint | None) -> None:
        """Draw by a function that takes the figure and its colours; None leaves it empty."""
        self._paint = paint
        self._recolour()

    def save(self) -> None:
        """Ask for a file and write the plot to it, in colours for print."""
        if self._paint is None:
            return
        path = ask_file(self, "Save plot", "plot.png", KINDS)
        if path is not None:
            write_plot(path, self._paint)
            show_info("Saved.")

    def release(self) -> None:
        """Let go of the viewer and of what was drawn."""
        self._themed.end()
        self._paint = None
        self.figure.clear()

    def _recolour(self, event: Any = None) -> None:
        colours = colours_of(self._viewer)
        self.figure.clear()
        self.figure.set_facecolor(colours.background)
        if self._paint is not None:
            self._paint(self.figure, colours)
        self.canvas.draw_idle()

    def _menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Save plot ...", self.save).setEnabled(self.drawn)
        menu.popup(self.canvas.mapToGlobal(place))


def write_plot(path: str | Path, paint: Paint) -> None:
    """Write a plot to a file, PNG, SVG or PDF by its ending, in colours for print."""
    figure = Figure(figsize=(5, 3.5), dpi=200)
    paint(figure, PAPER)
    with atomic_write(path, overwrite=True) as fresh:  # the dialog has asked
        figure.savefig(fresh)


def colours_of(viewer: napari.viewer.Viewer) -> Colours:
    """Return the colours of the viewer's theme."""
    theme = get_theme(viewer.theme)
    return Colours(*(own.as_hex("long") for own in (theme.background, theme.text, theme.secondary)))
