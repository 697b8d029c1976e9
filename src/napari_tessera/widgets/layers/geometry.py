"""Where a layer lies: its pixel size, axes and transform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pint

from napari_tessera.pipeline.source import Region, default_axes
from napari_tessera.signature.units import METRES, unit
from napari_tessera.signature.words import Array, Over, VoxelSize

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

    Units = tuple[Any, ...]


def matrix(layer: Layer, units: Units | None = None, axes: Sequence[int] | None = None) -> Array:
    """Return the affine matrix from the layer's pixels to the world.

    Parameters
    ----------
    layer : Layer
    units : tuple of pint.Unit, optional
        Those of the world, such as another layer's or the viewer's; None = the layer's own.
    axes : sequence of int, optional
        The axes that count; None = all of the D axes.

    Returns
    -------
    ndarray, shape (D + 1, D + 1)
    """
    count = layer.ndim
    origin = np.asarray(layer.data_to_world(np.zeros(count)), float)
    result = np.eye(count + 1)
    result[:-1, -1] = origin
    for axis in range(count):
        result[:-1, axis] = layer.data_to_world(np.eye(count)[axis]) - origin
    kept = [axis % count for axis in (range(count) if axes is None else axes)]
    part = result[np.ix_([*kept, count], [*kept, count])]
    part[:-1] *= _factors([layer.units[axis] for axis in kept], units)[:, None]
    return part


def between(layer: Layer, other: Layer, axes: Sequence[int] | None = None) -> Array:
    """Return the affine matrix from a layer's pixels to those of another layer.

    Parameters
    ----------
    layer, other : Layer
        Of D axes that count.
    axes : sequence of int, optional
        The axes of `other` that count; None = all.

    Returns
    -------
    ndarray, shape (D + 1, D + 1)
    """
    kept = range(other.ndim) if axes is None else axes
    world = tuple(other.units[axis] for axis in kept)
    return np.linalg.inv(matrix(other, axes=kept)) @ matrix(layer, world)


def _factors(own: Sequence[Any], world: Units | None) -> Array:
    """Return how many units of the world one of a layer's is, along each of the layer's axes.

    As in napari, bare numbers count, all factors 1, where units of a pair of axes cannot be
    converted (pixels and micrometres), and axes are paired from the last one on.
    """
    pairs = list(zip(reversed(own), reversed(world or ()), strict=False))
    if any(a.dimensionality != b.dimensionality for a, b in pairs):
        return np.ones(len(own))
    registry = pint.get_application_registry()  # napari's too
    sizes = [[registry.get_base_units(each)[0] for each in pair] for pair in pairs[::-1]]
    return np.array([1.0] * (len(own) - len(sizes)) + [ours / theirs for ours, theirs in sizes])


def in_viewer(viewer: ViewerModel, layer: Layer) -> Array:
    """Return the affine matrix from a layer's pixels to the viewer's world, where its camera is.

    A viewer has the smallest of its layers' units, and bare numbers if they do not go together.
    """
    return matrix(layer, viewer.layers.units)


def shown_sizes(viewer: ViewerModel, layer: Layer) -> Array:
    """Return the size of a layer's pixels along its D axes, in the units of the viewer."""
    return np.asarray(np.linalg.norm(in_viewer(viewer, layer)[:-1, :-1], axis=0))


def pixel_at(viewer: ViewerModel, layer: Layer, point: Sequence[float] | Array) -> Array:
    """Return the pixel of a layer at a point of the viewer's world, such as that of its sliders."""
    to_world = in_viewer(viewer, layer)
    there = np.asarray(point, float)[-layer.ndim :] - to_world[:-1, -1]
    return np.asarray(np.linalg.solve(to_world[:-1, :-1], there))


def look_at(viewer: ViewerModel, layer: Layer, low: Array, high: Array, dots: float) -> None:
    """Show a box of a layer in the middle of the canvas.

    Parameters
    ----------
    viewer : ViewerModel
    layer : Layer
    low, high : ndarray, shape (D,)
        The box's first and last pixel.
    dots : float
        Dots on the screen across its longest side that is shown.
    """
    to_world = in_viewer(viewer, layer)
    ends = np.array([low, high]) @ to_world[:-1, :-1].T + to_world[:-1, -1]
    middle, offset = ends.mean(axis=0), viewer.dims.ndim - layer.ndim
    # all at once, and none that is shown: layers are sliced anew each time, in 3-D whole volumes
    hidden = [axis for axis in viewer.dims.not_displayed if axis >= offset]
    viewer.dims.set_point(hidden, [float(middle[axis - offset]) for axis in hidden])
    shown = [axis - offset for axis in viewer.dims.displayed if axis >= offset]
    camera = viewer.scene.camera
    camera.center = tuple(float(middle[axis]) for axis in shown)
    camera.zoom = dots / max(float(np.abs(ends[1] - ends[0])[shown].max()), 1e-9)


def voxel_size(layer: Layer) -> VoxelSize:
    """Return the pixel size along each axis of a layer, in one unit.

    Of axes that are no lengths beside others that are, such as time, it is the bare number.

    Raises
    ------
    ValueError
        If the axes are sheared, so that pixels have no size of their own.
    """
    columns = _in_one_unit(layer)[0][:, :-1]
    sizes = np.linalg.norm(columns, axis=0)
    cosines = columns.T @ columns / np.outer(sizes, sizes)
    if np.abs(cosines - np.eye(len(sizes))).max() > 1e-6:
        raise ValueError(
            f"layer {layer.name!r} is sheared; distances in it have no meaning. Remove the shear "
            "(layer.shear, layer.affine), or resample the image"
        )
    return lattice(layer)[0]


def lattice(layer: Layer) -> tuple[VoxelSize, tuple[float, ...]]:
    """Return the pixel size along each axis, of sheared ones too, and where the first pixel lies.

    Both are in one unit, as those of `voxel_size`.
    """
    columns, last = _in_one_unit(layer)
    sizes, origin = np.linalg.norm(columns[:, :-1], axis=0), columns[:, -1]
    if last not in METRES:
        return VoxelSize(sizes, "pixel" if last == "px" else last), tuple(origin.tolist())
    rounded = [float(f"{size:.12g}") for size in (*sizes, *origin)]
    return VoxelSize(rounded[: layer.ndim], last), tuple(rounded[layer.ndim :])


def _in_one_unit(layer: Layer) -> tuple[Array, str]:
    """Return the matrix to the world, of shape (D, D + 1), in the unit of the last axis."""
    names = [unit(str(each)) for each in layer.units]
    last = names[-1]
    known = last in METRES
    factors = [METRES.get(name, METRES[last]) / METRES[last] if known else 1.0 for name in names]
    return np.array(factors)[:, None] * matrix(layer)[:-1], last


def time_unit(layer: Layer) -> str:
    """Return the unit of a layer's axis of time, "" if no axis is measured in time."""
    times = [each for each in layer.units if _is_time(each)]
    return f"{times[0]:~}" if times else ""


def _is_time(unit: Any) -> bool:
    return bool(dict(unit.dimensionality) == {"[time]": 1})


def axes(layer: Layer) -> tuple[str, ...]:
    """Return the names of a layer's axes; those napari made up are replaced by ours.

    Among the leading axes, one that is measured in seconds or the like is "t".
    """
    names = tuple(layer.axis_labels)
    made_up = tuple(str(i) for i in range(-layer.ndim, 0))
    if names != made_up:
        return names
    usual = default_axes(layer.ndim)
    timed = [_is_time(each) for each in layer.units[:-2]]
    return (*("t" if time else name for time, name in zip(timed, usual, strict=False)), "y", "x")


def array(layer: Layer) -> Any:
    """Return a layer's array, the finest level of a multiscale one."""
    return layer.data[0] if layer.multiscale else layer.data


def same_grid(name: str, layer: Layer, other: Layer, dropped: int | None = None) -> None:
    """Raise an error unless two layers have the same shape and lie on one another.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    layer, other : Layer
    dropped : int, optional
        Axis of `other` that `layer` does not have.
    """
    kept = [axis for axis in range(other.ndim) if axis != dropped]
    shape = tuple(array(layer).shape[: layer.ndim])
    wanted = tuple(array(other).shape[axis] for axis in kept)
    if shape != wanted:
        raise ValueError(
            f"{name} is layer {layer.name!r} of shape {shape}, but {other.name!r} has {wanted}; "
            f"choose a layer of the same shape"
        )
    if not lie_together(layer, other, kept):
        raise ValueError(
            f"{name} is layer {layer.name!r}, which lies elsewhere than {other.name!r} (its scale, "
            "units, translate or rotation differ); give both the same"
        )


def lie_together(layer: Layer, other: Layer, axes: Sequence[int] | None = None) -> bool:
    """Return True if pixels of the same index, along these axes of `other`, lie on one another."""
    kept = range(other.ndim) if axes is None else axes
    return layer.ndim == len(kept) and _is_one(between(layer, other, kept))


def region_within(layer: Layer, other: Layer, dropped: int | None = None) -> Region | None:
    """Return the part of a layer's grid that another layer covers, None if it is no part of it.

    Parameters
    ----------
    layer : Layer
        It may have axes in front that `other` does not have.
    other : Layer
        Such as the result of a region of `layer`.
    dropped : int, optional
        Axis of `other` that `layer` does not have.
    """
    theirs = [axis for axis in range(other.ndim) if axis != dropped]
    own = range(layer.ndim - len(theirs), layer.ndim)
    if own.start < 0:
        return None
    world = tuple(layer.units[axis] for axis in own)
    place = np.linalg.inv(matrix(layer, axes=own)) @ matrix(other, world, theirs)
    start = np.rint(place[:-1, -1]).astype(int)
    stop = start + [array(other).shape[axis] for axis in theirs]
    place[:-1, -1] -= start
    inside = (start >= 0).all() and (stop <= [array(layer).shape[axis] for axis in own]).all()
    return (
        Region(tuple(start.tolist()), tuple(stop.tolist())) if inside and _is_one(place) else None
    )


def _is_one(place: Array) -> bool:
    """Return True if a matrix from pixels to pixels leaves them where they are."""
    moved = np.abs(place - np.eye(len(place)))
    # in pixels, so that it is the same in all units: files round sizes and stages' positions
    return bool(moved[:, :-1].max() < 1e-5 and moved[:, -1].max() < 0.01)


def geometry(layer: Layer, start: Sequence[int], dropped: int | None = None) -> dict[str, Any]:
    """Return where a result lies that begins at pixel `start` of a layer.

    Parameters
    ----------
    layer : Layer
    start : sequence of int
        One index per axis of the result.
    dropped : int, optional
        Axis of the layer that the result does not have.
    """
    from napari.utils.transforms import Affine

    own = Affine(scale=layer.scale, rotate=layer.rotate, shear=layer.shear)
    linear, translate = own.linear_matrix, np.asarray(layer.translate, float)
    offset = np.insert(np.asarray(start, float), dropped, 0) if dropped is not None else start
    kept = [axis for axis in range(layer.ndim) if axis != dropped]
    square = np.ix_(kept, kept)
    shear = np.eye(layer.ndim)
    shear[np.triu_indices(layer.ndim, 1)] = layer.shear
    extra = np.asarray(layer.affine.affine_matrix, float)
    return {
        "scale": np.asarray(layer.scale)[kept],
        "translate": (translate + linear @ offset)[kept],
        "rotate": np.asarray(layer.rotate)[square],
        "shear": shear[square][np.triu_indices(len(kept), 1)],
        "affine": extra[np.ix_([*kept, layer.ndim], [*kept, layer.ndim])],
        "units": tuple(layer.units[axis] for axis in kept),
        "axis_labels": tuple(layer.axis_labels[axis] for axis in kept),
    }


def usual_over(layer: Layer, viewer: ViewerModel) -> Over:
    """Return "volume" where an axis is called z, or 3-D is shown, else "planes"."""
    named_z = layer.ndim > 2 and str(layer.axis_labels[-3]).lower() == "z"
    shown = layer.ndim > 2 and viewer.dims.ndisplay == 3
    return "volume" if named_z or shown else "planes"
