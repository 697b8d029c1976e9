"""Which objects of a Labels layer are accepted: a column of its features, and steps that change it.

The table may have a row for each label, or for each object of a plane or volume; where objects are
told apart more finely than its rows are, it is given more of them once one is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_tessera.pipeline.review.object_places import ObjectPlaces
from napari_tessera.signature.words import Array
from napari_tessera.widgets.layers.following import ACCEPTED, appended
from napari_tessera.widgets.layers.geometry import axes
from napari_tessera.widgets.layers.history import Step
from napari_tessera.widgets.tables.objects import LabelledRows

if TYPE_CHECKING:
    from napari.layers import Labels


def accepted_in(layer: Labels, objects: ObjectPlaces) -> Array:
    """Return which objects the features of a layer say are accepted, in all rows of theirs.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    own = LabelledRows(layer)
    if ACCEPTED not in own.table or not len(objects):
        return np.zeros(len(objects), bool)
    count = min(objects.lead, own.places.shape[1])
    marks = pd.Series(_as_marks(own.table[ACCEPTED]))
    said = marks.groupby([*own.places[:, :count].T, own.index]).all()
    keys = [*objects.places[:, :count].T, objects.index]
    wanted = pd.MultiIndex.from_arrays(keys) if count else pd.Index(keys[0])
    found = said.index.get_indexer(wanted)
    return np.asarray((found >= 0) & said.to_numpy()[found])


def _as_marks(column: Array) -> Array:
    """Return a column as True and False, however it was read from a file; not known is False."""
    if column.dtype.kind in "biuf":
        return np.asarray(np.nan_to_num(column) != 0)
    return np.array([str(each).lower() in ("true", "yes", "1", "1.0") for each in column], bool)


def completed(layer: Labels, objects: ObjectPlaces) -> pd.DataFrame:
    """Return the table of a layer with a row for every object and the column of the accepted."""
    own, names = LabelledRows(layer), axes(layer)
    table = pd.DataFrame(own.table) if own.table else pd.DataFrame({"index": np.empty(0, np.int64)})
    marks = _as_marks(own.table[ACCEPTED]) if ACCEPTED in own.table else np.zeros(len(table), bool)
    table = table.assign(**{ACCEPTED: marks})
    count = own.places.shape[1]
    if count < objects.lead:  # a row for each plane or volume that the label is in
        frame = _rows_of(objects, names, objects.lead)
        table = table.merge(frame, on=["index", *names[:count]], how="left")
        finer = list(names[count : objects.lead])
        table[finer] = table[finer].fillna(0).astype(np.int64)  # labels that have no pixel
        count = objects.lead
    places = table[list(names[: objects.lead])].to_numpy(np.int64)
    there = objects.rows_of(table["index"].to_numpy(np.int64), places)
    new = np.setdiff1d(np.arange(len(objects)), there)
    fresh = _rows_of(objects.take(new), names, count).assign(**{ACCEPTED: False})
    every = appended(table, fresh.reindex(columns=table.columns)) if len(new) else table
    return every.astype({ACCEPTED: bool, "index": np.int64})


def _rows_of(objects: ObjectPlaces, names: tuple[str, ...], count: int) -> pd.DataFrame:
    """Return id and place, along the first axes, of each object."""
    places = {name: objects.low[:, axis] for axis, name in enumerate(names[:count])}
    return pd.DataFrame({"index": objects.index, **places})


@dataclass(frozen=True)
class AcceptedChange:
    """Objects that become accepted, or no longer are, as a change of features.

    Attributes
    ----------
    objects : ObjectPlaces
    names : tuple of str
        Of the axes of the layer.
    before, after : ndarray of bool, shape (N,)
    """

    objects: ObjectPlaces
    names: tuple[str, ...]
    before: Array
    after: Array

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        own = self.objects
        return int(sum(each.nbytes for each in (own.index, own.low, own.high, own.pixels)))

    def flip(self, table: pd.DataFrame, *, back: bool) -> pd.DataFrame:
        """Return features in which the objects are as after it, or with `back` as before it."""
        wanted = list(self.names[: self.objects.lead])
        if not {"index", *wanted, ACCEPTED} <= set(table.columns):
            return table  # somebody has written another table since
        # a few objects: most rows are told from them by their labels alone
        near = np.flatnonzero(table["index"].isin(self.objects.index))
        part = table.iloc[near]
        places = part[wanted].to_numpy(np.int64)
        own = self.objects.rows_of(part["index"].to_numpy(np.int64), places)
        marks = _as_marks(table[ACCEPTED].to_numpy()).copy()
        marks[near[own >= 0]] = (self.before if back else self.after)[own[own >= 0]]
        return table.assign(**{ACCEPTED: marks})


def change_of(layer: Labels, objects: ObjectPlaces, rows: Array, marks: Array) -> AcceptedChange:
    """Return the change that accepts objects, or no longer does; the table is made fit for it.

    Parameters
    ----------
    layer : Labels layer
    objects : ObjectPlaces
        All of them.
    rows : ndarray of int, shape (K,)
        Those that change.
    marks : ndarray of bool, shape (K,)
        Whether they are accepted then.
    """
    some, own = objects.take(rows), LabelledRows(layer)
    ready = ACCEPTED in own.table and own.places.shape[1] >= objects.lead
    if not ready or not _have_rows(own, some):
        layer.features = completed(layer, objects)
    return AcceptedChange(some, axes(layer), accepted_in(layer, some), marks)


def _have_rows(own: LabelledRows, objects: ObjectPlaces) -> bool:
    """Return True if each object has a row in the table."""
    near = np.isin(own.index, objects.index)
    there = objects.rows_of(own.index[near], own.places[near, : objects.lead])
    return bool(np.isin(np.arange(len(objects)), there).all())


def step_of_change(change: AcceptedChange, name: str) -> Step:
    """Return a change as a step for the timeline of its layer."""
    return Step(name, (), None, None, change)
