"""Runs on a part of a source: what is cut, what is masked, what is looked at around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from napari_tessera.algorithms.halo_tiles import tiled
from napari_tessera.pipeline.source import Points, Region, Source
from napari_tessera.signature.words import AXES, Array, Over


def cut_source(
    source: Source, values: Mapping[str, Any], region: Region
) -> tuple[Source, dict[str, Any]]:
    """Return the source and the extra arrays within a region; its mask joins the method's own."""
    own = {name: _cut(value, region, source.shape) for name, value in values.items()}
    source = source.cut(region)
    if region.mask is not None and "mask" in own:
        inside, mask = np.broadcast_to(region.mask, source.shape), own["mask"]
        own["mask"] = inside if mask is None else inside & (np.asarray(mask) != 0)
    return source, own


def _cut(value: Any, region: Region, shape: tuple[int, ...]) -> Any:
    """Return the part of an extra array (or of points) that lies in the region."""
    if isinstance(value, Points):
        return value.cut(region)
    if isinstance(value, Source):
        return value.cut(region) if value.shape == shape else value
    if not hasattr(value, "shape") or not value.shape:
        return value
    if tuple(value.shape) not in (shape, shape[-value.ndim :]):
        return value  # whoever reads it says what is wrong with it
    return value[region.box[-value.ndim :]]


def whole_planes(region: Region, source: Source, over: Over) -> Region:
    """Return a region as a mask of whole planes or volumes, whose coordinates are the source's."""
    inside = True if region.mask is None else region.mask
    axes = max(AXES[over], np.ndim(inside))
    mask = np.zeros(source.shape[-axes:], bool)
    mask[region.box[-axes:]] = inside
    lead = len(source.shape) - axes
    return Region(region.start[:lead] + (0,) * axes, region.stop[:lead] + mask.shape, mask)


def clear_outside(array: Any, mask: Array, block: Sequence[int]) -> None:
    """Set what lies outside a mask of the last axes to 0, block by block."""
    for tile in tiled(mask.shape, (0,) * mask.ndim, block):
        if mask[tile.core].all():
            continue
        box: tuple[Any, ...] = (*(slice(None),) * (array.ndim - mask.ndim), *tile.core)
        array[box] = np.where(mask[tile.core], array[box], 0)


def without_outside(source: Source, mask: Array) -> Source:
    """Return labels that are 0 outside a mask of their last axes."""
    return replace(source, array=_Masked(source.array, mask))


class _Masked:
    """An array that is 0 outside a mask of its last axes."""

    def __init__(self, array: Any, mask: Array) -> None:
        self._array, self._mask = array, np.broadcast_to(mask, array.shape)
        self.shape, self.ndim, self.dtype = array.shape, array.ndim, array.dtype

    def __getitem__(self, index: tuple[Any, ...]) -> Array:
        return np.where(self._mask[index], np.asarray(self._array[index]), 0).astype(self.dtype)
