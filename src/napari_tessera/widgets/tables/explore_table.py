"""The form that shows the table of objects, linked to the objects in the viewer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton

from napari_tessera.methods.registry import METHODS
from napari_tessera.metrics.conditions import matching
from napari_tessera.signature.words import Array, Table
from napari_tessera.widgets.connections import Connections
from napari_tessera.widgets.editing.drawing import place_under
from napari_tessera.widgets.forms.fields.choose import layer_field
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.forms.tables import save_table
from napari_tessera.widgets.layers.geometry import array
from napari_tessera.widgets.layers.painted import NumberedPixels, ObjectPaint
from napari_tessera.widgets.layers.to_source import fits
from napari_tessera.widgets.qt.choice import Choice
from napari_tessera.widgets.qt.rows import Rows, beside_one_another
from napari_tessera.widgets.tables.colours import ColumnColours
from napari_tessera.widgets.tables.column_plot import ColumnPlot
from napari_tessera.widgets.tables.gates import Gates
from napari_tessera.widgets.tables.measure_button import MeasureButton
from napari_tessera.widgets.tables.model import TableModel
from napari_tessera.widgets.tables.objects import LabelledRows, fly_to
from napari_tessera.widgets.tables.view import TableView

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Labels

    from napari_tessera.widgets.job import Job

PLOTS = [("No plot", 0), ("Histogram", 1), ("Scatter", 2)]
"""Plots by how many columns they show."""

_ACROSS, _UP = ("area", "volume", "pixels"), ("mean", "circularity", "sphericity")
"""How the names of the columns begin that are plotted first, if there are such."""

_MARK = "#ffea00"


class TableExplorer(Form):
    """The form that shows the table of a Labels layer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    title = "Explore table"

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer)
        self._layer: Labels | None = None
        self._own: LabelledRows | None = None
        self._linked = Connections()
        self._flight: Job | None = None
        self._shades: Array | None = None
        self._coloured = ObjectPaint(napari_viewer)
        self._marked = ObjectPaint(napari_viewer, over=self._coloured)
        self._build()
        self._lay_out()
        self._connect()
        self._follow_active()
        self._layer_chosen()

    # ------------------------------------------------------------------ layout

    def _build(self) -> None:
        self.source = layer_field(METHODS["measure"].source, self.viewer.layers)
        self.model = TableModel()
        self.table = TableView(self.model, several=True)
        self.filter, self.key = QLineEdit(), QLabel()
        self.colour, self.kind = Choice("Colour by"), Choice("Plot")
        self.across, self.up = Choice("Column"), Choice("Against")
        self.plot = ColumnPlot(self.viewer)
        self.gates = Gates(self, self.plot, self.filter, lambda: self._layer)
        for each in (self.colour, self.kind, self.across, self.up):
            each.setMinimumContentsLength(4)  # two stand beside one another
        self.kind.offer(PLOTS)
        self.filter.setPlaceholderText("Filter: area > 50 and circularity > 0.8")
        self.filter.setClearButtonEnabled(True)
        self.filter.setAccessibleName("Filter")
        self.table.setAccessibleName("Objects")
        self.key.setTextFormat(Qt.TextFormat.RichText)
        self.key.setWordWrap(True)
        self.measure_button = MeasureButton(self, lambda: self.source.value, shows=False)
        self.save_button, self.copy_button = QPushButton("Save table"), QPushButton("Copy")
        tips = {
            self.table: "Click on a row to go to the object, on a title to sort",
            self.filter: "Conditions joined by and: area > 50, class = nucleus; "
            "or a word or number that stands anywhere in a row",
            self.colour: "Colour the objects by a column, on a layer of its own",
            self.kind: "Plot a column, or two against one another; drag in it to choose rows",
            self.across: "The column that is plotted, in a scatter from left to right",
            self.up: "The column that is plotted from bottom to top",
            self.save_button: "Write the rows that are listed, in any format of tables",
            self.copy_button: "Copy the chosen rows, or all that are listed, for a spreadsheet",
        }
        for widget, tip in tips.items():
            widget.setToolTip(tip)

    def _lay_out(self) -> None:
        self.rows = Rows()
        self.rows.add("Labels", self.source.native)
        self.lay_out(
            self.rows,
            *self._above(),
            beside_one_another(self.colour, self.kind),
            self.key,
            self.filter,
            (self.table, 3),
            beside_one_another(self.across, self.up),
            beside_one_another(self.gates.lasso, self.gates.filter_button),
            (self.plot, 2),
            self.message,
            *self._below(),
            beside_one_another(self.measure_button, self.gates.objects_button),
            beside_one_another(self.copy_button, self.save_button),
        )
        self.table.setMinimumHeight(90)
        self.rows.fit()
        self._show_what_applies()

    def _above(self) -> list[Any]:
        """Return what another form has above the list."""
        return []

    def _below(self) -> list[Any]:
        """Return what another form has below the list and the plot."""
        return []

    def _show_what_applies(self) -> None:
        self.gates.show_for(self.kind.chosen)
        self.across.setVisible(self.kind.chosen > 0)
        self.up.setVisible(self.kind.chosen == 2)
        self.plot.setVisible(self.kind.chosen > 0)
        self.key.setVisible(self.colour.chosen is not None)

    def _connect(self) -> None:
        self.source.changed.connect(self._layer_chosen)
        self.filter.textChanged.connect(self._filter)
        self.table.picked.connect(self._picked)
        self.plot.brushed.connect(self._brushed)
        self.colour.currentIndexChanged.connect(self._colour)
        for choice in (self.colour, self.kind, self.across, self.up):
            choice.currentIndexChanged.connect(self._plot)
        self.copy_button.clicked.connect(self.copy)
        self.save_button.clicked.connect(lambda: save_table(self, self.model.shown or None))
        self.watch_layers(lambda event=None: self.source.refresh())
        self.watch(self._follow_active, self.viewer.layers.selection.events.active)

    # ------------------------------------------------------------------ the layer

    def _follow_active(self, event: Any = None) -> None:
        active = self.viewer.layers.selection.active
        if active is not None and fits(active, "labels"):
            self.source.value = active

    def _layer_chosen(self) -> None:
        layer = self.source.value
        if layer is self._layer:
            return
        self._let_go()
        self._layer = layer
        if layer is not None:
            self._linked.add(self._read, layer.events.features)
            self._linked.add(self._label_selected, layer.events.selected_label)
            layer.mouse_drag_callbacks.append(self._pressed)
        self._read()

    def _let_go(self) -> None:
        """Leave the layer as it was."""
        self._linked.end()
        if self._layer is not None and self._pressed in self._layer.mouse_drag_callbacks:
            self._layer.mouse_drag_callbacks.remove(self._pressed)
        self._layer = None
        for paint in (self._marked, self._coloured):
            paint.remove()

    def _read(self, event: Any = None) -> None:
        """Show the table that the layer has now, with the same objects chosen."""
        before = self._chosen_objects()
        self._own = None if self._layer is None else LabelledRows(self._layer)
        table = {} if self._own is None else self._arranged(self._own.table)
        numbers = [(name, name) for name, column in table.items() if column.dtype.kind in "iuf"]
        self.model.fill(table, self._kept(table))
        by = [(f"By {name}", name) for name in table if name != "index"]
        self.colour.offer([("Own colours", None), *by])
        for choice, usual in ((self.across, _ACROSS), (self.up, _UP)):
            fresh = choice.chosen is None
            choice.offer(numbers)
            if fresh:
                first = (name for begin in usual for name, _ in numbers if name.startswith(begin))
                choice.choose(next(first, numbers[-1][0] if numbers else None))
        self._colour()
        self._choose(self._rows_of(before))

    def _arranged(self, table: Table) -> Table:
        """Return the table with its columns in the order in which they are listed."""
        return table

    def _chosen_objects(self) -> set[tuple[int, ...]]:
        own = self._own
        if own is None:
            return set()
        return {(int(own.index[row]), *own.places[row].tolist()) for row in self.table.chosen}

    def _rows_of(self, objects: set[tuple[int, ...]]) -> Array:
        own = self._own
        if own is None or not objects:
            return np.empty(0, int)
        keys = zip(own.index.tolist(), *own.places.T.tolist(), strict=True)
        return np.flatnonzero([key in objects for key in keys])

    # ------------------------------------------------------------------ rows

    def _kept(self, table: Table) -> Array | None:
        """Return the rows that the filter keeps; what it does not understand keeps all."""
        try:
            kept = matching(self.filter.text(), table) if table else None
        except ValueError as error:
            self.say(str(error)[0].upper() + str(error)[1:] + ".", wrong=True)
            return None
        if kept is not None:
            self.say(f"{kept.sum()} of {kept.size} rows are listed.")
        elif self._layer is None:
            self.say("Open a Labels layer, or make one with a method.")
        else:
            self.say(f"{self._layer.name} has no table yet; press Measure.")
        return kept

    def _filter(self, *_: Any) -> None:
        self.model.keep(self._kept(self.model.table))
        self._plot()

    def _picked(self, row: int | None) -> None:
        """Mark what the user has chosen in the table, and go to the row under the cursor."""
        self._mark()
        self._plot()
        if row is not None:
            self.fly(row)

    def _brushed(self, inside: Array) -> None:
        self._choose(self.model.rows[inside])

    def _choose(self, rows: Array) -> None:
        """Choose rows here, in the plot and in the viewer, and stay where it is."""
        self.table.choose(rows)
        self._mark()
        self._plot()

    # ------------------------------------------------------------------ the viewer

    def fly(self, row: int) -> None:
        """Show the object of a row: its plane, in the middle of the canvas."""
        own = self._own
        if own is None:
            return
        if self._flight is not None:
            self._flight.stop()
        measured = own.box(row)
        if measured is not None:
            self._arrive(own, row, measured)
        else:
            self._flight = self.start(
                lambda report: own.find(row), finished=lambda box: self._arrive(own, row, box)
            )

    def _arrive(self, own: LabelledRows, row: int, box: tuple[Array, Array] | None) -> None:
        label = int(own.index[row])
        if box is None:
            self.say(f"No pixel of {own.layer.name} has the label {label}.", wrong=True)
            return
        low, high = box
        fly_to(self.viewer, own.layer, label, (low + high) / 2, (high - low + 1) / 2)

    def _pressed(self, layer: Labels, event: Any) -> Iterator[None]:
        """Choose the row of an object that is clicked on; with Ctrl, one more."""
        if event.button != 1 or layer.mode not in ("pan_zoom", "pick"):
            return
        yield
        moved = False
        while event.type == "mouse_move":
            moved = True
            yield
        if moved:
            return
        volume = self.viewer.dims.ndisplay == 3 and layer.ndim > 2
        pixel = np.rint(place_under(self.viewer, layer, event, volume=volume)).astype(int)
        inside = ((pixel >= 0) & (pixel < array(layer).shape)).all()
        label = int(np.asarray(array(layer)[tuple(pixel.tolist())])) if inside else 0
        self._clicked(label, pixel, more="Control" in event.modifiers)

    def _clicked(self, label: int, pixel: Array, *, more: bool) -> None:
        if self._own is None:
            return
        before = self.table.chosen if more else np.empty(0, int)
        rows = self._own.rows_at(label, pixel)
        self._choose(np.union1d(before, rows).astype(int))
        if label and not rows.size:
            self.say(f"Object {label} has no row; press Measure.")
        elif not np.isin(rows, self.model.rows).all():
            self.say(f"Object {label} is not listed; the filter leaves it out.")
        if label and self._layer is not None:
            self._layer.selected_label = label

    def _label_selected(self, event: Any = None) -> None:
        """Choose the row of a label that was selected elsewhere, such as with the picker."""
        own = self._own
        if own is None or self._layer is None:
            return
        label, chosen = self._layer.selected_label, self.table.chosen
        if label in own.index[chosen]:
            return
        step = self.viewer.dims.current_step[-self._layer.ndim :]
        if (rows := own.rows_at(label, step)).size:
            self._choose(rows)

    def _mark(self) -> None:
        """Outline the chosen objects."""
        own, rows = self._own, self.table.chosen
        if own is None or not rows.size:
            self._marked.hide()
            return
        numbers = np.ones(rows.size, np.uint8)
        pixels = NumberedPixels(
            array(own.layer), own.index[rows], numbers, own.places[rows], outlined=True
        )
        self._marked.show(own.layer, pixels, {1: _MARK}, "chosen objects")

    def _colour(self, *_: Any) -> None:
        """Colour the objects by a column, or show them in their own colours again."""
        own, name = self._own, self.colour.chosen
        self._shades = None
        self._show_what_applies()
        if own is None or name is None:
            self._coloured.hide()
            return
        found = ColumnColours.of(own.table[name])
        pixels = NumberedPixels(array(own.layer), own.index, found.numbers, own.places)
        self._coloured.show(own.layer, pixels, found.colours, f"{own.layer.name}: {name}")
        self.key.setText(found.key)
        if own.table[name].dtype.kind not in "iuf":
            self._shades = found.shades

    def _plot(self, *_: Any) -> None:
        self._show_what_applies()
        names = tuple(each.chosen for each in (self.across, self.up)[: self.kind.chosen])
        if None in names or not self.model.table:
            names = ()
        if names or self.plot.drawn:
            rows, shades = self.model.rows, self._shades
            chosen = np.isin(rows, self.table.chosen)
            self.plot.plot(
                self.model.shown, names, chosen, None if shades is None else shades[rows]
            )

    # ------------------------------------------------------------------ taken along

    def copy(self) -> None:
        """Copy the chosen rows, or all that are listed, as lines that spreadsheets take."""
        rows, chosen = self.model.rows, np.isin(self.model.rows, self.table.chosen)
        rows = rows[chosen] if chosen.any() else rows
        table = {name: column[rows] for name, column in self.model.table.items()}
        self.start(
            lambda report: pd.DataFrame(table).to_csv(sep="\t", index=False),
            finished=lambda text: self._copied(text, len(rows)),
        )

    def _copied(self, text: str, count: int) -> None:
        QApplication.clipboard().setText(text)
        self.say(f"{count} rows copied.")

    def release(self) -> None:
        """Let go of the layer and take away what was painted."""
        super().release()
        self._let_go()
        self._own = None
        self.plot.release()
