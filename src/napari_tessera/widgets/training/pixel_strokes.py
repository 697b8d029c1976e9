"""The part of a form in which strokes teach: draw, judge what is drawn, keep what is learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtWidgets import QInputDialog, QPushButton, QWidget

from napari_tessera.algorithms.forest.forest import Forest
from napari_tessera.algorithms.forest.stroke_validation import StrokeAccuracy, cross_validated
from napari_tessera.deep.models.places import free_name
from napari_tessera.methods.classical.pixel_classifier import PixelClassifier
from napari_tessera.methods.classical.stroke_learning import (
    drawn_strokes,
    learnt_classifier,
    scales_asked,
    unsure_pixels,
)
from napari_tessera.pipeline.pieces import Pieces
from napari_tessera.pipeline.result import ImageResult
from napari_tessera.signature.progress import Reporter, TooLittleDrawn
from napari_tessera.signature.words import Look
from napari_tessera.widgets.forms.preview_extent import extent_of
from napari_tessera.widgets.forms.run_button import Running
from napari_tessera.widgets.layers.from_result import as_layer
from napari_tessera.widgets.layers.geometry import geometry
from napari_tessera.widgets.layers.preview_layer import PreviewLayer
from napari_tessera.widgets.layers.to_source import dropped_axis
from napari_tessera.widgets.qt.rows import beside_one_another

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_tessera.widgets.forms.call import Call
    from napari_tessera.widgets.forms.method_form import MethodForm
    from napari_tessera.widgets.job import Job

BRUSH = 5
"""Width of a new stroke, in pixels."""

TOLD = 3
"""How many filters are named that tell most."""

RANGES = (
    ("1 px", "4 px"),
    ("1 px", "8 px"),
    ("1 px", "16 px"),
    ("2 px", "8 px"),
    ("2 px", "16 px"),
)
"""Scales of which the best are suggested."""


class PixelStrokes:
    """Buttons of a form whose method learns from strokes.

    Parameters
    ----------
    form : MethodForm

    Attributes
    ----------
    draw, save : QPushButton
    unsure, judging, suggesting : Running
    keeping : Job, optional
        The work by which a classifier is kept.
    parts : list of QWidget and QLayout
        For the form to lay out.
    """

    def __init__(self, form: MethodForm) -> None:
        self._form, self._up = form, PreviewLayer(form.viewer)
        self.draw, self.save = QPushButton("Draw strokes"), QPushButton("Keep classifier")
        self.unsure = Running(form, "Show unsure", self._show_unsure)
        self.judging = Running(form, "Judge strokes", self._judge)
        self.suggesting = Running(form, "Suggest scales", self._suggest)
        tips: dict[QWidget, str] = {
            self.draw: "Make a Labels layer to draw in, and follow each stroke with a preview: 1 "
            "for the background, 2, 3, ... for what you look for",
            self.save: "Learn from the strokes, and from the classifier if one is chosen, and keep "
            "that under a name, for other images",
            self.unsure.button: "Show where classes are about as likely, in the plane that is "
            "shown: draw there next",
            self.judging.button: "Hold out each stroke in turn and classify it by the others; say "
            "which filters tell most",
            self.suggesting.button: "Judge the strokes at several scales, and take the best",
        }
        for widget, tip in tips.items():
            widget.setToolTip(tip)
        self.draw.clicked.connect(lambda: self._try(self._begin_drawing))
        self.save.clicked.connect(lambda: self._try(self._ask_name))
        self.keeping: Job | None = None
        several = (self.unsure, self.judging, self.suggesting)
        self.parts: list[Any] = [
            beside_one_another(self.draw, self.save),
            beside_one_another(*(each.button for each in several)),
            *(each.bar for each in several),
        ]

    def _try(self, begin: Any) -> None:
        try:
            begin()
        except (ValueError, TypeError, OSError) as error:
            self._form.complain(error)

    # ------------------------------------------------------------------ drawing

    def _begin_drawing(self) -> None:
        layer = self._form.source.value
        if layer is None:
            raise ValueError("image is missing; open a file or a sample, then choose it")
        own = self._form.walk.source(layer)
        axis = dropped_axis(own)
        place = geometry(layer, (0,) * len(own.shape), axis)
        strokes = self._form.viewer.add_labels(
            np.zeros(own.shape, np.uint8), name=f"{layer.name} strokes", **place
        )
        strokes.brush_size, strokes.selected_label, strokes.mode = BRUSH, 1, "paint"
        self._form.fields["strokes"].value = strokes
        self._form.show_preview.setChecked(True)
        self._form.say("Draw some background as 1, then what you look for as 2.")

    # ------------------------------------------------------------------ where to draw next

    def _show_unsure(self) -> None:
        call = self._form.read()
        extent = extent_of(call, self._form.viewer)

        def work(report: Reporter) -> tuple[Layer, str]:
            values = call.method.complete(call.values)
            pieces = Pieces(call.method, call.source, values, "planes", report)
            forest: Forest = pieces.resolved()["forest"]
            place = extent.plane.start
            image = pieces.read(place[:-2], call.source)
            axis = -1 if image.ndim > 2 else None
            found = unsure_pixels(
                image, forest, scales_asked(values), pieces.spacing, axis, call.cache
            )
            lead = (1,) * (len(place) - 2)
            result = ImageResult(
                found.reshape(lead + found.shape), values, look=Look(scale="inferno")
            )
            start = (*place[:-2], 0, 0)
            at = geometry(call.layer, start, dropped_axis(call.source))
            worst = np.unravel_index(int(found.argmax()), found.shape)
            text = f"Least sure at row {worst[0]}, column {worst[1]}; draw where it is bright."
            return as_layer(result, call.layer, name="Unsure", **at), text

        self.unsure.start(work, title="Where classes are as likely", finished=self._shown)

    def _shown(self, outcome: tuple[Layer, str]) -> None:
        layer, text = outcome
        self._up.put(layer)
        self._form.say(text)

    # ------------------------------------------------------------------ how good strokes are

    def _judge(self) -> None:
        call = self._form.read()

        def work(report: Reporter) -> str:
            values = call.method.complete(call.values)
            found = judged(call, values, report)
            pieces = Pieces(call.method, call.source, values, call.over)
            forest: Forest = pieces.resolved()["forest"]
            names = scales_asked(values).bank(pieces.spacing).names
            best = np.argsort(-forest.gains)[:TOLD].tolist()
            channels = len(forest.gains) // len(names)
            told = [
                names[each % len(names)]
                + (f" of channel {each // len(names)}" if channels > 1 else "")
                for each in best
            ]
            return f"{found} What tells most: {', '.join(told)}."

        self.judging.start(work, title="Judging strokes", finished=self._form.say)

    def _suggest(self) -> None:
        call = self._form.read()

        def work(report: Reporter) -> tuple[tuple[str, str], StrokeAccuracy]:
            values = call.method.complete(call.values)
            tried = []
            for number, (low, high) in enumerate(RANGES):
                own = {**values, "smallest_scale": low, "largest_scale": high}
                tried.append(judged(call, own, report.part(number, len(RANGES))))
            # of those as good as one another the first, which takes least time
            best = int(np.argmax([round(each.mean, 3) for each in tried]))
            return RANGES[best], tried[best]

        self.suggesting.start(work, title="Trying scales", finished=self._suggested)

    def _suggested(self, outcome: tuple[tuple[str, str], StrokeAccuracy]) -> None:
        (low, high), found = outcome
        if not found.right:
            self._form.say(str(found), wrong=True)
            return
        self._form.fields["smallest_scale"].value = low
        self._form.fields["largest_scale"].value = high
        self._form.say(f"Scales from {low} to {high}. {found}")

    # ------------------------------------------------------------------ keep

    def _ask_name(self) -> None:
        call = self._form.read()
        usual = free_name(f"{call.layer.name} classifier")
        name, wanted = QInputDialog.getText(
            self._form, "Keep a pixel classifier", "Its name:", text=usual
        )
        if wanted:
            self.keep(call, name.strip())

    def keep(self, call: Call, name: str) -> None:
        """Learn from the strokes and keep that under a name."""

        def work(report: Reporter) -> PixelClassifier:
            values = call.method.complete(call.values)
            pieces = Pieces(call.method, call.source, values, call.over, report)
            found = learnt_classifier(pieces, **{**values, "spacing": pieces.spacing})
            found.save(name)
            return found

        def kept(found: PixelClassifier) -> None:
            self._form.fields["classifier"].refresh()  # type: ignore[attr-defined]
            count = found.examples.count
            self._form.say(
                f"Kept as {name!r}, learnt from {count} pixels; choose it as Classifier."
            )

        self.keeping = self._form.start(work, title=f"Keeping {name}", finished=kept)

    def release(self) -> None:
        """End with the form."""
        self._up.take_away()


def judged(call: Call, values: dict[str, Any], report: Reporter) -> StrokeAccuracy:
    """Return how well the strokes of a call are told apart, by the scales among values."""
    pieces = Pieces(call.method, call.source, values, call.over)
    drawn = drawn_strokes(pieces, **{**values, "spacing": pieces.spacing})
    if len({each.label for each in drawn}) < 2:
        raise TooLittleDrawn("strokes has fewer than two classes; draw in at least two")
    return cross_validated(drawn, seed=values["seed"], report=report)
