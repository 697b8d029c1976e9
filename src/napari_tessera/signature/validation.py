"""Arguments checked against the signature they are given to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from napari_tessera.signature.parameters import Parameter, parameters
from napari_tessera.signature.units import parse, to_pixels
from napari_tessera.signature.words import ArrayWord, VoxelSize

P = ParamSpec("P")

R = TypeVar("R")


def check_settings(settings: Any) -> None:
    """Raise an error if a field of a dataclass has a value that its annotation does not allow."""
    group: Any = type(settings)
    for parameter in parameters(group):
        check_value(parameter, getattr(settings, parameter.name))


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Make `function` check its arguments against its own signature before it runs.

    Arrays may be given as anything NumPy can read. An error names the argument, what was given and
    what is wanted.
    """
    signature = inspect.signature(function)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{function.__name__}: {error}") from None
        bound.apply_defaults()
        bound.arguments.update(check(function, bound.arguments))
        return function(*bound.args, **bound.kwargs)

    return call


def check(function: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` with arrays as arrays, or raise an error that names what is wrong."""
    own = parameters(function)
    result = dict(values)
    shape: tuple[int, ...] | None = None
    for parameter in own:
        word = parameter.word
        if isinstance(word, ArrayWord) and result.get(parameter.name) is not None:
            array = _check_array(parameter.name, word.dtypes, result[parameter.name])
            result[parameter.name] = array
            spatial = len(shape or array.shape)
            axis = word.other_axis(array.ndim, spatial, values.get("channel_axis"))
            found = _spatial_shape(parameter.name, array, axis)
            if found != (shape or found):
                raise ValueError(
                    f"{parameter.name} has shape {found} but {own[0].name} has {shape}; "
                    "pass two arrays of the same grid"
                )
            shape = found
    spacing = VoxelSize.of(values.get("spacing"), len(shape)) if shape else None
    for parameter in own:
        if not parameter.is_array and not parameter.is_supplied:
            check_value(parameter, result[parameter.name])
            _check_use(parameter, result)
            written = result[parameter.name] != parameter.default
            if parameter.word.name == "length" and written and spacing is not None:
                to_pixels(result[parameter.name], spacing, shape, name=parameter.name)
    return result


def check_value(parameter: Parameter, value: Any) -> None:
    """Raise an error if `value` is none that `parameter` allows."""
    name, word = parameter.name, parameter.word
    if value is None:
        if not parameter.optional:
            raise TypeError(f"{name} is None; pass a {word.name or parameter.type.__name__}")
    elif parameter.choices:
        if value not in parameter.choices:
            raise ValueError(f"{name} is {value!r}; choose one of {', '.join(parameter.choices)}")
    elif word.name == "length":
        parse(value, name=name)
    elif word.name == "levels":
        _check_levels(name, value)
    elif parameter.type is bool:
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{name} is {value!r}; pass True or False")
    elif parameter.type in (int, float):
        _check_number(parameter, value)


def _check_number(parameter: Parameter, value: Any) -> None:
    whole = (int, np.integer)
    allowed = whole if parameter.type is int else (*whole, float, np.floating)
    if not isinstance(value, allowed) or isinstance(value, bool):
        kind = "a whole number" if parameter.type is int else "a number"
        raise TypeError(f"{parameter.name} is {value!r}; pass {kind}")
    if not np.isfinite(value):
        raise ValueError(f"{parameter.name} is {value!r}; pass a finite number")
    low = -np.inf if parameter.word.low is None else parameter.word.low
    high = np.inf if parameter.word.high is None else parameter.word.high
    if not low <= value <= high:
        raise ValueError(f"{parameter.name} is {value!r}; it must be from {low:g} to {high:g}")


def _check_levels(name: str, value: Any) -> None:
    if not isinstance(value, Sequence | np.ndarray) or isinstance(value, str):
        raise TypeError(f"{name} is {value!r}; pass several numbers, or one as ({value!r},)")
    levels = [float(level) for level in value]
    if not levels or not np.all(np.isfinite(levels)) or levels != sorted(levels):
        raise ValueError(f"{name} is {value!r}; pass one or several finite numbers, lowest first")


def _check_use(parameter: Parameter, values: Mapping[str, Any]) -> None:
    if parameter.applies(values) or values[parameter.name] == parameter.default:
        return
    other, choices = parameter.word.when or ("", ())
    raise ValueError(
        f"{parameter.name} is {values[parameter.name]!r}, but it is used only with {other} = "
        f"{' or '.join(map(repr, choices))}, and {other} is {values[other]!r}"
    )


def _check_array(name: str, dtypes: str, value: Any) -> np.ndarray[Any, Any]:
    array = np.asarray(value)
    if array.dtype == np.float16:  # too coarse to compute with, and unknown to the filters
        array = array.astype(np.float32)
    if array.size == 0:
        raise ValueError(f"{name} is empty (shape {array.shape}); pass one with pixels")
    if array.dtype.kind not in dtypes:
        wanted = "real numbers" if "f" in dtypes else "whole numbers"
        raise TypeError(f"{name} has dtype {array.dtype}; pass an array of {wanted}")
    return native(array)


def native(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return an array in the byte order of this computer: compiled code reads bytes as they are."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def as_labels(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return an array of ids: True and False as 1 and 0, which others can stand beside."""
    return array.view(np.uint8) if array.dtype == bool else native(array)


def _spatial_shape(name: str, array: Any, channel_axis: int | None) -> tuple[int, ...]:
    shape = list(array.shape)
    if channel_axis is not None:
        if not -array.ndim <= channel_axis < array.ndim:
            raise ValueError(f"channel_axis is {channel_axis}, but {name} has {array.ndim} axes")
        shape.pop(channel_axis)
    if len(shape) not in (2, 3):
        raise ValueError(
            f"{name} has {len(shape)} spatial axes (shape {array.shape}); "
            "pass a plane (Y, X) or a volume (Z, Y, X)"
        )
    return tuple(shape)
