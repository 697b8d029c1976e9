"""Plain data of others (JSON, YAML) checked against annotations: what is where, what is wanted.

One engine for recipes, model folders, COCO files and options. What is found is named by its place,
"recipe.json: steps[2].parameters.level is [1, 2]; a number is wanted", and returned as annotated.
"""

from __future__ import annotations

import math
import reprlib
import types
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import numpy as np

from napari_tessera.signature.words import Array

DEEPEST = 20
"""How deep data of no further annotation may be nested."""

_WHOLE = 1 << 63

_WORDS: Mapping[Any, str] = types.MappingProxyType(
    {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
)


def read_as(hint: Any, value: Any, place: str) -> Any:
    """Return `value` as its annotation wants it: lists of JSON become tuples, say.

    Parameters
    ----------
    hint : type
        str, int, float, bool, None, Any, `Literal`, unions, `tuple`, `list`, `dict`, `TypedDict`.
    value : object
        Of JSON or YAML.
    place : str
        Where it stands, for the message: "config.json: options.width".

    Raises
    ------
    ValueError
        If it is something else, a number is not finite, or has more than 64 bits.

    Examples
    --------
    >>> read_as(tuple[float, ...], [1, 2.5], "a.json: spacing")
    (1.0, 2.5)
    >>> read_as(int | None, "x", "a.json: channel")
    Traceback (most recent call last):
        ...
    ValueError: a.json: channel is 'x'; a whole number or null is wanted
    """
    if isinstance(value, np.generic):  # of what never was a file
        value = value.item()
    kind, arms = get_origin(hint), get_args(hint)
    if kind in (Annotated, Required, NotRequired):
        return read_as(arms[0], value, place)
    if hint is Any:
        return _plain(value, place)
    if kind in (Union, types.UnionType):
        return _one_of(hint, value, place)
    if kind is Literal:
        if any(type(value) is type(arm) and value == arm for arm in arms):
            return value
    elif kind in (tuple, list) and isinstance(value, list | tuple):
        return _listed(hint, value, place)
    elif kind is dict and isinstance(value, Mapping):
        return {
            read_as(arms[0], key, f"a name in {place}"): read_as(arms[1], each, below(place, key))
            for key, each in value.items()
        }
    elif is_typeddict(hint) and isinstance(value, Mapping):
        return _record(hint, value, place)
    elif _is_plainly(hint, value):
        return float(value) if hint is float else value
    raise _refusal(hint, value, place)


def _refusal(hint: Any, value: Any, place: str) -> ValueError:
    return ValueError(f"{_whole(place)} is {shown(value)}; {wanted(hint)} is wanted")


def _is_plainly(hint: Any, value: Any) -> bool:
    """Tell whether a value is a text, a number, true, false or null, as the annotation wants it."""
    if hint is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and abs(value) < _WHOLE if isinstance(value, int) else _finite(value)
    if hint is int:
        return type(value) is int and -_WHOLE <= value < _WHOLE
    return type(value) is (types.NoneType if hint is None else hint)


def _finite(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _one_of(hint: Any, value: Any, place: str) -> Any:
    """Return a value as the first annotation of several that takes it."""
    arms = get_args(hint)
    records = [arm for arm in arms if _takes_form(_bare(arm), value)]
    if len(records) == 1:  # whose message says more
        return read_as(records[0], value, place)
    for arm in arms:
        try:
            return read_as(arm, value, place)
        except ValueError:
            continue
    raise _refusal(hint, value, place)


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _takes_form(hint: Any, value: Any) -> bool:
    """Tell whether an annotation is of lists, or of objects with names, and the value is one."""
    if isinstance(value, Mapping):
        return is_typeddict(hint) or get_origin(hint) is dict
    return isinstance(value, list | tuple) and get_origin(hint) in (list, tuple)


def _listed(hint: Any, value: Any, place: str) -> Any:
    kind, arms = get_origin(hint), get_args(hint)
    if kind is tuple and arms[-1] is not Ellipsis:
        if len(value) != len(arms):
            raise ValueError(f"{place} is {shown(value)}; {len(arms)} entries are wanted")
    else:
        arms = (arms[0],) * len(value)
    both = enumerate(zip(arms, value, strict=True))
    return kind(read_as(arm, each, f"{place}[{k}]") for k, (arm, each) in both)


def _record(hint: Any, value: Mapping[Any, Any], place: str) -> dict[str, Any]:
    """Return the entries that a `TypedDict` names; others are left out."""
    hints = hints_of(hint)
    # `__required_keys__` is wrong where annotations are texts
    needed = [name for name, own in hints.items() if get_origin(own) is not NotRequired]
    require(needed if hint.__total__ else (), value, place)
    return {
        name: read_as(hints[name], value[name], below(place, name))
        for name in hints
        if name in value
    }


@cache
def hints_of(owner: Any) -> Mapping[str, Any]:
    """Return the annotations of a function or class by name, whole: with the words of ours."""
    return types.MappingProxyType(get_type_hints(owner, include_extras=True))


def require(names: Iterable[str], value: Mapping[Any, Any], place: str) -> None:
    """Raise an error if an object with names lacks one of them."""
    missing = [name for name in names if name not in value]
    if missing:
        has = ", ".join(shown(name) for name in list(value)[:20]) or "nothing"
        raise ValueError(f"{_whole(place)} has no {missing[0]!r}, but {has}")


def below(place: str, name: Any) -> str:
    """Return the place of an entry within another: "a.json: " and "x" are "a.json: x".

    Examples
    --------
    >>> below("a.json: ", "options"), below("a.json: options", "width")
    ('a.json: options', 'a.json: options.width')
    """
    text = name if isinstance(name, str) and name.isidentifier() else f"[{shown(name)}]"
    joint = "" if place.endswith(": ") or text.startswith("[") else "."
    return f"{place}{joint}{text}"


def _whole(place: str) -> str:
    return place.removesuffix(": ")


def _plain(value: Any, place: str, depth: int = DEEPEST) -> Any:
    """Return data of no further annotation, if it is no deeper than one would write it."""
    if depth == 0:
        raise ValueError(f"{place} is nested more than {DEEPEST} deep; data are wanted")
    if isinstance(value, int) and not -_WHOLE <= value < _WHOLE:
        raise ValueError(f"{place} is {shown(value)}; a number of up to 64 bits is wanted")
    inner: Any = value.items() if isinstance(value, Mapping) else ()
    if isinstance(value, list | tuple):
        inner = enumerate(value)
    for name, each in inner:
        _plain(each, place if depth < DEEPEST - 2 else below(place, name), depth - 1)
    return value


def wanted(hint: Any) -> str:
    """Return the words for what an annotation wants.

    Examples
    --------
    >>> wanted(float | None), wanted(Literal["a", "b"])
    ('a number or null', "'a' or 'b'")
    """
    return " or ".join(dict.fromkeys(_wanted(hint)))


def _wanted(hint: Any) -> Iterator[str]:
    kind, arms = get_origin(hint), get_args(hint)
    if kind in (Annotated, Required, NotRequired):
        yield from _wanted(arms[0])
    elif kind in (Union, types.UnionType):
        for arm in arms:
            yield from _wanted(arm)
    elif kind is Literal:
        yield from map(repr, arms)
    elif kind in (tuple, list):
        yield "a list"
    elif hint in (None, types.NoneType):
        yield "null"
    else:
        yield _WORDS.get(hint, "an object with names")


def shown(value: Any) -> str:
    """Return a value as a message shows it: one line, and not all of it if it is long.

    Examples
    --------
    >>> shown("a" * 100)
    "'aaaaaaaaaaaaaaaaaaaaaaa...aaaaaaaaaaaaaaaaaaaaaaaa'"
    """
    short = reprlib.Repr()
    short.maxlevel, short.maxlist, short.maxdict = 3, 4, 4
    short.maxstring = short.maxother = 53
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**40:
        return "a whole number of more than 40 digits"
    return short.repr(value)


def one_line(text: str) -> str:
    """Return a text of others without what would end a line or command a terminal.

    Examples
    --------
    >>> one_line("nut" + chr(10) + chr(27) + "[31mbolt")
    'nut  [31mbolt'
    """
    return "".join(each if each.isprintable() else " " for each in text)


def numbers(value: Any, place: str, *, whole: bool = False) -> Array:
    """Return a list of numbers as an array, quickly; all are finite.

    Parameters
    ----------
    value : list
    place : str
        Where it stands, for the message.
    whole : bool
        Whether they have to be whole, of up to 64 bits.

    Raises
    ------
    ValueError
        If it is something else.

    Examples
    --------
    >>> numbers([1, 2.5], "a.json: polygon")
    array([1. , 2.5])
    """
    try:
        array = np.asarray(value if isinstance(value, list | tuple) else "")
    except (ValueError, OverflowError, RecursionError):
        array = np.asarray("")
    kinds = "i" if whole else "iuf"  # unsigned: one has more than 63 bits
    if array.size == 0 and isinstance(value, list | tuple):
        array = np.zeros(0, np.int64)
    # true beside numbers would count as 1
    mixed = array.dtype.kind in kinds and any(isinstance(each, bool) for each in value)
    if array.ndim != 1 or array.dtype.kind not in kinds or mixed or not np.isfinite(array).all():
        word = "whole numbers" if whole else "numbers"
        raise ValueError(f"{place} is {shown(value)}; a list of {word} is wanted")
    return array.astype(np.int64 if whole else np.float64)
