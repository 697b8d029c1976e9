"""An outline around one object, on a layer that is no larger than the object.

So it costs no more in a large image, in 3-D above all, than in a small one, and lies where the
object does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.widgets.connections import Connections
from napari_tessera.widgets.layers.geometry import geometry
from napari_tessera.widgets.layers.painted import NumberedPixels, number_colormap
from napari_tessera.widgets.layers.preview_layer import PreviewLayer

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Labels

COLOUR = "#ffea00"


class ObjectOutline:
    """A layer above a Labels layer with the outline of one object, which follows strokes.

    Parameters
    ----------
    viewer : ViewerModel
    name : str
        Of the layer.
    """

    def __init__(self, viewer: ViewerModel, name: str) -> None:
        self._name, self._up = name, PreviewLayer(viewer)
        self._on: Labels | None = None
        self._followed = Connections()

    def show(self, on: Labels, label: int, box: Box, pixels: Any) -> None:
        """Outline an object in place of the one before.

        Parameters
        ----------
        on : Labels layer
        label : int
        box : tuple of slice
            Of the layer, along all its axes, no larger than the object.
        pixels : array of int
            The labels in the box; a view of the layer's array follows what is painted there.
        """
        one = np.array([label]), np.ones(1, np.uint8), np.empty((1, 0), np.int64)
        numbered = NumberedPixels(pixels, *one, outlined=True)
        place = geometry(on, [part.start for part in box])
        layer = self._up.shown
        if layer is None or self._on is not on:
            self.remove()
            self._add(on, numbered, place)
            return
        layer.translate = place["translate"]
        layer.data = numbered
        if not layer.visible:
            layer.visible = True

    def _add(self, on: Labels, numbered: NumberedPixels, place: dict[str, Any]) -> None:
        from napari.layers import Labels

        self._on = on
        layer = Labels(
            numbered,
            name=self._name,
            colormap=number_colormap({1: COLOUR}),
            opacity=1,
            multiscale=False,
            **place,
        )
        self._up.put(layer, on)
        self._followed.add(self._refresh, on.events.paint, on.events.labels_update)

    def _refresh(self, event: Any = None) -> None:
        if self.layer is not None and self.layer.visible:
            self.layer.refresh()

    def hide(self) -> None:
        """Outline nothing; the layer stays for the next time, since taking it away takes long."""
        if self.layer is not None:
            self.layer.visible = False

    def remove(self) -> None:
        """Take the layer away."""
        self._followed.end()
        self._up.take_away()
        self._on = None

    @property
    def layer(self) -> Labels | None:
        """The outline, while there is one."""
        return self._up.layer
