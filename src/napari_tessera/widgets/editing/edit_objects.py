"""Merge, split, delete and add objects with the mouse, on a Labels layer itself."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QButtonGroup, QPushButton

from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.widgets.editing.drawing import Drawing, place_under, straightened
from napari_tessera.widgets.editing.tools import TOOLS, Tool, worked_out
from napari_tessera.widgets.forms.fields.choose import field_for, layer_field
from napari_tessera.widgets.forms.fields.field import Field
from napari_tessera.widgets.forms.fields.layer import LayerField
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.layers.features import made_by
from napari_tessera.widgets.layers.following import ObjectRows
from napari_tessera.widgets.layers.geometry import usual_over
from napari_tessera.widgets.layers.history import History, Step
from napari_tessera.widgets.layers.masks import about_mask
from napari_tessera.widgets.layers.to_source import beside, source
from napari_tessera.widgets.qt.choice import Choice
from napari_tessera.widgets.qt.plain_text import PlainLabel
from napari_tessera.widgets.qt.rows import Rows, beside_one_another
from napari_tessera.widgets.tables.measure_button import MeasureButton

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Labels, Layer

    from napari_tessera.widgets.job import Job


class Surgery(Form):
    """The form whose tools change single objects of a Labels layer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    title = "Edit objects"

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer)
        self.tool: Tool | None = None
        self.job: Job | None = None
        self._layer: Labels | None = None
        self._points: list[tuple[float, ...]] = []
        self.drawing = Drawing(napari_viewer)
        self._build()
        self._connect()
        self.follow_selection(self.source, lambda: self.tool is None)
        self._layer_chosen()

    # ------------------------------------------------------------------ layout

    def _build(self) -> None:
        options = {p.name: p for p in METHODS["grow"].options}
        self.source = layer_field(METHODS["grow"].source, self.viewer.layers)
        self.over = Choice("Objects are in")
        self.over.offer([("planes", "planes"), ("volumes", "volume")])
        self.over.setToolTip("Whether objects lie in single planes or go through volumes")
        self.fields: dict[str, Field] = {
            name: field_for(options[name], self.viewer.layers)
            for tool in TOOLS
            for name in tool.asks
        }
        self.buttons, self._group = {}, QButtonGroup(self)
        self._group.setExclusive(False)
        for tool in TOOLS:
            button = QPushButton(f"{tool.title}  ({tool.key.replace('Shift-', '⇧')})")
            button.setCheckable(True)
            button.setToolTip(f"{tool.help} ({tool.key})")
            button.setAccessibleName(tool.title)
            self.buttons[tool.title] = button
            self._group.addButton(button)
        self.undo_button, self.redo_button = QPushButton("Undo"), QPushButton("Redo")
        self.undo_button.setToolTip("Take back the newest step or stroke on this layer (Ctrl-Z)")
        self.redo_button.setToolTip("Make it again (Ctrl-Shift-Z)")
        self.measure_button = MeasureButton(self, lambda: self.source.value)
        self.hint, self.memory = PlainLabel(), PlainLabel()
        self._lay_out()

    def _lay_out(self) -> None:
        self.rows, self.adding = Rows(), Rows()
        self.rows.add("Labels", self.source.native)
        self.rows.add("Objects are in", self.over)
        for field in self.fields.values():
            self.adding.add(field.parameter.title, field.native)
        self.lay_out(
            "Change single objects with the mouse. Choose a tool, then click or draw.",
            self.rows,
            beside_one_another(*self.buttons.values()),
            self.hint,
            self.adding,
            beside_one_another(self.undo_button, self.redo_button, self.measure_button),
            self.memory,
            self.message,
        )
        for rows in (self.rows, self.adding):
            rows.fit()
        self.adding.setVisible(False)

    # ------------------------------------------------------------------ signals

    def _connect(self) -> None:
        self.source.changed.connect(self._layer_chosen)
        for tool in TOOLS:
            button = self.buttons[tool.title]
            button.clicked.connect(lambda on, tool=tool: self.choose(tool if on else None))
        self.undo_button.clicked.connect(lambda: self._history_of("undo"))
        self.redo_button.clicked.connect(lambda: self._history_of("redo"))
        self.watch_layers(self._layers_changed)

    def _layers_changed(self, event: Any = None) -> None:
        for field in (self.source, *self.fields.values()):
            if isinstance(field, LayerField):
                field.refresh()

    def _layer_chosen(self) -> None:
        layer = self.source.value
        if layer is self._layer:
            return
        self._let_go()
        self._layer = layer
        if layer is not None:
            self.say(about_mask(layer))
            History.of(layer).changed.connect(self._show_history)
            for tool in TOOLS:
                layer.bind_key(tool.key, _pressed(self, tool), overwrite=True)
            self.over.choose(usual_over(layer, self.viewer))
            self.rows.show_row(self.over, layer.ndim > 2)
            self.rows.fit()
            for field in self.fields.values():
                field.fit(str(layer.units[-1]), None)
        if self.tool is not None and layer is not None:
            layer.mouse_drag_callbacks.insert(0, self._pressed)
        self._show_history()

    def _let_go(self) -> None:
        """Leave the layer as it was before it was chosen; its history stays."""
        layer, self._layer = self._layer, None
        if layer is None:
            return
        History.of(layer).changed.disconnect(self._show_history)
        for tool in TOOLS:
            layer.bind_key(tool.key, None)
        self._stop_listening(layer)

    def _stop_listening(self, layer: Layer) -> None:
        if self._pressed in layer.mouse_drag_callbacks:
            layer.mouse_drag_callbacks.remove(self._pressed)
            for key in ("Escape", "Enter"):
                layer.bind_key(key, None)
        layer.mouse_pan = True

    # ------------------------------------------------------------------ tools

    def choose(self, tool: Tool | None) -> None:
        """Take a tool into the hand, or put it down."""
        layer = self._layer
        self._points = []
        self.drawing.clear()
        if tool is not None and layer is None:
            self.complain(ValueError("labels is missing; open or make a Labels layer first"))
            tool = None
        if tool is not None and layer is not None:
            try:
                History.of(layer).check()
            except ValueError as error:
                self.complain(error)
                tool = None
        self.tool = tool
        for each in TOOLS:
            self.buttons[each.title].setChecked(each is tool)
        self.hint.setText("" if tool is None else f"{tool.help}. Esc puts the tool down.")
        self.adding.setVisible(tool is not None and bool(tool.asks))
        if layer is None:
            return
        self._stop_listening(layer)
        if tool is not None:
            layer.mode = "pan_zoom"
            layer.mouse_pan = False  # a drag draws and does not move the canvas
            layer.mouse_drag_callbacks.insert(0, self._pressed)
            self.viewer.layers.selection.active = layer
            layer.bind_key("Escape", _pressed(self, None), overwrite=True)
            layer.bind_key("Enter", lambda _: self.act(), overwrite=True)

    def _pressed(self, layer: Labels, event: Any) -> Iterator[None]:
        """Follow the mouse from press to release."""
        if self.tool is None or event.button != 1:
            return
        volume = self.viewer.dims.ndisplay == 3
        path = [place_under(self.viewer, layer, event, volume=volume)]
        yield
        while event.type == "mouse_move":
            if not self.tool.gathers and not volume:
                path.append(place_under(self.viewer, layer, event, volume=False))
                self.drawing.show(path, layer)
            yield
        event.handled = True
        if self.tool.gathers:
            self._points += path[:1]
            self.drawing.show(self._points, layer)
            self.say(f"Points: {len(self._points)}; press Enter when all parts have one.")
        else:
            self._points = straightened(path)
            self.act()

    def act(self) -> None:
        """Do what the tool does, at the points gathered."""
        tool, layer = self.tool, self._layer
        if tool is None or layer is None or not self._points or self.job is not None:
            return
        path, self._points = tuple(self._points), []
        try:
            History.of(layer).check()
            own, values = source(layer), self._values(tool, layer, path)
        except (ValueError, TypeError) as error:
            self.complain(error)
            self.drawing.clear()
            return
        over = "planes" if layer.ndim < 3 else self.over.chosen
        known, rows = made_by(layer), ObjectRows.of(layer)
        self.say(f"{tool.title} ...")
        self.job = self.start(
            lambda report: worked_out(tool, own, values, over, known, rows),
            finished=self._finished,
            failed=self._failed,
        )

    def _values(self, tool: Tool, layer: Labels, path: tuple[Any, ...]) -> dict[str, Any]:
        rounded = tuple(tuple(round(value, 2) for value in point) for point in path)
        if not tool.asks:
            how = {"how": "points"} if len(path) == 1 else {}
            return {"path": rounded, **how, **tool.values}
        values = {name: self.fields[name].value for name in tool.asks}
        if values["image"] is not None:
            values["image"] = beside(self.fields["image"].parameter, values["image"], layer)
        return {"path": rounded[:1], **values}

    def _finished(self, step: Step) -> None:
        self.job = None
        self.drawing.clear()
        layer = self._layer
        if layer is None:
            return
        if not step.changes:
            self.say("Nothing changed.")
            return
        if KEY not in layer.metadata:
            layer.metadata = {**layer.metadata, KEY: {"kind": "objects"}}

        def written() -> None:
            if self._layer is layer:  # a large step is written in a thread of the layer's
                self.say(f"{step.name.capitalize()}: done.")

        History.of(layer).commit(step, written)

    def _failed(self, error: Exception) -> None:
        self.job = None
        self.drawing.clear()
        self.complain(error)

    def _show_history(self) -> None:
        layer = self._layer
        for button in (self.undo_button, self.redo_button):
            button.setEnabled(layer is not None)
        if layer is None:
            self.memory.setText("")
            return
        own = History.of(layer)
        steps = own.steps
        newest = f", the newest: {steps[-1]}" if steps else ""
        self.memory.setText(
            f"{len(steps)} steps can be taken back{newest}. They take {own.nbytes / 1e6:.1f} of "
            f"{own.limit / 1e6:.0f} MB; beyond, the oldest are forgotten."
        )

    def _history_of(self, what: str) -> None:
        if self._layer is not None:
            getattr(History.of(self._layer), what)()

    # ------------------------------------------------------------------ end

    def release(self) -> None:
        """Put the tool down, and leave the layer; its history stays."""
        super().release()
        self.job, self.tool, self._points = None, None, []
        self.drawing.clear()
        self._let_go()


def _pressed(form: Surgery, tool: Tool | None) -> Callable[[Any], None]:
    """Return what a key does that chooses a tool."""
    own = weakref.ref(form)

    def press(layer: Any) -> None:
        found = own()
        if found is not None:
            found.choose(tool)

    return press
