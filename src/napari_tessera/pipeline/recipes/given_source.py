"""What a recipe is run on: an array, a layer or a source, with the axes that it was made for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.pipeline.layer_like import is_layer_like, layer_source
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.schema import shown
from napari_tessera.signature.words import VoxelSize

if TYPE_CHECKING:
    from napari_tessera.pipeline.recipes.recipe import Recipe


def given_source(
    first: Recipe,
    image: Any,
    spacing: VoxelSize | tuple[float, ...] | None,
    channel_axis: int | None,
) -> Source:
    """Return what a person runs a recipe on as a source, with axes as its first step knows."""
    if isinstance(image, Source):
        if spacing is not None or channel_axis is not None:
            raise TypeError("image is a Source with a spacing and channels; give no others")
        return image
    own, axes = first.channel_axis, tuple(first.source.get("axes", ()))
    if is_layer_like(image):
        told = channel_axis is None and image.ndim > len(axes) > 0
        axis = own if told and isinstance(own, int) else channel_axis
        return layer_source(image, channel_axis=axis)
    array = image if hasattr(image, "dtype") and hasattr(image, "ndim") else np.asarray(image)
    if array.dtype.kind not in "buif":
        raise TypeError(f"image is {shown(image)}; pass an array, a layer or a Source")
    more = channel_axis is None and array.ndim == len(axes) + 1 > 2
    colours = more and own == "rgb" and array.shape[-1] in (3, 4)
    axis = -1 if colours else own if more and isinstance(own, int) else channel_axis
    known = axes if len(axes) == array.ndim - (axis is not None) else None
    found = Source.of(array, spacing=spacing, axes=known, channel_axis=axis)
    return replace(found, rgb=colours)
