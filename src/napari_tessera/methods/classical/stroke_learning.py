"""What a pixel classifier learns from strokes, and where it is unsure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.algorithms.content_hash import hash_of_array
from napari_tessera.algorithms.filters.colour import features, smooth_points
from napari_tessera.algorithms.filters.pixel_features import FilterBank
from napari_tessera.algorithms.forest.forest import Forest, grown_forest
from napari_tessera.algorithms.forest.pixels import MarkedPixels, pixel_probabilities
from napari_tessera.algorithms.forest.stroke_validation import Stroke
from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.methods.classical.pixel_classifier import (
    PixelClassifier,
    Scales,
    find_classifier,
)
from napari_tessera.signature.parts import PartOfWhole, passed
from napari_tessera.signature.progress import Reporter, TooLittleDrawn
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    ChannelAxis,
    Image,
    Report,
    Spacing,
    Strokes,
    VoxelSize,
)

if TYPE_CHECKING:
    from pathlib import Path

HIGHEST = 255
"""The highest number of a class."""


@dataclass(frozen=True)
class DescribedPixels:
    """The pixels of an image, with the numbers that describe what surrounds each.

    Attributes
    ----------
    points : ndarray of float32, shape (..., channels)
        Without gaps.
    valid : ndarray of bool, optional
        Where the image has values; None = everywhere.
    bank : FilterBank
    cache : Cache, optional
        Where the numbers are kept.
    key : str
        What tells the image from others in it.
    """

    points: Array
    valid: Array | None
    bank: FilterBank
    cache: Cache | None = None
    key: str = ""

    @classmethod
    def of(
        cls, image: Array, channel_axis: int | None, bank: FilterBank, cache: Cache | None = None
    ) -> DescribedPixels:
        """Return the pixels of an image."""
        points, valid = smooth_points(features(image, channel_axis, "as is"), ())
        key = "" if cache is None else hash_of_array(points).sha256
        return cls(points, valid, bank, cache, key)

    def describe(self, box: Box) -> Array:
        """Return the numbers of the pixels in a box, shape (..., F)."""
        if self.cache is None:
            return self.bank.of(self.points, box)
        place = tuple((each.start, each.stop) for each in box)
        found: Array = self.cache.value(
            "features",
            (self.key, place, self.bank),
            lambda: self.bank.of(self.points, box),
            size=lambda each: each.nbytes,
        )
        return found

    def teach(
        self, examples: MarkedPixels, strokes: Array, part: PartOfWhole, number: int = 0
    ) -> None:
        """Add the pixels of strokes to examples; see `MarkedPixels.add`.

        Raises
        ------
        ValueError
            If a stroke lies where the image has no value, or its number is none of a class.
        """
        own = strokes[part.inner]
        if own.min(initial=0) < 0 or own.max(initial=0) > HIGHEST:
            raise ValueError(
                f"strokes has values from {own.min()} to {own.max()}; use 1 to {HIGHEST} for "
                "classes, and 0 where nothing is drawn"
            )
        if self.valid is not None and own[~self.valid[part.inner]].any():
            count = np.count_nonzero(own[~self.valid[part.inner]])
            raise ValueError(
                f"strokes has {count} pixels where image has no value (NaN or infinity); erase them"
            )
        examples.add(strokes, self.describe, part, number)


@dataclass(frozen=True)
class Learning:
    """How a forest is to be learnt: as somebody asks for, or as a classifier was.

    Attributes
    ----------
    own : Scales
        As asked for.
    own_seed : int
    known : PixelClassifier, optional
        Which is to learn more.
    """

    own: Scales
    own_seed: int
    known: PixelClassifier | None = None

    @property
    def scales(self) -> Scales:
        """At which scales filters look."""
        return self.own if self.known is None else self.known.scales

    @property
    def seed(self) -> int:
        """Of the random numbers."""
        return self.own_seed if self.known is None else self.known.seed

    @property
    def examples(self) -> MarkedPixels:
        """What is learnt from at first."""
        return MarkedPixels(self.seed) if self.known is None else self.known.examples.copy()

    def check(self, axes: int, pixels: DescribedPixels) -> None:
        """Raise an error if a classifier that is to learn more was one of other images."""
        if self.known is not None:
            self.known.check(axes, pixels.points.shape[-1])

    def learnt(self, examples: MarkedPixels, report: Reporter) -> Forest:
        """Return the forest that examples teach, or the known one if there are no new ones.

        Raises
        ------
        ValueError
            If there are none, or they are all of one class.
        """
        if self.known is not None and examples.count == self.known.examples.count:
            return self.known.forest
        return _learnt(examples, self.seed, report)


def learnt_classifier(
    pieces: Iterable[Mapping[str, Any]],
    *,
    smallest_scale: float | str,
    largest_scale: float | str,
    texture: bool,
    seed: int,
    classifier: str | None,
    spacing: VoxelSize,
    cache: Cache | None = None,
    channel_axis: int | None = None,
    **_: Any,
) -> PixelClassifier:
    """Return what the strokes in all pieces teach; arguments as above."""
    asked = Learning(
        Scales(smallest_scale, largest_scale, texture), seed, known_classifier(classifier)
    )
    voxel = VoxelSize.of(spacing, len(spacing))
    examples, bank, channels = asked.examples, asked.scales.bank(voxel), 1
    for piece in pieces:
        if (strokes := piece.get("strokes")) is None:
            break  # nothing is drawn anywhere
        axis = -1 if piece["image"].ndim > len(spacing) else channel_axis
        part: PartOfWhole = piece.get("part") or passed(strokes.shape)
        if strokes[part.inner].any():
            pixels = DescribedPixels.of(piece["image"], axis, bank, cache)
            channels = pixels.points.shape[-1]
            asked.check(len(spacing), pixels)
            pixels.teach(examples, strokes, part)
    forest, scales = asked.learnt(examples, Reporter()), asked.scales.of_size(voxel)
    return PixelClassifier(scales, len(spacing), channels, asked.seed, forest, examples)


def train_pixel_classifier(
    images: Sequence[Array],
    strokes: Sequence[Array],
    *,
    smallest_scale: float | str = "1 px",
    largest_scale: float | str = "8 px",
    texture: bool = False,
    seed: int = 0,
    classifier: str | Path | None = None,
    channel_axis: int | None = None,
    spacing: Sequence[float] | float | None = None,
    report: Report = None,
) -> PixelClassifier:
    """Let strokes in several images teach one classifier; `save` it for `classify_pixels`.

    Parameters
    ----------
    images : sequence of ndarray
        Planes or volumes, all with the same axes and channels.
    strokes : sequence of ndarray of int
        Those of each image.
    smallest_scale, largest_scale, texture, seed, classifier, channel_axis, spacing, report
        As for `classify_pixels`.

    Returns
    -------
    PixelClassifier

    Raises
    ------
    ValueError
        If there are no strokes, they are all of one class, or images do not fit one another.

    Examples
    --------
    >>> image = np.tile([10, 12, 11, 90, 91, 92], (6, 1))
    >>> strokes = np.zeros((6, 6), int)
    >>> strokes[1, :2], strokes[1, 4:] = 1, 2
    >>> found = train_pixel_classifier([image], [strokes], largest_scale="1 px")
    >>> found.forest.classes
    (1, 2)
    """
    if len(images) != len(strokes) or not images:
        raise ValueError(
            f"images are {len(images)} and strokes {len(strokes)}; pass strokes for each image"
        )
    axes = np.ndim(images[0]) - (channel_axis is not None)
    asked = Learning(
        Scales(smallest_scale, largest_scale, texture), seed, known_classifier(classifier)
    )
    voxel, examples, counts = VoxelSize.of(spacing, axes), asked.examples, set[tuple[int, int]]()
    options: dict[str, Any] = {"channel_axis": channel_axis, "spacing": spacing}
    for given, drawn in zip(images, strokes, strict=True):
        image, own = _checked_pair(given, strokes=drawn, **options)
        pixels = DescribedPixels.of(image, channel_axis, asked.scales.bank(voxel))
        asked.check(own.ndim, pixels)
        counts.add((own.ndim, pixels.points.shape[-1]))
        if len(counts) > 1:
            told = " and ".join(f"{n} axes and {c} channels" for n, c in sorted(counts))
            raise ValueError(f"images have {told}; pass images that are alike")
        pixels.teach(examples, own, passed(own.shape))
    forest, (_, channels) = asked.learnt(examples, Reporter.of(report)), counts.pop()
    return PixelClassifier(
        asked.scales.of_size(voxel), axes, channels, asked.seed, forest, examples
    )


@checked
def _checked_pair(
    image: Image, *, strokes: Strokes, channel_axis: ChannelAxis, spacing: Spacing
) -> tuple[Array, Array]:
    return image, strokes


def known_classifier(classifier: str | Path | None) -> PixelClassifier | None:
    """Return a classifier by name or path, None if none is asked for."""
    return None if classifier is None else find_classifier(classifier)


def scales_asked(values: Mapping[str, Any]) -> Scales:
    """Return the scales that parameters ask for."""
    if values["classifier"] is not None:
        return find_classifier(values["classifier"]).scales
    return Scales(values["smallest_scale"], values["largest_scale"], values["texture"])


def _learnt(examples: MarkedPixels, seed: int, report: Reporter) -> Forest:
    """Return the forest that examples teach.

    Raises
    ------
    ValueError
        If there are none, or they are all of one class.
    """
    classes = examples.classes
    if len(classes) < 2:
        drawn = f"only class {classes[0]}" if classes else "nothing drawn"
        raise TooLittleDrawn(
            f"strokes has {drawn}; draw in at least two classes, such as 1 for the background and "
            "2 for what you look for"
        )
    return grown_forest(examples.rows, examples.labels, seed=seed, report=report)


def check_fit(forest: Forest, pixels: DescribedPixels) -> None:
    """Raise an error if a forest was learnt from other numbers than those of these pixels."""
    count = pixels.points.shape[-1] * len(pixels.bank.names)
    if not isinstance(forest, Forest):
        raise TypeError(f"forest is {forest!r}; leave it out, and pass strokes or a classifier")
    if forest.features != count:
        raise ValueError(
            f"forest takes {forest.features} numbers of a pixel, but there are {count} at these "
            "scales and channels; choose those that it was learnt with"
        )


def drawn_strokes(pieces: Iterable[Mapping[str, Any]], **values: Any) -> list[Stroke]:
    """Return the strokes in all pieces one by one, each with what describes its pixels.

    Parameters
    ----------
    pieces : iterable of mapping
        As for `classify_pixels_statistics`, whole planes or volumes.
    **values
        The parameters of `classify_pixels`, with "spacing".
    """
    from scipy import ndimage

    spacing, found = values["spacing"], list[Stroke]()
    scales = Scales(values["smallest_scale"], values["largest_scale"], values["texture"])
    for piece in pieces:
        marks = piece["strokes"]
        axis = -1 if piece["image"].ndim > len(spacing) else values.get("channel_axis")
        pixels = DescribedPixels.of(piece["image"], axis, scales.bank(spacing))
        for label in np.unique(marks[marks > 0]).tolist():
            numbers, _ = ndimage.label(marks == label, np.ones((3,) * marks.ndim))
            each = MarkedPixels(values["seed"])
            each.add(numbers, pixels.describe, passed(marks.shape))
            found += [Stroke(label, each.rows[each.labels == n]) for n in each.classes]
    return found


def unsure_pixels(
    image: Array,
    forest: Forest,
    scales: Scales,
    spacing: VoxelSize,
    channel_axis: int | None = None,
    cache: Cache | None = None,
) -> Array:
    """Return how unsure a forest is of each pixel: 0 = sure, 1 = all classes are as likely.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X), or with channels
    forest : Forest
    scales : Scales
        That it was learnt with.
    spacing : VoxelSize
    channel_axis : int, optional
    cache : Cache, optional

    Returns
    -------
    ndarray of float32
    """
    pixels = DescribedPixels.of(image, channel_axis, scales.bank(spacing), cache)
    check_fit(forest, pixels)
    likely = pixel_probabilities(pixels.points.shape[:-1], pixels.describe, forest)
    # the entropy of the classes, as a share of the highest
    terms = likely * np.log(np.maximum(likely, np.finfo(np.float32).tiny))
    found = -terms.sum(axis=0) / np.float32(np.log(len(likely)))
    return np.asarray(np.clip(found, 0, 1))
