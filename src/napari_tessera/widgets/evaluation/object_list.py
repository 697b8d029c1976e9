"""A list of objects that can be filtered and sorted; a click on a row goes to the object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtWidgets import QSpinBox, QVBoxLayout, QWidget

from napari_tessera.signature.words import Array, Table
from napari_tessera.widgets.qt.choice import Choice
from napari_tessera.widgets.qt.rows import Rows
from napari_tessera.widgets.tables.model import TableModel
from napari_tessera.widgets.tables.objects import fly_to
from napari_tessera.widgets.tables.view import TableView

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Labels

ALL, WRONG = "all objects", "all that are wrong"


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
        self.model = TableModel()
        self.table = TableView(self.model)
        self._centres: Array = np.empty((0, 2))
        self._layers: Mapping[str, Labels] = {}
        self.kinds, self.least, self._filters = Choice("Show"), QSpinBox(), Rows()
        self._lay_out()
        self.kinds.currentIndexChanged.connect(self._filter)
        self.least.valueChanged.connect(self._filter)
        self.table.picked.connect(self._picked)

    def _lay_out(self) -> None:
        self.kinds.offer([(WRONG, WRONG), (ALL, ALL)])
        self.least.setRange(0, 10**9)
        self.least.setSuffix(" px")
        self.kinds.setToolTip("Which objects are listed, by what is wrong with them")
        self.least.setToolTip("Objects with fewer pixels are not listed")
        self._filters.add("Show", self.kinds)
        self._filters.add("At least", self.least)
        self.table.setAccessibleName("Objects")
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

    def _kept(self, table: Table) -> Array:
        """Return which rows are asked for."""
        kept = table["pixels"] >= self.least.value()
        if "error" not in table or self.kinds.chosen == ALL:
            return np.asarray(kept)
        wrong, kind = self.kinds.chosen == WRONG, table["error"]
        return np.asarray(kept & (kind != "right" if wrong else kind == self.kinds.chosen))

    def _filter(self, *_: Any) -> None:
        if self.model.table:
            self.model.keep(self._kept(self.model.table))
        count = self.model.rowCount()
        self._say(f"{count} of {self.model.total} objects are listed." if count else "")

    @property
    def listed(self) -> Table | None:
        """The rows that are shown, in their order; None before there are any."""
        return self.model.shown or None

    def _picked(self, row: int | None) -> None:
        if row is not None:
            self.fly(row)

    def fly(self, row: int) -> None:
        """Show an object: its plane, in the middle of the canvas, and its label selected."""
        table = self.model.table
        of = str(table["of"][row]) if "of" in table else next(iter(self._layers))
        layer = self._layers[of]
        if layer not in self._viewer.layers:
            self._say(f"layer {layer.name!r} is no longer there; list anew", wrong=True)
            return
        half = float(table["pixels"][row]) ** (1 / self._viewer.dims.ndisplay) / 2
        fly_to(self._viewer, layer, int(table["index"][row]), self._centres[row], half)
