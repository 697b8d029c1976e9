"""Labels coloured by a value of each object, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from napari.layers import Labels

SCALE = "viridis"


class Colouring:
    """Colours a Labels layer by a value of its objects until it is taken back."""

    def __init__(self) -> None:
        self._layer: Labels | None = None
        self._before: Any = None

    def show(self, layer: Labels, ids: Array, values: Array) -> None:
        """Colour objects by their values, 0 dark to 1 bright; of one id, the highest counts.

        Parameters
        ----------
        layer : Labels layer
        ids : ndarray of int, shape (N,)
        values : ndarray of float, shape (N,)
            Objects of NaN, and those that are not among `ids`, are grey.
        """
        from napari.utils.colormaps import DirectLabelColormap, ensure_colormap

        self.take_back()
        known = np.isfinite(values)
        order = np.argsort(values[known], kind="stable")  # the last of one id stays
        colours = ensure_colormap(SCALE).map(values[known][order])
        grey = (0.5, 0.5, 0.5, 1.0)
        found: dict[Any, Any] = dict(zip(ids[known][order].tolist(), colours, strict=True))
        self._layer, self._before = layer, layer.colormap
        layer.colormap = DirectLabelColormap(
            color_dict={None: grey, **found, 0: "transparent"}, background_value=0
        )

    def take_back(self) -> None:
        """Give the layer the colours it had."""
        if self._layer is not None:
            self._layer.colormap = self._before
        self._layer = None
