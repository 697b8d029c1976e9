"""Gates: what was dragged over in a plot becomes a filter of the list, or a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QCheckBox, QLineEdit, QPushButton

from napari_tessera.widgets.layers.features import image_behind
from napari_tessera.widgets.plugin.menu import show_form

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_tessera.widgets.forms.form import Form
    from napari_tessera.widgets.tables.column_plot import ColumnPlot


class Gates:
    """The buttons of a table for what is dragged over in its plot.

    Parameters
    ----------
    form : Form
        That they are a part of.
    plot : ColumnPlot
    line : QLineEdit
        The filter of the list.
    of : callable
        Returns the Labels layer; None if there is none.

    Attributes
    ----------
    lasso : QCheckBox
    filter_button, objects_button : QPushButton
    """

    def __init__(
        self, form: Form, plot: ColumnPlot, line: QLineEdit, of: Callable[[], Labels | None]
    ) -> None:
        self._form, self._plot, self._line, self._of = form, plot, line, of
        self.lasso = QCheckBox("Lasso")
        self.filter_button = QPushButton("As filter")
        self.objects_button = QPushButton("Filter objects")
        self.lasso.setToolTip("Draw around points, instead of dragging a frame over them")
        self.filter_button.setToolTip("List only what was dragged over, besides other conditions")
        self.objects_button.setToolTip(
            "Open Filter objects with these conditions, to remove all other objects"
        )
        self.lasso.toggled.connect(plot.use_lasso)
        self.filter_button.clicked.connect(self.filter)
        self.objects_button.clicked.connect(self.open_step)

    def show_for(self, columns: int) -> None:
        """Show what has a use for a plot of so many columns."""
        self.lasso.setVisible(columns == 2)
        self.filter_button.setVisible(columns > 0)

    def filter(self) -> None:
        """Add what was dragged over to the conditions of the filter."""
        if not self._plot.gate:
            self._form.say("Drag over values in the plot first.", wrong=True)
            return
        before = self._line.text().strip()
        self._line.setText(" and ".join(filter(None, (before, self._plot.gate))))

    def open_step(self) -> None:
        """Open the form that keeps only objects which fit the filter, or were dragged over."""
        layer, where = self._of(), self._line.text().strip() or self._plot.gate
        if layer is None or not where:
            self._form.say("Write a filter, or drag over values in a plot, first.", wrong=True)
            return
        viewer = self._form.viewer
        viewer.layers.selection.active = layer
        step = show_form(viewer, "filter_objects")
        step.source.value = layer
        step.fields["where"].value = where
        image = image_behind(layer, viewer.layers)
        if image is not None:
            step.fields["image"].value = image
