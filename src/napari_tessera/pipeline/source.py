"""Arrays and what their axes mean: sources of runs, parts of them, and points in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from napari_tessera.algorithms.labels.ids import from_points
from napari_tessera.signature.named_arrays import NamedArray
from napari_tessera.signature.words import Array, Over, VoxelSize

Index = tuple[int, ...]

LUMINANCE = (0.2125, 0.7154, 0.0721)
"""Weights of red, green and blue in luminance (ITU-R BT.709)."""


class Reread(NamedTuple):
    """How the file behind an array is read once more; another array is not that of the file.

    Attributes
    ----------
    array : array
    again : callable
        Reads it as it was read, as a process on another machine has to.
    labels : callable, optional
        Reads it as labels; None = it was.
    """

    array: Any
    again: Callable[[], Source]
    labels: Callable[[], Source] | None


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
        The channel to work on; None = all of them, their mean, or luminance.
    rgb : bool
        Whether the channels are red, green, blue (and transparency).
    name : str
        For messages and for the names of results.
    parts : tuple of str
        The names of the layers that are its channels, if it was put together from several.
    path : str, optional
        The file it was read from.
    kind : str
        "objects" or "classes" if these are labels of which that is known.
    reread : Reread, optional
        How its file is read once more.
    time_unit : str
        The unit of the steps along a time axis, if it is known.
    notes : tuple of str
        What the file left open or had wrong, and how it was taken.
    origin : tuple of float
        Where its first pixel lies along the same axes, in the units of `spacing`; () = at 0.
    series : int, optional
        Which image of its file it is, if it was asked for by its number, from 0.
    """

    array: Any
    spacing: VoxelSize
    axes: tuple[str, ...]
    channel_axis: int | None = None
    channel: int | None = None
    rgb: bool = False
    name: str = "image"
    parts: tuple[str, ...] = ()
    path: str | None = None
    kind: str = ""
    time_unit: str = ""
    reread: Reread | None = None
    notes: tuple[str, ...] = ()
    origin: tuple[float, ...] = ()
    series: int | None = None

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
        """Return the source of `array`; sizes and names not given are 1 pixel and y, x.

        Arrays of xarray and images of bioio say themselves what their axes are, how large their
        pixels and which are their channels; see `NamedArray`.
        """
        named = NamedArray.of(array, name)
        if named is not None:
            return cls._of_named(named, spacing, axes, channel_axis)
        count = array.ndim - (channel_axis is not None)
        names = tuple(axes) if axes else default_axes(count)
        if len(names) != count:
            raise ValueError(
                f"axes is {names}, but {name} has {count} axes besides its channels; name each"
            )
        own = tuple(spacing or ())
        spatial = sum(each in ("z", "y", "x") for each in names)
        if own and len(own) not in {count, spatial}:
            raise ValueError(
                f"spacing is {own}, but {name} has the axes {', '.join(names)}; pass one number "
                "per axis"
            )
        sizes = VoxelSize((1.0,) * (count - len(own)) + own, getattr(spacing, "unit", "pixel"))
        axis = None if channel_axis is None else channel_axis % array.ndim
        return cls(array, sizes, names, axis, name=name)

    @classmethod
    def _of_named(
        cls,
        named: NamedArray,
        spacing: VoxelSize | tuple[float, ...] | None,
        axes: str | tuple[str, ...] | None,
        channel_axis: int | None,
    ) -> Source:
        """Return the source of an array that names its axes."""
        if channel_axis is not None or (axes is not None and tuple(axes) != named.axes):
            raise ValueError(
                f"{named.name} names its axes itself ({', '.join(named.dims)}); rename them where "
                "they are others, and leave out axes and channel_axis"
            )
        array, axis = named.data.data, named.channel_axis
        if spacing is not None:
            found = cls.of(array, spacing=spacing, axes=named.axes, channel_axis=axis)
        else:
            found = cls(array, named.spacing, named.axes, axis, origin=named.origin)
        return replace(found, rgb=named.rgb, name=named.title, time_unit=named.time_unit)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape without the channels."""
        shape, axis = tuple(self.array.shape), self.channel_axis
        return shape if axis is None else shape[:axis] + shape[axis + 1 :]

    def voxel(self, count: int) -> VoxelSize:
        """Return the pixel size along the last axes; 1 pixel each where one of them is time.

        Examples
        --------
        >>> size = VoxelSize((3, 0.5, 0.5), "um")
        >>> film = Source.of(np.zeros((9, 4, 5)), spacing=size, axes="tyx")
        >>> film.voxel(2), film.voxel(3)
        (VoxelSize((0.5, 0.5), 'um'), VoxelSize((1.0, 1.0, 1.0), 'pixel'))
        """
        first = len(self.spacing) - count
        if "t" in [name.lower() for name in self.axes[first:]]:
            return VoxelSize((1.0,) * count)  # a second has no length in micrometres
        return VoxelSize(self.spacing[first:], self.spacing.unit)

    @property
    def over(self) -> Over:
        """Whether a volume or its planes would usually be worked on: volumes where there is a z."""
        return "volume" if len(self.shape) > 2 and self.axes[-3].lower() == "z" else "planes"

    @property
    def as_labels(self) -> Source:
        """The same as labels: where its file was read as an image, it is read as ids."""
        reread = self.reread
        if reread is None or reread.labels is None or reread.array is not self.array:
            return self
        return reread.labels()

    @property
    def whole(self) -> Array:
        """All of it, read."""
        return np.asarray(self.array[(slice(None),) * self.array.ndim])

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
        whole: list[Any] = []
        for position, part, size in zip(index, self._box, self.shape, strict=True):
            first = part.start or 0
            if isinstance(position, slice):  # also that of a box within this one
                start, stop, step = position.indices(size)
                whole.append(slice(first + start, first + stop, step))
            else:
                whole.append(first + position)
        return self._array[tuple(whole)]


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

    @property
    def shape(self) -> Index:
        """Its length along each axis."""
        return tuple(b - a for a, b in zip(self.start, self.stop, strict=True))

    def covers(self, shape: Sequence[int]) -> bool:
        """Return True if the box is all of an array of this shape."""
        return not any(self.start) and self.stop == tuple(shape)

    def grown(self, halo: Sequence[float], shape: Index) -> Region:
        """Return the box with a halo along its last axes, within an array of this shape."""
        widths = [0] * (len(shape) - len(halo)) + [math.ceil(width) for width in halo]
        low = [max(0, a - width) for a, width in zip(self.start, widths, strict=True)]
        high = [min(n, b + w) for b, w, n in zip(self.stop, widths, shape, strict=True)]
        return Region(tuple(low), tuple(high))

    def check(self, source: Source) -> None:
        """Raise an error unless the region lies inside `source`."""
        fits = len(self.start) == len(self.stop) == len(source.shape) and all(
            0 <= a < b <= size
            for a, b, size in zip(self.start, self.stop, source.shape, strict=False)
        )
        if not fits:
            raise ValueError(
                f"region goes from {self.start} to {self.stop}, but {source.name} has shape "
                f"{source.shape}; choose a region inside it"
            )


@dataclass(frozen=True)
class Points:
    """Markers given as points; each becomes one pixel.

    Attributes
    ----------
    coordinates : ndarray, shape (N, D)
        In pixels of the source, all axes but the channels'.
    ids : ndarray of int, shape (N,), optional
        The label that grows from each point; None = an id of its own in its plane.
    """

    coordinates: Array
    ids: Array | None = None

    def check(self, shape: tuple[int, ...], name: str = "markers") -> None:
        """Raise an error unless all points lie in an image of this shape."""
        points = np.asarray(self.coordinates, float)
        if points.ndim != 2 or points.shape[1] != len(shape):
            raise ValueError(
                f"{name} has points of shape {points.shape}, but the image has {len(shape)} axes; "
                f"pass {len(shape)} coordinates per point"
            )
        nearest = np.rint(points)
        # NaN is neither inside nor outside
        outside = ~np.all((nearest >= 0) & (nearest < np.array(shape)), axis=1)
        if outside.any():
            first = ", ".join(f"{value:g}" for value in points[outside][0])
            raise ValueError(
                f"{name} has {outside.sum()} points outside the image, the first at ({first}); "
                f"the image has shape {shape}; move or delete them"
            )

    def cut(self, region: Region) -> Points:
        """Return the points inside the box of `region`, counted from its start."""
        moved = np.asarray(self.coordinates, float) - np.array(region.start)
        size = np.array(region.stop) - np.array(region.start)
        nearest = np.rint(moved)
        return self.only(np.all((nearest >= 0) & (nearest < size), axis=1), moved)

    def only(self, chosen: Array, coordinates: Array) -> Points:
        """Return the chosen points, at new coordinates."""
        ids = None if self.ids is None else np.asarray(self.ids)[chosen]
        return Points(coordinates[chosen], ids)

    def with_ids(self, lead: int) -> Points:
        """Return the points with ids, plane after plane; those that have some keep them.

        Parameters
        ----------
        lead : int
            How many axes come before those of a plane or volume.

        Examples
        --------
        >>> Points(np.array([[1, 4, 4], [0, 2, 2]])).with_ids(1).ids
        array([2, 1])
        """
        if self.ids is not None:
            return self
        places = np.rint(np.asarray(self.coordinates, float)[:, :lead])
        order = np.lexsort(places.T[::-1]) if lead else np.arange(len(places))
        ids = np.empty(len(places), np.int64)
        ids[order] = np.arange(1, len(places) + 1)
        return Points(self.coordinates, ids)

    def at(self, index: Index, shape: tuple[int, ...]) -> Array:
        """Return the labels of one plane or volume; points without ids are 1, 2, 3, ..."""
        self.check(shape)
        points, lead = np.asarray(self.coordinates, float), len(index)
        here = np.all(np.rint(points[:, :lead]) == np.array(index), axis=1)
        own = self.only(here, points)
        return from_points(own.coordinates[:, lead:], shape[lead:], own.ids)


class Luminance:
    """Colours of shape (..., Y, X, 3 or 4) as a grey array (..., Y, X), read as it is asked for.

    It is indexed from its first axis on, without an ellipsis.

    Examples
    --------
    >>> Luminance(np.full((2, 3, 3), 9, np.uint8))[0].tolist()
    [9, 9, 9]
    """

    def __init__(self, colours: Any) -> None:
        self._colours = colours
        self.shape: tuple[int, ...] = tuple(colours.shape[:-1])
        self.ndim, self.dtype = len(self.shape), np.dtype(colours.dtype)

    def __getitem__(self, box: Any) -> Array:
        return grey(np.asarray(self._colours[box]), rgb=True)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self[()], dtype)


def grey(image: Array, *, rgb: bool = False) -> Array:
    """Return one channel from several in the last axis, in the image's own dtype.

    Parameters
    ----------
    image : ndarray, shape (..., channels)
    rgb : bool
        True gives the luminance of the first three, False the mean of all.

    Examples
    --------
    >>> grey(np.array([[[255, 255, 255], [0, 255, 0]]], np.uint8), rgb=True)
    array([[255, 182]], dtype=uint8)
    """
    if rgb:
        mixed = np.tensordot(image[..., :3], np.array(LUMINANCE), 1)
    else:
        mixed = image.mean(axis=-1, dtype=np.float64)
    return np.asarray((np.rint(mixed) if image.dtype.kind in "ui" else mixed).astype(image.dtype))
