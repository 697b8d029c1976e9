"""Images with their labels: planes or volumes, or parts of these, that are read when asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_tessera.algorithms.filters.intensities import normalised
from napari_tessera.deep.data.targets import IGNORE
from napari_tessera.signature.arrays import as_labels, native
from napari_tessera.signature.words import Array

LARGEST_ZOOM, SMALLEST_ZOOM = 2.5, 0.25
"""How much images are enlarged at most."""


@dataclass(frozen=True)
class Piece:
    """One plane or volume that is annotated, or a part of it.

    Attributes
    ----------
    image, labels : array
        The whole arrays; they may be lazily loaded.
    index : tuple of int
        Where the plane or volume is along the leading axes.
    box : tuple of slice
        Its part that counts, in pixels.
    channel_axis : int, optional
        Of `image`.
    name : str
        For messages.
    pair : int
        The number of the pair it belongs to.
    zoom : float
        How much it is enlarged for the network.
    intensities : tuple
        What becomes 0 and the range, of each channel.
    classes : mapping of int to int, optional
        The place of each object's class among all; None = they are of one class.
    ignore : int, optional
        The number that stands for "not annotated" in labels of objects, which `labels_at` gives as
        `IGNORE`.
    """

    image: Any
    labels: Any
    index: tuple[int, ...]
    box: tuple[slice, ...]
    channel_axis: int | None
    name: str
    pair: int = 0
    zoom: float = 1.0
    intensities: tuple[tuple[float, float], ...] = ()
    classes: Mapping[int, int] | None = None
    ignore: int | None = None

    @property
    def lowest(self) -> int:
        """The lowest number that its labels may have."""
        return 0 if self.ignore is None else IGNORE

    @property
    def shape(self) -> tuple[int, ...]:
        """Pixels along each spatial axis."""
        return tuple(part.stop - part.start for part in self.box)

    def image_at(self, box: tuple[slice, ...]) -> Array:
        """Return a part of the image as float32 (C, *P), normalised."""
        return normalised(self.raw(box), self.intensities, channel_axis=self.own_channel_axis)

    def raw(self, box: tuple[slice, ...]) -> Array:
        """Return a part of the image as it was given."""
        places: list[Any] = [*self.index, *self._within(box)]
        if self.channel_axis is not None:
            places.insert(self.channel_axis, slice(None))
        return native(np.asarray(self.image[tuple(places)]))

    def labels_at(self, box: tuple[slice, ...]) -> Array:
        """Return a part of the labels."""
        part = np.asarray(self.labels[(*self.index, *self._within(box))])
        labels = as_labels(part, f"{self.name}: labels")
        if self.ignore is None:
            return labels
        return np.where(labels == self.ignore, IGNORE, labels.astype(np.int64))

    def like_labels(self, array: Any) -> Array:
        """Return the part of another array of the shape of all labels.

        Raises
        ------
        ValueError
            If it has another shape.
        """
        if tuple(array.shape) != tuple(self.labels.shape):
            raise ValueError(
                f"{self.name}: classes has shape {tuple(array.shape)} but labels has "
                f"{tuple(self.labels.shape)}; pass one class per pixel"
            )
        part = np.asarray(array[(*self.index, *self._within(self.everything))])
        return as_labels(part, f"{self.name}: classes")

    def plane_values(self) -> Array:
        """Return the whole plane or volume that the piece lies in, the channels last."""
        whole = tuple(slice(0, length) for length in self.labels.shape[len(self.index) :])
        raw, axis = replace(self, box=whole).raw(whole), self.own_channel_axis
        return raw if axis is None else np.moveaxis(raw, axis, -1)

    def part(self, axis: int, start: int, stop: int) -> Piece:
        """Return what lies from `start` up to `stop` along an axis."""
        box = list(self.box)
        first = box[axis].start
        box[axis] = slice(first + start, first + stop)
        return replace(self, box=tuple(box))

    @property
    def everything(self) -> tuple[slice, ...]:
        """The box of the whole piece, counted from its corner."""
        return tuple(slice(0, length) for length in self.shape)

    @property
    def own_channel_axis(self) -> int | None:
        """Where the channels are once the leading axes are gone."""
        if self.channel_axis is None:
            return None
        return self.channel_axis - min(len(self.index), self.channel_axis)

    def _within(self, box: tuple[slice, ...]) -> list[slice]:
        return [
            slice(own.start + part.start, own.start + part.stop)
            for own, part in zip(self.box, box, strict=True)
        ]


@dataclass(frozen=True)
class ImagePairs:
    """Images with their labels.

    Attributes
    ----------
    images, labels : list of array
    classes : sequence, optional
        Of the objects of each image, see `napari_tessera.deep.data.object_classes.assigned`.
    channel_axis : int, optional
        The same in all images.
    rgb : bool
        Whether the channels are red, green and blue.
    names : sequence of str
        Of the images, for messages.
    """

    images: list[Any]
    labels: list[Any]
    classes: Any = None
    channel_axis: int | None = None
    rgb: bool = False
    names: Sequence[str] = ()


def pieces(
    images: Sequence[Any],
    labels: Sequence[Any],
    *,
    axes: int,
    channel_axis: int | None = None,
    names: Sequence[str] = (),
) -> list[Piece]:
    """Return the planes or volumes of pairs of images and labels, none of them read yet.

    Parameters
    ----------
    images : sequence of array, each of shape (..., Y, X)
        With channels at `channel_axis`, if there are any.
    labels : sequence of array
        Of the images' shapes without channels.
    axes : int
        2 to train on planes, 3 on volumes.
    channel_axis : int, optional
        The same in all images.
    names : sequence of str
        Of the images, for messages.

    Raises
    ------
    ValueError, TypeError
        If pairs do not fit; the message names the pair.
    """
    if len(images) != len(labels):
        raise ValueError(
            f"labels has {len(labels)} arrays but images has {len(images)}; pass one labels array "
            "per image"
        )
    if not images:
        raise ValueError("images is empty; pass at least one image with its labels")
    found: list[Piece] = []
    channels: int | None = None
    for number, (image, truth) in enumerate(zip(images, labels, strict=True)):
        name = names[number] if names else f"pair {number + 1}"
        axis = None if channel_axis is None else channel_axis % image.ndim
        _check_pair(name, image, truth, axis, axes)
        own = 1 if axis is None else image.shape[axis]
        if channels not in (None, own):
            raise ValueError(
                f"{name} has {own} channels but the pairs before it have {channels}; pass images "
                "of equal channels"
            )
        channels, lead = own, truth.shape[: truth.ndim - axes]
        box = tuple(slice(0, length) for length in truth.shape[truth.ndim - axes :])
        found += [Piece(image, truth, index, box, axis, name, number) for index in np.ndindex(lead)]
    return found


def _check_pair(name: str, image: Any, labels: Any, channel_axis: int | None, axes: int) -> None:
    shape = [length for axis, length in enumerate(image.shape) if axis != channel_axis]
    if tuple(shape) != tuple(labels.shape):
        raise ValueError(
            f"{name}: labels has shape {tuple(labels.shape)} but image has {tuple(shape)} (without "
            "channels); pass one label per pixel"
        )
    if len(shape) < axes:
        raise ValueError(
            f"{name} has {len(shape)} spatial axes, but the network works on {axes}; choose a "
            "network for planes, or pass volumes"
        )
    if labels.dtype.kind not in "buif":  # floats are looked at as they are read
        raise TypeError(f"{name}: labels has dtype {labels.dtype}; pass whole numbers")
    if image.dtype.kind not in "buif":
        raise TypeError(f"{name}: image has dtype {image.dtype}; pass real numbers")


def zoom_of(diameter: float, wanted: float, widest: float = 0.0) -> float:
    """Return how much an image with objects of a median diameter is enlarged or shrunk.

    Parameters
    ----------
    diameter : float
        Of the objects, 0 = unknown.
    wanted : float
        To which smaller ones are enlarged; 0 = images stay as they are.
    widest : float
        To which larger ones are shrunk, at least `wanted`; 0 = never.

    Examples
    --------
    >>> zoom_of(9, 18), zoom_of(3, 18), zoom_of(40, 18), zoom_of(0, 18), zoom_of(9, 0)
    (2.0, 2.5, 1.0, 1.0, 1.0)
    >>> zoom_of(9, 18, 28), zoom_of(20, 18, 28), zoom_of(56, 18, 28), zoom_of(280, 18, 28)
    (2.0, 1.0, 0.5, 0.25)
    """
    if not diameter or not wanted:
        return 1.0
    most = max(widest, wanted)
    if widest and diameter > most:
        return max(most / diameter, SMALLEST_ZOOM)
    return min(max(wanted / diameter, 1.0), LARGEST_ZOOM)
