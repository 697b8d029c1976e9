"""A layer that shows what Run would give, for the plane on the canvas, while the form changes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QTimer

from napari_tessera.algorithms.file_names import file_name
from napari_tessera.pipeline.recipe import KEY
from napari_tessera.pipeline.result import Result
from napari_tessera.pipeline.source import Points
from napari_tessera.signature.progress import Reporter
from napari_tessera.widgets.forms.preview_extent import PreviewExtent, compute, extent_of
from napari_tessera.widgets.forms.region import current_place
from napari_tessera.widgets.job import Job
from napari_tessera.widgets.layers.from_result import as_layer, named_by
from napari_tessera.widgets.layers.geometry import geometry
from napari_tessera.widgets.layers.to_source import dropped_axis

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Labels, Layer
    from qtpy.QtCore import QObject

    from napari_tessera.widgets.forms.call import Call

PAUSE_MS = 250
"""How long the form has to rest before a preview starts."""

FRAMES, REST_S = 10, 2.0
"""From how many planes the speed of a live preview is measured, and what ends their row."""


class Preview:
    """The preview of one form.

    Parameters
    ----------
    viewer : ViewerModel
    read : callable
        Returns the `Call` that the form stands for now; may raise ValueError.
    shown : callable
        Called with the result and the call when a preview is up.
    failed : callable
        Called with the exception otherwise.
    parent : QObject, optional
        With which Qt ends what belongs to the preview.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        read: Callable[[], Call],
        shown: Callable[[Result, Call], None],
        failed: Callable[[Exception], None],
        *,
        parent: QObject | None = None,
    ) -> None:
        self._viewer, self._read = viewer, read
        self._shown, self._failed = shown, failed
        self._job: Job | None = None
        self._layer: Layer | None = None
        self._drawn_in_3d = False
        self._levels: tuple[Any, dict[str, Any]] | None = None
        self._live, self._behind = False, False
        self._corner: tuple[Call, list[int]] | None = None
        self._times: deque[float] = deque(maxlen=FRAMES)
        self._timer = QTimer(parent)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._begin)

    def request(self, *_: Any) -> None:
        """Show a preview after a short rest, or live at once; an older request is dropped."""
        self._note_3d()
        if not self._live:
            self._cancel()
            self._timer.start()
            return
        self._follow()
        if self._job is None:
            self._begin()
        else:
            self._behind = True

    @property
    def live(self) -> bool:
        """Whether each plane is worked on as soon as it is shown and the last one is done."""
        return self._live

    @live.setter
    def live(self, on: bool) -> None:
        self._cancel()
        self._live = on
        self._times.clear()

    @property
    def speed(self) -> float | None:
        """Planes per second while they follow one another; None after a rest."""
        if len(self._times) < 2:
            return None
        return (len(self._times) - 1) / (self._times[-1] - self._times[0])

    def clear(self) -> None:
        """Take the preview away."""
        self._cancel()
        self._take_away()

    def _take_away(self) -> None:
        self._note_3d()
        layer, self._layer = self._layer, None
        if layer is not None and layer in self._viewer.layers:
            if self._drawn_in_3d:
                _let_rest(layer)
            else:
                self._viewer.layers.remove(layer)

    def _note_3d(self) -> None:
        self._drawn_in_3d |= self._layer is not None and self._viewer.dims.ndisplay == 3

    def _cancel(self) -> None:
        with suppress(RuntimeError):  # at the end of the program Qt may have gone first
            self._timer.stop()
        if self._job is not None:
            self._job.stop()
            self._job = None
        self._behind = False

    def _begin(self) -> None:
        try:
            call = self._read()
        except (ValueError, TypeError) as error:
            self._fail(error)
            return
        if call.later is None:
            self._compute(call)
            return
        work = call.settled
        self._job = Job(lambda report: work(), title="", finished=self._compute, failed=self._fail)
        self._job.start()

    def _compute(self, call: Call) -> None:
        try:
            extent = extent_of(call, self._viewer)
        except (ValueError, TypeError) as error:
            self._fail(error)
            return
        # those of the whole stack, if the last preview has found them
        levels = self._levels[1] if self._levels and self._levels[0] == _stack_key(call) else None

        def work(report: Reporter) -> tuple[Result, Layer, dict[str, Any] | None]:
            result, found = compute(call, extent, levels, report)
            return result, layer_of(result, call, extent), found

        self._job = Job(
            work,
            title="",
            finished=lambda outcome: self._show(call, extent, *outcome),
            failed=self._fail,
        )
        self._job.start()

    def _fail(self, error: Exception) -> None:
        self.clear()
        self._times.clear()
        self._corner = None
        self._failed(error)

    def _show(
        self,
        call: Call,
        extent: PreviewExtent,
        result: Result,
        layer: Layer,
        levels: dict[str, Any] | None,
    ) -> None:
        self._job = None
        self._levels = None if levels is None else (_stack_key(call), levels)
        self._put(layer)
        self._corner = call, corner_of(result, extent)
        now = time.monotonic()
        if self._times and now - self._times[-1] > REST_S:
            self._times.clear()
        self._times.append(now)
        self._shown(result, call)
        if self._behind:
            self._behind = False
            self._follow()
            self._begin()

    def _follow(self) -> None:
        """Bring what the network has made of an earlier plane to the one that is shown.

        In a video it is a moment late; without this it would be seen only at rest.
        """
        if self._layer is None or self._corner is None:
            return
        call, corner = self._corner
        axis = dropped_axis(call.source)
        start = [*current_place(self._viewer, call.layer, axis)[:-2], *corner[-2:]]
        self._layer.translate = geometry(call.layer, start, axis)["translate"]

    def _put(self, layer: Layer) -> None:
        """Show a layer, where the last one fits in that one: napari takes long to remove it."""
        old = self._layer
        if old is not None and old in self._viewer.layers and _can_go_on(old, layer):
            _go_on(old, layer)
            return
        self._take_away()
        resting = (each for each in self._viewer.layers if _rests(each))
        self._layer = next((each for each in resting if _can_go_on(each, layer)), layer)
        self._drawn_in_3d = self._layer is not layer
        if self._drawn_in_3d:
            _go_on(self._layer, layer)
            return
        selection = set(self._viewer.layers.selection)
        self._viewer.layers.append(layer)
        self._viewer.layers.selection = selection
        self._note_3d()

    @property
    def layer(self) -> Layer | None:
        """The layer that shows the preview, while there is one."""
        return self._layer


def _let_rest(layer: Layer) -> None:
    """Hide a layer for a later preview, of any form.

    napari 0.9.2 ends the process, with OpenGL in software, some time after a layer was removed that
    it has drawn as a volume; also if it was hidden first, or shown in 2-D again.
    """
    layer.visible = False
    layer.metadata = {KEY: {"preview": True, "rests": True}}


def _rests(layer: Layer) -> bool:
    return bool(layer.metadata.get(KEY, {}).get("rests"))


def _can_go_on(old: Layer, new: Layer) -> bool:
    """Return True if a layer can show what another one has."""
    from napari.layers import Shapes

    return type(old) is type(new) and old.ndim == new.ndim and not isinstance(new, Shapes)


def _go_on(old: Layer, new: Layer) -> None:
    """Give a layer the pixels of another one, its look, its place and its features."""
    from napari.layers import Labels

    old.data = new.data
    old.units = new.units
    for name in ("scale", "translate", "rotate", "shear"):
        if not np.allclose(getattr(old, name), getattr(new, name)):
            setattr(old, name, getattr(new, name))
    if not np.allclose(old.affine.affine_matrix, new.affine.affine_matrix):
        old.affine = new.affine
    if isinstance(old, Labels):
        _look_alike(old, new)
    else:
        old.contrast_limits, old.colormap = new.contrast_limits, new.colormap
    if _rests(old):
        old.name, old.metadata, old.visible = new.name, new.metadata, True
    old.editable = False  # new data let napari decide anew


def _look_alike(old: Labels, new: Labels) -> None:
    """Give labels the features and colours of others; napari takes long to draw in new colours."""
    from napari.utils.colormaps import CyclicLabelColormap as Cyclic

    if not (isinstance(old.colormap, Cyclic) and isinstance(new.colormap, Cyclic)):
        old.colormap = new.colormap
    if len(old.features.columns) or len(new.features.columns):
        old.features = new.features


def corner_of(result: Result, extent: PreviewExtent) -> list[int]:
    """Return the pixel of the source at which a preview begins."""
    return [a + b for a, b in zip(extent.plane.start, result.start, strict=True)]


def layer_of(result: Result, call: Call, extent: PreviewExtent) -> Layer:
    """Return the layer that shows a preview."""
    start = corner_of(result, extent)
    place = geometry(call.layer, start, dropped_axis(call.source))
    place["scale"] = place["scale"] * ([1] * (len(start) - 2) + [extent.step] * 2)
    marked, name = {KEY: {"preview": True}}, file_name(f"Preview of {named_by(call.method)}")
    layer = as_layer(result, call.layer, name=name, opacity=0.6, metadata=marked, **place)
    layer.editable = False
    return layer


def _stack_key(call: Call) -> tuple[Any, ...]:
    """Return what the levels of a whole stack depend on."""
    own, part = call.source, call.part
    values = [(name, _identity(value)) for name, value in call.values.items()]
    box = None if part is None else (part.start, part.stop, _identity(part.mask))
    return (
        id(own.array),
        own.channel_axis,
        own.channel,
        call.walk.levels_from,
        call.over,
        box,
        *values,
    )


def _identity(value: Any) -> Any:
    """Return what tells a value from another one: arrays by themselves, others by what they say."""
    if isinstance(value, Points):
        return value.coordinates.tobytes(), value.ids is None or value.ids.tobytes()
    return id(value) if hasattr(value, "shape") else repr(value)
