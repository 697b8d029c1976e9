"""Objects kept up with what is painted, edited, taken back and made again, in a thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.pipeline.review.object_places import ObjectPlaces, after_edit
from napari_tessera.signature.words import Array
from napari_tessera.widgets.layers.geometry import array
from napari_tessera.widgets.layers.history import History

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_tessera.widgets.forms.form import Form
    from napari_tessera.widgets.job import Job


class Edit(NamedTuple):
    """What was changed, and at which object.

    Attributes
    ----------
    boxes : list of tuple of slice
    at : int or None
        The row of the object that was looked at.
    """

    boxes: list[Box]
    at: int | None


class EditsFollowed:
    """Listens to the edits of a layer and says what has become of its objects.

    Parameters
    ----------
    form : Form
        That the work is done for.
    at : callable
        Returns the row of the object that is looked at, or None.
    became : callable
        Takes the objects, the row that each had before (-1 if it is new), and the rows before at
        which somebody looked while they were edited.
    """

    def __init__(
        self,
        form: Form,
        at: Callable[[], int | None],
        became: Callable[[ObjectPlaces, Array, set[int]], None],
    ) -> None:
        self._form, self._at, self._became = form, at, became
        self._layer: Labels | None = None
        self._objects: ObjectPlaces | None = None
        self._waiting: list[Edit] = []
        self._job: Job | None = None

    @property
    def busy(self) -> bool:
        """Whether there are edits that the objects do not show yet."""
        return self._job is not None

    def follow(self, layer: Labels, objects: ObjectPlaces) -> None:
        """Follow other objects from now on."""
        self.end()
        self._layer, self._objects = layer, objects
        History.of(layer).edited.connect(self._edited)

    def end(self) -> None:
        """Follow nothing any more."""
        if self._layer is not None:
            History.of(self._layer).edited.disconnect(self._edited)
        if self._job is not None:
            self._job.stop()
        self._layer = self._objects = self._job = None
        self._waiting = []

    def _edited(self, boxes: list[Box]) -> None:
        self._waiting.append(Edit(boxes, self._at()))
        if self._job is None:
            self._begin()

    def _begin(self) -> None:
        layer, objects = self._layer, self._objects
        if layer is None or objects is None or not self._waiting:
            return
        edits, self._waiting = self._waiting, []
        boxes, labels = [box for edit in edits for box in edit.boxes], array(layer)
        looked_at = {edit.at for edit in edits if edit.at is not None}
        self._job = self._form.start(
            lambda report: after_edit(objects, labels, boxes),
            finished=lambda found: self._finished(looked_at, *found),
            failed=self._failed,
        )

    def _finished(self, looked_at: set[int], objects: ObjectPlaces, origin: Array) -> None:
        self._job, self._objects = None, objects
        # what was edited meanwhile tells of rows before
        now = {int(before): row for row, before in enumerate(origin.tolist()) if before >= 0}
        self._waiting = [
            Edit(edit.boxes, None if edit.at is None else now.get(edit.at))
            for edit in self._waiting
        ]
        self._became(objects, origin, looked_at)
        self._begin()

    def _failed(self, error: Exception) -> None:
        self._job = None
        self._form.complain(error)
