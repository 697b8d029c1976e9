"""Which image and which labels make a pair to train on: those of one shape, without channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from napari_tessera.widgets.layers.geometry import array

if TYPE_CHECKING:
    from napari.layers import Image, Labels


def shape_without_channels(image: Image, channel_axis: int | None) -> tuple[int, ...]:
    """Return the shape that labels of an image have; an axis that it does not have drops none."""
    shape = tuple(array(image).shape)
    if image.rgb:
        return shape[:-1]
    if channel_axis is None or not -len(shape) <= channel_axis < len(shape):
        return shape
    axis = channel_axis % len(shape)
    return (*shape[:axis], *shape[axis + 1 :])


def matches(image: Image, labels: Labels, channel_axis: int | None) -> bool:
    """Return True if labels have the shape of an image without its channels."""
    return shape_without_channels(image, channel_axis) == tuple(array(labels).shape)


def mismatch(image: Image, labels: Labels, channel_axis: int | None) -> str:
    """Say how the shapes of two layers differ, for people."""
    wanted, found = shape_without_channels(image, channel_axis), tuple(array(labels).shape)
    without = "" if wanted == array(image).shape else " without its channels"
    return (
        f"labels {labels.name!r} has shape {found} but image {image.name!r} has "
        f"{wanted}{without}; choose two of the same shape"
    )


def best_match(
    images: Sequence[Image], labels: Sequence[Labels], channel_axis: int | None
) -> tuple[Image, Labels]:
    """Return the first labels that have an image of their shape, with it; else the first of both.

    Parameters
    ----------
    images, labels : sequence of layers
        At least one of each; those in front are preferred, labels before images.
    channel_axis : int, optional
        Of the images.
    """
    fitting = ((i, t) for t in labels for i in images if matches(i, t, channel_axis))
    return next(fitting, (images[0], labels[0]))


def unused_first(layers: Sequence[Any], used: Sequence[Any]) -> list[Any]:
    """Return layers in their order, those that other pairs have behind the others."""
    return sorted(layers, key=lambda layer: any(layer is each for each in used))
