"""Apply a trained network: probabilities, and from them objects or classes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from napari_tessera.deep.decode import to_classes, to_objects
from napari_tessera.deep.model import Model, find
from napari_tessera.deep.networks import NETWORKS
from napari_tessera.deep.normalising import intensities as found_intensities
from napari_tessera.deep.normalising import normalised
from napari_tessera.deep.settings import Device, Targets
from napari_tessera.kept import Kept
from napari_tessera.lengths import METRES, to_pixels, unit
from napari_tessera.signature import checked
from napari_tessera.types import (
    Array,
    ChannelAxis,
    Fraction,
    Image,
    Intensities,
    Keeping,
    Labels,
    Length,
    ModelFolder,
    Report,
    Reporter,
    Scores,
    Spacing,
    VoxelSize,
    Word,
)

if TYPE_CHECKING:
    import torch

_ADVANCED = "Advanced"

PIXELS = 1 << 20
"""About how many pixels a network sees at once."""

TileSide = Annotated[int, Word(low=32, section=_ADVANCED)]


@checked
def predict(
    image: Image,
    *,
    model: ModelFolder,
    threshold: Fraction | None = None,
    seed_threshold: Fraction | None = None,
    smallest: Length = "0 px",
    flips: Annotated[bool, Word(section=_ADVANCED)] = False,
    tile: TileSide = 512,
    device: Annotated[Device, Word("device", section=_ADVANCED)] = "auto",
    intensities: Intensities | None = None,
    spacing: Spacing = None,
    channel_axis: ChannelAxis = None,
    kept: Keeping = None,
    report: Report = None,
) -> Labels:
    """Find objects or classes with a network that you have trained.

    The image is normalised as in training, rescaled to the pixel size of the training images where
    both are known, and predicted in overlapping tiles.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X), or with channels
        Intensities, a plane or a volume. A network for planes labels volumes plane by plane.
    model : str
        One of your models, by name, or the path of a model folder.
    threshold : float, optional
        Probability from which a pixel belongs to an object; None = what suited the model's
        validation images best. Not used for classes.
    seed_threshold : float, optional
        Probability of the inner part from which an object gets a number of its own; higher values
        split less. None = what suited the model's validation images best. Not used for classes.
    smallest : float or str
        Diameter of the smallest objects to keep (0 = all). Not used for classes.
    flips : bool
        Average over mirrored images: a little better, four times as long.
    tile : int
        Side of the tiles in pixels; smaller ones need less memory.
    device : str
        Where the network runs: auto, cpu, cuda, cuda:1, mps.
    intensities : tuple, optional
        What becomes 0 and the range, of each channel; None = found in the image.
    spacing : sequence of float, optional
        Pixel size along each axis.
    channel_axis : int, optional
        Axis of the image that holds channels.
    kept : Kept, optional
        Where networks and probabilities are kept for the next run.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray of int
        Objects 1, 2, 3, ..., or the class of each pixel.

    Raises
    ------
    ValueError
        If the model does not fit the image; the message says why.

    References
    ----------
    O. Ronneberger, P. Fischer, T. Brox, "U-Net", MICCAI 2015 (tiles).

    Examples
    --------
    >>> predict(np.zeros((64, 64)), model="a model that is not there")
    Traceback (most recent call last):
        ...
    ValueError: ...
    """
    report, kept = Reporter.of(report), kept or Kept()
    own = find(model)
    found = _kept_scores(
        image,
        own,
        flips=flips,
        tile=tile,
        device=device,
        intensities=intensities,
        spacing=spacing,
        channel_axis=channel_axis,
        kept=kept,
        report=report.part(0, 1),
    )
    if own.config.kind == "classes":
        return classes(found, ids=own.config.ids)
    axes = found.ndim - 1
    return objects(
        found,
        targets=own.config.targets,
        threshold=_first(threshold, own.config.thresholds.get("threshold"), 0.5),
        seed_threshold=_first(seed_threshold, own.config.thresholds.get("seed_threshold"), 0.7),
        smallest=smallest,
        spacing=VoxelSize.of(spacing, axes),
    )


@checked
def scores(
    image: Image,
    *,
    model: ModelFolder,
    flips: bool = False,
    tile: TileSide = 512,
    device: Annotated[Device, Word("device", section=_ADVANCED)] = "auto",
    intensities: Intensities | None = None,
    spacing: Spacing = None,
    channel_axis: ChannelAxis = None,
    kept: Keeping = None,
    report: Report = None,
) -> Scores:
    """Show what a network is sure of: a map of probability for each class.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X), or with channels
        Intensities, a plane or a volume.
    model : str
        One of your models, by name, or the path of a model folder.
    flips : bool
        Average over mirrored images: a little better, four times as long.
    tile : int
        Side of the tiles in pixels; smaller ones need less memory.
    device : str
        Where the network runs: auto, cpu, cuda, cuda:1, mps.
    intensities : tuple, optional
        What becomes 0 and the range, of each channel; None = found in the image.
    spacing : sequence of float, optional
        Pixel size along each axis.
    channel_axis : int, optional
        Axis of the image that holds channels.
    kept : Kept, optional
        Where networks and probabilities are kept for the next run.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray of float32, shape (K, ..., Y, X)
        For classes, their probabilities. For objects: background, interior and boundary; or
        background, rim and centre.

    Raises
    ------
    ValueError
        If the model does not fit the image; the message says why.

    References
    ----------
    O. Ronneberger, P. Fischer, T. Brox, "U-Net", MICCAI 2015 (tiles).

    Examples
    --------
    >>> scores(np.zeros((64, 64)), model="a model that is not there")
    Traceback (most recent call last):
        ...
    ValueError: ...
    """
    return _kept_scores(
        image,
        find(model),
        flips=flips,
        tile=tile,
        device=device,
        intensities=intensities,
        spacing=spacing,
        channel_axis=channel_axis,
        kept=kept or Kept(),
        report=Reporter.of(report),
    )


def objects(
    scores: Scores,
    *,
    targets: Targets = "boundaries",
    threshold: float = 0.5,
    seed_threshold: float = 0.7,
    smallest: float | str = "0 px",
    spacing: Spacing = None,
    report: Report = None,
) -> Array:
    """Return numbered objects from what a network gives.

    Parameters
    ----------
    scores : ndarray of float, shape (3, ..., Y, X)
        Probabilities of background, interior and boundary; or of background, rim and centre.
    targets : {"boundaries", "distances"}
        Which of both they are.
    threshold, seed_threshold, smallest, spacing, report
        As for `predict`.

    Returns
    -------
    ndarray of uint16 or uint32
    """
    voxel = VoxelSize.of(spacing, scores.ndim - 1)
    return to_objects(
        scores,
        targets=targets,
        threshold=threshold,
        seed_threshold=seed_threshold,
        smallest=_content(to_pixels(smallest, voxel, scores.shape[1:], name="smallest")),
        voxel=voxel,
        report=Reporter.of(report),
    )


def classes(scores: Scores, *, ids: tuple[int, ...] = ()) -> Array:
    """Return the most probable class of each pixel.

    Parameters
    ----------
    scores : ndarray of float, shape (K, ..., Y, X)
    ids : tuple of int
        The number of each class; empty = 0, 1, 2, ...

    Returns
    -------
    ndarray of uint8

    Examples
    --------
    >>> classes(np.array([[[0.9, 0.2]], [[0.1, 0.8]]]), ids=(0, 5))
    array([[0, 5]], dtype=uint8)
    """
    return to_classes(scores, ids or tuple(range(len(scores))))


def predict_statistics(
    pieces: Iterable[Mapping[str, Array]], *, model: str, **_: Any
) -> dict[str, Any]:
    """Return the intensities of a whole image that its pieces are to be normalised by.

    Parameters
    ----------
    pieces : iterable of mapping
        The image in pieces, {"image": ...}, channels last.
    model : str
    **_
        The other parameters of `predict`.
    """
    own = find(model).config
    return {"intensities": _intensities(_Images(pieces), own)}


def predict_kind(values: Mapping[str, Any]) -> str:
    """Return what `predict` gives with these parameters: "objects" or "classes"."""
    return find(values["model"]).config.kind


def predict_halo(values: Mapping[str, Any], spacing: VoxelSize) -> tuple[float, ...]:
    """Return how far around a part has to be read to predict it: half a tile."""
    return (values["tile"] / 2,) * len(spacing)


@dataclass(frozen=True)
class _Images:
    """The images of pieces, read anew each time they are gone through."""

    pieces: Iterable[Mapping[str, Array]]

    def __iter__(self) -> Any:
        return (piece["image"] for piece in self.pieces)


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)


def _content(diameter: tuple[float, ...]) -> int:
    """Return the pixels of a disc or ball with these diameters in pixels."""
    share = math.pi / 4 if len(diameter) == 2 else math.pi / 6
    return math.ceil(share * math.prod(diameter))


def _kept_scores(
    image: Array,
    model: Model,
    *,
    kept: Kept,
    spacing: Spacing,
    channel_axis: int | None,
    device: str,
    report: Reporter,
    intensities: Any,
    **options: Any,
) -> Array:
    """Return the probabilities of an image, from what is kept if it was predicted before."""
    voxel = VoxelSize.of(spacing, image.ndim - (channel_axis is not None))
    key = (
        _digest(image),
        (str(model.path), model.config.weights, channel_axis, tuple(voxel), voxel.unit, device),
        (intensities, *options.values()),
    )
    return kept.value(
        "scores",
        key,
        lambda: _scores(
            image,
            model,
            voxel,
            channel_axis,
            kept=kept,
            device=device,
            intensities=intensities,
            report=report,
            **options,
        ),
        size=lambda found: int(found.nbytes),
    )


def _digest(image: Array) -> tuple[Any, ...]:
    """Return what tells an image from another one."""
    whole = np.ascontiguousarray(image)
    return image.shape, image.dtype.str, hashlib.blake2b(whole.data, digest_size=16).digest()


def _scores(
    image: Array,
    model: Model,
    voxel: VoxelSize,
    channel_axis: int | None,
    *,
    flips: bool,
    tile: int,
    device: str,
    intensities: Any,
    kept: Kept,
    report: Reporter,
) -> Array:
    from napari_tessera.deep import devices

    config = model.config
    image, channel_axis = _fitting(image, channel_axis, model)
    place = devices.choose(device)
    channels_last = image if channel_axis is None else np.moveaxis(image, channel_axis, -1)
    levels = intensities or _intensities([channels_last], config)
    ready = normalised(image, levels, channel_axis=channel_axis)  # (C, *P)
    shape = ready.shape[1:]
    zoomed = _resized(ready, sizes_at(shape, voxel, model))
    network = kept_network(model, place, kept)
    flat = config.axes == 2 and len(shape) == 3
    planes = np.moveaxis(zoomed, 1, 0) if flat else zoomed[None]  # (Z, C, Y, X) or (1, C, *P)
    found = [
        _tiled(plane, network, model, flips, tile, place, report.part(number, len(planes)))
        for number, plane in enumerate(planes)
    ]
    whole = np.stack(found, axis=1) if flat else found[0]
    return _resized(whole, shape)


def side_of(tile: int, axes: int) -> int:
    """Return the side of tiles in pixels; those of volumes have no more pixels than of planes.

    Examples
    --------
    >>> side_of(512, 2), side_of(512, 3)
    (512, 64)
    """
    return tile if axes == 2 else max(32, round(tile ** (2 / 3)))


def kept_network(model: Model, device: torch.device, kept: Kept) -> torch.nn.Module:
    """Return the network of a model on a device, from what is kept if it was loaded before."""
    network: torch.nn.Module = kept.value(
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
    from napari_tessera.deep import tiled

    config = model.config
    sizes = NETWORKS[config.network].configure(**config.options).sizes
    tiles = tiled.plan(image.shape[1:], sizes, tile=side_of(tile, config.axes))
    return tiled.scores(
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


def _intensities(images: Iterable[Array], config: Any) -> tuple[tuple[float, float], ...]:
    return found_intensities(
        images,
        channels=config.in_channels > 1 or config.rgb,
        kind=config.normalise,
        low=config.low,
        high=config.high,
    )


def sizes_at(shape: tuple[int, ...], voxel: VoxelSize, model: Model) -> tuple[int, ...]:
    """Return the shape in pixels of the size that the model was trained with.

    It stays as it is where either size is unknown, or they differ by less than 5 %.
    """
    config = model.config
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


def _resized(image: Array, shape: tuple[int, ...]) -> Array:
    """Return channels (C, *P) with another number of pixels, by linear interpolation."""
    if image.shape[1:] == shape:
        return image
    import torch

    given = torch.from_numpy(np.ascontiguousarray(image))
    smooth = {"antialias": True} if len(shape) == 2 else {}
    if len(shape) == 3 and shape[0] == image.shape[1]:  # planes of a volume, each by itself
        planes = given.transpose(0, 1)
        found = torch.nn.functional.interpolate(
            planes, shape[1:], mode="bilinear", antialias=True
        ).transpose(0, 1)
    else:
        mode = "bilinear" if len(shape) == 2 else "trilinear"
        found = torch.nn.functional.interpolate(given[None], shape, mode=mode, **smooth)[0]
    return np.ascontiguousarray(found.numpy())
