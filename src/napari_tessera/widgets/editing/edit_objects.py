"""Merge, split, delete and add objects with the mouse, on a Labels layer itself."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_error
from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QButtonGroup, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.edits import differences
from napari_tessera.pipeline.recipe import KEY, Recipe
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.stack import step_by_hand
from napari_tessera.signature.words import Array
from napari_tessera.widgets.forms.choice import Choice
from napari_tessera.widgets.forms.fields import Field, LayerField, field_for
from napari_tessera.widgets.forms.method_form import red
from napari_tessera.widgets.forms.rows import Rows, beside_one_another
from napari_tessera.widgets.job import Job
from napari_tessera.widgets.layers.features import made_by
from napari_tessera.widgets.layers.history import History, Step
from napari_tessera.widgets.layers.to_source import beside, fits, source
from napari_tessera.widgets.napari_private import shown_labels

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Labels, Layer

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tool:
    """Something the mouse can do.

    Attributes
    ----------
    title : str
        On its button.
    key : str
        Which chooses it while the layer is selected.
    method : str
        In the catalogue.
    help : str
    values : dict
        Options of the method that the tool stands for.
    gathers : bool
        Whether clicks are gathered until Enter; otherwise each drag or click acts at once.
    """

    title: str
    key: str
    method: str
    help: str
    values: dict[str, Any]
    gathers: bool = False


TOOLS = (
    Tool("Merge", "Shift-M", "merge", "Draw a line over objects: they become one", {}),
    Tool("Delete", "Shift-D", "delete", "Click on an object, or draw a line over several", {}),
    Tool("Cut", "Shift-C", "split", "Draw a line across an object, from side to side", {}),
    Tool(
        "Split",
        "Shift-S",
        "split",
        "Click on each part of one object, then press Enter",
        {"how": "points"},
        gathers=True,
    ),
    Tool("Add", "Shift-A", "grow", "Click on the background: an object grows from there", {}),
)


class Surgery(QWidget):
    """The form whose tools change single objects of a Labels layer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.tool: Tool | None = None
        self.job: Job | None = None
        self._layer: Labels | None = None
        self._points: list[tuple[float, ...]] = []
        self._drawing: Layer | None = None
        self._watched: list[tuple[Any, Any]] = []
        own = weakref.ref(self)
        self.destroyed.connect(lambda: _release(own()))
        self._build()
        self._connect()
        self._layer_chosen()

    # ------------------------------------------------------------------ layout

    def _build(self) -> None:
        options = {p.name: p for p in METHODS["grow"].options}
        labels = METHODS["grow"].source
        self.source = LayerField(labels, self.viewer.layers, lambda each: fits(each, "labels"))
        self.over = Choice("Objects are in")
        self.over.offer([("planes", "planes"), ("volumes", "volume")])
        self.fields: dict[str, Field] = {
            name: field_for(options[name], self.viewer.layers)
            for name in ("image", "tolerance", "smoothing", "max_diameter")
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
        self.hint, self.memory, self.message = QLabel(), QLabel(), QLabel()
        for text in (self.hint, self.memory, self.message):
            text.setWordWrap(True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._lay_out()

    def _lay_out(self) -> None:
        outer, grid, self.rows = QVBoxLayout(self), QGridLayout(), Rows()
        outer.setContentsMargins(4, 4, 4, 4)
        head = QLabel("Change single objects with the mouse. Choose a tool, then click or draw.")
        head.setWordWrap(True)
        outer.addWidget(head)
        self.rows.add("Labels", self.source.native)
        self.rows.add("Objects are in", self.over)
        outer.addWidget(self.rows)
        for number, button in enumerate(self.buttons.values()):
            grid.addWidget(button, number // 2, number % 2)
        outer.addLayout(grid)
        outer.addWidget(self.hint)
        self.adding = Rows()
        for field in self.fields.values():
            self.adding.add(field.parameter.title, field.native)
        outer.addWidget(self.adding)
        outer.addLayout(beside_one_another(self.undo_button, self.redo_button))
        outer.addWidget(self.memory)
        outer.addWidget(self.message)
        outer.addStretch(1)
        for rows in (self.rows, self.adding):
            rows.fit_width()
            _fit_height(rows)
        self.adding.setVisible(False)

    # ------------------------------------------------------------------ signals

    def _connect(self) -> None:
        self.source.changed.connect(self._layer_chosen)
        for tool in TOOLS:
            button = self.buttons[tool.title]
            button.clicked.connect(lambda on, tool=tool: self.choose(tool if on else None))
        self.undo_button.clicked.connect(lambda: self._history_of("undo"))
        self.redo_button.clicked.connect(lambda: self._history_of("redo"))
        layers = self.viewer.layers.events
        for emitter in (layers.inserted, layers.removed, layers.renamed):
            emitter.connect(self._layers_changed)
            self._watched.append((emitter, self._layers_changed))

    def _layers_changed(self, event: Any = None) -> None:
        for field in (self.source, *self.fields.values()):
            if isinstance(field, LayerField):
                field.refresh()
        if self._drawing is not None and self._drawing not in self.viewer.layers:
            self._drawing = None

    def _layer_chosen(self) -> None:
        layer = self.source.value
        if layer is self._layer:
            return
        self._let_go()
        self._layer = layer
        if layer is not None:
            History.of(layer).changed.connect(self._show_history)
            for tool in TOOLS:
                layer.bind_key(tool.key, _pressed(self, tool), overwrite=True)
            named_z = layer.ndim > 2 and str(layer.axis_labels[-3]).lower() == "z"
            flat = layer.ndim < 3 or (self.viewer.dims.ndisplay == 2 and not named_z)
            self.over.choose("planes" if flat else "volume")
            self.rows.show_row(self.over, layer.ndim > 2)
            _fit_height(self.rows)
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
        self._draw(None)
        if tool is not None and layer is None:
            self._complain(ValueError("labels is missing; open or make a Labels layer first"))
            tool = None
        if tool is not None and layer is not None:
            try:
                History.of(layer).check()
            except ValueError as error:
                self._complain(error)
                tool = None
        self.tool = tool
        for each in TOOLS:
            self.buttons[each.title].setChecked(each is tool)
        self.hint.setText("" if tool is None else f"{tool.help}. Esc puts the tool down.")
        self.adding.setVisible(tool is not None and tool.method == "grow")
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
        path = [self._place(layer, event)]
        yield
        while event.type == "mouse_move":
            if not self.tool.gathers and self.viewer.dims.ndisplay == 2:
                path.append(self._place(layer, event))
                self._draw(path)
            yield
        event.handled = True
        if self.tool.gathers:
            self._points += path[:1]
            self._draw(self._points)
            self._say(f"Points: {len(self._points)}; press Enter when all parts have one.")
        else:
            self._points = _straightened(path)
            self.act()

    def _place(self, layer: Labels, event: Any) -> tuple[float, ...]:
        """Return the pixel of the layer under the mouse; in 3-D, the first labelled on its ray."""
        if self.viewer.dims.ndisplay == 3:
            near, far = layer.get_ray_intersections(
                event.position, event.view_direction, event.dims_displayed
            )
            if near is not None:
                return _first_labelled(layer, np.asarray(near), np.asarray(far))
        return tuple(float(v) for v in layer.world_to_data(event.position))

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
            self._complain(error)
            self._draw(None)
            return
        over = "planes" if layer.ndim < 3 else self.over.chosen
        known = made_by(layer)
        self._say(f"{tool.title} ...")
        self.job = Job(
            lambda report: _worked_out(tool, own, values, over, known),
            title="",
            finished=self._finished,
            failed=self._failed,
        )
        self.job.start()

    def _values(self, tool: Tool, layer: Labels, path: tuple[Any, ...]) -> dict[str, Any]:
        rounded = tuple(tuple(round(value, 2) for value in point) for point in path)
        how = {"how": "points"} if len(path) == 1 and tool.method != "grow" else {}
        values = {"path": rounded, **how, **tool.values}
        if tool.method == "grow":
            values |= {name: field.value for name, field in self.fields.items()}
            if values["image"] is not None:
                values["image"] = beside(self.fields["image"].parameter, values["image"], layer)
            values["path"] = rounded[:1]
        return values

    def _finished(self, step: Step) -> None:
        self.job = None
        self._draw(None)
        layer = self._layer
        if layer is None:
            return
        if not step.changes:
            self._say("Nothing changed.")
            return
        if KEY not in layer.metadata:
            layer.metadata = {**layer.metadata, KEY: {"kind": "objects"}}
        History.of(layer).commit(step, lambda: self._say(f"{step.name.capitalize()}: done."))

    def _failed(self, error: Exception) -> None:
        self.job = None
        self._draw(None)
        self._complain(error)

    # ------------------------------------------------------------------ what is shown

    def _draw(self, path: list[tuple[float, ...]] | None) -> None:
        """Show the line or the points that have been drawn so far; None takes them away."""
        from napari.layers import Points

        layers = self.viewer.layers
        if not path or self._layer is None:
            if self._drawing is not None and self._drawing in layers:
                layers.remove(self._drawing)
            self._drawing = None
            return
        if self._drawing is None:
            like = ("scale", "translate", "rotate", "affine", "units", "axis_labels")
            self._drawing = Points(
                np.array(path),
                name="drawn",
                size=4,
                face_color="#ffd54f",
                metadata={KEY: {"preview": True}},
                **{name: getattr(self._layer, name) for name in like},
            )
            selection = set(layers.selection)
            layers.append(self._drawing)
            layers.selection = selection
        self._drawing.data = np.array(path)

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

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self.message.setStyleSheet(f"color: {red(self)}" if wrong else "")
        self.message.setText(text)

    def _complain(self, error: Exception) -> None:
        text = str(error)
        if not isinstance(error, ValueError | TypeError):
            _log.error("editing failed", exc_info=error)
            text = f"{type(error).__name__}: {error}"
        self._say(text, wrong=True)
        show_error(f"Edit objects: {text}")

    # ------------------------------------------------------------------ end

    def event(self, event: Any) -> bool:
        """Let go of the viewer when the dock that held the form is closed."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.release()
            self.deleteLater()
        return super().event(event)

    def release(self) -> None:
        """Put the tool down and let go of the viewer; the layer's history stays."""
        self.tool, self._points = None, []
        self._draw(None)
        self._let_go()
        for emitter, callback in self._watched:
            emitter.disconnect(callback)
        self._watched.clear()


def _fit_height(rows: Rows) -> None:
    """Make rows as high as what they show."""
    rows.fit_width()
    rows.setFixedHeight(rows.widget().sizeHint().height() + 4)


def _release(form: Surgery | None) -> None:
    if form is not None:
        form.release()


def _pressed(form: Surgery, tool: Tool | None) -> Callable[[Any], None]:
    """Return what a key does that chooses a tool."""
    own = weakref.ref(form)

    def press(layer: Any) -> None:
        found = own()
        if found is not None:
            found.choose(tool)

    return press


def _worked_out(
    tool: Tool, own: Source, values: dict[str, Any], over: Any, known: dict[str, Any] | None
) -> Step:
    """Return the step that a tool makes; nothing is written yet."""
    method = METHODS[tool.method]
    index, labels = step_by_hand(method, own, values, over)
    start = (*index, *(0,) * labels.ndim)
    changes = differences(own.array, start, labels.reshape((1,) * len(index) + labels.shape))
    recipe = Recipe.of(method, own, values, over=over, before=known)
    return Step(tool.title.lower(), changes, known, recipe.to_dict())


def _straightened(path: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Return a drawn line without points that lie on it anyway."""
    from skimage.measure import approximate_polygon

    points = np.array(path)
    moving = np.flatnonzero(np.ptp(points, axis=0) > 0)
    if moving.size == 0 or np.ptp(points, axis=0).max() < 1:
        return path[:1]  # a click
    if moving.size == 1 or len(path) < 3:
        return [path[0], path[-1]]
    kept = approximate_polygon(points[:, moving], 0.5)
    full = np.repeat(points[:1], len(kept), axis=0)
    full[:, moving] = kept
    return [tuple(point) for point in full.tolist()]


def _first_labelled(layer: Labels, near: Array, far: Array) -> tuple[float, ...]:
    """Return the first labelled pixel on the way from a point to another, or the first at all."""
    steps = max(2, int(np.abs(far - near).max() * 2))
    line = near + (far - near) * np.linspace(0, 1, steps)[:, None]
    pixels = np.clip(np.rint(line), 0, np.array(layer.data.shape[-3:]) - 1).astype(int)
    shown = shown_labels(layer)
    hit = np.flatnonzero(shown[tuple(pixels.T)])
    chosen = pixels[hit[0]] if hit.size else pixels[0]
    lead = layer.ndim - 3
    place = layer.world_to_data(np.zeros(layer.ndim)) if lead else ()
    return (*(float(v) for v in place[:lead]), *(float(v) for v in chosen))
