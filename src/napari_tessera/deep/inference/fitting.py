"""How an image is made what a model takes: its channels, its intensities and its size."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_tessera.algorithms.filters.intensities import intensities as found_intensities
from napari_tessera.algorithms.filters.intensities import normalised
from napari_tessera.deep.models.library import Model, ModelConfig
from napari_tessera.signature.progress import NothingToSeparate
from napari_tessera.signature.units import METRES, in_ball, to_pixels, unit
from napari_tessera.signature.words import Array, VoxelSize


@dataclass(frozen=True)
class FittedImage:
    """An image as a model takes it.

    Attributes
    ----------
    array : ndarray of float32, shape (C, *P)
        Normalised, and resized where the model was trained on pixels of another size.
    shape : tuple of int
        Its spatial axes before that.
    voxel : VoxelSize
        Its pixels before that.
    """

    array: Array
    shape: tuple[int, ...]
    voxel: VoxelSize

    @property
    def share(self) -> float:
        """Pixels per pixel of the image as it was."""
        return self.array.shape[-1] / self.shape[-1]


MOST_ZOOM = 20
"""Times that an image is enlarged or reduced at most, to the pixel size of a model."""


def fitted_image(
    image: Array, model: Model, voxel: VoxelSize, channel_axis: int | None, intensities: Any
) -> FittedImage:
    """Return an image as a model takes it.

    Raises
    ------
    ValueError
        If the model takes other channels or axes.
    NothingToSeparate
        If it has one value only, or none.
    """
    from napari_tessera.deep.inference.tiling import resized

    image, channel_axis = in_grey(image, channel_axis, model.config)
    _check_axes(image, channel_axis, model)
    channels_last = image if channel_axis is None else np.moveaxis(image, channel_axis, -1)
    shape = image.shape if channel_axis is None else channels_last.shape[:-1]
    wanted = sizes_at(shape, voxel, model)
    if intensities is None:  # of a part of a larger image they are known
        _check_values(image)
    levels = intensities or find_intensities([channels_last], model.config)
    ready = normalised(image, levels, channel_axis=channel_axis)  # (C, *P)
    return FittedImage(resized(ready, wanted), shape, voxel)


COLOURS = 3
"""Channels, in the last axis, that are taken for red, green and blue."""


def in_grey(
    image: Array, channel_axis: int | None, config: ModelConfig
) -> tuple[Array, int | None]:
    """Return the mean of red, green and blue, and no channels, for a model of one channel.

    What has other channels, or them in another axis than the last, stays as it is.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> in_grey(np.array([[[10, 20, 60]]]), -1, SimpleNamespace(in_channels=1))
    (array([[30.]], dtype=float32), None)
    """
    last = channel_axis is not None and channel_axis % image.ndim == image.ndim - 1
    if config.in_channels == 1 and last and image.shape[-1] == COLOURS:
        return image.mean(axis=-1, dtype=np.float32), None
    return image, channel_axis


def _check_axes(image: Array, channel_axis: int | None, model: Model) -> None:
    axes = image.ndim - (channel_axis is not None)
    if axes < model.config.axes:
        raise ValueError(
            f"model {model.name!r} works on volumes (Z, Y, X), but image has {axes} spatial axes; "
            "choose a model for planes, or work on a volume"
        )
    check_channels(model, 1 if channel_axis is None else image.shape[channel_axis])


def check_channels(model: Model, channels: int) -> None:
    """Raise an error if a model takes another number of channels than an image has.

    Raises
    ------
    ValueError
        It says what to choose.
    """
    wanted = model.config.in_channels
    if channels == wanted:
        return
    if wanted == 1:
        raise ValueError(
            f"model {model.name!r} takes 1 channel, but image has {channels}; choose one of them "
            "(Channel in the form, --channel on the command line)"
        )
    named = "3 (red, green, blue)" if model.config.rgb else str(wanted)
    raise ValueError(
        f"model {model.name!r} takes {named} channels, but image has {channels}; choose the "
        "channels it was trained on, or another model"
    )


def _check_values(image: Array) -> None:
    """Raise an error if there is nothing to see in an image."""
    values = image
    if image.dtype.kind == "f" and not np.isfinite(image.sum(dtype=np.float64)):
        values = image[np.isfinite(image)]
    if not values.size:
        raise NothingToSeparate(
            "image has no numbers, only NaN or infinity; choose another plane or channel"
        )
    if values.min() == values.max():
        raise NothingToSeparate(
            f"image has one value only, {float(values.min()):g}; choose another plane, channel or "
            "region"
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

    Raises
    ------
    ValueError
        If one size is more than `MOST_ZOOM` times the other: it is none of the image.
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
    if max(max(ratio, 1 / ratio) for ratio in ratios) > MOST_ZOOM:
        raise ValueError(
            f"spacing is {tuple(voxel)} {own}, but the model was trained with {config.spacing} "
            f"{theirs}; images are resized at most {MOST_ZOOM} times, so give the right pixel size"
        )
    lead = len(shape) - config.axes
    sizes = (max(1, round(n * r)) for n, r in zip(shape[lead:], ratios, strict=True))
    return shape[:lead] + tuple(sizes)


def enlarged_shape(shape: tuple[int, ...], zoom: float, axes: int) -> tuple[int, ...]:
    """Return a shape enlarged along the last `axes` axes."""
    lead = len(shape) - axes
    return shape[:lead] + tuple(round(zoom * length) for length in shape[lead:])


def ball_pixels(diameter: float | str, voxel: VoxelSize, shape: tuple[int, ...]) -> int:
    """Return the pixels of the smallest disc or ball to keep, in an image of a shape."""
    return math.ceil(in_ball(to_pixels(diameter, voxel, shape, name="smallest")))
