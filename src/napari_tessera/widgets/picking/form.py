"""Pick objects: click on one, mend the outline that appears, keep it, click on the next."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtWidgets import QCheckBox, QFileDialog, QPushButton

from napari_tessera.algorithms.file_names import file_name
from napari_tessera.algorithms.picking.marks import CORNER, OFF, ON
from napari_tessera.io.csv_files import write_picks
from napari_tessera.methods.classical.pick_objects import IN_PLANES
from napari_tessera.pipeline.picking import PICK, Picker, empty_labels, picks_in
from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.widgets.editing.drawing import Drawing
from napari_tessera.widgets.forms.fields.choose import layer_field
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.layers.features import made_by
from napari_tessera.widgets.layers.following import ObjectRows
from napari_tessera.widgets.layers.geometry import (
    geometry,
    lie_together,
    pixel_at,
    same_grid,
    usual_over,
)
from napari_tessera.widgets.layers.history import History, Step
from napari_tessera.widgets.layers.to_source import fits, source
from napari_tessera.widgets.picking.keeping import Found, step_of_object
from napari_tessera.widgets.picking.marks_layer import MarksLayer
from napari_tessera.widgets.picking.paths import corners, spaced
from napari_tessera.widgets.proofreading.outline import ObjectOutline
from napari_tessera.widgets.qt.choice import Choice
from napari_tessera.widgets.qt.plain_text import PlainLabel
from napari_tessera.widgets.qt.rows import Rows, beside_one_another

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image, Labels

    from napari_tessera.pipeline.source import Source
    from napari_tessera.signature.words import Over
    from napari_tessera.widgets.job import Job

HINT = (
    "Click on an object; its outline appears. Click on what it leaves out, and with the right "
    "button or Shift on what it takes too much. A drag marks all along it. Enter keeps the object, "
    "Esc drops it, Backspace takes back a mark."
)
BOX_HINT = "Drag from one corner of an object to the opposite one. " + HINT.split(". ", 1)[1]


class PickObjects(Form):
    """The form that picks objects of an image one by one.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    title = "Pick objects"

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer)
        self.job: Job | None = None
        self.found: Found | None = None
        self.rows: list[list[float]] = []
        self._picker: Picker | None = None
        self._target: Labels | None = None
        self._keeps = False
        self.outline = ObjectOutline(napari_viewer, "picked object")
        self.marks, self.drawing = MarksLayer(napari_viewer), Drawing(napari_viewer)
        self._build()
        self._connect()

    # ------------------------------------------------------------------ layout

    def _build(self) -> None:
        self.source = layer_field(PICK.source, self.viewer.layers)
        self.target = Choice("Into")
        self.target.setToolTip("The Labels layer that kept objects come into")
        self.over = Choice("Objects are in")
        self.over.offer([("planes", "planes"), ("volumes", "volume")])
        self.over.setToolTip("Whether objects lie in single planes or go through volumes")
        self.by = Choice("Outline by")
        self.by.offer([("click network", "network"), ("contrast", "contrast")])
        self.by.setToolTip(
            "What says where an object ends: a small network that has learnt from nuclei, cells "
            "and grains, or the steps of the image all around. In volumes it is always contrast"
        )
        self.over_others = QCheckBox("Over other objects")
        self.over_others.setToolTip("Whether a kept object takes pixels of others, or goes behind")
        self.pick_button = self._button("Pick", "Mark objects with clicks and drags")
        self.box_button = self._button("Box", "Mark an object by a box around it")
        for button in (self.pick_button, self.box_button):
            button.setCheckable(True)
        self.keep_button = self._button("Keep", "Put the object into the layer (Enter)")
        self.drop_button = self._button("Drop", "Forget its marks (Esc)")
        self.back_button = self._button("Take back", "Forget the newest mark (Backspace)")
        self.save_button = self._button("Save marks ...", "Write all marks of kept objects as CSV")
        self.hint, self.counted = PlainLabel(), PlainLabel()
        self.form_rows = Rows()
        self.form_rows.add("Image", self.source.native)
        self.form_rows.add("Into", self.target)
        self.form_rows.add("Objects are in", self.over)
        self.form_rows.add("Outline by", self.by)
        self.lay_out(
            self.heading(
                "Click on an object, mend its outline, keep it, click on the next.",
                page="guides/pick",
                about="picking objects",
            ),
            self.form_rows,
            self.over_others,
            beside_one_another(self.pick_button, self.box_button),
            self.hint,
            beside_one_another(self.keep_button, self.drop_button, self.back_button),
            self.counted,
            self.save_button,
            self.message,
        )
        self.form_rows.fit()

    def _button(self, title: str, tip: str) -> QPushButton:
        button = QPushButton(title)
        button.setToolTip(tip)
        button.setAccessibleName(title)
        return button

    # ------------------------------------------------------------------ signals

    def _connect(self) -> None:
        self.source.changed.connect(self._image_chosen)
        self.target.currentIndexChanged.connect(self._put_down)
        self.over.currentIndexChanged.connect(self._put_down)
        self.by.currentIndexChanged.connect(self._find_by_another)
        self.pick_button.clicked.connect(lambda on: self.choose(self.pick_button if on else None))
        self.box_button.clicked.connect(lambda on: self.choose(self.box_button if on else None))
        self.keep_button.clicked.connect(self.keep)
        self.drop_button.clicked.connect(self.drop)
        self.back_button.clicked.connect(self.take_back)
        self.save_button.clicked.connect(self._save)
        self.watch_layers(self._layers_changed)
        self.follow_selection(self.source, lambda: self._target is None)
        self._image_chosen()

    def _layers_changed(self, event: Any = None) -> None:
        self.source.refresh()
        self._offer_targets()
        if self._target is not None and self._target not in self.viewer.layers:
            self._put_down()

    def _image_chosen(self, *_: Any) -> None:
        self._put_down()
        image = self.source.value
        self._offer_targets()
        if image is not None:
            self.over.choose(usual_over(image, self.viewer))
        self.form_rows.show_row(self.over, image is not None and image.ndim > 2)
        self.form_rows.fit()

    def _offer_targets(self) -> None:
        image = self.source.value
        fitting = [
            layer
            for layer in self.viewer.layers
            if image is not None and fits(layer, "labels") and lie_together(layer, image)
        ]
        self.target.offer([("a new layer", None), *((each.name, each) for each in fitting)])

    # ------------------------------------------------------------------ tools

    def choose(self, button: QPushButton | None) -> None:
        """Take a tool into the hand, or put it down."""
        going_on = button is not None and self._target is not None
        if not going_on:
            self._put_down()
        if button is None:
            return
        try:
            if not going_on:
                self._take_up()
        except (ValueError, TypeError) as error:
            self.complain(error)
            button = None
        self.pick_button.setChecked(button is self.pick_button)
        self.box_button.setChecked(button is self.box_button)
        boxed = button is self.box_button
        self.hint.setText("" if button is None else BOX_HINT if boxed else HINT)
        self._tell()

    def _take_up(self) -> None:
        image = self.source.value
        if image is None:
            raise ValueError("image is missing; open an image first")
        own = source(image)
        layer = self.target.chosen
        if layer is None:
            layer = self._add_target(image, own)
        same_grid("labels", layer, image)
        History.of(layer).check()
        self._picker = self._new_picker(own, image)
        self._target = layer
        History.of(layer).changed.connect(self._tell)
        layer.mode = "pan_zoom"
        layer.mouse_pan = False  # a drag marks and does not move the canvas
        layer.mouse_drag_callbacks.insert(0, self._pressed)
        self.viewer.layers.selection.active = layer
        for key, name in KEYS.items():
            layer.bind_key(key, _calling(self, name), overwrite=True)

    def _new_picker(self, own: Source, image: Image) -> Picker:
        over: Over = self.over.chosen if image.ndim > 2 else "planes"
        # the network knows planes only
        return Picker(own, over, self.by.chosen if over == "planes" else "contrast")

    def _find_by_another(self, *_: Any) -> None:
        """Find the present object anew, by what is chosen now."""
        image, picker, rows = self.source.value, self._picker, self.rows
        if image is None or picker is None:
            return
        self.drop()
        self._picker = self._new_picker(picker.source, image)
        if rows:
            self._mark(rows)

    def _add_target(self, image: Image, own: Any) -> Labels:
        from napari.layers import Labels

        layer = Labels(
            empty_labels(own),
            name=file_name(f"{image.name} picked"),
            metadata={KEY: {"kind": "objects"}},
            **geometry(image, (0,) * len(own.shape)),
        )
        self.viewer.add_layer(layer)
        self.target.blockSignals(True)
        self._offer_targets()
        self.target.choose(layer)
        self.target.blockSignals(False)
        return layer

    def _put_down(self, *_: Any) -> None:
        """Leave the layer as it was before it was taken up; its history stays."""
        self.drop()
        layer, self._target, self._picker = self._target, None, None
        for button in (self.pick_button, self.box_button):
            button.setChecked(False)
        self.hint.setText("")
        self.outline.remove()
        if layer is not None:
            self._let_go(layer)
        self._tell()

    def _let_go(self, layer: Labels) -> None:
        History.of(layer).changed.disconnect(self._tell)
        if self._pressed in layer.mouse_drag_callbacks:
            layer.mouse_drag_callbacks.remove(self._pressed)
        for key in KEYS:
            layer.bind_key(key, None)
        layer.mouse_pan = True

    # ------------------------------------------------------------------ marks

    def _pressed(self, layer: Labels, event: Any) -> Iterator[None]:
        """Follow the mouse from press to release."""
        image = self.source.value
        if event.button not in (1, 2) or image is None:
            return
        if self.viewer.dims.ndisplay == 3:
            self.say("Show planes to pick (Ctrl-Y): a click in 3-D has no depth.", wrong=True)
            return
        sign = OFF if event.button == 2 or "Shift" in event.modifiers else ON
        boxed = self.box_button.isChecked() and sign == ON
        path = [self._pixel(image, event)]
        yield
        while event.type == "mouse_move":
            path.append(self._pixel(image, event))
            self.drawing.show(corners(path) if boxed else path, layer)
            yield
        event.handled = True
        self.drawing.clear()
        if boxed:
            self.rows = [row for row in self.rows if row[1] != CORNER]
            self._mark([[1, CORNER, *path[0]], [1, CORNER, *path[-1]]])
        else:
            self.mark(sign, *spaced(path))

    def _pixel(self, image: Image, event: Any) -> tuple[float, ...]:
        there = pixel_at(self.viewer, image, event.position)
        return tuple(round(float(at), 2) for at in there)

    def mark(self, sign: int, *places: tuple[float, ...]) -> None:
        """Mark pixels of the image, as clicks do: 1 = on the object, -1 = beside it."""
        self._mark([[1, sign, *place] for place in places])

    def _mark(self, rows: list[list[float]]) -> None:
        """Take marks as those of the present object, and look for it anew; the newest count."""
        picker = self._picker
        if picker is None:
            return
        before, self.rows = self.rows, [*self.rows, *rows]
        tried = tuple(map(tuple, self.rows))

        def found(result: tuple[Any, Any]) -> None:
            self.job, self.found = None, Found(tried, *result)
            self._show()

        def failed(error: Exception) -> None:
            self.job, self.rows, self._keeps = None, before, False
            self.complain(error)
            self._tell(hushed=True)

        if self.job is not None:
            self.job.stop()
        self.job = self.start(lambda report: picker.picked(tried), finished=found, failed=failed)
        self._show_marks()

    def _show(self) -> None:
        found, layer = self.found, self._target
        if found is None or layer is None:
            return
        self.outline.show(layer, 1, found.box, found.mask.astype(np.uint8))
        self._tell()
        if self._keeps:
            self.keep()

    def take_back(self) -> None:
        """Forget the newest mark of the present object."""
        rest = self.rows[: -2 if self.rows and self.rows[-1][1] == CORNER else -1]
        self.drop()
        if rest:
            self._mark(rest)

    def drop(self) -> None:
        """Forget the present object."""
        if self.job is not None:
            self.job.stop()
        self.job, self.found, self.rows, self._keeps = None, None, [], False
        self.outline.hide()
        self.drawing.clear()
        self._tell()

    # ------------------------------------------------------------------ keeping

    def keep(self) -> None:
        """Put the present object into the layer, as soon as it is found."""
        found, layer, picker = self.found, self._target, self._picker
        if self.job is not None:
            self._keeps = True
            return
        if found is None or layer is None or picker is None:
            self.say("There is no object to keep; click on one first.", wrong=True)
            return
        try:
            History.of(layer).check()
        except ValueError as error:
            self.complain(error)
            return
        known, table, into = made_by(layer), ObjectRows.of(layer), source(layer)
        over_others = self.over_others.isChecked()
        self.drop()
        self.job = self.start(
            lambda report: step_of_object(
                found, picker, into, known, table, over_others=over_others
            ),
            finished=lambda step: self._kept(step, layer),
            failed=self._failed,
        )

    def _kept(self, step: Step, layer: Labels) -> None:
        self.job = None
        if self._target is layer:
            History.of(layer).commit(step, self._tell)

    def _failed(self, error: Exception) -> None:
        self.job = None
        self.complain(error)

    def _tell(self, *_: Any, hushed: bool = False) -> None:
        """Say what is marked and what is kept, and show the marks."""
        here, kept = bool(self.rows), self._kept_rows()
        for button in (self.keep_button, self.drop_button, self.back_button):
            button.setEnabled(here)
        self.save_button.setEnabled(bool(kept))
        number = len({row[0] for row in kept})
        objects = "1 object" if number == 1 else f"{number} objects"
        marks = "1 mark" if len(kept) == 1 else f"{len(kept)} marks"
        self.counted.setText(f"Kept: {objects} by {marks}." if kept else "")
        if not hushed:
            self.say(self._sentence())
        self._show_marks()

    def _sentence(self) -> str:
        if self.found is None:
            return ""
        signs = [row[1] for row in self.found.rows]
        said = [f"{signs.count(ON)} on it", f"{signs.count(OFF)} beside it"]
        box = ", a box" if CORNER in signs else ""
        found = f"Object of {self.found.pixels} pixels; marks: {', '.join(said)}{box}."
        if self._picker is not None and self._picker.by != self.by.chosen:
            return f"{found} {IN_PLANES}."
        return found

    def _kept_rows(self) -> list[list[float]]:
        return [] if self._target is None else picks_in(made_by(self._target))

    def _show_marks(self) -> None:
        if self._target is not None:
            self.marks.show(
                [*self._kept_rows(), *([0, *row[1:]] for row in self.rows)], self._target
            )

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save marks", "picks.csv", "Tables (*.csv)")
        if path:
            self.save(path)

    def save(self, path: str) -> None:
        """Write the marks of the kept objects as a table."""
        try:
            write_picks(path, self._kept_rows())
        except OSError as error:
            self.complain(error)
        else:
            self.say(f"Marks are in {path}.")

    # ------------------------------------------------------------------ end

    def release(self) -> None:
        """Put the tool down, and leave the layer; its history stays."""
        super().release()
        self._release_layers()

    def _release_layers(self) -> None:
        layer, self._target, self.job = self._target, None, None
        self.drawing.clear()
        self.outline.remove()
        self.marks.remove()
        if layer is not None:
            self._let_go(layer)


KEYS = {"Enter": "keep", "Escape": "drop", "Backspace": "take_back"}
"""What keys do while the layer is selected."""


def _calling(form: PickObjects, name: str) -> Callable[[Any], None]:
    own = weakref.ref(form)

    def press(layer: Any) -> None:
        found = own()
        if found is not None:
            getattr(found, name)()

    return press
