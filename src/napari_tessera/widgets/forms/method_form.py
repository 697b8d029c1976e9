"""The one adapter that turns a method of the catalogue into a dock widget."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_error
from qtpy.QtCore import QEvent, Qt, QUrl
from qtpy.QtGui import QDesktopServices, QPalette
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.triton import keep_away
from napari_tessera.methods.registry import Method
from napari_tessera.pipeline.recipe import Recipe
from napari_tessera.pipeline.result import Result
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.units import to_pixels
from napari_tessera.signature.words import VoxelSize
from napari_tessera.widgets.forms import region
from napari_tessera.widgets.forms import remembered as memory
from napari_tessera.widgets.forms.call import Call
from napari_tessera.widgets.forms.channels import Channels
from napari_tessera.widgets.forms.choice import Choice
from napari_tessera.widgets.forms.cost_line import Preflight
from napari_tessera.widgets.forms.fields import Field, LayerField, field_for
from napari_tessera.widgets.forms.preview import Preview
from napari_tessera.widgets.forms.recipe_menu import recipe_menu
from napari_tessera.widgets.forms.refine_options import Refining, kind_of, note_kind
from napari_tessera.widgets.forms.results import Edits, Outcome, Results, duration, sentence, work
from napari_tessera.widgets.forms.rows import Rows, beside_one_another
from napari_tessera.widgets.forms.tables import save_table, show_table
from napari_tessera.widgets.job import Job
from napari_tessera.widgets.layers.from_result import named_by
from napari_tessera.widgets.layers.history import History
from napari_tessera.widgets.layers.to_source import beside, dropped_axis, sample, source

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Layer

DOCS = "https://napari-tessera.readthedocs.io/en/stable/methods/{}.html"

KEPT = 512_000_000
"""Bytes of networks and probabilities that a form keeps for its next run."""

_log = logging.getLogger(__name__)


class MethodForm(QWidget):
    """The form of one method.

    Subclasses made by `dock` set `method`; everything shown is derived from it.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    method: Method
    remembers = True
    """Whether the values are kept for the next session."""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.job: Job | None = None
        self.cache = Cache(KEPT)
        self.results = Results(self.viewer)
        self._quiet = False
        self._watched: list[tuple[Any, Any]] = []
        self._followed: list[Any] = []
        self._drawn: list[Any] = []
        self._fitted: tuple[Any, ...] = ()
        # with the viewer, Qt deletes its widgets without asking them to close
        own = weakref.ref(self)
        self.destroyed.connect(lambda: _release(own()))
        self._build()
        self.preview = Preview(self.viewer, self.read, self._previewed, self._complain)
        self.preflight = Preflight(self.read)
        self.preflight.setVisible(self.method.cost.estimate is not None)
        self.layout().insertWidget(self.layout().count() - 6, self.preflight)
        self._connect()
        self._recall()
        self._source_changed()
        threading.Thread(target=_warm_up, args=(self.method,), daemon=True).start()

    # ------------------------------------------------------------------ layout

    def _build(self) -> None:
        layers = self.viewer.layers
        self.source = field_for(self.method.source, layers)
        self.fields: dict[str, Field] = {p.name: field_for(p, layers) for p in self.method.asked}
        self.rows, self.channels = Rows(), Channels(together=self.method.takes_channels)
        self.over, self.region = Choice("Work on"), Choice("Region")
        self.levels_from, self.refining = Choice("Automatic levels from"), Refining()
        self.over.offer([("planes", "planes"), ("volume", "volume")])
        self.levels_from.offer([("each plane", "each"), ("whole stack", "all")])
        self.table_button, self.save_button = QPushButton("Show table"), QPushButton("Save table")
        self.join = QCheckBox("keep numbers")
        self.show_preview, self.replace_last = QCheckBox("Preview"), QCheckBox("Replace last")
        self.live = QCheckBox("Live")
        self.replace_last.setChecked(True)
        self.run_button, self.bar = QPushButton("Run"), QProgressBar()
        self.reset_button, self.recipe_button = QPushButton("Reset"), QPushButton("Recipe")
        self.message = QLabel()
        self._set_tooltips()
        self._lay_out()
        self._show_what_applies()

    def _set_tooltips(self) -> None:
        tips: dict[QWidget, str] = {
            self.over: "Each plane by itself, or the last three axes together as a volume",
            self.region: "The part of the layer to work on; a drawn shape or mask limits it",
            self.levels_from: "Find automatic levels or clusters in each plane, or once in all",
            self.join: "Objects that overlap from plane to plane keep one number",
            self.show_preview: "Show what Run will give, while you change the form",
            self.live: "Predict each plane as soon as it is shown, in a stack or a video; says how "
            "many per second",
            self.replace_last: "Run again replaces this form's last result unless you edited it",
            self.run_button: "Run on the chosen region (Enter)",
            self.table_button: "Show the table of the result in napari's features table",
            self.save_button: "Write the table of the result to a CSV file",
            self.reset_button: "Set all fields back to their defaults",
            self.recipe_button: "Take this run along: as Python, as a command, on another layer",
        }
        for widget, tip in tips.items():
            widget.setToolTip(tip)

    def _lay_out(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(4, 4, 4, 4)
        outer.addLayout(self._head())
        self.rows.add(self.source.parameter.title, self.source.native)
        for title, widget in (
            ("Channel axis", self.channels.axis),
            ("Other channels", self.channels.others),
            ("Channel", self.channels.one),
            ("Work on", self.over),
            ("Region", self.region),
            ("Automatic from", self.levels_from),
            ("Across planes", self.join),
            ("Refine", self.refining.only),
            ("Result", self.refining.into),
        ):
            self.rows.add(title, widget)
        for field in self.fields.values():
            parameter = field.parameter
            self.rows.add(parameter.title, field.native, parameter.word.section)
        outer.addWidget(self.rows, 1)
        outer.addLayout(beside_one_another(self.show_preview, self.live, self.replace_last))
        outer.addWidget(self.run_button)
        outer.addWidget(self.bar)
        outer.addLayout(beside_one_another(self.reset_button, self.recipe_button))
        outer.addLayout(beside_one_another(self.table_button, self.save_button))
        outer.addWidget(self.message)
        self.recipe_button.setMenu(
            recipe_menu(
                self.recipe_button,
                self.viewer,
                lambda: self.method.name,
                lambda: _recipe_of(self.read()),
                self._complain,
            )
        )

    def _show_what_applies(self) -> None:
        """Show the buttons that have a meaning for what the method gives."""
        self.bar.setVisible(False)
        self.show_preview.setVisible(self.method.returns not in ("table", "scores"))
        self.live.setVisible(self.show_preview.isVisibleTo(self) and "model" in self.fields)
        self._show_replacing()
        for widget in (self.table_button, self.save_button):
            widget.setVisible("table" in self.method.gives)
            widget.setEnabled(False)
        self.message.setWordWrap(True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def _show_replacing(self, *_: Any) -> None:
        """Show the box for replacing the last result where there can be one to replace."""
        self.replace_last.setVisible(self.method.returns != "table" and not self._in_place)

    @property
    def _in_place(self) -> bool:
        return self.method.refines and self.refining.in_place

    def _head(self) -> QHBoxLayout:
        summary, link = QLabel(self.method.summary), QToolButton()
        summary.setWordWrap(True)
        link.setText("?")
        link.setToolTip("Open this method's page in the documentation")
        link.setAccessibleName("Documentation")
        address = QUrl(DOCS.format(self.method.name))
        link.clicked.connect(lambda: QDesktopServices.openUrl(address))
        row = QHBoxLayout()
        row.addWidget(summary, 1)
        row.addWidget(link, 0, Qt.AlignmentFlag.AlignTop)
        return row

    # ------------------------------------------------------------------ signals

    def _connect(self) -> None:
        self.source.changed.connect(self._source_changed)
        for field in self.fields.values():
            field.changed.connect(self._field_changed)
        for combo in (
            self.channels.axis,
            self.channels.one,
            self.over,
            self.region,
            self.levels_from,
        ):
            combo.currentIndexChanged.connect(self._walk_changed)
        self.join.toggled.connect(self._walk_changed)
        self.refining.only.currentIndexChanged.connect(self._field_changed)
        self.refining.into.currentIndexChanged.connect(self._show_replacing)
        self.channels.others.changed.connect(self._walk_changed)
        self.show_preview.toggled.connect(self._toggle_preview)
        self.live.toggled.connect(self._toggle_live)
        self.run_button.clicked.connect(self._run_or_stop)
        self.reset_button.clicked.connect(self.reset)
        self.table_button.clicked.connect(lambda: show_table(self.viewer, self.results.latest))
        self.save_button.clicked.connect(lambda: save_table(self, self.results.table))
        layers, dims, camera = (
            self.viewer.layers.events,
            self.viewer.dims.events,
            self.viewer.scene.camera,
        )
        for emitter in (layers.inserted, layers.removed, layers.reordered, layers.renamed):
            self._watch(emitter, self._layers_changed)
        for emitter in (dims.current_step, dims.ndisplay, camera.events.zoom, camera.events.center):
            self._watch(emitter, self._moved)

    def _watch(self, emitter: Any, callback: Any) -> None:
        emitter.connect(callback)
        self._watched.append((emitter, callback))

    def _layers_changed(self, event: Any = None) -> None:
        for field in (self.source, *self.fields.values()):
            if isinstance(field, LayerField):
                field.refresh()
        self._fill_regions()
        self.channels.fill_others(self._pictured(), self.viewer.layers)
        self._show_rows()

    def _source_changed(self) -> None:
        with self._silence():
            layer = self.source.value
            self._follow(layer)
            self.channels.fill(self._pictured(), self.viewer.layers)
            self._fill_regions()
            for field in self.fields.values():
                if isinstance(field, LayerField):
                    field.avoid(layer)
            if layer is not None:
                self._fit(layer)
                if "labels_are" in self.fields:
                    self.fields["labels_are"].value = kind_of(layer)
                named_z = layer.ndim > 2 and str(layer.axis_labels[-3]).lower() == "z"
                volume = named_z or (layer.ndim > 2 and self.viewer.dims.ndisplay == 3)
                self.over.choose("volume" if volume else "planes")
        self._walk_changed()

    def _follow(self, layer: Layer | None) -> None:
        """Hear of new units of this layer, no longer of those of the one before."""
        for emitter in self._followed:
            emitter.disconnect(self._units_changed)
        self._followed = [] if layer is None else [layer.events.units, layer.events.data]
        for emitter in self._followed:
            emitter.connect(self._units_changed)

    def _units_changed(self, event: Any = None) -> None:
        if self.source.value is not None:
            with self._silence():
                self._fit(self.source.value)

    def _fit(self, layer: Layer) -> None:
        """Give the fields the layer's unit and a sample of the intensities worked on."""
        values = None
        self._fitted = self._seen()
        if self.source.parameter.word.name == "image":
            with suppress(ValueError):  # such a layer is refused when it is run
                axis, channel = self.channels.chosen
                own = source(layer, channel_axis=axis, channel=channel)
                voxel = VoxelSize(own.spacing[-2:], own.spacing.unit)
                values = sample(layer, own, to_pixels(self._seen()[0], voxel))
        for field in self.fields.values():
            field.fit(str(layer.units[-1]), values)

    def _seen(self) -> tuple[Any, ...]:
        """Return what the intensities that levels apply to depend on."""
        background = self.fields.get("background")
        width = "0 px" if background is None else background.value
        return width, *self.channels.chosen

    def _pictured(self) -> Layer | None:
        """Return the chosen layer if it is an image, which may have channels."""
        return self.source.value if self.source.parameter.word.name == "image" else None

    def _fill_regions(self) -> None:
        self.region.offer(region.choices(self.viewer, self.source.value))

    def _walk_changed(self, *_: Any) -> None:
        if not self._quiet:
            self._show_rows()
            self._field_changed()

    def _show_rows(self) -> None:
        """Show those rows about channels and planes that have a choice to offer."""
        layer = self.source.value
        with self._silence():
            self.channels.fill_one(self._pictured())
        axes = 0 if layer is None else layer.ndim - (self.channels.axis.chosen is not None)
        planes = not self.method.way.takes_volumes or self.over.chosen == "planes"
        several = axes > (2 if planes else 3)
        self.rows.show_row(self.channels.axis, self.channels.axis.count() > 1)
        self.rows.show_row(self.channels.others, self.channels.others.offered > 0)
        self.rows.show_row(self.channels.one, self.channels.one.count() > 1)
        self.rows.show_row(self.over, axes > 2 and self.method.way.takes_volumes)
        self.rows.show_row(self.levels_from, several and self.method.cut.statistics is not None)
        self.rows.show_row(self.join, several and self._numbers_objects)
        self.rows.show_row(self.refining.into, self.method.refines)
        self.rows.show_row(self.refining.only, self.method.refines and self.method.way.in_parts)
        self.rows.show_row(self.region, self.method.way.in_parts)
        self.rows.fit_width()

    def _field_changed(self, *_: Any) -> None:
        if self._quiet:
            return
        values = {name: field.value for name, field in self.fields.items()}
        for field in self.fields.values():
            self.rows.show_row(field.native, field.parameter.applies(values))
        if "levels" in self.fields:
            several = values.get("method") == "hysteresis"
            with self._silence():
                self.fields["levels"].handles(2 if several else 1, str(values["objects"]))  # type: ignore[attr-defined]
        self.rows.fit_width()
        if self.source.value is not None and self._seen() != self._fitted:
            self._units_changed()
        self._follow_drawn()
        if self.method.cost.estimate is not None:
            self.preflight.request()
        if self.show_preview.isChecked():
            self.preview.request()

    def _follow_drawn(self) -> None:
        """While there is a preview, hear what is painted or clicked in the layers it is made of."""
        for emitter in self._drawn:
            emitter.disconnect(self._moved)
        chosen = [field.value for field in self.fields.values() if isinstance(field, LayerField)]
        layers = [each for each in (*chosen, self.region.chosen) if hasattr(each, "events")]
        self._drawn = [
            getattr(each.events, name)
            for each in (layers if self.show_preview.isChecked() else [])
            for name in ("data", "labels_update", "paint", "features")
            if name in each.events.emitters
        ]
        for emitter in self._drawn:
            emitter.connect(self._moved)

    def _moved(self, event: Any = None) -> None:
        if self.show_preview.isChecked():
            self.preview.request()

    @contextmanager
    def _silence(self) -> Iterator[None]:
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    # ------------------------------------------------------------------ values

    def values(self) -> dict[str, Any]:
        """Return the fields that have a meaning beside the others, layers as layers."""
        everything = {name: field.value for name, field in self.fields.items()}
        return {
            name: value
            for name, value in everything.items()
            if self.fields[name].parameter.applies(everything)
        }

    def read(self) -> Call:
        """Return the run that the form stands for now.

        Raises
        ------
        ValueError
            If a field does not fit the layer.
        """
        layer = self.source.value
        if layer is None:
            kind = "an Image" if self.source.parameter.word.name == "image" else "a Labels"
            raise ValueError(
                f"{self.source.parameter.name} is missing; open a file or a sample, then choose "
                f"{kind} layer"
            )
        if self._in_place:
            History.of(layer).check()
        own = self.channels.source(layer)
        flat = len(own.shape) == 2 or not self.method.way.takes_volumes
        over: Any = "planes" if flat else self.over.chosen
        values = {}
        for name, value in self.values().items():
            parameter = self.fields[name].parameter
            layered = parameter.is_array and value is not None
            dropped = dropped_axis(own)
            values[name] = beside(parameter, value, layer, dropped) if layered else value
        part = region.region(self.region.chosen, self.viewer, layer, own, over, dropped_axis(own))
        later = part if callable(part) else None
        walk = Walk(
            over,
            self.levels_from.chosen if self.method.cut.statistics else "each",
            self.join.isChecked() and self._numbers_objects,
            None if callable(part) else part,
            self.refining.chosen(layer) if self.method.refines else (),
        )
        return Call(self.method, layer, own, values, walk, later, self.cache, self._in_place)

    @property
    def _numbers_objects(self) -> bool:
        """True if the method makes objects, which may keep their numbers from plane to plane."""
        return self.method.returns in ("objects", "labels") and not self.method.refines

    def _plain_values(self) -> dict[str, Any]:
        # what labels are is remembered with each layer
        kept = [n for n, f in self.fields.items() if not f.parameter.is_array and n != "labels_are"]
        return {name: self.fields[name].kept for name in kept}

    def _recall(self) -> None:
        self._set(memory.recall(self.method.name))

    def reset(self) -> None:
        """Set all fields back to their defaults."""
        self._set({p.name: p.default for p in self.method.asked if not p.required})
        with self._silence():
            for choice in (self.region, self.levels_from, self.refining.only, self.refining.into):
                choice.setCurrentIndex(0)
            self.channels.reset()
            self.join.setChecked(False)
            self.replace_last.setChecked(True)
        self._source_changed()
        if self.remembers:
            memory.remember(self.method.name, {})
        self._field_changed()

    def _set(self, values: dict[str, Any]) -> None:
        with self._silence():
            for name, value in values.items():
                try:
                    self.fields[name].value = value
                except (KeyError, TypeError, ValueError):
                    _log.info("%s: %s = %r is no longer allowed", self.method.name, name, value)

    # ------------------------------------------------------------------ run

    def _run_or_stop(self) -> None:
        if self.job is not None:
            self.stop()
        else:
            self.run()

    def run(self) -> None:
        """Run the method in a thread and add its result."""
        if self.show_preview.isChecked():
            self.show_preview.setChecked(False)
        try:
            call = self.read()
        except (ValueError, TypeError) as error:
            self._complain(error)
            return
        if self.remembers:
            memory.remember(self.method.name, self._plain_values())
        again, began = self.replace_last.isChecked(), time.monotonic()
        last = self.results.replaceable(call.layer) if again and not call.in_place else None
        edits = Edits(last[0] if last else None)
        self._say(f"{named_by(self.method).capitalize()} is running ...")
        self.job = Job(
            lambda report: work(call, last, report),
            title=f"{self.method.display}: {call.layer.name}",
            finished=lambda outcome: self._finished(
                outcome, edits.seen(), time.monotonic() - began
            ),
            failed=self._failed,
            progressed=self._progressed,
        )
        self._running(True)
        self.job.start()

    def stop(self) -> None:
        """Drop the run under way; nothing of it will be added."""
        if self.job is not None:
            self.job.stop()
            self.job = None
            self._running(False)
            self._say("Stopped; nothing was added.")

    def _finished(self, outcome: Outcome, edited: bool, took: float) -> None:
        self.job = None
        self._running(False)
        self.results.add(outcome, edited=edited)
        if "labels_are" in self.fields:
            note_kind(outcome.call.layer, outcome.call.values["labels_are"])
        for button in (self.table_button, self.save_button):
            button.setEnabled(outcome.result.table is not None)
        self._say(sentence(outcome.result, outcome.number, took))

    def _previewed(self, result: Result, call: Call) -> None:
        flat = call.over == "volume"
        note = "Preview: 2-D approximation of the volume. " if flat else "Preview: "
        speed = self.preview.speed if self.preview.live else None
        row = "" if speed is None else f", {speed:.1f} planes per second"
        self._say(f"{note}{result.counted()}{row}")

    def _toggle_preview(self, on: bool) -> None:
        self._follow_drawn()
        if on:
            self.preview.request()
        else:
            self.live.setChecked(False)
            self.preview.clear()

    def _toggle_live(self, on: bool) -> None:
        self.preview.live = on
        if on:
            self.show_preview.setChecked(True)
            self.preview.request()

    def _progressed(self, share: float, left: float | None) -> None:
        self.bar.setValue(round(share * 100))
        self.bar.setFormat("%p %" if left is None else f"%p %   {duration(left)} left")

    def _running(self, on: bool) -> None:
        self.run_button.setText("Stop" if on else "Run")
        self.bar.setVisible(on)
        self.bar.setValue(0)

    def _failed(self, error: Exception) -> None:
        self.job = None
        self._running(False)
        self._complain(error)

    def _complain(self, error: Exception) -> None:
        """Say what went wrong, here and as a notification; a run under way goes on."""
        text = str(error)
        if not isinstance(error, ValueError | TypeError):
            _log.error("%s failed", self.method.name, exc_info=error)
            text = f"{type(error).__name__}: {error}"
        self._say(text, wrong=True)
        show_error(f"{self.method.display}: {text}")

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self.message.setStyleSheet(f"color: {red(self)}" if wrong else "")
        self.message.setText(text)

    def keyPressEvent(self, event: Any) -> None:
        """Run on Enter; fields pass it on when they have taken their value."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._run_or_stop()
        else:
            super().keyPressEvent(event)

    # ------------------------------------------------------------------ end

    def event(self, event: Any) -> bool:
        """Let go of the viewer when the dock that held the form is closed; fit its theme."""
        if event.type() in (QEvent.Type.Show, QEvent.Type.StyleChange):
            self.rows.fit_width()
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.release()
            self.deleteLater()
        return super().event(event)

    def release(self) -> None:
        """Stop the run and the preview and let go of the viewer; touches nothing of Qt."""
        if self.job is not None:
            self.job.stop()
            self.job = None
        self.preview.clear()
        self.preflight.cancel()
        self.cache.clear()
        for emitter, callback in self._watched:
            emitter.disconnect(callback)
        self._watched.clear()
        self._follow(None)
        for emitter in self._drawn:
            emitter.disconnect(self._moved)
        self._drawn = []


def red(widget: QWidget) -> str:
    """Return a red that can be read in the theme of a widget."""
    light = widget.palette().color(QPalette.ColorRole.Window).lightness() > 127
    return "#b3261e" if light else "#ff8a80"


def dock(method: Method) -> type[MethodForm]:
    """Return the dock widget's class for a method."""
    name = "".join(word.capitalize() for word in method.name.split("_"))
    return type(f"{name}Form", (MethodForm,), {"method": method, "__doc__": method.summary})


def _recipe_of(call: Call) -> Callable[[], Recipe]:
    """Return what makes the recipe of a call, which takes time."""
    return lambda: call.settled().recipe()


def _warm_up(method: Method) -> None:
    """Load the libraries of a method, which would otherwise hold up the first run."""
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    with suppress(Exception):
        if method.keeps:
            keep_away()
            import torch  # noqa: F401
        arrays = [image for p in method.parameters if p.is_array and p.required]
        names = [p.name for p in method.parameters if p.is_array and p.required]
        method.function(**dict(zip(names, arrays, strict=True)))


def _release(form: MethodForm | None) -> None:
    if form is not None:
        form.release()
