"""The button of a form that measures objects with their image and opens the table of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QPushButton

from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.walk import Walk
from napari_tessera.widgets.forms import remembered as memory
from napari_tessera.widgets.forms.call import Call
from napari_tessera.widgets.forms.results import Outcome, Results, work
from napari_tessera.widgets.forms.tables import show_table
from napari_tessera.widgets.layers.features import image_behind
from napari_tessera.widgets.layers.geometry import usual_over
from napari_tessera.widgets.layers.to_source import beside, source

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_tessera.widgets.forms.form import Form
    from napari_tessera.widgets.job import Job


class MeasureButton(QPushButton):
    """A button that measures the objects of a layer.

    Parameters
    ----------
    form : Form
        That it is a part of.
    of : callable
        Returns the Labels layer; None if there is none.
    make : callable, optional
        Begins to make it where there is none; `made` is called when it is there.
    shows : bool
        Whether the table is opened; a form that shows it needs no other.

    Attributes
    ----------
    waits : bool
        Whether it is measured as soon as it is made.
    """

    def __init__(
        self,
        form: Form,
        of: Callable[[], Layer | None],
        make: Callable[[], None] | None = None,
        *,
        shows: bool = True,
    ) -> None:
        super().__init__("Measure")
        self._form, self._of, self._make, self.waits = form, of, make, False
        self._shows = shows
        self._job: Job | None = None
        opened = ", and open the table of them" if shows else ""
        self.setToolTip(f"Measure the objects with their image{opened}")
        self.clicked.connect(self.measure)

    @property
    def job(self) -> Job | None:
        """The measurement under way."""
        return self._job if self._job is not None and self._job.running else None

    def measure(self) -> None:
        """Measure the layer in a thread, as the form Table of objects does, and show the table."""
        if self.job is not None:
            return
        if self._make is not None and self._layer() is None:
            self._make()
            self.waits = True
            return
        try:
            call = self._call()
        except (ValueError, TypeError) as error:
            self._form.complain(error)
            return
        self._form.say("The objects are measured ...")
        self._job = self._form.start(
            lambda report: work(call, None, report),
            title=f"Measure: {call.layer.name}",
            finished=self._finished,
        )

    def made(self) -> None:
        """Measure what is made now, if that is waited for."""
        if self.waits:
            self.waits = False
            self.measure()

    def _layer(self) -> Layer | None:
        layer = self._of()
        return layer if layer in self._form.viewer.layers else None

    def _call(self) -> Call:
        layer, viewer, measure = self._layer(), self._form.viewer, METHODS["measure"]
        if layer is None:
            raise ValueError("labels is missing; press Run, or open a Labels layer, first")
        options = {p.name: p for p in measure.asked}
        kept = memory.recall(measure.name)
        values = {name: kept.get(name, p.default) for name, p in options.items()}
        image = image_behind(layer, viewer.layers)
        if image is not None:
            with suppress(ValueError):  # of another grid, then they are measured without it
                values["image"] = beside(options["image"], image, layer)
        return Call(measure, layer, source(layer), values, Walk(usual_over(layer, viewer)))

    def _finished(self, outcome: Outcome) -> None:
        Results(self._form.viewer).add(outcome, edited=False)
        with_image = outcome.call.values["image"]
        beside_it = "" if with_image is None else f" with {with_image.name}"
        self._form.say(f"{outcome.result.counted(outcome.number)} measured{beside_it}.")
        if self._shows:
            show_table(self._form.viewer, outcome.call.layer)
