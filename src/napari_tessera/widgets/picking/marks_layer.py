"""The marks of objects, kept ones and present ones, as a Points layer that goes with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_tessera.algorithms.picking.marks import CORNER, OFF, ON
from napari_tessera.pipeline.picking import PickRows
from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.signature.words import Array
from napari_tessera.widgets.layers.painted import LIKE

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer, Points

COLOURS = {ON: "#4caf50", OFF: "#f44336", CORNER: "#ffea00"}
"""Of marks on an object, beside it, and of corners of a box: green, red and yellow."""


class MarksLayer:
    """A Points layer with the features "object" and "sign", while there are marks.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._layers = viewer.layers
        self._shown: Points | None = None

    def show(self, rows: PickRows, on: Layer) -> None:
        """Show marks, in pixels of the layer they lie on; without any, the layer is taken away."""
        if not rows:
            self.remove()
            return
        marks = np.array(rows, float)
        numbers, signs = marks[:, :2].astype(int).T
        features = pd.DataFrame({"object": numbers, "sign": signs})
        colours = [COLOURS[sign] for sign in signs.tolist()]
        shown = self._shown
        if shown is None or shown not in self._layers:
            shown = self._add(marks[:, 2:], features, on)
        elif len(shown.data) != len(marks) or (shown.data != marks[:, 2:]).any():
            shown.data = marks[:, 2:]
        shown.features, shown.face_color = features, colours
        shown.selected_data = set()

    def _add(self, points: Array, features: pd.DataFrame, on: Layer) -> Points:
        from napari.layers import Points

        self._shown = Points(
            points,
            features=features,
            name=f"{on.name} marks",
            size=5,
            canvas_size_limits=(7, 12),
            border_color="black",
            border_width=0.1,
            metadata={KEY: {"preview": True}},
            **{name: getattr(on, name) for name in LIKE},
        )
        selection = set(self._layers.selection)
        self._layers.append(self._shown)
        self._layers.selection = selection
        return self._shown

    def remove(self) -> None:
        """Take the layer away."""
        if self._shown is not None and self._shown in self._layers:
            self._layers.remove(self._shown)
        self._shown = None

    @property
    def layer(self) -> Points | None:
        """The layer, while it is shown."""
        return self._shown
