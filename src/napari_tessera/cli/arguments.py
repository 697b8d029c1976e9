"""How the words of a command line are read: files of any name, numbers as they are written."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, make_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from napari_tessera.io.files import READABLE, ColourAxis
from napari_tessera.io.stores import path_of
from napari_tessera.pipeline.recipes.data import unpack_region
from napari_tessera.pipeline.source import Region
from napari_tessera.pipeline.walk import BlockSize

_WHOLE = r"[+-]?\d+"


def files_apart(words: Sequence[str]) -> list[str]:
    """Return the words of a command line, files whose names begin with "-" written as no option.

    Wildcards of the shell give such names.
    """
    return [
        f"./{word}"
        if word.startswith("-") and word.lower().endswith(READABLE) and Path(word).exists()
        else word
        for word in words
    ]


def blocks_from(text: str | None) -> BlockSize | Literal["whole"] | None:
    """Return the sides of blocks from text.

    Examples
    --------
    >>> blocks_from("64,512,512"), blocks_from("auto"), blocks_from(None)
    ((64, 512, 512), 'auto', None)
    """
    if text is None or text in ("auto", "whole"):
        return text  # type: ignore[return-value]
    words = text.replace(",", " ").split()
    if not words or not all(word.isdecimal() and int(word) for word in words):
        raise ValueError(
            f"blocks is {text!r}; write sides in pixels, such as 64,512,512, or auto or whole"
        )
    return tuple(map(int, words))


def colour_axis(text: str | None) -> ColourAxis:
    """Return the axis of the channels from its number or "rgb"; None = the file's.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if text is None or text == "rgb":
        return None if text is None else "rgb"
    if not re.fullmatch(_WHOLE, text):
        raise ValueError(f"channels is {text!r}; write the number of an axis, or rgb")
    return int(text)


def axes_from(text: str | None) -> tuple[str, ...] | None:
    """Return names of axes from letters, or from words with commas or spaces between them.

    Raises
    ------
    ValueError
        If two are the same.

    Examples
    --------
    >>> axes_from("tyx"), axes_from("position, y, x")
    (('t', 'y', 'x'), ('position', 'y', 'x'))
    """
    if text is None:
        return None
    names = tuple(re.split(r"[\s,]+", text.strip()) if re.search(r"[\s,]", text.strip()) else text)
    if len(set(names)) < len(names) or not all(names):
        raise ValueError(f"axes is {text!r}; give each axis a name of its own, such as tyx")
    return tuple(name.lower() if len(name) == 1 else name for name in names)


def region_from(text: str) -> Region:
    """Return the part to work on from JSON, as recipes write it.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        found = unpack_region(json.loads(text))
    except (ValueError, TypeError, KeyError):
        found = None
    if found is None or not all(type(each) is int for each in (*found.start, *found.stop)):
        wanted = '{"start": [10, 20], "stop": [110, 120]}'
        raise ValueError(f"region is {text!r}; write whole numbers as {wanted}")
    return found


def numbers_as_written(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let the command line read a function's numbers as they are written, and settings unchecked.

    By itself it would take 2.5 for the whole number 2. Settings are checked by whoever makes them,
    see `settings`.
    """
    hints = get_type_hints(command, include_extras=True)
    hints.pop("return", None)
    command.__annotations__ = {name: _read(hint) for name, hint in hints.items()}
    return command


def settings(group: type[Any], given: Any) -> Any:
    """Return settings that the command line has read, checked.

    Raises
    ------
    ValueError, TypeError
        If a value makes no sense.
    """
    return group(**{each.name: getattr(given, each.name) for each in fields(group)})


def _read(hint: Any) -> Any:
    """Return a hint with a reader of its own for whole numbers, also of those in settings.

    Files may be called [1].tif, which is no JSON.
    """
    from cyclopts import Parameter

    bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    arms = get_args(bare) if get_origin(bare) in (Union, types.UnionType) else (bare,)
    groups = [arm for arm in arms if is_dataclass(arm)]
    if groups:
        return _unchecked(groups[0]) | None
    if bare == list[Path]:
        return Annotated[hint, Parameter(json_list=False, converter=_places)]
    if bare == Path:
        return Annotated[hint, Parameter(converter=_places)]
    if list[str] in arms:  # several words may follow one option
        return Annotated[hint, Parameter(consume_multiple=True)]
    whole = any(arm is int or get_args(arm) == (int,) for arm in arms)
    return Annotated[hint, Parameter(converter=_whole)] if whole else hint


def _unchecked(group: Any) -> Any:
    """Return a dataclass of the same fields that takes every value."""
    hints = get_type_hints(group, include_extras=True)
    own = [(each.name, _read(hints[each.name]), each.default) for each in fields(group)]
    # of a class without a module of ours, the command line would not take the fields apart
    about = {"__doc__": group.__doc__, "__module__": __name__}
    return make_dataclass(group.__name__, own, frozen=True, namespace=about)


def _places(kind: Any, tokens: Sequence[Any]) -> Any:
    """Return paths, of which some may be URLs."""
    places = [path_of(token.value) for token in tokens]
    return places[0] if kind is Path else places


def _whole(kind: Any, tokens: Sequence[Any]) -> Any:
    """Return whole numbers, or None where that is allowed."""
    from cyclopts import convert

    for token in tokens:
        if not re.fullmatch(rf"{_WHOLE}|none|null", token.value, re.IGNORECASE):
            raise ValueError(f"{token.value!r} is no whole number")
    return convert(kind, tokens)
