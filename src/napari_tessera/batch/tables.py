"""One table of all files, from the tables of each."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING

from napari_tessera.algorithms.atomic_files import atomic_write
from napari_tessera.io.csv_files import guarded
from napari_tessera.signature.text_files import parse_csv, read_text

if TYPE_CHECKING:
    from pathlib import Path

FILE = "file"
"""The column that says which file a row is of."""


def joined_tables(tables: Mapping[str, Path], path: Path) -> list[Path]:
    """Write the rows of several tables below one another, each with the name of its file in front.

    Parameters
    ----------
    tables : mapping
        The name of a file -> its table, as CSV. Columns that not all of them have, as lengths in
        other units, are empty in the rows of the others.
    path : Path
        The CSV to write, in place of what may be there. Where pyarrow is installed, a Parquet file
        of the same name is written too.

    Returns
    -------
    list of Path
        What was written.
    """
    columns = dict.fromkeys(name for each in tables.values() for name in _header(each))
    with atomic_write(path, overwrite=True) as fresh:
        _write_rows(fresh, tables, list(columns))
    if importlib.util.find_spec("pyarrow") is None:
        return [path]
    return [path, _as_parquet(path)]


def _write_rows(path: Path, tables: Mapping[str, Path], columns: list[str]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow([FILE, *columns])
        for name, each in tables.items():
            # cells stay as they are written: those that a spreadsheet would run are guarded
            for row in parse_csv(read_text(each), repr(str(each))):
                rows.writerow([guarded(name), *(row.get(column, "") for column in columns)])


def _header(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return next(csv.reader(file), [])


def _as_parquet(path: Path) -> Path:
    """Write a CSV as Parquet beside it, with the types that its columns have."""
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet

    place = path.with_suffix(".parquet")
    with atomic_write(place, overwrite=True) as fresh:
        parquet.write_table(arrow_csv.read_csv(path), fresh)
    return place
