"""Where a layer lies: its pixel size, axes and transform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.pipeline.source import default_axes
from napari_tessera.signature.units import METRES, unit
from napari_tessera.signature.words import Array, Over, VoxelSize

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer


def matrix(layer: Layer) -> Array:
    """Return the affine matrix from the layer's pixels to the world, shape (D + 1, D + 1)."""
    count = layer.ndim
    origin = np.asarray(layer.data_to_world(np.zeros(count)), float)
    result = np.eye(count + 1)
    result[:-1, -1] = origin
    for axis in range(count):
        result[:-1, axis] = layer.data_to_world(np.eye(count)[axis]) - origin
    return result


def voxel_size(layer: Layer) -> VoxelSize:
    """Return the pixel size along each axis of a layer, in one unit.

    Raises
    ------
    ValueError
        If the axes are sheared, so that pixels have no size of their own, or their units cannot be
        converted.
    """
    columns = matrix(layer)[:-1, :-1]
    sizes = np.linalg.norm(columns, axis=0)
    cosines = columns.T @ columns / np.outer(sizes, sizes)
    if np.abs(cosines - np.eye(len(sizes))).max() > 1e-6:
        raise ValueError(
            f"layer {layer.name!r} is sheared; distances in it have no meaning. Remove the shear "
            "(layer.shear, layer.affine), or resample the image"
        )
    names = [unit(str(each)) for each in layer.units]
    last = names[-1]
    if last not in METRES:
        return VoxelSize(sizes, "pixel" if last == "px" else last)
    factors = [METRES.get(name, METRES[last]) / METRES[last] for name in names]
    return VoxelSize([float(f"{s * f:.12g}") for s, f in zip(sizes, factors, strict=True)], last)


def axes(layer: Layer) -> tuple[str, ...]:
    """Return the names of a layer's axes; those napari made up are replaced by ours."""
    names = tuple(layer.axis_labels)
    made_up = tuple(str(i) for i in range(-layer.ndim, 0))
    return default_axes(layer.ndim) if names == made_up else names


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
    square = np.ix_([*kept, other.ndim], [*kept, other.ndim])
    if not np.allclose(matrix(layer), matrix(other)[square]):
        raise ValueError(
            f"{name} is layer {layer.name!r}, which lies elsewhere than {other.name!r} (its scale, "
            "translate or rotation differ); give both the same"
        )


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
