"""Tables as CSV, and markers from tables of points."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from napari_tessera.io.layout import Format
from napari_tessera.pipeline.recipe import Recipe
from napari_tessera.pipeline.result import ObjectTable, PolygonSet, Result
from napari_tessera.pipeline.source import Points, Source
from napari_tessera.signature.words import Array


def write_table(path: str | Path, table: dict[str, Array]) -> None:
    """Write a table as CSV, in UTF-8, one row per label or polygon."""
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(table)
        rows.writerows(zip(*(column.tolist() for column in table.values()), strict=True))


def write_csv(path: Path, result: Result, source: Source, recipe: Recipe | None) -> None:
    """Write the table of a result."""
    write_table(path, result.table or {})


def read_points(path: str | Path) -> Points:
    """Return points as napari saves them; a column "label" tells which belong to one object."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in (rows[0] if rows else {}) if name.startswith("axis-")]
    if not names:
        raise ValueError(
            f"{str(path)!r} has no columns axis-0, axis-1, ...; save points from napari"
        )
    points = np.array([[float(row[name]) for name in names] for row in rows])
    ids = np.array([int(float(row["label"])) for row in rows]) if "label" in rows[0] else None
    return Points(points, ids)


CSV = Format((".csv",), write=write_csv, holds=(PolygonSet, ObjectTable))
