"""Arguments checked against the signature they are given to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from os import PathLike
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

import numpy as np

from napari_tessera.signature.arrays import fitting
from napari_tessera.signature.named_arrays import NamedArray
from napari_tessera.signature.parameters import Parameter, parameters
from napari_tessera.signature.parts import whole_shape
from napari_tessera.signature.units import parse, to_pixels
from napari_tessera.signature.words import Array, ArrayWord, VoxelSize

P = ParamSpec("P")

R = TypeVar("R")

_MOST = 1e18
"""Largest number of an option without a bound of its own: int64 holds it."""

_FINEST, _COARSEST, _UNEVEN = 1e-12, 1e9, 1e4
"""Bounds of pixel sizes and of their ratio: float32 holds squares of all distances within them."""

_FAINTEST = 1e-30
"""Smallest range of intensities, which float32 still divides by."""

_ROWS = MappingProxyType(
    {
        "path": "points, one (y, x) or (z, y, x) each",
        "picks": "marks, one (object, sign, y, x) or (object, sign, z, y, x) each",
        "centres": "rows of numbers, one per cluster",
        "intensities": "pairs of numbers, one per channel",
    }
)
"""Words for tables of numbers, and what is passed for them."""


def check_settings(settings: Any) -> None:
    """Raise an error if a field of a dataclass has a value that its annotation does not allow."""
    group: Any = type(settings)
    for parameter in parameters(group):
        check_value(parameter, getattr(settings, parameter.name))


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Make `function` check its arguments against its own signature before it runs.

    Arrays may be given as anything NumPy can read. An error names the argument, what was given and
    what is wanted. Where the first array has named axes (xarray, bioio), these say pixel size and
    channels unless they are given, and arrays on its grid come back with its coordinates.
    """
    signature = inspect.signature(function)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{function.__name__}: {error}") from None
        bound.apply_defaults()
        grid = take_named(function, bound.arguments)
        bound.arguments.update(check(function, bound.arguments))
        result = function(*bound.args, **bound.kwargs)
        return result if grid is None else _on_grid(grid, result)

    return call


def take_named(
    function: Callable[..., Any], values: dict[str, Any], *, last: int | None = None
) -> NamedArray | None:
    """Put plain arrays in the place of those with named axes, and what these say where it belongs.

    Parameters
    ----------
    function : callable
    values : dict
        Its arguments, which are changed.
    last : int, optional
        Of how many of the last axes it takes the pixel size, if it takes more than one plane or
        volume.

    Returns
    -------
    NamedArray or None
        The grid of the first array, if that has named axes.

    Raises
    ------
    ValueError
        If its axes are none of a plane or volume, or another array lies elsewhere.
    """
    names = [p.name for p in parameters(function) if p.is_array and values[p.name] is not None]
    found = {name: own for name in names if (own := NamedArray.of(values[name], name))}
    first, given = found.get(names[0]) if names else None, values.get("channel_axis")
    for name, own in found.items():
        if first is not None:
            first.check_alike(own)
        plain = own if last else _plane_or_volume(own, function.__name__)
        axis = plain.channel_axis
        if axis is not None and "channel_axis" not in values:
            plain = _one_channel(plain, axis, function.__name__)
        elif axis is not None and given is not None:
            raise ValueError(
                f"channel_axis is {given}, but {name} names its channels itself "
                f"({own.data.dims[own.channel_axis]}); leave it out"
            )
        elif axis is not None:
            values["channel_axis"] = axis
        values[name] = plain.data.data
        if own is first and values.get("spacing", 0) is None:
            sizes = plain.spacing
            values["spacing"] = VoxelSize(sizes[-(last or len(sizes)) :], sizes.unit)
    return first


def _plane_or_volume(named: NamedArray, function: str) -> NamedArray:
    """Return an array without axes of one pixel, or raise an error if it is still a stack."""
    own = named.without_single()
    more = [each for each in own.axes[:-2] if each == "t" or len(own.axes) > 3]
    if more:
        raise ValueError(
            f"{own.name} has the axis {more[0]}, but {function} works on one plane or volume; "
            f"select a place along it, or work on all with Recipe({function!r}, {{}}).run"
        )
    return own


def _one_channel(named: NamedArray, axis: int, function: str) -> NamedArray:
    """Return an array without its channels, or raise an error if there are several."""
    dim, count = named.data.dims[axis], named.data.shape[axis]
    if count > 1:
        raise ValueError(
            f"{named.name} has {count} channels along {dim}, but {function} takes one; select it, "
            f"as {named.name}.isel({dim}=0) does"
        )
    return replace(named, data=named.data.isel({dim: 0}))


def _on_grid(grid: NamedArray, result: Any) -> Any:
    """Return what a function gave with the coordinates of its first array."""
    if isinstance(result, tuple):
        return tuple(map(grid.like, result))
    return grid.like(result)


def check(function: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` with arrays as arrays, or raise an error that names what is wrong."""
    own = parameters(function)
    result = dict(values)
    for parameter in own:
        if parameter.is_supplied and result[parameter.name] is not None:
            _check_supplied(parameter, result[parameter.name])
    shape: tuple[int, ...] | None = None
    for parameter in own:
        word = parameter.word
        given = not parameter.optional or result[parameter.name] is not None
        if isinstance(word, ArrayWord) and given:
            array = fitting(parameter.name, word, result[parameter.name])
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
    spacing = checked_spacing(values.get("spacing"), len(shape)) if shape else None
    for parameter in own:
        if not parameter.is_array and not parameter.is_supplied:
            check_value(parameter, result[parameter.name])
            _check_use(parameter, result)
    if shape and spacing is not None:
        check_lengths(own, result, spacing, whole_shape(shape))
    return result


def check_lengths(
    own: Sequence[Parameter], values: Mapping[str, Any], spacing: VoxelSize, shape: tuple[int, ...]
) -> None:
    """Raise an error if a length is longer than arrays of a shape."""
    for parameter in own:
        if parameter.word.name == "length":
            given = values[parameter.name]
            if given != parameter.default:  # which is never too long
                to_pixels(given, spacing, shape, name=parameter.name)


def check_value(parameter: Parameter, value: Any) -> None:
    """Raise an error if `value` is none that `parameter` allows."""
    name, word = parameter.name, parameter.word
    if value is None:
        if not parameter.optional:
            raise TypeError(f"{name} is None; pass a {word.name or parameter.type.__name__}")
    elif parameter.choices:
        if not isinstance(value, str) or value not in parameter.choices:
            raise ValueError(f"{name} is {value!r}; choose one of {', '.join(parameter.choices)}")
    elif word.name == "length":
        parse(value, name=name)
    elif word.name in _ROWS:
        _check_rows(name, value, _ROWS[word.name])
    elif word.name == "levels":
        _check_levels(name, value)
    elif word.name == "ids":
        _check_ids(name, value)
    elif parameter.type is bool:
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{name} is {value!r}; pass True or False")
    elif parameter.type is str:
        if not isinstance(value, str | PathLike):
            raise TypeError(f"{name} is {value!r}; pass text")
    elif parameter.type in (int, float):
        _check_number(parameter, value)


def _check_number(parameter: Parameter, value: Any) -> None:
    whole = (int, np.integer)
    allowed = whole if parameter.type is int else (*whole, float, np.floating)
    if not isinstance(value, allowed) or isinstance(value, bool):
        kind = "a whole number" if parameter.type is int else "a number"
        raise TypeError(f"{parameter.name} is {value!r}; pass {kind}")
    if isinstance(value, float | np.floating) and not np.isfinite(value):
        raise ValueError(f"{parameter.name} is {value!r}; pass a finite number")
    low = -_MOST if parameter.word.low is None else parameter.word.low
    high = _MOST if parameter.word.high is None else parameter.word.high
    if not low <= value <= high:
        raise ValueError(f"{parameter.name} is {value!r}; it must be from {low:g} to {high:g}")


def _check_levels(name: str, value: Any) -> None:
    levels = _numbers(name, value, "several numbers, lowest first, such as (10, 20)")
    if levels.ndim != 1 or levels.tolist() != sorted(levels.tolist()):
        raise ValueError(f"{name} is {value!r}; pass one or several finite numbers, lowest first")


def _check_ids(name: str, value: Any) -> None:
    ids = _numbers(name, value, "the ids of classes, such as (0, 1, 2)")
    if ids.ndim != 1 or (ids % 1).any() or ids.min() < 0 or (np.diff(ids) <= 0).any():
        raise ValueError(f"{name} is {value!r}; pass whole numbers from 0, rising")


def _check_rows(name: str, value: Any, wanted: str) -> None:
    rows = _numbers(name, value, wanted)
    if rows.ndim != 2:
        raise ValueError(f"{name} is {value!r}; pass {wanted}")
    if name == "intensities" and (rows.shape[1] != 2 or rows[:, 1].min() < _FAINTEST):
        raise ValueError(
            f"{name} is {value!r}; pass what becomes 0 and a range of {_FAINTEST:g} or more, for "
            "each channel"
        )


def _numbers(name: str, value: Any, wanted: str) -> Array:
    """Return several numbers as an array, or raise an error."""
    if not isinstance(value, Sequence | np.ndarray) or isinstance(value, str):
        raise TypeError(f"{name} is {value!r}; pass {wanted}")
    try:
        numbers = np.asarray(value, np.float64)
    except (ValueError, TypeError, OverflowError):
        numbers = np.empty(0)
    if numbers.size == 0 or not (np.abs(numbers) <= _MOST).all():  # False for NaN too
        raise ValueError(f"{name} is {value!r}; pass finite numbers: {wanted}")
    return numbers


def _check_supplied(parameter: Parameter, value: Any) -> None:
    """Raise an error if what the surroundings give is of the wrong kind; spacing comes later."""
    name, word = parameter.name, parameter.word.name
    if word == "channel_axis" and (not isinstance(value, int | np.integer) or value is True):
        raise TypeError(f"{name} is {value!r}; pass the number of an axis, or None")
    if word == "new_label":
        _check_number(parameter, value)
    if word == "cache" and not callable(getattr(value, "value", None)):
        raise TypeError(f"{name} is {value!r}; pass a Cache, or None")
    if word == "report" and not callable(value):
        raise TypeError(f"{name} is {value!r}; pass a function, or None")


def checked_spacing(spacing: Any, axes: int) -> VoxelSize:
    """Return the pixel size, or raise an error if float32 cannot hold squares of distances."""
    voxel = VoxelSize.of(spacing, axes)
    if min(voxel) < _FINEST or max(voxel) > _COARSEST or max(voxel) > _UNEVEN * min(voxel):
        raise ValueError(
            f"spacing is {tuple(voxel)}; pass numbers from {_FINEST:g} to {_COARSEST:g}, none over "
            f"{_UNEVEN:g} times another; choose another unit"
        )
    return voxel


def _check_use(parameter: Parameter, values: Mapping[str, Any]) -> None:
    given = values[parameter.name]
    is_default = given is parameter.default or (
        not isinstance(given, np.ndarray) and given == parameter.default
    )
    if is_default or parameter.applies(values):
        return
    other, choices = parameter.word.when or ("", ())
    wanted = f" = {' or '.join(map(repr, choices))}" if choices else ""
    raise ValueError(
        f"{parameter.name} is {values[parameter.name]!r}, but it is used only with "
        f"{other}{wanted}, and {other} is {values[other]!r}"
    )


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
