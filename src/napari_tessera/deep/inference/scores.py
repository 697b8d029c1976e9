"""How the probabilities of an image come about: normalised, resized, tile by tile, and kept."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from napari_tessera.algorithms.filters.intensities import intensities as found_intensities
from napari_tessera.algorithms.filters.intensities import normalised
from napari_tessera.algorithms.labels.ids import median_diameter
from napari_tessera.deep.data.pieces import zoom_of
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.decode import DEFAULTS, to_objects
from napari_tessera.deep.models.library import Model, ModelConfig
from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.units import METRES, physical, unit
from napari_tessera.signature.words import Array, Spacing, VoxelSize

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

SLIGHT = 1.1
"""Images are not enlarged, and predicted again, by less than this."""

PIXELS = 1 << 20
"""About how many pixels a network sees at once."""


def cached_scores(
    image: Array,
    model: Model,
    *,
    cache: Cache,
    spacing: Spacing,
    channel_axis: int | None,
    device: str,
    report: Reporter,
    intensities: Any,
    **options: Any,
) -> Array:
    """Return the probabilities of an image, from what is kept if it was predicted before.

    With `sample`, a number from 1, features are left out at random, for each number others.
    """
    if model.config.targets == "instances":
        raise ValueError(
            f"model {model.name!r} finds objects one by one and has no probabilities of pixels; "
            "choose 'predict' or 'detect', or another model"
        )
    voxel = VoxelSize.of(spacing, image.ndim - (channel_axis is not None))
    own = (channel_axis, tuple(voxel), voxel.unit, device, intensities, *options.values())
    return cache.value(
        "scores",
        cache_key(image, model, own),
        lambda: _scores(
            image,
            model,
            voxel,
            channel_axis,
            cache=cache,
            device=device,
            intensities=intensities,
            report=report,
            **options,
        ),
        size=lambda found: int(found.nbytes),
    )


def cache_key(image: Array, model: Model, options: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what tells a prediction from another one."""
    whole = np.ascontiguousarray(image)
    digest = hashlib.blake2b(whole.data, digest_size=16).digest()
    return image.shape, image.dtype.str, digest, str(model.path), model.config.weights, *options


def _scores(
    image: Array,
    model: Model,
    voxel: VoxelSize,
    channel_axis: int | None,
    *,
    diameter: float | str,
    flips: bool,
    tile: int,
    device: str,
    intensities: Any,
    sample: int = 0,
    cache: Cache,
    report: Reporter,
) -> Array:
    from napari_tessera.deep import devices
    from napari_tessera.deep.inference.dropout import with_dropout
    from napari_tessera.deep.inference.tiling import resized

    sized, shape = prepared(image, model, voxel, channel_axis, intensities)
    place = devices.choose(device)
    network = cached_network(model, place, cache)
    if sample:
        network = with_dropout(network, sample)

    def run(zoom: float, report: Reporter) -> Array:
        enlarged = resized(sized, enlarged_shape(sized.shape[1:], zoom, model.config.axes))
        return resized(_planes(enlarged, network, model, flips, tile, place, report), shape)

    share = sized.shape[-1] / shape[-1]
    told = physical(diameter, voxel, name="diameter") / min(voxel)
    return zoomed(
        run, partial(width_of, model), model.config, told=told, share=share, report=report
    )


def prepared(
    image: Array, model: Model, voxel: VoxelSize, channel_axis: int | None, intensities: Any
) -> tuple[Array, tuple[int, ...]]:
    """Return an image as a model takes it, (C, *P), and its shape before it was resized.

    It is normalised, and resized where the model was trained on pixels of another size.

    Raises
    ------
    ValueError
        If the model takes other channels or axes.
    """
    from napari_tessera.deep.inference.tiling import resized

    image, channel_axis = _fitting(image, channel_axis, model)
    channels_last = image if channel_axis is None else np.moveaxis(image, channel_axis, -1)
    levels = intensities or find_intensities([channels_last], model.config)
    ready = normalised(image, levels, channel_axis=channel_axis)  # (C, *P)
    shape = ready.shape[1:]
    return resized(ready, sizes_at(shape, voxel, model)), shape


def zoomed(
    run: Callable[[float, Reporter], T],
    width: Callable[[T], float],
    config: ModelConfig,
    *,
    told: float,
    share: float,
    report: Reporter,
) -> T:
    """Return what a network gives for an image that is enlarged if its objects are small.

    Parameters
    ----------
    run : callable
        Factor and reporter -> what the network gives.
    width : callable
        What it gives -> the median diameter of the objects, in pixels of the image as it was.
    config : ModelConfig
    told : float
        That diameter if it is known; 0 = found in a first pass.
    share : float
        Pixels of the resized image per pixel of it as it was.
    report : Reporter
    """
    if not config.diameter:
        return run(1, report)
    found = None
    if not told:
        found = run(1, report.part(0, 2))
        told = width(found)
    zoom = zoom_of(share * told, config.diameter)
    if found is not None and zoom < SLIGHT:
        return found
    return run(zoom, report.part(1, 2))


def width_of(model: Model, found: Array) -> float:
    """Return the median diameter, in pixels, of the objects in the probabilities of an image."""
    return median_diameter(_objects(_fullest(found), model.config))


def _fullest(found: Array) -> Array:
    """Return the plane of probabilities (3, *P) with the most foreground."""
    if found.ndim == 3:
        return found
    return found[:, found[0].mean(axis=(1, 2)).argmin()]


def _objects(found: Array, config: ModelConfig) -> Array:
    """Return the objects that the model's own thresholds give in a plane."""
    best = {**DEFAULTS, **config.thresholds}
    return to_objects(
        found,
        targets=config.targets,
        threshold=best["threshold"],
        seed_threshold=best["seed_threshold"],
        voxel=VoxelSize((1, 1)),
    )


def enlarged_shape(shape: tuple[int, ...], zoom: float, axes: int) -> tuple[int, ...]:
    """Return a shape enlarged along the last `axes` axes."""
    lead = len(shape) - axes
    return shape[:lead] + tuple(round(zoom * length) for length in shape[lead:])


def _planes(
    image: Array,
    network: torch.nn.Module,
    model: Model,
    flips: bool,
    tile: int,
    device: torch.device,
    report: Reporter,
) -> Array:
    """Return the probabilities of an image (C, *P), of a volume plane by plane if need be."""
    flat = model.config.axes == 2 and image.ndim == 4
    planes = np.moveaxis(image, 1, 0) if flat else image[None]  # (Z, C, Y, X) or (1, C, *P)
    found = [
        _tiled(plane, network, model, flips, tile, device, report.part(number, len(planes)))
        for number, plane in enumerate(planes)
    ]
    return np.stack(found, axis=1) if flat else found[0]


def side_of(tile: int, config: ModelConfig, shape: tuple[int, ...]) -> int:
    """Return the side of tiles for an image, in pixels.

    Those of volumes have no more pixels than of planes; images that were fitted are one tile.
    """
    if config.fitted:
        return max(shape)
    return tile if config.axes == 2 else max(32, round(tile ** (2 / 3)))


def cached_network(model: Model, device: torch.device, cache: Cache) -> torch.nn.Module:
    """Return the network of a model on a device, from what is kept if it was loaded before."""
    network: torch.nn.Module = cache.value(
        "network",
        (str(model.path), model.config.weights, str(device)),
        lambda: model.load_network().to(device),
        size=lambda network: sum(4 * each.numel() for each in network.parameters()),
    )
    return network


def _tiled(
    image: Array,
    network: torch.nn.Module,
    model: Model,
    flips: bool,
    tile: int,
    device: torch.device,
    report: Reporter,
) -> Array:
    from napari_tessera.deep.inference import tiling as tiled

    config = model.config
    sizes = NETWORKS[config.network].configure(**config.options).sizes
    tiles = tiled.plan_tiles(image.shape[1:], sizes, tile=side_of(tile, config, image.shape[1:]))
    return tiled.tiled_scores(
        image,
        network,
        tiles,
        classes=config.classes,
        batch=max(1, PIXELS // math.prod(tiles.tile)),
        device=device,
        flips=flips,
        report=report,
    )


def _fitting(image: Array, channel_axis: int | None, model: Model) -> tuple[Array, int | None]:
    """Return the image with the channels that the model takes, or raise an error."""
    config = model.config
    axes = image.ndim - (channel_axis is not None)
    if axes < config.axes:
        raise ValueError(
            f"model {model.name!r} works on volumes (Z, Y, X), but image has {axes} spatial axes; "
            "choose a model for planes, or work on a volume"
        )
    channels = 1 if channel_axis is None else image.shape[channel_axis]
    if channels == config.in_channels:
        return image, channel_axis
    wanted = "3 (red, green, blue)" if config.rgb else str(config.in_channels)
    raise ValueError(
        f"model {model.name!r} takes {wanted} channels, but image has {channels}; choose the "
        "channels it was trained on, or another model"
    )


def find_intensities(
    images: Iterable[Array], config: ModelConfig
) -> tuple[tuple[float, float], ...]:
    """Return what becomes 0 and the range, of each channel, as the model was trained."""
    return found_intensities(
        images,
        channels=config.in_channels > 1 or config.rgb,
        kind=config.normalise,
        low=config.low,
        high=config.high,
    )


def sizes_at(shape: tuple[int, ...], voxel: VoxelSize, model: Model) -> tuple[int, ...]:
    """Return the shape in pixels of the size that the model was trained with.

    It stays as it is where either size is unknown, or they differ by less than 5 %. Models of
    photographs fit the whole image into theirs.
    """
    config = model.config
    if config.fitted:
        lead, (shorter, longer) = len(shape) - config.axes, config.fitted
        factor = min(shorter / min(shape[lead:]), longer / max(shape[lead:]))
        return enlarged_shape(shape, factor, config.axes)
    own, theirs = unit(voxel.unit), unit(config.unit)
    if config.spacing is None or own not in METRES or theirs not in METRES:
        return shape
    factor = METRES[own] / METRES[theirs]
    ratios = [
        factor * size / wanted
        for size, wanted in zip(voxel[-config.axes :], config.spacing, strict=True)
    ]
    if all(abs(math.log(ratio)) < 0.05 for ratio in ratios):
        return shape
    lead = len(shape) - config.axes
    sizes = (max(1, round(n * r)) for n, r in zip(shape[lead:], ratios, strict=True))
    return shape[:lead] + tuple(sizes)
