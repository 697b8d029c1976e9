"""Layers of napari, and what looks like them, as sources; the viewer is not imported for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_tessera.pipeline.source import Source, default_axes
from napari_tessera.signature.units import METRES, unit
from napari_tessera.signature.words import VoxelSize


def is_layer_like(image: Any) -> bool:
    """Return True for what has pixels, a name and a place in a world, as a layer has."""
    return all(hasattr(image, name) for name in ("data", "name", "data_to_world"))


def layer_source(layer: Any, *, channel_axis: int | None = None) -> Source:
    """Return a layer as the source of a run, of a multiscale one the finest level.

    Parameters
    ----------
    layer : Image or Labels layer
    channel_axis : int, optional
        Axis of the array that holds channels; RGB layers know theirs.

    Raises
    ------
    ValueError
        If the layer is sheared, so that its pixels have no size.
    """
    array = layer.data[0] if getattr(layer, "multiscale", False) else layer.data
    rgb = bool(getattr(layer, "rgb", False))
    axis = array.ndim - 1 if rgb else channel_axis
    kept = [i for i in range(layer.ndim) if rgb or axis is None or i != axis % layer.ndim]
    sizes, own = _voxel(layer), tuple(map(str, layer.axis_labels))
    made_up = own == tuple(str(i) for i in range(-layer.ndim, 0))
    names = default_axes(len(kept)) if made_up else tuple(own[i] for i in kept)
    size = VoxelSize([sizes[i] for i in kept], sizes.unit)
    return Source(array, size, names, axis, rgb=rgb, name=str(layer.name))


def _voxel(layer: Any) -> VoxelSize:
    """Return the size of a layer's pixels, in the unit of its last axis where that is a length."""
    origin = np.asarray(layer.data_to_world(np.zeros(layer.ndim)), float)
    columns = np.stack([layer.data_to_world(row) - origin for row in np.eye(layer.ndim)], 1)
    names = [unit(str(each)) for each in layer.units]
    last = names[-1]
    if last in METRES:
        factors = [METRES.get(name, METRES[last]) / METRES[last] for name in names]
        columns = np.array(factors)[:, None] * columns
    sizes = np.linalg.norm(columns, axis=0)
    cosines = columns.T @ columns / np.outer(sizes, sizes)
    if np.abs(cosines - np.eye(len(sizes))).max() > 1e-6:
        raise ValueError(f"layer {layer.name!r} is sheared; distances in it have no meaning")
    rounded = [float(f"{size:.12g}") for size in sizes]
    return VoxelSize(rounded, "pixel" if last == "px" else last)
