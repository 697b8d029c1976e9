"""The objects of a layer in the order in which they are gone through, and which are accepted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from napari_tessera.pipeline.review.object_places import ObjectPlaces
from napari_tessera.pipeline.review.object_ranks import Ranking
from napari_tessera.signature.words import Array, Table
from napari_tessera.widgets.layers.geometry import axes
from napari_tessera.widgets.layers.history import History
from napari_tessera.widgets.proofreading.accepted import (
    AcceptedChange,
    accepted_in,
    change_of,
    step_of_change,
)

if TYPE_CHECKING:
    from napari.layers import Labels


class ProofreadingQueue:
    """The objects of a Labels layer, a row each, which stays the same while it is accepted.

    Parameters
    ----------
    layer : Labels layer
    objects : ObjectPlaces
        In order.
    ranking : Ranking, optional
        That has put them in order.
    numbers : ndarray of float, shape (N,)
        Those of the ranking.

    Attributes
    ----------
    accepted : ndarray of bool, shape (N,)
    """

    def __init__(
        self, layer: Labels, objects: ObjectPlaces, ranking: Ranking | None, numbers: Array
    ) -> None:
        self.layer, self.objects = layer, objects
        self._ranking, self._numbers = ranking, numbers
        self.accepted = accepted_in(layer, objects)
        self._lost: dict[tuple[int, ...], int] = {}
        self._writes = False

    def __len__(self) -> int:
        return len(self.objects)

    @property
    def done(self) -> int:
        """How many are accepted."""
        return int(np.count_nonzero(self.accepted))

    @property
    def table(self) -> Table:
        """What is shown of them, in columns."""
        own = self.objects
        names = axes(self.layer)[: own.lead]
        places = {name: own.places[:, axis] for axis, name in enumerate(names)}
        ranked = {} if self._ranking is None else {self._ranking.column: self._numbers}
        marks = np.where(self.accepted, "yes", "")
        return {"index": own.index, **places, **ranked, "accepted": marks, "pixels": own.pixels}

    # ------------------------------------------------------------------ accepting

    def mark(self, row: int, *, on: bool) -> None:
        """Accept an object, or take that back, as a step of the layer's timeline."""
        with self._writing():
            change = change_of(self.layer, self.objects, np.array([row]), np.array([on]))
            History.of(self.layer).commit(step_of_change(change, "accept" if on else "take back"))
        self.accepted[row] = on

    def read(self) -> Array | None:
        """Read in the features what is accepted, and return the rows of which that has changed.

        Returns
        -------
        ndarray of int or None
            None while they are written here.
        """
        if self._writes:
            return None
        before, self.accepted = self.accepted, accepted_in(self.layer, self.objects)
        return np.flatnonzero(before != self.accepted)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._writes = True
        try:
            yield
        finally:
            self._writes = False

    # ------------------------------------------------------------------ edits

    def become(self, objects: ObjectPlaces, origin: Array, looked_at: set[int]) -> int:
        """Hold what the objects have become by an edit.

        One that is accepted and was changed, unless somebody looked at it, is not accepted any
        more until it is as large again as it was, as it is once the edit is taken back.

        Parameters
        ----------
        objects : ObjectPlaces
        origin : ndarray of int, shape (N,)
            The row that each had before, -1 if it is new.
        looked_at : set of int
            The rows before at which somebody looked.

        Returns
        -------
        int
            How many that are still there are not accepted any more.
        """
        before, known = self.objects, origin >= 0
        marks, numbers = np.zeros(len(objects), bool), np.full(len(objects), np.nan)
        marks[known] = self.accepted[origin[known]]
        numbers[known] = self._numbers[origin[known]]
        changed = ~known
        changed[known] = objects.pixels[known] != before.pixels[origin[known]]
        spoilt = marks & changed & ~np.isin(origin, list(looked_at))
        gone = np.setdiff1d(np.flatnonzero(self.accepted), origin)
        lost = before.take(np.append(origin[spoilt], gone))
        self._lost |= dict(zip(_keys(lost), lost.pixels.tolist(), strict=True))
        some = np.flatnonzero(changed & ~marks)
        sizes = [self._lost.get(key) for key in _keys(objects.take(some))]
        again = some[objects.pixels[some] == np.array(sizes, float)]
        marks[spoilt], marks[again] = False, True
        self.objects, self._numbers, self.accepted = objects, numbers, marks
        self._write(lost, objects.take(again))
        return int(np.count_nonzero(spoilt))

    def _write(self, lost: ObjectPlaces, again: ObjectPlaces) -> None:
        """Write that some objects are not accepted any more, and others are again."""
        some = ObjectPlaces.joined([lost, again])
        if len(some):
            marks = np.arange(len(some)) >= len(lost)
            change = AcceptedChange(some, axes(self.layer), ~marks, marks)
            with self._writing():
                self.layer.features = change.flip(self.layer.features, back=False)


def _keys(objects: ObjectPlaces) -> list[tuple[int, ...]]:
    """Return by what each object is known in all edits: its place and id."""
    return [tuple(row) for row in np.column_stack([objects.places, objects.index]).tolist()]
