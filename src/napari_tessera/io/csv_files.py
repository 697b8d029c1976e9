"""Tables as CSV, and markers from tables of points."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from napari_tessera.io.layout import Format
from napari_tessera.pipeline.recipe import Recipe
from napari_tessera.pipeline.result import ObjectTable, PolygonSet, Result
from napari_tessera.pipeline.source import Points, Source
from napari_tessera.signature.schema import shown
from napari_tessera.signature.text_files import parse_csv, read_text
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
    """Return points as napari saves them; a column "label" tells which belong to one object.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no such table, a coordinate is no finite number, or a label not 1, 2, ...
    """
    path = Path(path)
    rows = parse_csv(read_text(path), repr(str(path)))
    names = [name for name in (rows[0] if rows else {}) if name.startswith("axis-")]
    wanted = [f"axis-{k}" for k in range(len(names))]
    if not names or set(names) != set(wanted):
        raise ValueError(
            f"{str(path)!r} has no columns axis-0, axis-1, ...; save points from napari"
        )
    points = [[_number(row, name, k, path) for name in wanted] for k, row in enumerate(rows, 1)]
    if "label" not in rows[0]:
        return Points(np.array(points))
    ids = [_number(row, "label", k, path) for k, row in enumerate(rows, 1)]
    wrong = next((each for each in ids if each % 1 or not 1 <= each < 1 << 31), None)
    if wrong is not None:
        raise ValueError(
            f"{path.name}: row {ids.index(wrong) + 1} has the label {wrong:g}; use 1, 2, ..."
        )
    return Points(np.array(points), np.array(ids, np.int64))


def _number(row: Mapping[str, str], column: str, k: int, path: Path) -> float:
    try:
        number = float(row[column])
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(
            f"{path.name}: row {k} has the {column} {shown(row[column])}; a number is wanted"
        )
    return number


CSV = Format((".csv",), write=write_csv, holds=(PolygonSet, ObjectTable))
