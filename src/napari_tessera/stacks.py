"""Run a method, made for a plane or a volume, over the planes or volumes of a larger array.

`run` is the one path that the form, the console, scripts, recipes and the command line share.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from napari_tessera.catalogue import METHODS, Method
from napari_tessera.labels import continued, from_points, smallest_dtype
from napari_tessera.tiles import in_order
from napari_tessera.types import Array, NothingToSeparate, Progress, Reporter, VoxelSize

Over = Literal["planes", "volume"]
LevelsFrom = Literal["each", "all"]
Index = tuple[int, ...]

LUMINANCE = (0.2125, 0.7154, 0.0721)
"""Weights of red, green and blue in luminance (ITU-R BT.709)."""


@dataclass(frozen=True)
class Source:
    """An array and what its axes mean.

    Attributes
    ----------
    array : array
        Anything with shape, dtype and slicing: NumPy, Dask, Zarr. Axes in the order (..., Z, Y, X),
        with channels anywhere.
    spacing : VoxelSize
        Pixel size along every axis but the channels'. Leading axes (time) have any number.
    axes : tuple of str
        Name of each of the same axes, such as ("t", "z", "y", "x").
    channel_axis : int, optional
        The axis of `array` that holds colours or channels.
    channel : int, optional
        The channel to work on; None = all of them, or luminance.
    name : str
        For messages and for the names of results.
    parts : tuple of str
        The names of the layers that are its channels, if it was put together from several.
    """

    array: Any
    spacing: VoxelSize
    axes: tuple[str, ...]
    channel_axis: int | None = None
    channel: int | None = None
    name: str = "image"
    parts: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        array: Any,
        *,
        spacing: VoxelSize | tuple[float, ...] | None = None,
        axes: str | tuple[str, ...] | None = None,
        channel_axis: int | None = None,
        name: str = "image",
    ) -> Source:
        """Return the source of `array`; sizes and names not given are 1 pixel and y, x."""
        count = array.ndim - (channel_axis is not None)
        names = tuple(axes) if axes else default_axes(count)
        if len(names) != count:
            raise ValueError(
                f"axes is {names}, but {name} has {count} axes besides its channels; name each"
            )
        own = tuple(spacing or ())
        if len(own) > count:
            raise ValueError(f"spacing is {own}, but {name} has {count} axes; pass {count} numbers")
        sizes = VoxelSize((1.0,) * (count - len(own)) + own, getattr(spacing, "unit", "pixel"))
        axis = None if channel_axis is None else channel_axis % array.ndim
        return cls(array, sizes, names, axis, name=name)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape without the channels."""
        shape = tuple(self.array.shape)
        return shape if self.channel_axis is None else _without(shape, self.channel_axis)

    @property
    def over(self) -> Over:
        """Whether a volume or its planes would usually be worked on: volumes where there is a z."""
        return "volume" if len(self.shape) > 2 and self.axes[-3].lower() == "z" else "planes"

    def cut(self, region: Region) -> Source:
        """Return the box of `region`, read lazily."""
        region.check(self)
        box = list(region.box)
        if self.channel_axis is not None:
            box.insert(self.channel_axis, slice(None))
        return replace(self, array=_Box(self.array, tuple(box)))


class _Box:
    """A part of an array that is read only when asked for."""

    def __init__(self, array: Any, box: tuple[slice, ...]) -> None:
        self._array, self._box = array, box
        self.dtype = array.dtype
        self.shape = tuple(
            len(range(*part.indices(size))) for part, size in zip(box, array.shape, strict=True)
        )
        self.ndim = len(self.shape)

    def __getitem__(self, index: tuple[Any, ...]) -> Any:
        whole = []
        for position, part in zip(index, self._box, strict=True):
            first = part.start or 0
            whole.append(slice(first, part.stop) if position == slice(None) else first + position)
        return self._array[tuple(whole)]


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]


def default_axes(count: int) -> tuple[str, ...]:
    """Return names for axes that have none: only the last two, y and x, can be known.

    Examples
    --------
    >>> default_axes(4)
    ('axis 0', 'axis 1', 'y', 'x')
    """
    return (*(f"axis {i}" for i in range(count - 2)), "y", "x")


@dataclass(frozen=True)
class Region:
    """A part of a source: a box, and within it, if given, a mask.

    Attributes
    ----------
    start, stop : tuple of int
        First index and one past the last along every axis but the channels'.
    mask : ndarray of bool, optional
        Of the box's shape, or of its last axes. Results outside are 0.
    """

    start: Index
    stop: Index
    mask: Array | None = None

    @property
    def box(self) -> tuple[slice, ...]:
        """The box as slices."""
        return tuple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True))

    def check(self, source: Source) -> None:
        """Raise an error unless the region lies inside `source`."""
        fits = len(self.start) == len(source.shape) and all(
            0 <= a < b <= size
            for a, b, size in zip(self.start, self.stop, source.shape, strict=True)
        )
        if not fits:
            raise ValueError(
                f"region goes from {self.start} to {self.stop}, but {source.name} has shape "
                f"{source.shape}; choose a region inside it"
            )


@dataclass(frozen=True)
class Points:
    """Markers given as points; each becomes one pixel with its own id.

    Attributes
    ----------
    coordinates : ndarray, shape (N, D)
        In pixels of the source, all axes but the channels'.
    """

    coordinates: Array

    def cut(self, region: Region) -> Points:
        """Return the points inside the box of `region`, counted from its start."""
        moved = np.asarray(self.coordinates, float) - np.array(region.start)
        size = np.array(region.stop) - np.array(region.start)
        nearest = np.rint(moved)
        return Points(moved[np.all((nearest >= 0) & (nearest < size), axis=1)])

    def at(self, index: Index, shape: tuple[int, ...]) -> Array:
        """Return the labels of one plane or volume, ids counted over all points."""
        points = np.asarray(self.coordinates, float)
        if points.ndim != 2 or points.shape[1] != len(shape):
            raise ValueError(
                f"markers has points of shape {points.shape}, but the image has {len(shape)} axes; "
                f"pass {len(shape)} coordinates per point"
            )
        lead = len(index)
        here = np.all(np.rint(points[:, :lead]) == np.array(index), axis=1)
        return from_points(points[here, lead:], shape[lead:])


@dataclass(frozen=True)
class Result:
    """What a run gives.

    Attributes
    ----------
    array : ndarray
        The labels, one axis per axis of the source but the channels'.
    kind : str
        "classes", "objects", ...
    resolved : dict
        The parameters with everything automatic as numbers, of the last plane.
    skipped : int
        Planes in which every pixel had the same value, left empty.
    start : tuple of int
        Where in the source the result begins, one number per axis.
    """

    array: Array
    kind: str
    resolved: Mapping[str, Any]
    skipped: int = 0
    start: Index = ()


def run(
    method: str | Method,
    source: Source,
    parameters: Mapping[str, Any] | None = None,
    *,
    over: Over | None = None,
    levels_from: LevelsFrom = "each",
    join: bool = False,
    region: Region | None = None,
    report: Callable[[Progress], None] | None = None,
) -> Result:
    """Run a method over all planes or volumes of a source.

    Parameters
    ----------
    method : str or Method
        Its name in the catalogue.
    source : Source
        Read plane by plane (or volume by volume), never as a whole.
    parameters : mapping, optional
        The method's options as in its signature. Arrays (markers, mask) have the source's shape
        without channels, or that of one plane; markers may be `Points`.
    over : {"planes", "volume"}, optional
        Whether the last two or the last three axes are worked on at once; None = volumes where
        there is a z axis.
    levels_from : {"each", "all"}
        Whether automatic levels are found in each plane or volume, or once in all of them.
    join : bool
        Objects keep their ids from plane to plane where they overlap.
    region : Region, optional
        The part to work on; None = everything.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    Result

    Raises
    ------
    Stop
        If `report` raised it.
    """
    entry = METHODS[method] if isinstance(method, str) else method
    values = entry.complete(parameters or {})
    over = over or source.over
    if region is not None:
        source, values = cut(source, values, region)
    walk = _Walk(entry, source, values, over)
    if levels_from == "all" and len(walk) > 1:
        walk = replace(walk, values=resolve(entry, source, values, over))
    result = walk.collect(join, Reporter.of(report))
    if region is None:
        return replace(result, start=(0,) * len(source.shape))
    if region.mask is not None:
        result.array[~np.broadcast_to(region.mask, result.array.shape)] = 0
    return replace(result, start=region.start)


def cut(source: Source, values: Mapping[str, Any], region: Region) -> tuple[Source, dict[str, Any]]:
    """Return the source and the extra arrays within a region; its mask joins the method's own."""
    own = {name: _cut(value, region, source.shape) for name, value in values.items()}
    source = source.cut(region)
    if region.mask is not None and "mask" in own:
        own["mask"] = _masked(own["mask"], region.mask, source.shape)
    return source, own


def resolve(
    method: Method, source: Source, values: Mapping[str, Any], over: Over
) -> dict[str, Any]:
    """Return complete `values` with everything automatic as numbers, found in all of `source`."""
    walk = _Walk(method, source, values, over)
    return method.resolve(walk, values, walk.spacing)


def _cut(value: Any, region: Region, shape: tuple[int, ...]) -> Any:
    """Return the part of an extra array (or of points) that lies in the region."""
    if isinstance(value, Points):
        return value.cut(region)
    if not hasattr(value, "shape") or not value.shape:
        return value
    if tuple(value.shape) not in (shape, shape[-value.ndim :]):
        return value  # the walk says what is wrong with it
    return value[region.box[-value.ndim :]]


def _masked(mask: Array | None, inside: Array, shape: tuple[int, ...]) -> Array:
    """Return the user's own mask (if any) and the region's as one."""
    both = np.broadcast_to(inside, shape)
    return both if mask is None else both & (np.asarray(mask) != 0)


@dataclass(frozen=True)
class _Walk:
    """The planes or volumes of a source, one after the other."""

    method: Method
    source: Source
    values: Mapping[str, Any]
    over: Over

    def __post_init__(self) -> None:
        if len(self.source.shape) < self.axes:
            raise ValueError(
                f"{self.source.name} has shape {self.source.shape}; working on {self.over} needs "
                f"{self.axes} axes besides the channels"
            )

    @property
    def axes(self) -> int:
        return 3 if self.over == "volume" else 2

    @property
    def spacing(self) -> VoxelSize:
        whole = self.source.spacing
        return VoxelSize(whole[len(whole) - self.axes :], whole.unit)

    @property
    def lead(self) -> tuple[int, ...]:
        return self.source.shape[: -self.axes]

    def __len__(self) -> int:
        return math.prod(self.lead)

    def __iter__(self) -> Iterator[dict[str, Array]]:
        """Read the arrays of one plane after the other, for the statistics."""
        for index in np.ndindex(self.lead):
            yield self.arrays(index)

    def arrays(self, index: Index) -> dict[str, Array]:
        """Read all arrays of one plane or volume, keyed by argument."""
        arrays = {self.method.source.name: self.read(index)}
        for option in self.method.options:
            given = self.values[option.name]
            if option.is_array and given is not None:
                arrays[option.name] = self.piece(option.name, given, index)
        return arrays

    def read(self, index: Index) -> Array:
        """Read the source at one place; channels last if the method takes them, else as one."""
        source, at = self.source, list(index)
        if source.channel_axis is None:
            return np.asarray(source.array[(*at, *[slice(None)] * self.axes)])
        box: list[Any] = [*at, *[slice(None)] * self.axes]
        box.insert(source.channel_axis, slice(None))
        piece = np.asarray(source.array[tuple(box)])
        kept = source.channel_axis - min(len(index), source.channel_axis)
        piece = np.moveaxis(piece, kept, -1)
        if source.channel is not None:
            return np.asarray(piece[..., source.channel])
        return piece if self.method.takes_channels else luminance(piece)

    def piece(self, name: str, given: Any, index: Index) -> Array:
        """Return the part of an extra array that belongs to one plane or volume."""
        shape = self.source.shape
        if isinstance(given, Points):
            return given.at(index, shape)
        if tuple(given.shape) == shape:
            return np.asarray(given[(*index, *[slice(None)] * self.axes)])
        if tuple(given.shape) == shape[-given.ndim :] and given.ndim >= self.axes:
            return np.asarray(given[index[len(shape) - given.ndim :]])
        raise ValueError(
            f"{name} has shape {tuple(given.shape)} but {self.source.name} has {shape}; pass one "
            "of the same grid"
        )

    def one(self, index: Index, report: Reporter) -> tuple[Array | None, dict[str, Any]]:
        """Run the method at one place; None where the image is constant."""
        arrays = self.arrays(index)
        values = {k: v for k, v in self.values.items() if k not in arrays}
        if self.method.takes_channels and arrays[self.method.source.name].ndim > self.axes:
            values["channel_axis"] = -1
        try:
            array = self.method.function(**arrays, **values, spacing=self.spacing, report=report)
        except NothingToSeparate:
            if len(self) == 1:
                raise
            return None, values
        return array, values

    def collect(self, join: bool, report: Reporter) -> Result:
        """Run the method everywhere and put the pieces together."""
        kind = self.method.returns
        keep_ids = isinstance(self.values.get("markers"), np.ndarray)
        result = np.zeros(self.source.shape, smallest_dtype(kind, 0))
        next_id, previous, skipped, resolved = 1, None, 0, dict(self.values)
        indices = list(np.ndindex(self.lead))
        places = [(index, report.part(i, len(indices))) for i, index in enumerate(indices)]
        done = in_order(lambda place: (place[0], *self.one(*place)), places)
        for number, (index, piece, used) in enumerate(done, 1):
            report(Progress(number, len(indices)))
            resolved = used
            if piece is None:
                skipped += 1
                previous = None
                continue
            array = piece
            if kind == "objects" and len(indices) > 1 and not keep_ids:
                array = _numbered(previous if join and index[-1] else None, piece, next_id)
                next_id = max(next_id, int(array.max()) + 1)
            dtype = smallest_dtype(kind, int(array.max(initial=0)))
            if dtype.itemsize > result.dtype.itemsize:
                result = result.astype(dtype)
            result[index] = array
            previous = array
        if skipped == len(indices):
            raise NothingToSeparate(
                f"{self.source.name} is constant in every one of its {skipped} {self.over}; there "
                "is nothing to separate"
            )
        return Result(result, kind, resolved, skipped)


def _numbered(previous: Array | None, array: Array, next_id: int) -> Array:
    """Make object ids of a plane unique in the stack, or carry on those of the plane before."""
    if previous is not None:
        return continued(previous, array, next_id)
    numbered = array.astype(np.uint32)
    return np.add(numbered, np.uint32(next_id - 1), out=numbered, where=numbered > 0)


def luminance(image: Array) -> Array:
    """Return one channel from colours or channels in the last axis, in the image's own dtype.

    RGB and RGBA give luminance; any other number of channels gives their mean.

    Examples
    --------
    >>> luminance(np.array([[[255, 255, 255], [0, 255, 0]]], np.uint8))
    array([[255, 182]], dtype=uint8)
    """
    count = image.shape[-1]
    if count in (3, 4):
        grey = np.tensordot(image[..., :3], np.array(LUMINANCE), 1)
    else:
        grey = image.mean(axis=-1, dtype=np.float64)
    return np.asarray((np.rint(grey) if image.dtype.kind in "ui" else grey).astype(image.dtype))
