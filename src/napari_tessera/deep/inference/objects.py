"""How the objects of an image are found one by one: normalised, resized, tile by tile, and kept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.algorithms.labels.ids import median_diameter
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.scores import (
    PIXELS,
    cache_key,
    cached_network,
    enlarged_shape,
    prepared,
    side_of,
    zoomed,
)
from napari_tessera.deep.models.library import Model, ModelConfig
from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.units import physical
from napari_tessera.signature.words import Array, Spacing, VoxelSize

if TYPE_CHECKING:
    from napari_tessera.deep.inference.detections import Found

DEFAULTS = {"threshold": 0.5, "overlap": 0.5}
"""Confidence from which objects are shown, and how much of one surer ones may cover."""


def cached_objects(
    image: Array,
    model: Model,
    *,
    cache: Cache,
    spacing: Spacing,
    channel_axis: int | None,
    device: str,
    report: Reporter,
    intensities: Any,
    diameter: float | str,
    tile: int,
) -> list[Found]:
    """Return all that a network finds in the planes of an image, even what it is not sure of.

    It comes from what is kept if the image was predicted before.

    Parameters
    ----------
    image, model, cache, spacing, channel_axis, device, report, intensities, diameter, tile
        As for `napari_tessera.deep.inference.scores.cached_scores`.

    Raises
    ------
    ValueError
        If the model gives scores of pixels, or does not fit the image.
    """
    check_one_by_one(model)
    voxel = VoxelSize.of(spacing, image.ndim - (channel_axis is not None))
    own = (channel_axis, tuple(voxel), voxel.unit, device, intensities, diameter, tile)
    found: list[Found] = cache.value(
        "objects",
        cache_key(image, model, own),
        lambda: _found(
            image, model, voxel, channel_axis, cache, device, report, intensities, diameter, tile
        ),
        size=lambda planes: sum(each.nbytes for each in planes),
    )
    return found


def check_one_by_one(model: Model) -> None:
    """Raise an error if a model gives scores of pixels."""
    if model.config.targets != "instances":
        able = [each.title for each in NETWORKS.values() if each.finds == "objects"]
        raise ValueError(
            f"model {model.name!r} is a {NETWORKS[model.config.network].title}, which scores "
            f"pixels; choose 'predict', or a model that finds objects one by one "
            f"({' or '.join(able)})"
        )


def thresholds(config: ModelConfig, confidence: float | None = None) -> dict[str, float]:
    """Return confidence and overlap for `stacked`: what was asked for, or else the model's own."""
    best = {**DEFAULTS, **config.thresholds}
    own = best["threshold"] if confidence is None else confidence
    return {"confidence": own, "overlap": best["overlap"]}


def _found(
    image: Array,
    model: Model,
    voxel: VoxelSize,
    channel_axis: int | None,
    cache: Cache,
    device: str,
    report: Reporter,
    intensities: Any,
    diameter: float | str,
    tile: int,
) -> list[Found]:
    from napari_tessera.deep import devices
    from napari_tessera.deep.inference.pasting import pasted
    from napari_tessera.deep.inference.tiling import resized

    sized, shape = prepared(image, model, voxel, channel_axis, intensities)
    place = devices.choose(device)
    network = cached_network(model, place, cache)

    def run(zoom: float, report: Reporter) -> list[Found]:
        enlarged = resized(sized, enlarged_shape(sized.shape[1:], zoom, model.config.axes))
        planes = enlarged[:, None] if enlarged.ndim == 3 else enlarged  # (C, Z, Y, X)
        found = [
            _in_plane(planes[:, z], network, model, tile, place, report.part(z, planes.shape[1]))
            for z in range(planes.shape[1])
        ]
        return [each.resized(shape[-2:]) for each in found]

    def width(found: list[Found]) -> float:
        fullest = max(found, key=lambda each: float(each.confidence.sum()))
        return median_diameter(pasted(fullest, **thresholds(model.config)).labels)

    share = sized.shape[-1] / shape[-1]
    told = physical(diameter, voxel, name="diameter") / min(voxel)
    return zoomed(run, width, model.config, told=told, share=share, report=report)


def _in_plane(
    image: Array, network: Any, model: Model, tile: int, device: Any, report: Reporter
) -> Found:
    """Return what is found in a plane (C, Y, X)."""
    from napari_tessera.deep.inference.detections import found_in, most_in
    from napari_tessera.deep.inference.tiling import plan_tiles

    config = model.config
    sizes = NETWORKS[config.network].configure(**config.options).sizes
    tiles = plan_tiles(image.shape[1:], sizes, tile=side_of(tile, config, image.shape[1:]))
    return found_in(
        np.ascontiguousarray(image),
        network,
        tiles,
        limit=most_in(config, tiles.tile),
        batch=max(1, PIXELS // (2 * math.prod(tiles.tile))),
        device=device,
        report=report,
    )
