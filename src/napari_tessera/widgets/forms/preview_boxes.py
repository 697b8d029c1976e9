"""The boxes of a form that show a preview, and what makes it anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QCheckBox

from napari_tessera.pipeline.found_levels import found_levels, level_sentence
from napari_tessera.pipeline.result import Result
from napari_tessera.signature.progress import TooLittleDrawn
from napari_tessera.widgets.connections import Connections
from napari_tessera.widgets.forms.preview import Preview
from napari_tessera.widgets.forms.shortcuts import keys_of, press_preview
from napari_tessera.widgets.qt.buttons import PreviewBox

if TYPE_CHECKING:
    from napari_tessera.widgets.forms.call import Call
    from napari_tessera.widgets.forms.form import Form

PAINTED = ("data", "labels_update", "paint", "features")
"""What layers of all kinds say when something is painted or clicked in them."""


class PreviewBoxes:
    """A preview that can be switched on, and followed live from plane to plane.

    Parameters
    ----------
    form : Form
        That says what the preview found.
    read : callable
        Returns the `Call` that the form stands for now; may raise ValueError.
    found : callable
        Called with the levels that a preview has found, by the names of their options.
    layers : callable
        Returns the layers, besides the source, in which something may be painted or clicked.

    Attributes
    ----------
    preview : Preview
    box, live : QCheckBox
    """

    def __init__(
        self,
        form: Form,
        read: Callable[[], Call],
        found: Callable[[dict[str, list[float]]], None],
        layers: Callable[[], Sequence[Any]],
    ) -> None:
        self._form, self._layers, self._drawn = form, layers, Connections()
        self._found = found
        self.preview = Preview(form.viewer, read, self._say, self._fail, parent=form)
        self.box, self.live = PreviewBox("Preview"), QCheckBox("Live")
        keys = keys_of(press_preview)
        self.box.setToolTip(f"Show what Run will give, while you change the form{keys}")
        self.live.setToolTip(
            "Predict each plane as soon as it is shown, in a stack or a video; says how many per "
            "second"
        )
        self.box.toggled.connect(self._toggle)
        self.live.toggled.connect(self._toggle_live)
        dims, camera = form.viewer.dims.events, form.viewer.scene.camera.events
        form.watch(self._moved, dims.current_step, dims.ndisplay, camera.zoom, camera.center)
        form.watch(self._layer_gone, form.viewer.layers.events.removed)

    def request(self) -> None:
        """Show another preview, if any is to be shown: the form, or the viewer, has changed."""
        self._follow_drawn()
        self._moved()

    def release(self) -> None:
        """Take the preview away and let go of the layers."""
        self.preview.clear()
        self._drawn.end()

    def _moved(self, event: Any = None) -> None:
        if self.box.isChecked():
            self.preview.request()

    def _layer_gone(self, event: Any) -> None:
        """Untick the box when its layer was deleted by hand."""
        if event.value is self.preview.layer:
            self.box.setChecked(False)

    def _follow_drawn(self) -> None:
        """While there is a preview, hear what is painted or clicked in the layers it is made of."""
        self._drawn.end()
        for layer in self._layers() if self.box.isChecked() else ():
            known = layer.events.emitters
            self._drawn.add(self._moved, *(known[name] for name in PAINTED if name in known))

    def _toggle(self, on: bool) -> None:
        self._follow_drawn()
        if on:
            self.preview.request()
        else:
            self.live.setChecked(False)
            self.preview.clear()

    def _toggle_live(self, on: bool) -> None:
        self.preview.live = on
        if on:
            self.box.setChecked(True)
            self.preview.request()

    def _fail(self, error: Exception) -> None:
        """Say what is wrong; who is drawing has done nothing wrong yet."""
        if isinstance(error, TooLittleDrawn):
            self._form.say(str(error))
        else:
            self._form.complain(error)

    def _say(self, result: Result, call: Call) -> None:
        note = "Preview: 2-D approximation of the volume. " if call.axes > 2 else "Preview: "
        speed = self.preview.speed if self.preview.live else None
        row = "" if speed is None else f", {speed:.1f} planes per second"
        values = call.method.complete(call.values)
        levels = level_sentence(call.method, values, result)
        self._form.say("\n".join(filter(None, (f"{note}{result.counted()}{row}", levels))))
        self._found(found_levels(call.method, values, result))
