"""Images with their labels, checked, divided into training and validation, and cut into patches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_tessera.algorithms.filters.intensities import intensities, normalised
from napari_tessera.algorithms.labels.ids import median_diameter, sizes
from napari_tessera.deep.settings import Examples
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array, LabelsAre

LARGEST_ZOOM = 2.5
"""How much images are enlarged at most."""

MOST = 255
"""Classes at most."""

PLACES = 2000
"""How many annotated pixels of each class are remembered per piece, as centres of patches."""


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

    @property
    def shape(self) -> tuple[int, ...]:
        """Pixels along each spatial axis."""
        return tuple(part.stop - part.start for part in self.box)

    def image_at(self, box: tuple[slice, ...]) -> Array:
        """Return a part of the image as float32 (C, *P), normalised."""
        return normalised(self.raw(box), self.intensities, channel_axis=self._own_channel_axis)

    def raw(self, box: tuple[slice, ...]) -> Array:
        """Return a part of the image as it was given."""
        places: list[Any] = [*self.index, *self._within(box)]
        if self.channel_axis is not None:
            places.insert(self.channel_axis, slice(None))
        return np.asarray(self.image[tuple(places)])

    def labels_at(self, box: tuple[slice, ...]) -> Array:
        """Return a part of the labels."""
        return np.asarray(self.labels[(*self.index, *self._within(box))])

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
        return np.asarray(array[(*self.index, *self._within(self.everything))])

    @property
    def everything(self) -> tuple[slice, ...]:
        """The box of the whole piece, counted from its corner."""
        return tuple(slice(0, length) for length in self.shape)

    @property
    def _own_channel_axis(self) -> int | None:
        """Where the channels are once the leading axes are gone."""
        if self.channel_axis is None:
            return None
        return self.channel_axis - min(len(self.index), self.channel_axis)

    def _within(self, box: tuple[slice, ...]) -> list[slice]:
        return [
            slice(own.start + part.start, own.start + part.stop)
            for own, part in zip(self.box, box, strict=True)
        ]


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
    if labels.dtype.kind not in "bui":
        raise TypeError(f"{name}: labels has dtype {labels.dtype}; pass whole numbers")
    if image.dtype.kind not in "buif":
        raise TypeError(f"{name}: image has dtype {image.dtype}; pass real numbers")


@dataclass(frozen=True)
class Census:
    """What is annotated in a piece.

    Attributes
    ----------
    counts : dict
        Label -> pixels; of objects, 1 stands for all of them.
    places : dict
        Label -> some of its pixels, shape (N, D).
    digest : bytes
        Of the labels.
    """

    counts: dict[int, int]
    places: dict[int, Array]
    digest: bytes


def census(piece: Piece, kind: LabelsAre, random: np.random.Generator) -> Census:
    """Read the labels of a piece once and count them."""
    labels = piece.labels_at(piece.everything)
    digest = hashlib.blake2b(np.ascontiguousarray(labels).data, digest_size=16).digest()
    if labels.dtype.kind == "i" and labels.min(initial=0) < 0:
        raise ValueError(
            f"{piece.name}: labels has {int(labels.min())}; use 0 for background and numbers from 1"
        )
    labels = (labels != 0).view(np.uint8) if kind == "objects" else labels
    found = sizes(labels)
    if len(found) > MOST:
        raise ValueError(
            f"{piece.name}: labels has {len(found)} different numbers; if each is an object, "
            "choose the kind 'objects'"
        )
    return Census(found, {label: _some(labels == label, random) for label in found}, digest)


def _some(mask: Array, random: np.random.Generator) -> Array:
    """Return at most `PLACES` pixels of a mask, shape (N, D)."""
    found = np.flatnonzero(mask)
    if len(found) > PLACES:
        found = found[np.sort(random.integers(0, len(found), PLACES))]
    return np.stack(np.unravel_index(found, mask.shape), axis=1)


@dataclass(frozen=True)
class Data:
    """What a network is trained and judged on.

    Attributes
    ----------
    training, validation : list of Piece
    censuses : list of Census
        Of `training`.
    ids : tuple of int
        The labels of classes, in order; empty for objects.
    channels : int
    note : str
        How the examples were divided, for people.
    digest : str
        Tells these examples from others.
    crowd : int
        Most objects in a patch, where they are learnt one by one.
    """

    training: list[Piece]
    validation: list[Piece]
    censuses: list[Census]
    ids: tuple[int, ...]
    channels: int
    note: str
    digest: str
    crowd: int = 0

    @property
    def counts(self) -> dict[int, int]:
        """Label -> pixels in all training pieces; of objects, 1 stands for all of them."""
        total: dict[int, int] = {}
        for each in self.censuses:
            for label, count in each.counts.items():
                total[label] = total.get(label, 0) + count
        return total


def prepare_data(
    found: Sequence[Piece],
    *,
    kind: LabelsAre,
    settings: Examples,
    seed: int = 0,
    report: Reporter | None = None,
) -> Data:
    """Read the labels once, divide the pieces, find their intensities and check all that.

    Parameters
    ----------
    found : sequence of Piece
    kind : {"objects", "classes"}
    settings : Examples
    seed : int
        Which images are held out.
    report : Reporter, optional

    Raises
    ------
    ValueError
        If nothing is annotated, there is one class only, or patches do not fit.
    """
    report = Reporter.of(report)
    if kind == "objects" and settings.unlabelled == "ignore":
        raise ValueError(
            "unlabelled is 'ignore', but labels are objects, which have no number for background; "
            "label classes instead (say 1 = background, 2 = object), or choose 'background'"
        )
    _check_patch(found, settings.patch)
    random = np.random.default_rng([seed, 1])
    own = []
    for number, piece in enumerate(found):
        report(Progress(number, 2 * len(found)))
        own.append(census(piece, kind, random))
    known = [any(each.counts) for each in own]
    ids = _ids(own, kind, settings)
    if not any(known):
        raise ValueError(
            "labels has nothing but 0; paint some objects or classes first, and check that the "
            "pairs are the right ones"
        )
    used = [piece for piece, there in zip(found, known, strict=True) if there]
    if settings.unlabelled == "background":
        used = list(found)  # an image without objects is an example too
    training, validation, note = split_for_validation(used, kind, settings, random)
    training = [_fitted(piece, kind, settings) for piece in training]
    validation = [_fitted(piece, kind, settings) for piece in validation]
    report(Progress(1, 1))
    channel_axis = found[0].channel_axis
    return Data(
        training,
        validation,
        [census(piece, kind, random) for piece in training],
        ids,
        1 if channel_axis is None else found[0].image.shape[channel_axis],
        note,
        hashlib.blake2b(b"".join(each.digest for each in own), digest_size=16).hexdigest(),
    )


def _check_patch(found: Sequence[Piece], patch: int) -> None:
    """Raise an error if no image is as long as a patch; shorter sides are mirrored."""
    largest = max(found, key=lambda piece: max(piece.shape[-2:]))
    longest = max(largest.shape[-2:])
    if patch > longest:
        raise ValueError(
            f"patch is {patch}, but {largest.name} is {' x '.join(map(str, largest.shape))}"
            f"{', and no image is larger' if len(found) > 1 else ''}; choose at most {longest}"
        )


def _ids(found: Iterable[Census], kind: LabelsAre, settings: Examples) -> tuple[int, ...]:
    """Return the labels of classes, in order."""
    if kind == "objects":
        return ()
    every = {label for each in found for label in each.counts}
    ids = tuple(sorted(every - {0} if settings.unlabelled == "ignore" else every))
    if len(ids) == 1 and ids != (0,):
        raise ValueError(
            f"labels has one class only ({ids[0]}); "
            + (
                "paint at least two, with background as one of them, when unlabelled is 'ignore'"
                if settings.unlabelled == "ignore"
                else "leave background unlabelled (0), or paint a second class"
            )
        )
    return ids


def split_for_validation(
    found: Sequence[Piece], kind: LabelsAre, settings: Examples, random: np.random.Generator
) -> tuple[list[Piece], list[Piece], str]:
    """Return the pieces to train on, those to judge on, and a sentence about it.

    Whole images where there are several, else the last planes, else one end of the only plane.
    """
    share = settings.validation
    if share == 0:
        return list(found), [], "No validation: nothing is held out."
    images = list(dict.fromkeys(id(piece.image) for piece in found))
    if len(images) > 1:
        held = max(1, round(share * len(images)))
        chosen = {images[i] for i in random.permutation(len(images))[:held]}
        rest = [piece for piece in found if id(piece.image) not in chosen]
        out = [piece for piece in found if id(piece.image) in chosen]
        if not any(_has_labels(piece) for piece in rest):
            return list(found), [], "No validation: only one image has labels."
        return rest, out, f"Validation on {held} of {len(images)} images."
    if len(found) > 1:
        held = max(1, round(share * len(found)))
        what = "planes" if len(found[0].shape) == 2 else "volumes"
        note = f"Validation on the last {held} of {len(found)} {what}."
        return list(found[:-held]), list(found[-held:]), note
    return _ends(found[0], settings)


def _ends(piece: Piece, settings: Examples) -> tuple[list[Piece], list[Piece], str]:
    """Divide the only plane or volume along its longer side; either end may be held out."""
    axis = max(range(len(piece.shape) - 2, len(piece.shape)), key=lambda a: piece.shape[a])
    length = piece.shape[axis]
    held = max(round(settings.validation * length), min(settings.patch // 2, length // 3))
    name = "xyz"[len(piece.shape) - 1 - axis]
    if length - held >= settings.patch // 2:
        for first, second, end in (
            ((0, length - held), (length - held, length), "last"),
            ((held, length), (0, held), "first"),
        ):
            rest, out = _part(piece, axis, *first), _part(piece, axis, *second)
            if _has_labels(rest) and _has_labels(out):
                return [rest], [out], f"Validation on the {end} {held} pixels along {name}."
    return [piece], [], "No validation: the only image is too small or labelled in one place only."


def _part(piece: Piece, axis: int, start: int, stop: int) -> Piece:
    box = list(piece.box)
    first = box[axis].start
    box[axis] = slice(first + start, first + stop)
    return replace(piece, box=tuple(box))


def _has_labels(piece: Piece) -> bool:
    return bool(np.any(piece.labels_at(piece.everything)))


def zoom_of(diameter: float, wanted: float) -> float:
    """Return how much an image with objects of a median diameter is enlarged.

    Examples
    --------
    >>> zoom_of(9, 18), zoom_of(3, 18), zoom_of(40, 18), zoom_of(0, 18), zoom_of(9, 0)
    (2.0, 2.5, 1.0, 1.0, 1.0)
    """
    if not diameter or not wanted:
        return 1.0
    return min(max(wanted / diameter, 1.0), LARGEST_ZOOM)


def _fitted(piece: Piece, kind: LabelsAre, settings: Examples) -> Piece:
    """Return a piece with the intensities of the plane or volume it lies in, and its zoom."""
    whole = tuple(slice(0, length) for length in piece.labels.shape[len(piece.index) :])
    raw = replace(piece, box=whole).raw(whole)
    axis = piece._own_channel_axis  # noqa: SLF001 (of the same module)
    values = raw if axis is None else np.moveaxis(raw, axis, -1)
    found = intensities(
        [values],
        channels=axis is not None,
        kind=settings.normalise,
        low=settings.low,
        high=settings.high,
    )
    zoom = 1.0
    if kind == "objects" and len(piece.shape) == 2:
        zoom = zoom_of(median_diameter(piece.labels_at(piece.everything)), settings.diameter)
    return replace(piece, intensities=found, zoom=zoom)
