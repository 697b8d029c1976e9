"""A histogram of a column or two columns against one another, in which rows are chosen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Signal

from napari_tessera.metrics.conditions import enclosed, lasso_condition, range_condition
from napari_tessera.metrics.plots import draw_histogram, draw_scatter
from napari_tessera.signature.words import Array, Table
from napari_tessera.widgets.forms.plot import Plot

# after the plot, which has chosen the Qt binding that matplotlib follows
# isort: split
from matplotlib.widgets import LassoSelector, RectangleSelector, SpanSelector

if TYPE_CHECKING:
    import napari.viewer

_LOOK = {"facecolor": "#ffd54f", "alpha": 0.3}
_SMOOTHED = 0.004
"""How far corners of a lasso lie from what was drawn, as a share of the plot's sides."""


class ColumnPlot(Plot):
    """A plot of one or two columns; what is dragged over in it is chosen.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    brushed = Signal(object)
    """Carries which of the plotted rows were dragged over, an ndarray of bool."""

    gate = ""
    """What was dragged over last, as a condition on the rows of the table; "" = nothing yet."""

    _names: tuple[str, ...] = ()
    _columns: tuple[Array, ...] = ()
    _selector: Any = None
    _lasso = False

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer, least=(200, 130))
        self.setToolTip("Drag over values to choose their rows; the right mouse button saves")

    def plot(
        self,
        table: Table,
        names: tuple[str, ...],
        chosen: Array,
        shades: Array | None = None,
    ) -> None:
        """Plot one column of numbers as a histogram, or two against one another.

        Parameters
        ----------
        table : dict of ndarray
        names : tuple of str
            One or two columns, or none for no plot.
        chosen : ndarray of bool, shape (N,)
        shades : ndarray of str, shape (N,), optional
            Colours of the points of a scatter.
        """
        if names != self._names:
            self._names, self.gate = names, ""
        self._columns = tuple(table[name].astype(float) for name in names)
        if not names:
            self.draw(None)
            return
        paint: Callable[..., None]
        if len(names) == 1:
            paint = partial(draw_histogram, values=self._columns[0], chosen=chosen, name=names[0])
        else:
            points = np.column_stack(self._columns)
            paint = partial(draw_scatter, points=points, chosen=chosen, names=names, shades=shades)
        self.draw(lambda figure, colours: paint(figure, colours=colours))

    def brush(self, low: tuple[float, ...], high: tuple[float, ...]) -> None:
        """Choose the rows within a range of values, one number for each column."""
        inside = np.ones(len(self._columns[0]), bool)
        for column, least, most in zip(self._columns, low, high, strict=True):
            inside &= (column >= least) & (column <= most)
        self.gate = range_condition(self._names, low, high)
        self.brushed.emit(inside)

    def use_lasso(self, on: bool) -> None:
        """Let a drag in a scatter be a lasso, or a frame again."""
        self._lasso = on
        self._recolour()

    def enclose(self, polygon: Array) -> None:
        """Choose the rows whose points lie in a polygon, shape (M, 2)."""
        from skimage.measure import approximate_polygon

        # of two columns in units of their own, as far apart as they are shown
        axes = self.figure.axes[0]
        sides = np.ptp([axes.get_xlim(), axes.get_ylim()], axis=1)
        corners = approximate_polygon(np.asarray(polygon, float) / sides, _SMOOTHED) * sides
        self.gate = lasso_condition(self._names, corners)
        self.brushed.emit(enclosed(np.column_stack(self._columns), corners))

    def _recolour(self, event: Any = None) -> None:
        super()._recolour(event)
        self._selector = None
        if not self.drawn or not self.figure.axes:
            return
        axes = self.figure.axes[0]
        # what selectors draw at 0 is no value
        axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
        if len(self._columns) == 1:
            self._selector = SpanSelector(
                axes, self._spanned, "horizontal", useblit=True, props=_LOOK
            )
        elif self._lasso:
            line = {"color": _LOOK["facecolor"]}
            self._selector = LassoSelector(axes, self._lassoed, useblit=True, props=line)
        else:
            self._selector = RectangleSelector(axes, self._framed, useblit=True, props=_LOOK)

    def _spanned(self, low: float, high: float) -> None:
        self.brush((low,), (high,))

    def _lassoed(self, polygon: list[tuple[float, float]]) -> None:
        if len(polygon) > 2:
            self.enclose(np.array(polygon))

    def _framed(self, start: Any, end: Any) -> None:
        corners = np.array([[start.xdata, start.ydata], [end.xdata, end.ydata]], float)
        self.brush(tuple(corners.min(axis=0)), tuple(corners.max(axis=0)))
