"""Recipes that others wrote, checked before anything is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

from napari_tessera.methods.method import Method
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.chain import check_named
from napari_tessera.pipeline.recipes.data import check_packed, check_region
from napari_tessera.pipeline.walk import LevelsFrom
from napari_tessera.signature.schema import below, hints_of, read_as, shown
from napari_tessera.signature.validation import check_value
from napari_tessera.signature.words import Over

SCHEMA = 1
"""Version of the recipe as data."""


class _SourceData(TypedDict, total=False):
    name: str
    path: str | None
    spacing: list[float]
    unit: str
    axes: list[str]
    parts: list[str]
    series: int
    sha256: str
    hashed: str


class _RecipeData(TypedDict):
    """The fields of a `Recipe`; values that depend on its method are checked afterwards."""

    method: str
    parameters: dict[str, Any]
    inputs: NotRequired[dict[str, dict[str, Any]]]
    over: NotRequired[Over | None]
    levels_from: NotRequired[LevelsFrom]
    join: NotRequired[bool]
    channel_axis: NotRequired[int | Literal["rgb"] | None]
    channel: NotRequired[int | None]
    region: NotRequired[dict[str, Any] | None]
    only: NotRequired[list[int]]
    blocks: NotRequired[list[int] | None]
    before: NotRequired[dict[str, Any] | None]
    source: NotRequired[_SourceData]
    versions: NotRequired[dict[str, str]]
    found: NotRequired[dict[str, list[float]]]
    schema: NotRequired[int]


def checked_steps(data: Any, name: str) -> list[Mapping[str, Any]]:
    """Return the steps of a recipe as data, the first one first, each known to be right.

    Parameters
    ----------
    data : object
        What JSON or the metadata of a layer hold.
    name : str
        Of the file, for messages.

    Raises
    ------
    ValueError
        If it was written by a newer version, a method, input or parameter is not known, or
        a value is none that it may have; it names the place, as "recipe.json: steps[2].method".
    """
    steps: list[Any] = []
    while data is not None or not steps:
        steps.append(data)
        data = data.get("before") if isinstance(data, Mapping) else None
    for k, step in enumerate(reversed(steps)):
        place = f"{name}: " if len(steps) == 1 else f"{name}: steps[{k}]"
        check_step(step, place)
    found = steps[::-1]
    methods = [METHODS[each["method"]] for each in found]
    began = (found[0].get("source") or {}).get("name", "image")
    check_named(methods, [each.get("inputs", {}) for each in found], began, name)
    return found


def check_step(step: Any, place: str) -> None:
    """Raise an error if a step as data is not right, whatever comes before it.

    Raises
    ------
    ValueError
        It names `place`.
    """
    if isinstance(step, Mapping):
        _check_known(step, place)
        step = {**step, "before": None}  # which has its own turn
    read_as(_RecipeData, step, place)
    unknown = [key for key in step if key not in _RecipeData.__annotations__]
    if unknown:
        raise ValueError(f"{place.removesuffix(': ')} has unknown {shown(unknown[0])}")
    method = METHODS[step["method"]]
    _check_parameters(step["parameters"], method, below(place, "parameters"))
    arrays = [each.name for each in (*method.options, method.source) if each.is_array]
    for name, data in step.get("inputs", {}).items():
        _check_name(name, arrays, method, below(place, "inputs"))
        check_packed(data, below(below(place, "inputs"), name))
    if step.get("region") is not None:
        check_region(step["region"], below(place, "region"))
    wrong = [number for number in step.get("only", ()) if number < 1]
    if wrong:
        raise ValueError(f"{below(place, 'only')} has {wrong[0]}; labels from 1 are wanted")
    thin = [side for side in step.get("blocks") or () if side < 1]
    if thin:
        raise ValueError(f"{below(place, 'blocks')} has {thin[0]}; sides from 1 pixel are wanted")


def _check_known(step: Mapping[str, Any], place: str) -> None:
    """Raise an error if a step is of a newer version, or of a method that is not known."""
    what = place.removesuffix(": ")
    schema = read_as(int, step.get("schema", SCHEMA), below(place, "schema"))
    if schema > SCHEMA:
        raise ValueError(
            f"{what} has schema {schema}, but this version reads up to {SCHEMA}; "
            "update napari-tessera"
        )
    method = read_as(str, step.get("method"), below(place, "method"))
    if method not in METHODS:
        raise ValueError(f"{what} names the method {shown(method)}; known are {', '.join(METHODS)}")


def _check_parameters(values: Mapping[str, Any], method: Method, place: str) -> None:
    """Raise an error if a method has no such option, or it takes no such value."""
    own = {each.name: each for each in method.options if not each.is_array}
    hints = hints_of(method.function)
    for name, value in values.items():
        _check_name(name, list(own), method, place)
        read_as(hints[name], value, below(place, name))
        try:
            check_value(own[name], value)
        except (TypeError, ValueError, ArithmeticError) as error:
            raise ValueError(f"{place}: {error}") from None


def _check_name(name: str, known: list[str], method: Method, place: str) -> None:
    """Raise an error if a name is none of the signature, where names become code."""
    if name not in known:
        raise ValueError(
            f"{place} has {shown(name)}, but {method.name} takes {', '.join(known) or 'none'}"
        )
