"""Layers in, layers out: arrays with their geometry, and results exactly on their source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.algorithms.filters.smoothing import prepare
from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.pipeline.source import Luminance, Points, Region, Source, grey
from napari_tessera.signature.parameters import Parameter
from napari_tessera.signature.words import Array, VoxelSize
from napari_tessera.widgets.layers.geometry import (
    array,
    axes,
    between,
    region_within,
    same_grid,
    time_unit,
    voxel_size,
)
from napari_tessera.widgets.napari_private import shown_pixels

if TYPE_CHECKING:
    from napari.layers import Image, Layer


class Stacked:
    """Several arrays of one shape as the channels of one, read lazily; channels come first.

    Attributes
    ----------
    parts : sequence of array
    """

    def __init__(self, arrays: Sequence[Any]) -> None:
        self.parts = arrays
        self.shape = (len(arrays), *arrays[0].shape)
        self.ndim = len(self.shape)
        self.dtype = np.result_type(*(array.dtype for array in arrays))

    def __getitem__(self, index: tuple[Any, ...]) -> Array:
        chosen, rest = index[0], tuple(index[1:])
        if not isinstance(chosen, slice):
            return np.asarray(self.parts[chosen][rest])
        return np.stack([np.asarray(array[rest]) for array in self.parts[chosen]])


def luminance_of(layer: Image) -> Any:
    """Return one value per pixel of an Image layer: its array, or the luminance of its colours."""
    return Luminance(array(layer)) if layer.rgb else array(layer)


def fits(layer: Layer, word: str) -> bool:
    """Return True if a parameter with this word takes the layer; previews are never taken."""
    from napari.layers import Image, Labels
    from napari.layers import Points as PointsLayer

    taken = {
        "image": (Image,),
        "labels": (Labels,),
        "markers": (PointsLayer, Labels),
        "strokes": (Labels,),
        "mask": (Labels,),
        "scores": (Image,),
    }
    return isinstance(layer, taken.get(word, ())) and not is_preview(layer)


def is_preview(layer: Layer) -> bool:
    """Return True for a layer that only shows a preview."""
    return bool(layer.metadata.get(KEY, {}).get("preview"))


def is_channel(layer: Layer) -> bool:
    """Return True for a grey Image layer, which can be a channel of another one."""
    from napari.layers import Image

    return isinstance(layer, Image) and not layer.rgb and not is_preview(layer)


def source(
    layer: Layer | Sequence[Layer], *, channel_axis: int | None = None, channel: int | None = None
) -> Source:
    """Return a layer as the source of a run.

    Parameters
    ----------
    layer : Image or Labels layer, or several Image layers of one grid
        Several become the channels of one image.
    channel_axis : int, optional
        Axis of the array that holds channels; RGB layers know theirs.
    channel : int, optional
        The channel to take; None = all, or luminance.

    Raises
    ------
    ValueError
        If the layers do not share one grid, or the geometry has no pixel size.
    """
    from napari.layers import Image, Labels

    if isinstance(layer, Sequence):
        if len(layer) > 1:
            return _together(layer, channel)
        layer = layer[0]
    if not isinstance(layer, Image | Labels):
        raise TypeError(f"layer is {layer!r}; pass an Image or Labels layer")
    rgb = bool(getattr(layer, "rgb", False))
    sizes, names = voxel_size(layer), axes(layer)
    if channel_axis is not None and not rgb:
        if not -layer.ndim <= channel_axis < layer.ndim or layer.ndim < 3:
            raise ValueError(
                f"channel_axis is {channel_axis}, but layer {layer.name!r} has {layer.ndim} "
                "axes; name one of them and leave at least two"
            )
        channel_axis %= layer.ndim
        sizes = VoxelSize(_drop(sizes, channel_axis), sizes.unit)
        names = _drop(names, channel_axis)
    axis = layer.ndim if rgb else channel_axis
    path, kind = file_of(layer), str(layer.metadata.get(KEY, {}).get("kind", ""))
    return Source(
        array(layer),
        sizes,
        names,
        axis,
        channel,
        rgb,
        layer.name,
        path=path,
        kind=kind,
        time_unit=time_unit(layer),
    )


def _together(layers: Sequence[Layer], channel: int | None) -> Source:
    """Return layers of one grid as the channels of one image."""
    first, names = layers[0], tuple(each.name for each in layers)
    for other in layers[1:]:
        same_grid("channels", other, first)
    return Source(
        Stacked([array(each) for each in layers]),
        voxel_size(first),
        axes(first),
        channel_axis=0,
        channel=channel,
        name=" + ".join(names),
        time_unit=time_unit(first),
        parts=names,
    )


def dropped_axis(own: Source) -> int | None:
    """Return the axis of the layer behind a source that its results do not have."""
    return None if own.rgb or own.parts else own.channel_axis


def _drop(values: tuple[Any, ...], axis: int) -> tuple[Any, ...]:
    return tuple(values[:axis]) + tuple(values[axis + 1 :])


def beside(parameter: Parameter, layer: Layer, on: Layer, dropped: int | None = None) -> Any:
    """Return a layer as what a parameter takes beside the source: an image, a mask, markers.

    Where the source is a part of the layer's grid, such as the result of a region of it, the layer
    is cut to it. Points with a whole number called "label" among their features have that as their
    id.

    Raises
    ------
    ValueError
        If the two are not of one grid, or their axes differ.
    """
    from napari.layers import Points as PointsLayer

    if isinstance(layer, PointsLayer):
        return _points_on(parameter.name, layer, on, dropped)
    if parameter.word.name == "scores" and layer.ndim > on.ndim:
        # the classes are an axis in front, which the labels do not have
        part = region_within(layer, on)
        if part is None:
            same_grid("labels", on, layer, 0)
        return _cut(source(layer, channel_axis=0), part)
    part = None if layer.ndim > on.ndim else region_within(layer, on, dropped)
    if part is None:
        same_grid(parameter.name, layer, on, dropped)
    if parameter.is_image:
        return _cut(source(layer), part)
    whole = array(layer)
    return whole if part is None or part.covers(whole.shape) else whole[part.box]


def _cut(own: Source, part: Region | None) -> Source:
    """Return the part of a source; what is whole stays as it is."""
    return own if part is None or part.covers(own.shape) else own.cut(part)


def _points_on(name: str, layer: Layer, on: Layer, dropped: int | None) -> Points:
    """Return the points of a layer in pixels of another one, without its axis of channels."""
    if layer.ndim != on.ndim:
        raise ValueError(
            f"{name} is layer {layer.name!r} with {layer.ndim} axes, but {on.name!r} has "
            f"{on.ndim}; add the points in a Points layer of {on.ndim} axes"
        )
    to_pixels = between(layer, on)
    points = np.asarray(layer.data, float) @ to_pixels[:-1, :-1].T + to_pixels[:-1, -1]
    ids = layer.features.get("label")
    ids = None if ids is None or ids.dtype.kind not in "ui" else ids.to_numpy()
    return Points(points if dropped is None else np.delete(points, dropped, 1), ids)


def file_of(layer: Layer) -> str | None:
    """Return the file that a layer was read from, if any."""
    path = getattr(layer.source, "path", None)
    return None if path is None else str(path)


def sample(layer: Layer, own: Source, background: tuple[float, ...] = (0.0, 0.0)) -> Array:
    """Return some intensities of a layer for a histogram, without reading much of it.

    Parameters
    ----------
    layer : Image layer
        Of a lazy array only what is on the canvas is taken, so that nothing is computed.
    own : Source
        The layer as a source, with the channel that is worked on.
    background : tuple of float
        Width of the background that is subtracted, in pixels of the last two axes.

    Returns
    -------
    ndarray, one axis
    """
    step = 1
    if isinstance(own.array, np.ndarray):
        step = max(1, int((np.prod(own.shape) / 250_000) ** (1 / len(own.shape))))
        box = [slice(None, None, step)] * len(own.shape)
        if own.channel_axis is not None:
            box.insert(own.channel_axis, slice(None))
        values = own.array[tuple(box)]
        if own.channel_axis is not None:
            values = np.moveaxis(values, own.channel_axis, -1)
            one = own.channel is not None
            values = values[..., own.channel] if one else grey(values, rgb=own.rgb)
    else:
        values = shown_pixels(layer)
        values = grey(values, rgb=True) if own.rgb else values
    values = values.astype(np.uint8) if values.dtype == bool else values
    if any(background):
        widths = (0.0,) * (values.ndim - 2) + tuple(width / step for width in background)
        values = prepare(np.nan_to_num(values), (0.0,) * values.ndim, widths)
    return np.asarray(values[np.isfinite(values)])
