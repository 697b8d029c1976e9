"""Tables as CSV, and markers from tables of points."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from napari_tessera.algorithms.atomic_files import atomic_write
from napari_tessera.io.layout import Format
from napari_tessera.pipeline.recipe import Recipe
from napari_tessera.pipeline.result import ObjectTable, PolygonSet, Result
from napari_tessera.pipeline.source import Points, Source
from napari_tessera.signature.words import Array

_RUN = ("=", "+", "-", "@", "\t", "\r")
"""What texts begin with that spreadsheets take for formulas, which can start programs."""


def write_table(path: str | Path, table: dict[str, Array]) -> None:
    """Write a table as CSV, in UTF-8, one row per label or polygon; an existing file is replaced.

    Texts that a spreadsheet would take for a formula get an apostrophe in front, which `read_rows`
    takes off.
    """
    with atomic_write(path, overwrite=True) as fresh:
        _write_rows(fresh, table)


def _write_rows(path: Path, table: dict[str, Array]) -> None:
    columns = (map(_guarded, column.tolist()) for column in table.values())
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(map(_guarded, table))
        rows.writerows(zip(*columns, strict=True))


def _guarded(value: Any) -> Any:
    """Return a cell, with an apostrophe in front where it would be run."""
    risky = isinstance(value, str) and value.lstrip("'").startswith(_RUN)
    return f"'{value}" if risky else value


def _as_it_was(text: str) -> str:
    risky = text.startswith("'") and text.lstrip("'").startswith(_RUN)
    return text[1:] if risky else text


def write_csv(path: Path, result: Result, source: Source, recipe: Recipe | None) -> None:
    """Write the table of a result."""
    _write_rows(path, result.table or {})


def read_rows(path: str | Path) -> list[dict[str, str]]:
    """Return the rows of a table by the names of their columns, as `write_table` was given them.

    Files that begin with a byte order mark, as spreadsheets write them, are read too.
    """
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        lines = [list(map(_as_it_was, line)) for line in csv.reader(file) if line]
    return [dict(zip(lines[0], line, strict=False)) for line in lines[1:]]


def read_points(path: str | Path) -> Points:
    """Return points as napari saves them; a column "label" tells which belong to one object."""
    rows = read_rows(path)
    names = [name for name in (rows[0] if rows else {}) if name.startswith("axis-")]
    if not names:
        raise ValueError(
            f"{str(path)!r} has no columns axis-0, axis-1, ...; save points from napari"
        )
    points = np.array([[float(row[name]) for name in names] for row in rows])
    ids = np.array([int(float(row["label"])) for row in rows]) if "label" in rows[0] else None
    return Points(points, ids)


CSV = Format((".csv",), write=write_csv, holds=(PolygonSet, ObjectTable))
