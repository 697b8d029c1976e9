"""The box of a method's form that shows a live layer, where the image is lazy or large."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtWidgets import QCheckBox

from napari_tessera.methods.method import Method
from napari_tessera.methods.ways import PlanesOrVolumes
from napari_tessera.widgets.layers.geometry import array
from napari_tessera.widgets.live.asked import LiveAsked
from napari_tessera.widgets.live.segmentation import LiveSegmentation
from napari_tessera.widgets.qt.rows import beside_one_another

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_tessera.widgets.forms.call import Call
    from napari_tessera.widgets.forms.form import Form

LARGE = 1 << 25
"""From how many pixels on an image in memory is offered a live layer, too."""


class LiveBox:
    """A live layer that can be switched on, and changes with the form.

    Parameters
    ----------
    form : Form
    read : callable
        Returns the `Call` that the form stands for now; may raise ValueError.

    Attributes
    ----------
    box : QCheckBox
    segmentation : LiveSegmentation
    parts : list of QWidget and QLayout
        For the form to lay out.
    """

    def __init__(self, form: Form, read: Callable[[], Call]) -> None:
        self.box = QCheckBox("Live layer")
        self.box.setToolTip(
            "Work on what is looked at, in a read-only layer, and on more as you move: for images "
            "larger than memory"
        )
        self.segmentation = LiveSegmentation(
            form, lambda: LiveAsked.of_call(read()), lambda: self.box.setChecked(False)
        )
        freezing = self.segmentation.freezing
        self.parts = [beside_one_another(self.box, freezing.button), freezing.bar]
        self._show(False)
        self.box.toggled.connect(self._toggle)

    def offer(self, method: Method, layer: Layer | None) -> None:
        """Show the box if it has a meaning for a method on a layer."""
        able = method.is_labelling and isinstance(method.way, PlanesOrVolumes)
        on = able and layer is not None and _is_large(layer)
        self._show(on)
        if not on:
            self.box.setChecked(False)

    def _show(self, on: bool) -> None:
        for part in (self.box, self.segmentation.freezing.button):
            part.setVisible(on)

    def request(self) -> None:
        """Work it out anew: the form has changed."""
        self.segmentation.request()

    def release(self) -> None:
        """End with the form."""
        self.segmentation.release()

    def _toggle(self, on: bool) -> None:
        if on:
            self.segmentation.begin()
        else:
            self.segmentation.end()


def _is_large(layer: Layer) -> bool:
    """Return True for an array that is read as it is asked for, or is large."""
    own = array(layer)
    return layer.multiscale or not isinstance(own, np.ndarray) or math.prod(own.shape) >= LARGE
