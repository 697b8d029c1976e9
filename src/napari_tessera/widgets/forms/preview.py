"""A layer that shows what Run would give, for the plane on the canvas, while the form changes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from napari_tessera.algorithms.file_names import file_name
from napari_tessera.pipeline.result import Result
from napari_tessera.pipeline.source import Points
from napari_tessera.signature.progress import Reporter
from napari_tessera.widgets.forms.preview_extent import PreviewExtent, compute, extent_of
from napari_tessera.widgets.forms.region import current_place
from napari_tessera.widgets.job import Job
from napari_tessera.widgets.layers.from_result import as_layer, named_by
from napari_tessera.widgets.layers.geometry import geometry
from napari_tessera.widgets.layers.preview_layer import PreviewLayer
from napari_tessera.widgets.layers.to_source import dropped_axis

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer
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
        self._up = PreviewLayer(viewer)
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
        self._up.take_away()

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
        # those of the whole stack, if the last preview has found them; marks may be new ones
        known = self._levels and self._levels[0] == _stack_key(call) and not call.method.cut.marks
        levels = self._levels[1] if self._levels and known else None

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
        # what is drawn lies above what it teaches
        self._up.put(layer, call.layer if call.method.cut.marks else None)
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
        if self.layer is None or self._corner is None:
            return
        call, corner = self._corner
        axis = dropped_axis(call.source)
        start = [*current_place(self._viewer, call.layer, axis)[:-2], *corner[-2:]]
        self.layer.translate = geometry(call.layer, start, axis)["translate"]

    @property
    def layer(self) -> Layer | None:
        """The layer that shows the preview, while there is one."""
        return self._up.layer


def corner_of(result: Result, extent: PreviewExtent) -> list[int]:
    """Return the pixel of the source at which a preview begins."""
    return [a + b for a, b in zip(extent.plane.start, result.start, strict=True)]


def layer_of(result: Result, call: Call, extent: PreviewExtent) -> Layer:
    """Return the layer that shows a preview."""
    start = corner_of(result, extent)
    place = geometry(call.layer, start, dropped_axis(call.source))
    place["scale"] = place["scale"] * ([1] * (len(start) - 2) + [extent.step] * 2)
    name = file_name(f"Preview of {named_by(call.method)}")
    return as_layer(result, call.layer, name=name, opacity=0.6, **place)


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
