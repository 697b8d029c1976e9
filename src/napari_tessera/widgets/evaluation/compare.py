"""The form that tries methods on what is shown, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import (
    QHeaderView,
    QListView,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_tessera.deep.models.library import models, reference, shipped_models
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.source import Region, Source
from napari_tessera.pipeline.trials import Trial, compare, parsed_options
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array, Over
from napari_tessera.widgets.evaluation.trials import (
    PRESETS,
    SIDE,
    Candidate,
    can_be_tried,
    icon,
    picture_of,
    shown_plane,
    trial_in_words,
    trial_title,
    trials_table,
)
from napari_tessera.widgets.forms.call import Call
from napari_tessera.widgets.forms.channels import Channels
from napari_tessera.widgets.forms.fields.choose import layer_field
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.forms.region import SHOWN, region
from napari_tessera.widgets.forms.run_button import Running
from napari_tessera.widgets.forms.tables import save_table
from napari_tessera.widgets.layers.from_result import result_layer, show
from napari_tessera.widgets.layers.geometry import array, same_grid
from napari_tessera.widgets.layers.preview_layer import PreviewLayer
from napari_tessera.widgets.layers.to_source import dropped_axis, fits
from napari_tessera.widgets.plugin.menu import open_form
from napari_tessera.widgets.qt.choice import Choice
from napari_tessera.widgets.qt.plain_text import as_written
from napari_tessera.widgets.qt.rows import Rows, beside_one_another

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image, Layer


class Compare(Form):
    """The form that tries methods and options on what is shown.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    title = "Compare methods"

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer)
        self.trials: list[Trial] = []
        self.candidates: list[Candidate] = []
        self._of: tuple[Layer, Source, Any, Region] | None = None
        self._preview = PreviewLayer(self.viewer)
        self._build()
        self._lay_out()
        self._connect()
        self._layers_changed()
        self.follow_selection(self.image, lambda: not self.trials)

    # ------------------------------------------------------------------ layout

    def _build(self) -> None:
        self.image = layer_field(METHODS["threshold"].source, self.viewer.layers)
        self.drawn = Choice("A few labels")
        self.over, self.channels = Choice("Work on"), Channels(together=True)
        self.over.offer([("planes", "planes"), ("volume", "volume")])
        self.lines, self.more = QTableWidget(0, 2), Choice("Another method")
        offered = filter(can_be_tried, METHODS.values())
        self.more.offer((each.display, each.name) for each in offered)
        self.add_button, self.running = QPushButton("Add"), Running(self, "Compare", self._compare)
        self.button, self.rows = self.running.button, Rows()
        self.keep_button, self.save_button = QPushButton("Keep"), QPushButton("Save table")
        self.sheet = QListWidget()
        self._build_lists()
        tips: dict[QWidget, str] = {
            self.image.native: "Methods are tried on what is shown of it",
            self.drawn: "Labels of some objects; what is not painted is not judged",
            self.over: "The plane that is shown, or the volume around it",
            self.lines: "Tick what to try; options as: smoothing = 1 px, 2 px; lines = yes",
            self.more: "A method that is not in the list, or that is to be tried once more",
            self.add_button: "Add the method to the list, once more if it is there",
            self.button: "Try everything that is ticked on what is shown",
            self.sheet: "Click on a picture to see its labels on the image",
            self.keep_button: "Keep these labels as a layer, and open the form with these options",
            self.save_button: "Write options, times and accuracy as CSV",
        }
        for widget, tip in tips.items():
            widget.setToolTip(tip)

    def _build_lists(self) -> None:
        self.lines.setHorizontalHeaderLabels(("method", "options to try"))
        self.lines.verticalHeader().setVisible(False)
        self.lines.setAccessibleName("Methods to try")
        self.sheet.setAccessibleName("What was tried")
        # both wrap, in a large font too
        self.lines.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.lines.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.lines.setMinimumHeight(150)
        self.sheet.setViewMode(QListView.ViewMode.IconMode)
        self.sheet.setResizeMode(QListView.ResizeMode.Adjust)
        self.sheet.setMovement(QListView.Movement.Static)
        self.sheet.setIconSize(QSize(SIDE, SIDE))
        self.sheet.setGridSize(QSize(SIDE + 16, SIDE + 92))
        self.sheet.setWordWrap(True)
        for method, text in PRESETS:
            self.add(Candidate(method), text)
        self.refit()

    def _lay_out(self) -> None:
        for title, widget in (
            ("Image", self.image.native),
            ("Channel axis", self.channels.axis),
            ("Channel", self.channels.one),
            ("Work on", self.over),
            ("A few labels", self.drawn),
        ):
            self.rows.add(title, widget)
        self.lay_out(
            "Try methods and options on what is shown: what is enough for this image?",
            self.rows,
            (self.lines, 1),
            beside_one_another(self.more, self.add_button),
            self.button,
            self.running.bar,
            (self.sheet, 2),
            beside_one_another(self.keep_button, self.save_button),
            self.message,
        )
        for button in (self.keep_button, self.save_button):
            button.setEnabled(False)

    def _connect(self) -> None:
        self.image.changed.connect(self._image_chosen)
        self.channels.axis.currentIndexChanged.connect(self._show_rows)
        self.add_button.clicked.connect(lambda: self.add(Candidate(self.more.chosen)))
        self.sheet.currentRowChanged.connect(self._show_trial)
        self.keep_button.clicked.connect(self._keep)
        self.save_button.clicked.connect(lambda: save_table(self, trials_table(self.trials)))
        self.watch_layers(self._layers_changed)

    def _layers_changed(self, event: Any = None) -> None:
        layers = list(reversed(self.viewer.layers))
        labels = [each for each in layers if fits(each, "labels")]
        self.drawn.offer([("none", None), *((each.name, each) for each in labels)])
        self.image.refresh()
        self._show_rows()

    def _image_chosen(self, *_: Any) -> None:
        self.channels.fill(self.image.value, ())
        self._show_rows()

    def _show_rows(self, *_: Any) -> None:
        layer = self.image.value
        self.channels.fill_one(layer)
        axes = 0 if layer is None else layer.ndim - (self.channels.axis.chosen is not None)
        self.rows.show_row(self.channels.axis, self.channels.axis.count() > 1)
        self.rows.show_row(self.channels.one, self.channels.one.count() > 1)
        self.rows.show_row(self.over, axes > 2)
        self.rows.fit()

    def refit(self) -> None:
        """List the models that have come since."""
        for model in (*models(), *shipped_models()):
            method = "detect" if model.config.one_by_one else "predict"
            candidate = Candidate(method, {"model": reference(model)})
            if candidate not in self.candidates:
                self.add(candidate)

    def release(self) -> None:
        """Stop what runs, and take what is tried out of the viewer."""
        super().release()
        self._preview.take_away()

    # ------------------------------------------------------------------ trying

    def add(self, candidate: Candidate, text: str = "") -> None:
        """Add a line to the list of what to try, ticked."""
        self.candidates.append(candidate)
        row = self.lines.rowCount()
        self.lines.insertRow(row)
        title = QTableWidgetItem(candidate.title)
        title.setFlags(Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled)
        title.setCheckState(Qt.CheckState.Checked)
        title.setToolTip(METHODS[candidate.method].summary)
        self.lines.setItem(row, 0, title)
        self.lines.setItem(row, 1, QTableWidgetItem(text))

    def asked(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the methods that are ticked, and their options.

        Raises
        ------
        ValueError, TypeError
            If a line cannot be read, or nothing is ticked.
        """
        found = []
        for row, each in enumerate(self.candidates):
            if self.lines.item(row, 0).checkState() == Qt.CheckState.Checked:
                options = parsed_options(each.method, self.lines.item(row, 1).text())
                found.append((each.method, {**options, **each.fixed}))
        if not found:
            raise ValueError("nothing is ticked; tick at least one method")
        return found

    def _compare(self) -> None:
        candidates, (layer, own, over, crop) = self.asked(), self._chosen()
        self._clear()
        self._of = layer, own, over, crop
        truth = None if self.drawn.chosen is None else array(self.drawn.chosen)

        walk = Walk(over, region=crop)

        def work(report: Reporter) -> tuple[list[Trial], list[Array | None]]:
            trials = compare(own, candidates, walk=walk, truth=truth, report=report)
            image = shown_plane(own, crop)
            return trials, [picture_of(image, each) for each in trials]

        self.running.start(
            work,
            title=f"Compare methods: {layer.name}",
            finished=lambda found: self._finished(*found),
        )

    def _chosen(self) -> tuple[Image, Source, Any, Region]:
        layer = self.image.value
        if layer is None:
            raise ValueError("image is missing; open a file or a sample, then choose its layer")
        own = self.channels.source(layer)
        over: Over = "planes" if len(own.shape) == 2 else self.over.chosen
        dropped = dropped_axis(own)
        if self.drawn.chosen is not None:
            same_grid("a few labels", self.drawn.chosen, layer, dropped)
        crop = region(SHOWN, self.viewer, layer, own, over, dropped)
        return layer, own, over, cast("Region", crop)  # of what is shown, it is known at once

    def _finished(self, trials: list[Trial], pictures: list[Array | None]) -> None:
        self.trials = trials
        for trial, image in zip(trials, pictures, strict=True):
            item = QListWidgetItem(trial_in_words(trial))
            item.setToolTip(as_written(f"{trial_title(trial)}\n{trial.error}".strip()))
            item.setTextAlignment(Qt.AlignmentFlag.AlignHCenter)
            if image is not None:
                item.setIcon(icon(image))
            self.sheet.addItem(item)
        self.save_button.setEnabled(True)
        failed = sum(bool(each.error) for each in trials)
        ranked = any(np.isfinite(each.mean_iou) for each in trials)
        order = "Best first." if ranked else "Label a few objects to have them ranked."
        self.say(f"{len(trials)} tried{f', {failed} failed' if failed else ''}. {order}")

    # ------------------------------------------------------------------ one of them

    def _show_trial(self, row: int) -> None:
        """Show the labels of a trial on the image, in place of those of another."""
        trial = self.trials[row] if 0 <= row < len(self.trials) else None
        there = trial is not None and trial.result is not None
        self.keep_button.setEnabled(there)
        if not there:
            self._preview.take_away()
        if trial is None:
            return
        known = np.isfinite(trial.found)
        found = f": {trial.found:.0%} of the drawn objects found" if known else ""
        self.say(trial.error or f"{trial_title(trial)}{found}.", wrong=bool(trial.error))
        if trial.result is not None and self._of is not None:
            layer = self._layer(trial)
            layer.name = f"try: {trial_title(trial)}"
            self._preview.put(layer, self._of[0])

    def _layer(self, trial: Trial) -> Layer:
        """Return the labels of a trial as a layer that carries its recipe."""
        if self._of is None or trial.result is None:
            raise RuntimeError("there is nothing to show")
        layer, own, over, crop = self._of
        call = Call(METHODS[trial.method], layer, own, trial.values, Walk(over, region=crop))
        return result_layer(trial.result, call.recipe(), layer, dropped_axis(own))

    def _keep(self) -> None:
        """Add the chosen labels, and open the form of their method with their options."""
        trial = self.trials[self.sheet.currentRow()]
        if self._of is None:
            return
        self._preview.take_away()
        show(self.viewer, self._layer(trial), self._of[0])
        form = open_form(self.viewer, trial.method)
        form.source.value = self._of[0]
        for name, value in trial.values.items():
            form.fields[name].value = value

    def _clear(self) -> None:
        """Forget what was tried before."""
        self._preview.take_away()
        self.trials = []
        self.sheet.clear()
        for button in (self.keep_button, self.save_button):
            button.setEnabled(False)
