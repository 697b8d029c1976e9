"""Classify pixels as a few that were drawn: a forest on filters at several scales."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np

from napari_tessera.algorithms.content_hash import hash_of_array
from napari_tessera.algorithms.filters.colour import features, smooth_points
from napari_tessera.algorithms.filters.gaussian import WIDE
from napari_tessera.algorithms.filters.pixel_features import FilterBank, doubling
from napari_tessera.algorithms.forest.forest import Forest, grown_forest
from napari_tessera.algorithms.forest.pixels import (
    MarkedPixels,
    likely_classes,
    pixel_probabilities,
)
from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.decode import to_objects
from napari_tessera.signature.parts import PartOfWhole, passed
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.units import parse, physical
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    Cached,
    ChannelAxis,
    Image,
    Labels,
    Length,
    Report,
    Spacing,
    Strokes,
    VoxelSize,
    Word,
)

_ADVANCED = "Advanced"
_HIGHEST = 255  # of the numbers of classes
_FINEST, _COARSEST = 0.3, 64.0  # scales, in finest pixels
_AROUND = 16  # pixels in which objects in neighbouring blocks are compared

Wanted = Literal["classes", "objects"]

FoundForest = Annotated[Forest, Word("forest")]


@checked
def classify_pixels(
    image: Image,
    *,
    strokes: Strokes,
    find: Wanted = "classes",
    background: Annotated[int, Word(low=1, high=_HIGHEST, when=("find", ("objects",)))] = 1,
    smallest_scale: Length = "1 px",
    largest_scale: Length = "8 px",
    texture: bool = False,
    seed: Annotated[int, Word(low=0, section=_ADVANCED)] = 0,
    forest: FoundForest | None = None,
    channel_axis: ChannelAxis = None,
    spacing: Spacing = None,
    cache: Cached = None,
    report: Report = None,
) -> Labels:
    """Classify all pixels by the example of some that you draw.

    Strokes in a Labels layer say what some pixels are: 1, 2, 3, ... From the intensities around
    them, at several scales and in all channels, a forest of random trees learns to tell the
    classes apart. All strokes of a stack teach one forest.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X), or with colours or channels in `channel_axis`
        Intensities, a plane or a volume.
    strokes : ndarray of int
        The class of the pixels that were drawn, 1 to 255, at least two of them; 0 = not drawn. Of
        more than 8192 pixels of a class, so many are drawn at random.
    find : {"classes", "objects"}
        The class of each pixel; or objects: what is no background, in pieces, those that only
        touch one another divided.
    background : int
        The class that lies around the objects.
    smallest_scale, largest_scale : float or str
        Standard deviations of the finest and of the coarsest Gaussian; those between are each twice
        the one before. Fine ones see thin lines, coarse ones more of what lies around.
    texture : bool
        Also see how strongly intensities change around a pixel, and along how many directions: for
        regions that differ by their grain. Takes about twice as long.
    seed : int
        Of the random numbers; the same seed gives the same forest.
    forest : Forest, optional
        From an earlier run, instead of learning it from the strokes.
    channel_axis : int, optional
        The axis of colours or channels; None = grey.
    spacing : sequence of float, optional
        Pixel size along each axis.
    cache : Cache, optional
        Where what filters give is kept for the next run.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray of int
        The class of each pixel, uint8; or objects 1, 2, 3, ... Pixels without a value are 0.

    Raises
    ------
    ValueError
        If there are no strokes, or they are all of one class.

    References
    ----------
    C. Sommer et al., "ilastik: interactive learning and segmentation toolkit", ISBI 2011.
    P. Geurts, D. Ernst and L. Wehenkel, "Extremely randomized trees", Machine Learning 63, 2006.

    Examples
    --------
    >>> image = np.tile([10, 12, 11, 90, 91, 92], (6, 1))
    >>> strokes = np.zeros((6, 6), int)
    >>> strokes[1, :2], strokes[1, 4:] = 1, 2
    >>> classify_pixels(image, strokes=strokes, largest_scale="1 px")[3]
    array([1, 1, 1, 2, 2, 2], dtype=uint8)
    """
    report, voxel = Reporter.of(report), VoxelSize.of(spacing, strokes.ndim)
    bank = _bank(smallest_scale, largest_scale, texture, voxel)
    pixels = DescribedPixels.of(image, channel_axis, bank, cache)
    if forest is None:
        examples = MarkedPixels(seed)
        pixels.teach(examples, strokes, passed(strokes.shape))
        forest = _learnt(examples, seed, report.part(0, 3))
    _check_fit(forest, pixels)
    report(Progress(1, 3))
    if find == "classes":
        found = likely_classes(strokes.shape, pixels.describe, forest, report.part(1, 2))
    else:
        likely = pixel_probabilities(strokes.shape, pixels.describe, forest, report.part(1, 3))
        found = _objects(likely, forest, background, voxel, report.part(2, 3))
    if pixels.valid is not None:
        found[~pixels.valid] = 0
    return found


def classify_pixels_statistics(
    pieces: Iterable[Mapping[str, Any]],
    *,
    smallest_scale: float | str,
    largest_scale: float | str,
    texture: bool,
    seed: int,
    forest: Forest | None,
    spacing: VoxelSize,
    cache: Cache | None = None,
    channel_axis: int | None = None,
    **_: Any,
) -> dict[str, Any]:
    """Return the forest that the strokes in all pieces together teach.

    Parameters
    ----------
    pieces : iterable of mapping
        Image and strokes in pieces, {"image": ..., "strokes": ..., "part": ...}; channels last. Of
        a part of a plane or volume, the strokes in the core count; the rest lies around it.
    smallest_scale, largest_scale, texture, seed, forest, spacing, cache, channel_axis, **_
        As for `classify_pixels`.
    """
    if forest is not None:
        return {}
    bank = _bank(smallest_scale, largest_scale, texture, spacing)
    examples, planes = MarkedPixels(seed), 0
    for piece in pieces:
        image, strokes = piece["image"], piece["strokes"]
        axis = -1 if image.ndim > len(spacing) else channel_axis
        part: PartOfWhole = piece.get("part") or passed(strokes.shape)
        planes += not any(each.start for each in part.core)
        if strokes[part.inner].any():
            pixels = DescribedPixels.of(image, axis, bank, cache)
            pixels.teach(examples, strokes, part, planes - 1)
    return {"forest": _learnt(examples, seed, Reporter())}


def classify_pixels_halo(values: Mapping[str, Any], spacing: VoxelSize) -> tuple[float, ...]:
    """Return how far the filters of `classify_pixels` look, in pixels along each axis."""
    scales = values["smallest_scale"], values["largest_scale"]
    halo = _bank(*scales, values["texture"], spacing).halo
    return tuple(float(each + (_AROUND if values["find"] == "objects" else 0)) for each in halo)


def classify_pixels_exact(values: Mapping[str, Any], spacing: VoxelSize | None = None) -> bool:
    """Return whether parts with their halo are what they are in the whole, to the last bit."""
    number, unit = parse(values["largest_scale"])
    return values["find"] == "classes" and unit == "px" and number < WIDE


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
        if own.min(initial=0) < 0 or own.max(initial=0) > _HIGHEST:
            raise ValueError(
                f"strokes has values from {own.min()} to {own.max()}; use 1 to {_HIGHEST} for "
                "classes, and 0 where nothing is drawn"
            )
        if self.valid is not None and own[~self.valid[part.inner]].any():
            count = np.count_nonzero(own[~self.valid[part.inner]])
            raise ValueError(
                f"strokes has {count} pixels where image has no value (NaN or infinity); erase them"
            )
        examples.add(strokes, self.describe, part, number)


def _bank(
    smallest: float | str, largest: float | str, texture: bool, voxel: VoxelSize
) -> FilterBank:
    """Return the filters at all scales, as sizes in finest pixels."""
    finest = min(voxel)
    low = physical(smallest, voxel, name="smallest_scale") / finest
    high = physical(largest, voxel, name="largest_scale") / finest
    if not _FINEST <= low <= high <= _COARSEST:
        raise ValueError(
            f"smallest_scale is {smallest!r} and largest_scale {largest!r}, {low:g} and {high:g} "
            f"pixels; choose from {_FINEST:g} to {_COARSEST:g}, the largest not below the smallest"
        )
    return FilterBank(doubling(low, high), tuple(size / finest for size in voxel), texture)


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
        raise ValueError(
            f"strokes has {drawn}; draw in at least two classes, such as 1 for the background and "
            "2 for what you look for"
        )
    return grown_forest(examples.rows, examples.labels, seed=seed, report=report)


def _check_fit(forest: Forest, pixels: DescribedPixels) -> None:
    """Raise an error if a forest was learnt from other numbers than those of these pixels."""
    count = pixels.points.shape[-1] * len(pixels.bank.names)
    if forest.features != count:
        raise ValueError(
            f"forest takes {forest.features} numbers of a pixel, but there are {count} at these "
            "scales and channels; choose those that it was learnt with"
        )


def _objects(
    likely: Array, forest: Forest, background: int, voxel: VoxelSize, report: Reporter
) -> Array:
    """Return objects by the seeds and the watershed that networks use."""
    if background not in forest.classes:
        known = " and ".join(map(str, forest.classes))
        raise ValueError(f"background is {background}, but strokes has the classes {known}")
    around = likely[forest.classes.index(background)]
    scores = np.stack([around, 1 - around, np.zeros_like(around)])
    return to_objects(scores, targets="boundaries", voxel=voxel, report=report)
