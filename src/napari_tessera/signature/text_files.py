"""Texts that others wrote, opened and parsed: whatever is wrong is a `ValueError` that names it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

LARGEST_TEXT = 1 << 31
"""Bytes of the largest text that is opened."""


def check_openable(path: Path) -> None:
    """Raise an error if something is no file or folder: reading a pipe or a device never ends.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    ValueError
        If it is a pipe, a socket or a device.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    if not (path.is_file() or path.is_dir()):
        raise ValueError(f"{str(path)!r} is a pipe or a device; pass a file")


def read_text(path: str | Path, *, largest: int = LARGEST_TEXT) -> str:
    """Return the text of a file in UTF-8, without the mark that some editors begin it with.

    Parameters
    ----------
    path : str or Path
    largest : int
        Most bytes that it may have.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is a folder, a pipe or a device, is too large, or is not UTF-8.
    """
    path = Path(path)
    check_openable(path)
    if not path.is_file():
        raise ValueError(f"{str(path)!r} is a folder; pass a file")
    size = path.stat().st_size
    if size > largest:
        raise ValueError(f"{str(path)!r} has {size} bytes; texts of up to {largest} are read")
    try:
        return path.read_bytes().decode("utf-8-sig")  # line ends inside of cells are kept
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{str(path)!r} is no text in UTF-8 (byte {error.start} is "
            f"{error.object[error.start]:#04x}); save it as UTF-8, or restore it from a copy"
        ) from None


def parse_json(text: str, name: str) -> Any:
    """Return what a text in JSON says.

    Parameters
    ----------
    text : str
    name : str
        Where it comes from, for the message.

    Raises
    ------
    ValueError
        If it is none, or nested too deep to be read.
    """
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        raise ValueError(f"{name} is nested too deep to be read") from None
    except ValueError as error:
        raise ValueError(f"{name} is no JSON: {error}") from None


def read_json(path: str | Path) -> Any:
    """Return what a file in JSON says, see `read_text` and `parse_json`."""
    return parse_json(read_text(path), repr(str(path)))


def read_yaml(path: str | Path) -> Any:
    """Return what a file in YAML says; numbers and yes and no are texts as well.

    Raises
    ------
    ValueError
        If it is none, or refers from one place to another, which can take any amount of memory.
    """
    import yaml

    class Plain(yaml.BaseLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("it has an alias (*), which is not followed")
            return super().compose_node(parent, index)

    text = read_text(path)
    try:
        return yaml.load(text, Plain)  # noqa: S506 (a loader of texts, lists and mappings only)
    except RecursionError:
        raise ValueError(f"{str(path)!r} is nested too deep to be read") from None
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise ValueError(f"{str(path)!r} is no YAML: {' '.join(str(error).split())}") from None


def parse_csv(text: str, name: str) -> list[dict[str, str]]:
    """Return the rows of a table in CSV below its header; one that is cut off has empty fields.

    Raises
    ------
    ValueError
        If it is none, a column is there twice, or a row has more fields than the header.
    """
    try:
        lines = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except csv.Error as error:
        raise ValueError(f"{name} is no CSV: {error}") from None
    header = lines[0] if lines else []
    twice = next((each for each in header if header.count(each) > 1), None)
    if twice is not None:
        raise ValueError(f"{name} has the column {twice[:40]!r} twice; keep one")
    for k, row in enumerate(lines[1:], 1):
        if len(row) > len(header):
            raise ValueError(
                f"{name}: row {k} has {len(row)} fields, but there are {len(header)} columns"
            )
        row.extend([""] * (len(header) - len(row)))
    return [dict(zip(header, row, strict=True)) for row in lines[1:]]
