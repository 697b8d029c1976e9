"""Conditions on the rows of a table: "area > 50 and class = nucleus", or a word to look for."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
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
_LASSO = re.compile(
    r"(?P<across>.+),(?P<up>.+)\s+in\s*\[(?P<points>.*)\]", re.IGNORECASE | re.DOTALL
)


def matching(text: str, table: Table) -> Array:
    """Return which rows of a table fit what was written.

    Parameters
    ----------
    text : str
        Conditions joined by "and". One such as ``area > 50`` compares a column, whose unit may be
        left out. ``area, mean in [20 1, 80 1, 50 9]`` is a lasso: the points of two columns that
        lie in a polygon. Any other is looked for in all columns: words in those of words, a number
        in those of numbers. Case does not matter. "" fits all rows.
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
    for part in conditions_in(text):
        if lasso := _LASSO.fullmatch(part):
            kept &= _enclosed(lasso, table)
        else:
            kept &= _compared(part, table) if _SIGN.search(part) else _holding(part, table)
    return kept


def conditions_in(text: str) -> list[str]:
    """Return conditions one by one.

    Examples
    --------
    >>> conditions_in("area > 50 and nucleus")
    ['area > 50', 'nucleus']
    """
    found = (part.strip() for part in re.split(r"\band\b", text, flags=re.IGNORECASE))
    return [part for part in found if part]


def columns_of(part: str) -> tuple[str, ...]:
    """Return the columns that a condition names, none if it is looked for in all of them.

    Examples
    --------
    >>> columns_of("area > 50"), columns_of("area, mean in [0 0, 1 0, 1 1]"), columns_of("nucleus")
    (('area',), ('area', 'mean'), ())
    """
    if lasso := _LASSO.fullmatch(part):
        return lasso["across"].strip(), lasso["up"].strip()
    return (_SIGN.split(part, maxsplit=1)[0].strip(),) if _SIGN.search(part) else ()


def range_condition(names: Sequence[str], low: Sequence[float], high: Sequence[float]) -> str:
    """Return the condition that columns lie in ranges, ends included.

    Examples
    --------
    >>> range_condition(["area (um^2)"], [10], [52.5])
    'area (um^2) >= 10 and area (um^2) <= 52.5'
    """
    rows = zip(names, low, high, strict=True)
    return " and ".join(f"{n} >= {a:.6g} and {n} <= {b:.6g}" for n, a, b in rows)


def lasso_condition(names: Sequence[str], polygon: Array) -> str:
    """Return the condition that the points of two columns lie in a polygon, shape (N, 2).

    Examples
    --------
    >>> lasso_condition(["area", "mean"], np.array([[20, 1], [80, 1], [50, 9.5]]))
    'area, mean in [20 1, 80 1, 50 9.5]'
    """
    points = ", ".join(f"{x:.6g} {y:.6g}" for x, y in polygon)
    return f"{names[0]}, {names[1]} in [{points}]"


def enclosed(points: Array, polygon: Array) -> Array:
    """Return which points lie in a polygon; where it crosses itself, every other layer is in it.

    Parameters
    ----------
    points : ndarray, shape (N, 2)
        None with NaN is in it.
    polygon : ndarray, shape (M, 2)
        Its end is joined to its beginning.

    Examples
    --------
    >>> square = np.array([[0, 0], [2, 0], [2, 2], [0, 2]])
    >>> enclosed(np.array([[1, 1], [3, 1], [np.nan, 1]]), square).tolist()
    [True, False, False]
    """
    x, y = np.asarray(points, float).T
    inside = np.zeros(x.size, bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        crossing = (y0 <= y) != (y1 <= y)
        # to the right of a point, a ray meets this side
        inside ^= crossing & (x < x0 + (y - y0) * (x1 - x0) / ((y1 - y0) or 1))
    return inside


def _enclosed(found: re.Match[str], table: Table) -> Array:
    names = [column_named(found[end].strip(), table) for end in ("across", "up")]
    for name in names:
        if table[name].dtype.kind not in "iuf":
            raise ValueError(f"{name!r} holds words; a lasso takes two columns of numbers")
    rows = [point.split() for point in found["points"].split(",")]
    numbers = [[_number(each) for each in row] for row in rows]
    if len(rows) < 3 or any(len(row) != 2 or None in row for row in numbers):
        raise ValueError(
            f"[{found['points']}] is no lasso; write three points or more, such as [20 1, 80 1, "
            "50 9]"
        )
    points = np.column_stack([table[name].astype(float) for name in names])
    return enclosed(points, np.array(numbers, float))


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
