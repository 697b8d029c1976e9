"""A live layer as a part of a form: begun, changed with the form, frozen to disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import ref

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog

from napari_tessera.pipeline.live.levels import cached
from napari_tessera.pipeline.live.live_labels import LiveLabels, LiveStatus
from napari_tessera.pipeline.source import Source
from napari_tessera.widgets.forms.run_button import Running
from napari_tessera.widgets.layers.from_result import show
from napari_tessera.widgets.layers.saved import LayerTuple
from napari_tessera.widgets.live.asked import LiveAsked
from napari_tessera.widgets.live.live_layer import LiveLayer

if TYPE_CHECKING:
    from napari_tessera.widgets.forms.form import Form
    from napari_tessera.widgets.job import Job

PAUSE_MS = 250
"""How long a form has to rest before live labels are worked out anew."""


class LiveSegmentation:
    """The live layer of a form, and the button that freezes it.

    Parameters
    ----------
    form : Form
        That says how far it is.
    read : callable
        Returns the `LiveAsked` that the form stands for now; may raise ValueError.
    ended : callable
        Called when the layer is gone: deleted by hand, frozen, or because it cannot be made.

    Attributes
    ----------
    up : LiveLayer
    freezing : Running
        Its button and bar.
    """

    def __init__(
        self, form: Form, read: Callable[[], LiveAsked], ended: Callable[[], None]
    ) -> None:
        self._form, self._read, self._ended = form, read, ended
        self.up = LiveLayer(form.viewer, self._say, form)
        self.freezing = Running(form, "Freeze to disk ...", self._ask)
        self.freezing.button.setToolTip(
            "Write all labels to an OME-Zarr, with exact automatic levels, and show that in place "
            "of the live layer"
        )
        self.freezing.button.setEnabled(False)
        self._making: Job | None = None
        self._on, self._made_of = False, ref[Any](form)
        self._sources: Sequence[Source] = ()
        self._rest = QTimer(form)
        self._rest.setSingleShot(True)
        self._rest.setInterval(PAUSE_MS)
        self._rest.timeout.connect(self._make)
        form.watch(self._layer_gone, form.viewer.layers.events.removed)

    @property
    def is_on(self) -> bool:
        """Whether there is a live layer, or one is made."""
        return self._on

    def begin(self) -> None:
        """Show a live layer."""
        self._on = True
        self._make()

    def request(self) -> None:
        """Work it out anew after a short rest, if there is one: the form has changed."""
        if self._on and self.freezing.job is None:
            self._rest.start()

    def end(self) -> None:
        """Take the layer away and end its work."""
        self._drop()
        self.up.clear()

    def release(self) -> None:
        """End with the form."""
        self._on, self._sources = False, ()
        self.up.clear()

    def _drop(self) -> None:
        self._on, self._sources = False, ()
        self._rest.stop()
        if self._making is not None:
            self._making.stop()
        self.freezing.button.setEnabled(False)

    def _make(self) -> None:
        if self._making is not None:
            self._making.stop()
        try:
            asked = self._read()
        except (ValueError, TypeError) as error:
            self._fail(error)
            return
        # what was read of the image stays when the form changes
        self._sources = [cached(each, self._sources) for each in asked.sources]
        asked = replace(asked, sources=self._sources)
        self._making = self._form.start(
            lambda report: asked.labels(),
            finished=lambda labels: self._show(asked, labels),
            failed=self._fail,
        )

    def _show(self, asked: LiveAsked, labels: LiveLabels) -> None:
        self._made_of = ref(asked.layer)
        name = f"{asked.name} (live)"
        self.up.put(labels, asked.layer, name=name, opacity=0.6, **asked.place)
        self.freezing.button.setEnabled(True)

    def _fail(self, error: Exception) -> None:
        self.end()
        self._ended()
        self._form.complain(error)

    def _say(self, status: LiveStatus) -> None:
        if self.freezing.job is None:
            error = status.error
            self._form.say(str(error or status), wrong=error is not None)

    def _layer_gone(self, event: Any) -> None:
        """End when its layer, or the one that it is made of, was deleted by hand."""
        if self._on and event.value in (self.up.layer, self._made_of()):
            self.end()
            self._ended()

    # ------------------------------------------------------------------ to disk

    def _ask(self) -> None:
        asked = self._read()
        path, _ = QFileDialog.getSaveFileName(
            self._form,
            "Freeze to disk",
            f"{asked.name}.zarr",
            "OME-Zarr (*.zarr)",
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if path:
            self.freeze(asked, Path(path))

    def freeze(self, asked: LiveAsked, path: Path) -> None:
        """Write all labels to a file, and show that instead of the live layer."""
        if path.suffix.lower() != ".zarr":
            path = path.with_name(f"{path.name}.zarr")
        self.freezing.start(
            lambda report: asked.freeze(path, report),
            title=f"{asked.name}: freeze",
            finished=lambda frozen: self._frozen(asked, path, frozen),
            at_close="Labels are written to disk. Close nevertheless, and lose what is written?",
        )
        self._form.say(f"All of {asked.layer.name} is written to {path.name} ...")

    def _frozen(self, asked: LiveAsked, path: Path, frozen: LayerTuple) -> None:
        from napari.layers import Layer

        self.end()
        self._ended()
        show(self._form.viewer, Layer.create(*frozen), asked.layer)
        self._form.say(f"Frozen: layer {asked.name!r} shows {path.name}.")
