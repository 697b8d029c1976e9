"""Tables as CSV, and markers from tables of points."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_tessera.algorithms.atomic_files import atomic_write
from napari_tessera.io.formats import Format
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import ObjectTable, PolygonSet, Result
from napari_tessera.pipeline.source import Points, Source
from napari_tessera.signature.schema import shown
from napari_tessera.signature.text_files import parse_csv, parse_json, read_text
from napari_tessera.signature.words import Array, Table

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
    columns = (map(guarded, column.tolist()) for column in table.values())
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(map(guarded, table))
        rows.writerows(zip(*columns, strict=True))


def guarded(value: Any) -> Any:
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
    rows = parse_csv(read_text(Path(path)), repr(str(path)))
    return [{_as_it_was(name): _as_it_was(text) for name, text in row.items()} for row in rows]


def read_table(path: str | Path) -> Table:
    """Return a table as columns: numbers where all cells are, empty ones NaN; words elsewhere.

    Raises
    ------
    ValueError
        If it is no CSV, or has no rows.
    """
    rows = read_rows(path)
    if not rows:
        raise ValueError(f"{str(path)!r} has no rows; pass a table of measured objects")
    return {name: _column([row[name] for row in rows]) for name in rows[0]}


def _column(cells: list[str]) -> Array:
    try:
        numbers = np.array([float(cell) if cell.strip() else np.nan for cell in cells])
    except ValueError:
        return np.array(cells, object)
    return numbers.astype(np.int64) if all(cell.isdecimal() for cell in cells) else numbers


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
    rows = read_rows(path)
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


CSV = Format((".csv",), write=write_csv, holds=(PolygonSet, ObjectTable), title="CSV")


def picks_from(text: str) -> list[list[float]]:
    """Return the marks of objects from a table (.csv) or from JSON.

    Parameters
    ----------
    text : str
        A table has columns "object", "sign" and "axis-0", "axis-1", ..., as `write_picks` makes it.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if not text.lower().endswith(".csv"):
        return parse_json(text, "picks")  # type: ignore[no-any-return]
    rows, path = read_rows(text), Path(text)
    found = set(rows[0]) if rows else set()
    axes = [f"axis-{k}" for k in range(sum(name.startswith("axis-") for name in found))]
    names = ["object", "sign", *(axes or ["axis-0"])]
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(
            f"{text!r} has no column {missing[0]!r}; pass a table of object, sign, axis-0, axis-1, "
            "..., such as the form for picking objects saves"
        )
    return [[_number(row, name, k, path) for name in names] for k, row in enumerate(rows, 1)]


def write_picks(path: str | Path, picks: Sequence[Sequence[float]]) -> None:
    """Write the marks of objects as a table; an existing file is replaced."""
    rows = np.array(picks, float)
    signs = {"object": rows[:, 0].astype(int), "sign": rows[:, 1].astype(int)}
    places = {f"axis-{axis}": column for axis, column in enumerate(rows[:, 2:].T)}
    write_table(path, {**signs, **places})
