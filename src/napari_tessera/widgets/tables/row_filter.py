"""The words that filter a table: "area > 50 and class = nucleus", or a word to look for."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from napari_tessera.signature.words import Array, Table

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
"""Signs between the name of a column and a value."""

_SIGN = re.compile("(" + "|".join(COMPARISONS) + ")")


def matching(text: str, table: Table) -> Array:
    """Return which rows of a table fit what was written.

    Parameters
    ----------
    text : str
        Conditions joined by "and". One such as ``area > 50`` compares a column, whose unit may be
        left out; another is looked for in all columns: words in those of words, a number in those
        of numbers. Case does not matter. "" fits all rows.
    table : dict of ndarray

    Returns
    -------
    ndarray of bool

    Raises
    ------
    ValueError
        If there is no such column, more than one, or the value is none of its kind.

    Examples
    --------
    >>> table = {"index": np.array([1, 2, 3]), "area (um^2)": np.array([40.0, 60.0, 80.0])}
    >>> matching("area > 50 and area < 70", table).tolist(), matching("3", table).tolist()
    ([False, True, False], [False, False, True])
    """
    kept = np.ones(len(next(iter(table.values()), ())), bool)
    for part in re.split(r"\band\b", text, flags=re.IGNORECASE):
        if part.strip():
            kept &= _compared(part, table) if _SIGN.search(part) else _holding(part.strip(), table)
    return kept


def _compared(part: str, table: Table) -> Array:
    name, sign, value = (each.strip() for each in _SIGN.split(part, maxsplit=1))
    own = column_named(name, table)
    column = table[own]
    if not value:
        raise ValueError(f"a value is missing after {own!r} {sign}, such as: {name} {sign} 50")
    if column.dtype.kind in "iuf":
        wanted = _number(value)
        if wanted is None:
            raise ValueError(f"{value!r} is no number, but {own!r} holds numbers")
        return np.asarray(COMPARISONS[sign](column, wanted))
    if sign not in ("=", "!="):
        raise ValueError(f"{own!r} holds words; write {name} = {value}, or {name} != {value}")
    return np.asarray(COMPARISONS[sign](_lower(column), value.lower()))


def column_named(name: str, table: Table) -> str:
    """Return the column that is meant by a name, in which case and unit do not matter.

    Raises
    ------
    ValueError
        If there is none, or more than one that begins so.
    """
    wanted = name.lower()
    known = {own: (own.lower(), re.sub(r" \(.*\)$", "", own.lower())) for own in table}
    whole = [own for own, names in known.items() if wanted in names]
    begun = whole or [own for own, names in known.items() if names[0].startswith(wanted)]
    if not name or not begun:
        raise ValueError(f"there is no column {name!r}; there are {', '.join(table)}")
    if len(begun) > 1:
        raise ValueError(f"{name!r} may be any of {', '.join(begun)}; write more of it")
    return begun[0]


def _holding(word: str, table: Table) -> Array:
    """Return the rows with a word in a column of words, or with a number in one of numbers."""
    number, found = _number(word), np.zeros(len(next(iter(table.values()), ())), bool)
    for column in table.values():
        if column.dtype.kind not in "iuf":
            found |= [word.lower() in each for each in _lower(column)]
        elif number is not None:
            found |= column == number
    return found


def _lower(column: Array) -> Array:
    return np.array([str(each).lower() for each in column.tolist()], object)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
