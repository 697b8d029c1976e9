"""The part of the explorer that tells where objects are found: groups, their plot, their table."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from qtpy.QtWidgets import (
    QHeaderView,
    QProgressBar,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_tessera.metrics.bins import WITHIN
from napari_tessera.metrics.figures import Scores
from napari_tessera.metrics.plots import draw_strata, group_unit, ranges
from napari_tessera.metrics.strata import grouped, strata
from napari_tessera.signature.parameters import parameters
from napari_tessera.signature.words import Table, VoxelSize
from napari_tessera.widgets.forms.fields.choose import field_for, layer_field
from napari_tessera.widgets.forms.plot import Plot
from napari_tessera.widgets.layers.geometry import array, same_grid
from napari_tessera.widgets.layers.to_source import fits, luminance_of
from napari_tessera.widgets.qt.choice import Choice
from napari_tessera.widgets.qt.rows import Rows, beside_one_another
from napari_tessera.widgets.qt.status_line import StatusLine
from napari_tessera.widgets.tables.model import TableModel

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_tessera.widgets.forms.form import Form
    from napari_tessera.widgets.job import Job

GROUPS = [(name, name) for name in ("size", "brightness", "crowding", "border")]
TIPS = (
    "Size: area or volume. Brightness: mean intensity inside. Crowding: how many others touch it. "
    "Border: distance to the border of the image."
)


class Compared(NamedTuple):
    """What was compared, and what came of it.

    Attributes
    ----------
    prediction, truth : napari.layers.Labels
    scores : Scores
    options : dict
        over, iou, tolerance and spacing, as for `score`.
    """

    prediction: Labels
    truth: Labels
    scores: Scores
    options: dict[str, Any]

    @property
    def spacing(self) -> VoxelSize:
        """The pixel size of one plane or volume."""
        return self.options["spacing"]


class StrataPanel(QWidget):
    """How well objects are found, by size, brightness, crowding or distance to the border.

    Parameters
    ----------
    form : Form
        That it is a part of.
    """

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form, viewer = form, form.viewer
        self.job: Job | None = None
        self.table: Table | None = None
        self._compared: Compared | None = None
        self.by, self.plot, self.model = Choice("Groups by"), Plot(viewer), TableModel()
        self.by.offer(GROUPS)
        self.by.setToolTip(TIPS)
        own = {p.name: p for p in parameters(strata)}
        self.image = layer_field(own["image"], viewer.layers)
        self.bins = field_for(own["bins"])
        self.view, self.bar, self.message = QTableView(), QProgressBar(), StatusLine()
        self.stop_button, self.save_button = QPushButton("Stop"), QPushButton("Save plot")
        self.stop_button.setToolTip("Stop the grouping")
        self.save_button.setToolTip("Write the plot as PNG, SVG or PDF, in colours for print")
        self._lay_out()
        self.by.currentIndexChanged.connect(self._chosen)
        self.image.changed.connect(self._chosen)
        self.bins.changed.connect(self._chosen)
        self.stop_button.clicked.connect(self._stopped)
        self.save_button.clicked.connect(self.plot.save)
        self._chosen()

    def _lay_out(self) -> None:
        column, self.rows = QVBoxLayout(self), Rows()
        column.setContentsMargins(2, 4, 2, 2)
        self.rows.add("Groups by", self.by)
        self.rows.add("Image", self.image.native)
        self.rows.add("Groups", self.bins.native)
        self.view.setModel(self.model)
        self.view.verticalHeader().setVisible(False)
        self.view.horizontalHeader().setStretchLastSection(True)
        self.view.setAccessibleName("Groups")
        self.view.setToolTip(
            "Found: share of the objects with a partner. Boundary: share of their boundaries "
            "within the tolerance. Save table writes more columns."
        )
        self.view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.view.verticalHeader().setDefaultSectionSize(22)
        self.view.setMinimumHeight(72)
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        column.addWidget(self.rows)
        column.addLayout(beside_one_another(self.bar, self.stop_button))
        column.addWidget(self.message)
        column.addWidget(self.plot, 3)
        column.addWidget(self.view, 1)
        column.addWidget(self.save_button)
        self._running(False)

    def compare(self, compared: Compared) -> None:
        """Show the groups of what was compared, with the first image on its grid if none is set."""
        self._compared = compared
        if self.image.value is None:
            self.image.value = self._image_of(compared)
        self._chosen()

    def _image_of(self, compared: Compared) -> Any:
        for layer in reversed(self._form.viewer.layers):
            with suppress(ValueError):
                if fits(layer, "image"):
                    same_grid("image", layer, compared.prediction)
                    return layer
        return None

    def refresh(self) -> None:
        """List the layers anew."""
        self.image.refresh()

    def release(self) -> None:
        """Let go of the viewer."""
        self.plot.release()

    def _chosen(self, *_: Any) -> None:
        self.rows.show_row(self.image.native, self.by.chosen == "brightness")
        self.rows.fit()
        self._drop()
        if self._compared is None:
            self._say("Compare first; then groups of objects are shown here.")
            return
        try:
            self._start(self._compared)
        except ValueError as error:
            self._say(str(error), wrong=True)

    def _start(self, compared: Compared) -> None:
        by, layer = self.by.chosen, self.image.value
        if by == "brightness":
            if layer is None:
                raise ValueError("Choose the image whose brightness counts.")
            same_grid("image", layer, compared.prediction)
        image = luminance_of(layer) if by == "brightness" and layer is not None else None
        truth = array(compared.truth)
        work = partial(
            grouped,
            compared.scores.objects,
            truth,
            image,
            by=by,
            bins=self.bins.value,
            spacing=compared.spacing,
        )
        self._running(True)
        self.job = self._form.start(
            lambda report: work(report=report),
            finished=lambda table: self._finished(table, by, group_unit(by, compared.spacing)),
            failed=self._failed,
            progressed=lambda share, left: self.bar.setValue(int(1000 * share)),
        )

    def _finished(self, table: Table, by: str, unit: str) -> None:
        self._ended()
        self.table = table
        self.model.fill(_in_short(table))
        self.plot.draw(
            lambda figure, colours: draw_strata(figure, table, by=by, unit=unit, colours=colours)
        )
        self.save_button.setEnabled(True)

    def _failed(self, error: Exception) -> None:
        self._ended()
        self._say(str(error), wrong=True)

    def _stopped(self) -> None:
        self._drop()
        self._say("Stopped.")

    def _drop(self) -> None:
        """Forget the groups of other choices, which nobody should take for those of these."""
        if self.job is not None:
            self.job.stop()
        self._ended()
        self.table = None
        self.model.fill({})
        self.plot.draw(None)
        self.save_button.setEnabled(False)

    def _ended(self) -> None:
        self.job = None
        self._running(False)
        self._say("")

    def _running(self, on: bool) -> None:
        self.bar.setValue(0)
        self.bar.setVisible(on)
        self.stop_button.setVisible(on)

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self.message.say(text, wrong=wrong)
        self.message.setVisible(bool(text))


def _in_short(table: Table) -> Table:
    """Return those columns that fit into a dock column; all of them are saved."""
    shown = {"objects": "objects", "recall": "found", WITHIN: "boundary"}
    columns = {words: table[name] for name, words in shown.items() if name in table}
    return {"group": np.array(ranges(table), dtype=str)} | columns
