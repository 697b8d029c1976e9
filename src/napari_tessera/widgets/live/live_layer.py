"""The layer that shows live labels: what it looks at is worked on, what arrives is drawn."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QTimer

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.pipeline.live.live_labels import READ_ONLY, LiveLabels, LiveStatus, LiveView
from napari_tessera.signature.words import Array
from napari_tessera.widgets.garbage import garbage
from napari_tessera.widgets.layers.from_result import look_options
from napari_tessera.widgets.layers.geometry import pixel_at
from napari_tessera.widgets.layers.preview_layer import PreviewLayer

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Labels, Layer
    from qtpy.QtCore import QObject

_EVERY_MS = 50
_REST = 4
"""How many times as long as it takes to draw what has arrived, nothing is drawn."""


class StandingLevel:
    """The coarsest level of a plane, in an array that stays the same one and is filled anew.

    napari 0.9 reads that level once and keeps what it has got.

    Parameters
    ----------
    view : LiveView
    """

    def __init__(self, view: LiveView) -> None:
        self._view, self._pixels = view, np.asarray(view)
        self.shape, self.ndim, self.size = view.shape, view.ndim, view.size
        self.dtype = view.dtype

    def fill(self) -> None:
        """Take over what has arrived."""
        self._pixels[...] = np.asarray(self._view)

    def __getitem__(self, index: Any) -> Any:
        return self._view[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._view[index] = value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self._pixels, dtype)


class LiveLayer:
    """A read-only Labels layer of a viewer, over live labels.

    Parameters
    ----------
    viewer : ViewerModel
    said : callable
        Called in the GUI thread with how far it is, whenever that is something else.
    parent : QObject
        With which Qt ends what belongs to the layer.
    """

    def __init__(
        self, viewer: ViewerModel, said: Callable[[LiveStatus], None], parent: QObject
    ) -> None:
        self._viewer, self._said = viewer, said
        self._up = PreviewLayer(viewer)
        self.labels: LiveLabels | None = None
        self._looked: tuple[int, Box] | None = None
        self._status: LiveStatus | None = None
        self._drawn, self._not_before = 0, 0.0
        self._timer = QTimer(parent)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self.tick)

    @property
    def layer(self) -> Layer | None:
        """What is shown, also after a person has deleted it."""
        return self._up.layer

    def put(self, labels: LiveLabels, on: Layer, **options: Any) -> None:
        """Show other live labels above the layer that they are made of.

        Parameters
        ----------
        labels : LiveLabels
        on : Layer
        **options
            Name and place of the layer.
        """
        from napari.layers import Labels

        self._end()
        self.labels, self._looked, self._status, self._drawn = labels, None, None, 0
        garbage().begin()
        levels: list[Any] = [*labels.levels]
        several = len(levels) > 1
        if several and labels.ndim == 2:
            levels[-1] = StandingLevel(levels[-1])
        layer = Labels(
            levels if several else levels[0],
            multiscale=several,
            **{**look_options(labels.look), **options},
        )
        self._up.put(layer, on)
        if self._up.layer is not None:
            self._up.layer.help = READ_ONLY
        self._timer.start()

    def clear(self) -> None:
        """Take the layer away, and end its work."""
        self._end()
        self._up.take_away()

    def _end(self) -> None:
        labels, self.labels = self.labels, None
        if labels is None:
            return
        labels.close()
        with suppress(RuntimeError):  # at the end of the program Qt may have gone first
            self._timer.stop()
        _let_go(labels)

    # ------------------------------------------------------------------ what is looked at

    def tick(self) -> None:
        """Hear what is looked at now, and draw what has arrived."""
        labels, layer = self.labels, self._up.shown
        if labels is None or layer is None:
            return
        looked = looked_at(self._viewer, layer)
        if looked != self._looked:
            self._looked = looked
            labels.look_at(*(looked or (0, None)))
        now = time.monotonic()
        if labels.news != self._drawn and now >= self._not_before:
            self._drawn = labels.news
            coarsest = layer.data[-1] if layer.multiscale else None
            if isinstance(coarsest, StandingLevel):
                coarsest.fill()
            layer.refresh(extent=False, highlight=False, thumbnail=False)
            took = time.monotonic() - now
            self._not_before = now + (1 + _REST) * took
        status = labels.status
        if status != self._status:
            self._status = status
            self._said(status)


def _let_go(labels: LiveLabels) -> None:
    """Leave the garbage to Python again when no thread works any more."""
    if labels.is_busy:
        QTimer.singleShot(_EVERY_MS, lambda: _let_go(labels))
    else:
        garbage().end()


def looked_at(viewer: ViewerModel, layer: Labels) -> tuple[int, Box] | None:
    """Return the level of a layer that is shown and which box of it, None if nothing of it is."""
    level = layer.data_level
    shape = np.array(layer.level_shapes[level], int)
    factors = np.asarray(layer.downsample_factors[level]) if layer.multiscale else 1
    offset = viewer.dims.ndim - layer.ndim
    displayed = [axis - offset for axis in viewer.dims.displayed if axis >= offset]
    hidden = [axis for axis in range(layer.ndim) if axis not in displayed]
    place = np.rint(pixel_at(viewer, layer, viewer.dims.point))
    outside = (place < 0) | (place >= layer.level_shapes[0])
    if not layer.visible or outside[hidden].any():
        return None
    # on the canvas, as napari has cut them out
    low, high = layer.corner_pixels[0].astype(int), layer.corner_pixels[1].astype(int) + 1
    if viewer.dims.ndisplay == 3:
        low, high = np.zeros_like(shape), shape.copy()
    at = np.minimum((place / factors).astype(int), shape - 1)
    low[hidden], high[hidden] = at[hidden], at[hidden] + 1
    low, high = np.maximum(low, 0), np.minimum(high, shape)
    return level, tuple(map(slice, low.tolist(), high.tolist()))
