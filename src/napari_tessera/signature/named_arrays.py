"""Arrays whose axes have names and coordinates: those of xarray, and images of bioio.

They are known by what they have, so that neither has to be installed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np

from napari_tessera.signature.units import METRES
from napari_tessera.signature.units import unit as short_unit
from napari_tessera.signature.words import Array, VoxelSize

_LETTERS = {
    "time": "t",
    "channel": "c",
    "channels": "c",
    "band": "c",
    "sample": "s",
    "samples": "s",
    "rgb": "s",
    "rgba": "s",
}
"""Longer names of axes."""

_UNNAMED = re.compile(r"dim_\d+")

_OF_DASK = re.compile(r"-[0-9a-f]{32}$")
"""What Dask's names end in, which nobody has given."""

_LAST = ("t", "z", "y", "x")
"""Axes in the order in which they come last."""

_SPACE = ("z", "y", "x")

_CHANNELS = ("c", "s")

_UNEVEN = 1e-3
"""By how much steps between coordinates may differ, as a share of them."""

_SECONDS = {"s": "s", "sec": "s", "second": "s", "seconds": "s", "ms": "ms", "min": "min", "h": "h"}


class Coordinates(NamedTuple):
    """The places of pixels along an axis.

    Attributes
    ----------
    values : ndarray of float
        NaN where they are no numbers; of dates, seconds from the first one.
    unit : str
        As it is given.
    """

    values: Array
    unit: str

    @classmethod
    def of(cls, found: Any) -> Self:
        """Return the coordinates of an axis in numbers."""
        values, said = np.asarray(found), str(found.attrs.get("units", ""))
        if values.dtype.kind in "mM":
            return cls((values - values[:1]) / np.timedelta64(1, "s"), said or "s")
        numbers = values.dtype.kind in "buif"
        return cls(values.astype(float) if numbers else np.full(values.shape, np.nan), said)

    @property
    def steps(self) -> Array:
        """From each to the next."""
        return np.diff(self.values)

    @property
    def step(self) -> float | None:
        """The step from each to the next, None if they are not evenly spaced.

        Examples
        --------
        >>> Coordinates(np.array([0, 0.5, 1]), "um").step, Coordinates(np.array([0, 1, 4]), "").step
        (0.5, None)
        """
        size = abs(float(self.steps.mean()))
        # what float32 can tell apart
        rounding = 8 * float(np.finfo(np.float32).eps) * float(np.abs(self.values).max())
        uneven = float(np.abs(self.steps - self.steps.mean()).max())
        return size if size > 0 and uneven <= max(_UNEVEN * size, rounding) else None


@dataclass(frozen=True)
class NamedArray:
    """An array with named axes, put in the order (..., T, Z, Y, X).

    Attributes
    ----------
    data : DataArray
        Channels stay where they are among the axes.
    name : str
        Of the argument, for messages.
    dims : tuple of str
        The axes in the order in which they were given.
    told : mapping
        Pixel size and its unit by the letter of an axis, where they are said by themselves.
    """

    data: Any
    name: str
    dims: tuple[str, ...]
    told: Mapping[str, tuple[float, str]]

    @classmethod
    def of(cls, value: Any, name: str = "image") -> Self | None:
        """Return a value as an array with named axes, or None if it is none.

        Raises
        ------
        ValueError
            If an axis stands twice, there is no y or x, or it is a set of several arrays.
        """
        told: Mapping[str, tuple[float, str]] = {}
        if hasattr(type(value), "xarray_dask_data"):  # an image of bioio
            told, value = _told_by(value), value.xarray_dask_data
        if hasattr(value, "data_vars"):
            names = ", ".join(map(str, value.data_vars))
            raise ValueError(f"{name} is a set of several arrays ({names}); pass one of them")
        if not all(hasattr(value, each) for each in ("dims", "coords", "isel", "transpose")):
            return None
        return cls(value, name, tuple(map(str, value.dims)), told).in_order()

    def in_order(self) -> Self:
        """Return the array with its axes in the order (..., T, Z, Y, X), or raise an error."""
        own = self.without_single_channels()
        _check_axes(own)
        return replace(own, data=own.data.transpose(*_order(own)))

    def without_single_channels(self) -> Self:
        """Return the array without channels where it has colours, or these, and they are one."""
        pairs = zip(self.data.dims, self.letters, self.data.shape, strict=True)
        channels = [(dim, n) for dim, letter, n in pairs if letter in _CHANNELS]
        single = [dim for dim, n in channels if n == 1][: len(channels) - 1]
        return replace(self, data=self.data.isel(dict.fromkeys(single, 0), drop=True))

    @property
    def letters(self) -> tuple[str, ...]:
        """A name for each axis of `data`: t, c, s, z, y, x, or another one."""
        dims = tuple(map(str, self.data.dims))
        if len(dims) > 1 and all(_UNNAMED.fullmatch(each) for each in dims):
            return (*(f"axis {i}" for i in range(len(dims) - 2)), "y", "x")
        return tuple(_LETTERS.get(each.lower(), each.lower()) for each in dims)

    @property
    def title(self) -> str:
        """What it is called, or else its argument."""
        own = str(self.data.name or "")
        return self.name if not own or _OF_DASK.search(own) else own

    @property
    def channel_axis(self) -> int | None:
        """The axis of `data` that holds channels or colours."""
        return next((i for i, each in enumerate(self.letters) if each in _CHANNELS), None)

    @property
    def rgb(self) -> bool:
        """Whether the channels are red, green and blue (and transparency)."""
        axis = self.channel_axis
        return axis is not None and self.letters[axis] == "s" and self.data.shape[axis] in (3, 4)

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the axes besides the channels."""
        return tuple(each for each in self.letters if each not in _CHANNELS)

    @cached_property
    def _along(self) -> dict[str, Coordinates]:
        """The coordinates of the axes that have some, by their letters."""
        dims = dict(zip(self.letters, self.data.dims, strict=True))
        return {
            letter: Coordinates.of(self.data.coords[dim])
            for letter, dim in dims.items()
            if letter not in _CHANNELS and dim in self.data.coords
        }

    def _dim(self, letter: str) -> str:
        return str(self.data.dims[self.letters.index(letter)])

    @cached_property
    def _sizes(self) -> dict[str, tuple[float, str]]:
        """The known pixel sizes and their units, by the letters of the axes."""
        found: dict[str, tuple[float, str]] = {}
        for letter, own in self._along.items():
            if own.values.size < 2:
                continue
            step = own.step
            if step is None and letter in _SPACE and letter not in self.told:
                raise ValueError(
                    f"{self.name} has coordinates along {self._dim(letter)} that are not evenly "
                    f"spaced (steps from {own.steps.min():g} to {own.steps.max():g}); interpolate "
                    "it to an even grid, or drop them"
                )
            if step is not None:
                found[letter] = step, own.unit
        return {**found, **self.told}

    @cached_property
    def spacing(self) -> VoxelSize:
        """Pixel size along these axes, from the coordinates.

        Raises
        ------
        ValueError
            If coordinates in space are not evenly spaced, or some axes in space have coordinates or
            units and others have not.
        """
        known = {k: (size, _length(unit)) for k, (size, unit) in self._sizes.items() if k in _SPACE}
        self._check_all(known)
        unit = next((known[each][1] for each in reversed(_SPACE) if each in known), "")
        sizes = []
        for each in self.axes:
            size, own = known.get(each) or (self._sizes.get(each, (1.0, ""))[0], "")
            sizes.append(_in_unit(size, own, unit))
        return VoxelSize(sizes, unit or "pixel")

    def _check_all(self, known: Mapping[str, tuple[float, str]]) -> None:
        """Raise an error if some axes in space have sizes or units, and others not."""
        shape = dict(zip(self.letters, self.data.shape, strict=True))
        bare = [each for each in _SPACE if shape.get(each, 1) > 1 and each not in known]
        if known and bare:
            raise ValueError(
                f"{self.name} has no coordinates along {self._dim(bare[0])}, but along "
                f"{self._dim(next(iter(known)))}; give it some too, or drop all"
            )
        without = [each for each, (_, unit) in known.items() if not unit]
        if without and len(without) < len(known):
            raise ValueError(
                f"{self.name} has coordinates along {self._dim(without[0])} in no unit of length, "
                "but others have one; set attrs['units'] of each, such as 'um'"
            )

    @property
    def time_unit(self) -> str:
        """The unit of the steps along a time axis, "" if it is not known."""
        return _SECONDS.get(self._sizes["t"][1], "") if "t" in self._sizes else ""

    @property
    def origin(self) -> tuple[float, ...]:
        """Where the first pixel lies, in the units of `spacing`; () = at 0, or an axis falls."""
        spacing, places = self.spacing, []
        for each in self.axes:
            own = self._along.get(each)
            if own is None or each not in _SPACE:
                places.append(0.0)
                continue
            if own.values.size > 1 and own.steps[0] < 0:
                return ()
            unit = _length(self._sizes.get(each, (1.0, own.unit))[1])
            places.append(_in_unit(float(own.values[0]), unit, spacing.unit))
        return tuple(places) if any(places) else ()

    def without_single(self) -> NamedArray:
        """Return the array without axes of one pixel, but those of its plane and its channels."""
        pairs = zip(self.data.dims, self.letters, self.data.shape, strict=True)
        kept = (*_CHANNELS, "y", "x")
        single = {dim: 0 for dim, letter, n in pairs if n == 1 and letter not in kept}
        return replace(self, data=self.data.isel(single)) if single else self

    def check_alike(self, other: NamedArray) -> None:
        """Raise an error if another array says that it lies elsewhere."""
        for letter in self._along.keys() & other._along.keys():
            one, two = self._along[letter].values, other._along[letter].values
            near = _UNEVEN * self._sizes.get(letter, (1.0, ""))[0]
            if one.shape == two.shape and not np.allclose(one, two, atol=near, equal_nan=True):
                raise ValueError(
                    f"{other.name} and {self.name} have other coordinates along "
                    f"{self._dim(letter)}; select the same part of both"
                )

    def like(self, array: Any, start: Sequence[int] = ()) -> Any:
        """Return an array of this grid with its axes and coordinates, anything else as it is.

        Parameters
        ----------
        array : object
            Of the same shape but for channels and axes of one pixel; classes may come in front.
        start : sequence of int
            Where it begins, if it is a part of the grid.

        Returns
        -------
        DataArray
            With the axes in the order in which they were given; classes are an axis "class".
        """
        if not isinstance(array, np.ndarray):
            return array
        channel, grid = self.channel_axis, self.data
        if channel is not None:
            grid = grid.isel({grid.dims[channel]: 0}, drop=True)
        given = tuple(dim for dim in self.dims if dim in grid.dims)
        if start:
            parts = zip(grid.dims, start, array.shape[-grid.ndim :], strict=True)
            grid = grid.isel({dim: slice(first, first + n) for dim, first, n in parts})
        classes = _classes_in(array.shape, grid.shape)
        if classes is None:
            return array
        if classes:
            grid, given = grid.expand_dims({"class": classes}), ("class", *given)
        made = grid.copy(data=array.reshape(grid.shape)).transpose(*given)
        made.attrs, made.name = {}, None  # which are of the image
        return made


def _check_axes(own: NamedArray) -> None:
    letters = own.letters
    count = sum(each in _CHANNELS for each in letters)
    if not {"y", "x"} <= set(letters) or len(set(letters)) < len(letters) or count > 1:
        raise ValueError(
            f"{own.name} has the axes {', '.join(own.dims)}; call one of them y and one x, "
            "and z, t and c, or s for colours, where there are such, as rename does"
        )


def _order(own: NamedArray) -> list[Any]:
    """Return the axes of an array in order, channels where they are."""
    channel = own.channel_axis
    others = [
        (dim, letter)
        for i, (dim, letter) in enumerate(zip(own.data.dims, own.letters, strict=True))
        if i != channel
    ]
    place = {letter: number for number, letter in enumerate(_LAST, 1)}
    found = [dim for dim, _ in sorted(others, key=lambda each: place.get(each[1], 0))]
    if channel is not None:
        found.insert(channel, own.data.dims[channel])
    return found


def _classes_in(shape: Sequence[int], grid: Sequence[int]) -> int | None:
    """Return how many classes stand before the axes of a grid, 0 = none; None if it is another.

    Examples
    --------
    >>> _classes_in((4, 5), (1, 4, 5)), _classes_in((3, 4, 5), (1, 4, 5)), _classes_in((4,), (4, 5))
    (0, 3, None)
    """
    wanted = [n for n in grid[:-2] if n > 1] + list(grid[-2:])
    for classes in (0, 1):
        own = list(shape[classes:])
        if [n for n in own[:-2] if n > 1] + own[-2:] == wanted and len(own) <= len(grid):
            return shape[0] if classes else 0
    return None


def _told_by(image: Any) -> dict[str, tuple[float, str]]:
    """Return the pixel sizes in space that an image of bioio says, and their units."""
    sizes, about = image.physical_pixel_sizes, getattr(image, "dimension_properties", None)
    found: dict[str, tuple[float, str]] = {}
    for letter in _SPACE:
        size = getattr(sizes, letter.upper(), None)
        unit = getattr(getattr(about, letter.upper(), None), "unit", None)
        if size:
            found[letter] = float(size), "" if unit is None else str(unit)
    return found


def _length(unit: str) -> str:
    """Return the short name of a unit of length, "" if it is none.

    Examples
    --------
    >>> _length("micrometres"), _length("µm"), _length("degrees_north")
    ('um', 'um', '')
    """
    metres = unit.lower().replace("metre", "meter").removesuffix("s")
    return next((short for each in (unit, metres) if (short := short_unit(each)) in METRES), "")


def _in_unit(size: float, own: str, unit: str) -> float:
    """Return a size in another unit, without what rounding adds to it."""
    factor = METRES[own] / METRES[unit] if own and unit in METRES else 1.0
    return float(f"{size * factor:.9g}")
