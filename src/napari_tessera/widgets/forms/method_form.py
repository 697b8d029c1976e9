"""The one adapter that turns a method of the registry into a dock widget."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QPushButton, QWidget

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.methods.method import Method
from napari_tessera.pipeline.result import KINDS, Labelled, Result
from napari_tessera.widgets.forms import remembered as memory
from napari_tessera.widgets.forms.call import Call
from napari_tessera.widgets.forms.cost_line import Preflight
from napari_tessera.widgets.forms.fields.choose import layer_field
from napari_tessera.widgets.forms.fields.fitting import Fitting
from napari_tessera.widgets.forms.fields.levels import LevelsField
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.forms.method_fields import MethodFields
from napari_tessera.widgets.forms.preview_boxes import PreviewBoxes
from napari_tessera.widgets.forms.recipe_menu import recipe_menu
from napari_tessera.widgets.forms.refine_options import kind_of, note_kind
from napari_tessera.widgets.forms.results import Edits, Outcome, Results, sentence, work
from napari_tessera.widgets.forms.run_button import Running
from napari_tessera.widgets.forms.shortcuts import keys_of, press_run
from napari_tessera.widgets.forms.tables import save_table, show_table
from napari_tessera.widgets.forms.walk_rows import WalkRows
from napari_tessera.widgets.forms.warm_up import warm_up_method
from napari_tessera.widgets.layers.features import image_behind
from napari_tessera.widgets.layers.from_result import is_heat_map, named_by
from napari_tessera.widgets.layers.masks import about_images, about_mask
from napari_tessera.widgets.layers.to_source import beside, dropped_axis
from napari_tessera.widgets.live.live_box import LiveBox
from napari_tessera.widgets.qt.rows import Rows, beside_one_another
from napari_tessera.widgets.quiet import Quiet
from napari_tessera.widgets.tables.measure_button import MeasureButton
from napari_tessera.widgets.training.learn_again import LearnAgain
from napari_tessera.widgets.training.pixel_strokes import PixelStrokes

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Layer

    from napari_tessera.widgets.job import Job

KEPT = 512_000_000
"""Bytes of networks and probabilities that a form keeps for its next run."""


class MethodForm(Form):
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
        super().__init__(napari_viewer)
        self.cache, self.results = Cache(KEPT), Results(self.viewer)
        self._quiet, self._about_mask, self._adding = Quiet(), "", False
        self._build()
        self._lay_out()
        self._show_what_applies()
        self._follow_selection()
        self._connect()
        with self._quiet:
            self.fields.fill(memory.recall(self.method.name))
        self._source_changed()
        self._values = self._remembered = self.fields.to_remember()

    # ------------------------------------------------------------------ layout

    def _build(self) -> None:
        layers = self.viewer.layers
        self.source = layer_field(self.method.source, layers)
        self.fields = MethodFields(self.method, layers)
        self.rows, self.walk = Rows(), WalkRows(self.method, self.viewer)
        self.fitting = Fitting(self.source, self.fields, self.walk.channels, self._units_changed)
        self.running = Running(self, "Run", self.run, stop=self.stop)
        self.run_button, self.bar = self.running.button, self.running.bar
        self.previewing = PreviewBoxes(self, self.read, self._show_levels, self._layers_chosen)
        self.preview = self.previewing.preview
        self.show_preview, self.live = self.previewing.box, self.previewing.live
        self.living = LiveBox(self, self.read)
        self.preflight, self.learning = Preflight(self.read), LearnAgain(self)
        self.strokes = PixelStrokes(self) if self.method.cut.marks else None
        self.table_button, self.save_button = QPushButton("Show table"), QPushButton("Save table")
        self.measure_button = MeasureButton(
            self, lambda: self.results.latest, make=self.running.press
        )
        self.replace_last = QCheckBox("Replace last")
        self.replace_last.setChecked(True)
        self.reset_button, self.recipe_button = QPushButton("Reset"), QPushButton("Recipe")
        self.recipe_button.setMenu(
            recipe_menu(self, lambda: self.method.name, lambda: self.read().recipe)
        )
        tips: dict[QWidget, str] = {
            self.replace_last: "Run again replaces this form's last result unless you edited it",
            self.run_button: f"Run on the chosen region{keys_of(press_run)}; Esc stops",
            self.table_button: "Show the table of the result, linked to the objects",
            self.save_button: "Write the table of the result to a CSV file",
            self.reset_button: "Set all fields back to their defaults",
            self.recipe_button: "Take this run along: as Python, as a command, on another layer",
        }
        for widget, tip in tips.items():
            widget.setToolTip(tip)

    def _lay_out(self) -> None:
        self.rows.add(self.source.parameter.title, self.source.native)
        self.walk.add_to(self.rows, self._walk_changed)
        for field in self.fields.values():
            parameter = field.parameter
            self.rows.add(parameter.title, field.native, parameter.word.section)
        page, about = f"methods/{self.method.name}", "this method's page"
        self.lay_out(
            self.heading(self.method.summary, page=page, about=about),
            (self.rows, 1),
            *(self.strokes.parts if self.strokes else ()),
            self.preflight,
            beside_one_another(self.show_preview, self.replace_last),
            self.live,
            beside_one_another(self.run_button, self.measure_button),
            self.bar,
            *self.learning.parts,
            *self.living.parts,
            beside_one_another(self.reset_button, self.recipe_button),
            beside_one_another(self.table_button, self.save_button),
            self.message,
        )

    @property
    def gives(self) -> type[Result]:
        """What the method gives, the first if it is several things."""
        return KINDS[self.method.returns]

    def _show_what_applies(self) -> None:
        """Show the buttons that have a meaning for what the method gives."""
        self.preflight.setVisible(self.method.cost.estimate is not None)
        self.show_preview.setVisible(self.gives.shown_by_plane)
        self.live.setVisible(self.show_preview.isVisibleTo(self) and "model" in self.fields)
        self._show_replacing()
        self.measure_button.setVisible(issubclass(self.gives, Labelled) and self.gives.numbered)
        for widget in (self.table_button, self.save_button):
            widget.setVisible("table" in self.method.gives)
            widget.setEnabled(False)

    def _show_replacing(self, *_: Any) -> None:
        """Show the box for replacing the last result where there can be one to replace."""
        replaceable = self.gives.stands_alone and not self.walk.in_place
        self.replace_last.setVisible(replaceable)

    # ------------------------------------------------------------------ signals

    def _connect(self) -> None:
        self.source.changed.connect(self._source_changed)
        for field in self.fields.values():
            field.changed.connect(self._field_changed)
        self.walk.refining.only.currentIndexChanged.connect(self._field_changed)
        self.walk.refining.into.currentIndexChanged.connect(self._show_replacing)
        self.reset_button.clicked.connect(self.reset)
        self.table_button.clicked.connect(lambda: show_table(self.viewer, self.results.latest))
        self.save_button.clicked.connect(lambda: save_table(self, self.results.table))
        self.watch_layers(self._layers_changed)
        self.watch(self._follow_selection, self.viewer.layers.selection.events.active)

    def _follow_selection(self, event: Any = None) -> None:
        """Take the layer that is selected; what this form has made is no new source."""
        layer = self.viewer.layers.selection.active
        own = self.gives.stands_alone and layer is self.results.latest
        heat = layer is not None and self.method.keeps and is_heat_map(layer)
        if self._adding or own or heat:
            return
        self.source.follow(layer)

    def _layers_changed(self, event: Any = None) -> None:
        for field in (self.source, *self.fields.layers):
            field.refresh()
        self.walk.list_layers(self.source.value)
        self._show_rows()

    def _source_changed(self) -> None:
        with self._quiet:
            layer = self.source.value
            self.walk.fill(layer)
            for field in self.fields.layers:
                field.avoid(layer)
            self._choose_image(layer)
            self.fitting.follow()
            if layer is not None and "labels_are" in self.fields:
                self.fields["labels_are"].value = kind_of(layer)
            if layer is not None:
                self._say_if_mask(layer)
        self._walk_changed()
        warm_up_method(self.method.name, layer)

    def _choose_image(self, layer: Layer | None) -> None:
        """Choose the image that labels were made from beside them, if it is there."""
        image = None if layer is None else image_behind(layer, self.viewer.layers)
        for field in self.fields.layers:
            if image is not None and self.method.source.is_labels and field.parameter.is_image:
                field.value = image

    def _say_if_mask(self, layer: Layer) -> None:
        """Say so if objects are wanted and the labels are a mask."""
        own, gives = self.method, self.method.returns
        counts = own.source.is_labels and (gives == "table" or (own.refines and gives == "objects"))
        text = about_mask(layer) if counts else ""
        if text or self.message.text() == self._about_mask:
            self.say(text)
        self._about_mask = text

    def _units_changed(self, event: Any = None) -> None:
        with self._quiet:
            self.fitting.fit()

    def _walk_changed(self, *_: Any) -> None:
        if not self._quiet:
            self._show_rows()
            self._field_changed()

    def _show_rows(self) -> None:
        with self._quiet:
            self.walk.show_rows(self.source.value)
        self.living.offer(self.method, self.source.value)
        self.rows.fit_width()

    def _field_changed(self, *_: Any) -> None:
        if self._quiet:
            return
        with self._quiet:
            self.fields.show_what_applies(self.rows)
        self._values = self.fields.to_remember()
        self.rows.fit_width()
        if self.fitting.is_due:
            self._units_changed()
        if self.method.cost.estimate is not None:
            self.preflight.request()
        self.previewing.request()
        self.living.request()

    def _layers_chosen(self) -> list[Any]:
        """Return the layers that a run is made of, besides the one it is made on."""
        chosen = [field.value for field in self.fields.layers]
        return [each for each in (*chosen, self.walk.region.chosen) if hasattr(each, "events")]

    # ------------------------------------------------------------------ values

    def read(self) -> Call:
        """Return the run that the form stands for now.

        Raises
        ------
        ValueError
            If a field does not fit the layer.
        """
        layer = self.source.value
        if layer is None:
            kind = "an Image" if self.source.parameter.is_image else "a Labels"
            raise ValueError(
                f"{self.source.parameter.name} is missing; open a file or a sample, then choose "
                f"{kind} layer"
                + ("" if self.source.parameter.is_image else about_images(self.viewer.layers))
            )
        own, values = self.walk.source(layer), {}
        for name, value in self.fields.chosen().items():
            parameter = self.fields[name].parameter
            layered = parameter.is_array and value is not None
            values[name] = beside(parameter, value, layer, dropped_axis(own)) if layered else value
        return self.walk.call(layer, own, values, self.cache)

    def reset(self) -> None:
        """Set all fields back to their defaults."""
        with self._quiet:
            self.fields.fill({p.name: p.default for p in self.method.asked if not p.required})
            self.walk.reset()
            self.replace_last.setChecked(True)
        self._source_changed()
        self._field_changed()
        self._remember({})

    def _remember(self, values: dict[str, Any]) -> None:
        self._values = self._remembered = values
        if self.remembers:
            memory.remember(self.method.name, values)

    # ------------------------------------------------------------------ run

    @property
    def job(self) -> Job | None:
        """The run under way."""
        return self.running.job

    def run(self) -> None:
        """Run the method in a thread and add its result.

        Raises
        ------
        ValueError, TypeError
            If something is missing or does not fit.
        """
        if self.show_preview.isChecked():
            self.show_preview.setChecked(False)
        self.measure_button.waits = False
        call = self.read()
        self._remember(self.fields.to_remember())
        again, began = self.replace_last.isChecked(), time.monotonic()
        last = self.results.replaceable(call.layer) if again and not call.in_place else None
        edits = Edits(last[0] if last else None)
        self.running.start(
            lambda report: work(call, last, report),
            title=f"{self.method.display}: {call.layer.name}",
            finished=lambda outcome: self._finished(
                outcome, edits.seen(), time.monotonic() - began
            ),
        )
        self.say(f"{named_by(self.method).capitalize()} is running ...")

    def stop(self) -> None:
        """Drop the run under way; nothing of it will be added."""
        if self.job is not None:
            self.running.stop()
            self.say("Stopped; nothing was added.")

    def _finished(self, outcome: Outcome, edited: bool, took: float) -> None:
        self._adding = True
        try:
            kept = self.results.add(outcome, edited=edited)
        finally:
            self._adding = False
        if "labels_are" in self.fields:
            note_kind(outcome.call.layer, outcome.call.values["labels_are"])
        for button in (self.table_button, self.save_button):
            button.setEnabled(outcome.result.table is not None)
        said = sentence(outcome.result, outcome.number, took)
        self._show_levels(outcome.recipe.found)
        notes = (*outcome.result.notes, *self.running.notes)
        self.say("\n".join(filter(None, (said, outcome.levels, *kept, *notes))))
        self.measure_button.made()

    def _show_levels(self, found: dict[str, list[float]]) -> None:
        """Draw levels that were found into the histogram of the option that they stand for."""
        for name, field in self.fields.items():
            if isinstance(field, LevelsField):
                self.rows.show_row(field.native, field.show_found(found.get(name, ())))

    def keyPressEvent(self, event: Any) -> None:
        """Run on Enter; fields pass it on when they have taken their value."""
        alone = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and alone:
            if not event.isAutoRepeat():
                self.running.press()
        else:
            super().keyPressEvent(event)

    # ------------------------------------------------------------------ end

    def refit(self) -> None:
        """Make room for the rows in the theme that is shown."""
        self.rows.fit_width()

    def release(self) -> None:
        """Stop the run and the preview; only the values are kept, for the next form."""
        super().release()
        if self._values != self._remembered:
            self._remember(self._values)
        self.previewing.release()
        self.living.release()
        self.learning.release()
        if self.strokes is not None:
            self.strokes.release()
        self.preflight.cancel()
        self.cache.clear()
        self.fitting.release()


def dock(method: Method) -> type[MethodForm]:
    """Return the dock widget's class for a method."""
    name = "".join(word.capitalize() for word in method.name.split("_"))
    own = {"method": method, "title": method.display, "__doc__": method.summary}
    return type(f"{name}Form", (MethodForm,), own)
