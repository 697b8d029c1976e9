"""Tables of objects that follow their numbers: merged, split, deleted and renumbered ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from napari_tessera.pipeline.edits import Moved
from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from napari.layers import Labels, Layer


ACCEPTED = "accepted"
"""The column that says which objects a person has looked at and accepted."""


class FeatureChange(Protocol):
    """What a step changed in the features of a layer, so that it can be taken back and redone."""

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""

    def flip(self, table: pd.DataFrame, *, back: bool) -> pd.DataFrame:
        """Return the features after the step, or with `back` those before it."""


@dataclass(frozen=True)
class ObjectRows:
    """The table of the objects of a Labels layer, and what is known of it.

    Attributes
    ----------
    table : DataFrame
        With a column "index" that holds the ids.
    measured : tuple of str
        The columns that a measurement of ours has written: they hold for the pixels of then.
    classes : bool
        Whether the ids are classes, whose rows stay when no pixel has the class.
    """

    table: pd.DataFrame
    measured: tuple[str, ...] = ()
    classes: bool = False

    @classmethod
    def of(cls, layer: Layer) -> ObjectRows | None:
        """Return the table of a layer, None if it has none; rows without ids are 0, 1, ..."""
        table = getattr(layer, "features", None)
        if table is None or table.empty:
            return None
        if "index" not in table:
            table = table.rename_axis("index").reset_index()
        known = layer.metadata.get(KEY, {})
        return cls(table, tuple(known.get("columns", ())), known.get("kind") == "classes")

    def after(self, moved: Moved) -> pd.DataFrame:
        """Return the table once labels have become others.

        A renumbered object takes its row along, a deleted one loses it. Merged objects have the
        row of the one whose id they have. What was split off an object has a copy of its row, but
        no measurements, fractions and what `measured` names, which were the whole object's; nor is
        it accepted. Where the pixels of an object are others, `measured` is NaN.
        """
        table = self.table
        came = pd.DataFrame(
            {"index": moved.new, "_from": moved.origin, "_whole": moved.whole, "_part": moved.part}
        )
        known = table.assign(_place=np.arange(len(table)))
        came = came[moved.origin != 0]
        rows = came.merge(known.rename(columns={"index": "_from"}), on="_from")
        theirs = ~table["index"].isin(moved.new).to_numpy()
        if not self.classes:
            theirs &= ~table["index"].isin(moved.old).to_numpy()
        stays = known[theirs].assign(_whole=True, _part=False)
        names = [*table.columns, "_whole", "_part", "_place"]
        every = appended(stays[names], rows[names])
        whole, part = (every[name].to_numpy(bool) for name in ("_whole", "_part"))
        for name in table.columns:
            if name in self.measured:
                every[name] = _without(every[name], ~whole)
            elif name == ACCEPTED:
                every[name] = every[name].where(~part, other=False)
            elif table[name].dtype.kind == "f":
                every[name] = _without(every[name], part)
        by = "index" if table["index"].is_monotonic_increasing else "_place"
        every = every.sort_values(by, kind="stable", ignore_index=True)
        return every[list(table.columns)].astype({"index": table["index"].dtype})

    def change(self, old: Any, new: Any, report: Reporter | None = None) -> TableChange:
        """Return how the table changes once the labels `old` have become `new`, see `after`."""
        moved = Moved.between(old, new, report)
        return TableChange.between(self.table, self.after(moved), moved.touched)


def followed(layer: Labels, start: Sequence[int], values: Array) -> dict[str, Any]:
    """Return features, and what is known of them, of labels that begin at a pixel of a layer."""
    rows = ObjectRows.of(layer)
    if rows is None:
        return {"features": layer.features.copy(), "metadata": {}}
    box = tuple(slice(a, a + n) for a, n in zip(start, values.shape, strict=True))
    data = layer.data[0] if layer.multiscale else layer.data
    columns = {"columns": list(rows.measured)} if rows.measured else {}
    return {"features": rows.after(Moved.between(data[box], values)), "metadata": columns}


@dataclass(frozen=True)
class TableChange:
    """What a step changed in a table, so that it can be taken back and made again.

    Attributes
    ----------
    gone, came : DataFrame
        The rows before and after it of all ids that it touches; their labels are their places.
    before, after : dict
        The types of the columns.
    """

    gone: pd.DataFrame
    came: pd.DataFrame
    before: dict[str, Any]
    after: dict[str, Any]

    @classmethod
    def between(cls, old: pd.DataFrame, new: pd.DataFrame, touched: Array) -> TableChange:
        """Compare two tables of the same columns, which differ in the rows of some ids only."""
        both = (table.reset_index(drop=True) for table in (old, new))
        gone, came = (table[table["index"].isin(touched)].copy() for table in both)
        return cls(gone, came, dict(old.dtypes), dict(new.dtypes))

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return int(sum(t.memory_usage(deep=True).sum() for t in (self.gone, self.came)))

    def flip(self, table: pd.DataFrame, *, back: bool) -> pd.DataFrame:
        """Return a table with the rows after the step, or with `back` those before it.

        Columns that were added meanwhile stay, and are NaN in rows that come back.
        """
        if "index" not in table:
            table = table.rename_axis("index").reset_index()
        out, into = (self.came, self.gone) if back else (self.gone, self.came)
        ids = np.union1d(out["index"], into["index"])
        kept = table[~table["index"].isin(ids)]
        every = appended(kept, into.reindex(columns=table.columns))
        wanted = self.before if back else self.after
        for name in every.columns.intersection(list(wanted)):
            every[name] = _typed(every[name], wanted[name])
        count, places = len(every), into.index.to_numpy()
        if places.size and places.max() >= count:  # it has lost rows since
            return every
        order = np.full(count, -1)
        order[places] = np.arange(len(kept), count)
        order[order < 0] = np.arange(len(kept))
        return every.iloc[order].reset_index(drop=True)


def _without(column: pd.Series, rows: Array) -> pd.Series:
    """Return a column with nothing known in some rows; whole numbers become fractions then."""
    if not rows.any():
        return column
    column = column.astype(float if column.dtype.kind in "iu" else object)
    return column.mask(rows)


def appended(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of two tables of the same columns in one."""
    columns = {}
    for name in first.columns:
        one, other = first[name], second[name]
        if one.dtype != other.dtype and len(one) and len(other):
            numbers = all(each.dtype.kind in "iuf" for each in (one, other))
            one, other = (each.astype(float if numbers else object) for each in (one, other))
        parts = [each for each in (one, other) if len(each)] or [one]
        columns[name] = pd.concat(parts, ignore_index=True)
    return pd.DataFrame(columns)


def _typed(column: pd.Series, dtype: Any) -> pd.Series:
    """Return a column in a type, if it loses nothing by that."""
    if column.dtype == dtype or (getattr(dtype, "kind", "") in "iub" and column.isna().any()):
        return column
    return column.astype(dtype)
