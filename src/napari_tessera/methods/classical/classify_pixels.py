"""Classify pixels as a few that were drawn: a forest on filters at several scales."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import numpy as np

from napari_tessera.algorithms.filters.gaussian import WIDE
from napari_tessera.algorithms.forest.forest import Forest
from napari_tessera.algorithms.forest.pixels import likely_classes, pixel_probabilities
from napari_tessera.deep.inference.decode import to_objects
from napari_tessera.methods.classical.pixel_classifier import Scales
from napari_tessera.methods.classical.stroke_learning import (
    HIGHEST,
    DescribedPixels,
    Learning,
    check_fit,
    known_classifier,
    learnt_classifier,
    scales_asked,
)
from napari_tessera.signature.parts import passed
from napari_tessera.signature.progress import Progress, Reporter, TooLittleDrawn
from napari_tessera.signature.units import parse
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    Cached,
    ChannelAxis,
    ClassifierFolder,
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
_AROUND = 16  # pixels in which objects in neighbouring blocks are compared

_OWN_LENGTH = Word("length", low=0, when=("classifier", (None,)))

Wanted = Literal["classes", "objects"]

FoundForest = Annotated[Forest, Word("forest")]


@checked
def classify_pixels(
    image: Image,
    *,
    strokes: Strokes | None = None,
    classifier: ClassifierFolder | None = None,
    find: Wanted = "classes",
    background: Annotated[int, Word(low=1, high=HIGHEST, when=("find", ("objects",)))] = 1,
    smallest_scale: Annotated[Length, _OWN_LENGTH] = "1 px",
    largest_scale: Annotated[Length, _OWN_LENGTH] = "8 px",
    texture: Annotated[bool, Word(when=("classifier", (None,)))] = False,
    seed: Annotated[int, Word(low=0, section=_ADVANCED, when=("classifier", (None,)))] = 0,
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
    strokes : ndarray of int, optional
        The class of the pixels that were drawn, 1 to 255, at least two of them; 0 = not drawn. Of
        more than 8192 pixels of a class, so many are drawn at random. None = a classifier knows
        enough.
    classifier : str, optional
        One that was learnt from other images and kept, by name, or the path of its folder. Strokes
        are added to what it has learnt from.
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
        If there are no strokes, they are all of one class, or the classifier is one of other
        images.

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
    axes = image.ndim - (channel_axis is not None)
    report, voxel = Reporter.of(report), VoxelSize.of(spacing, axes)
    asked = Learning(
        Scales(smallest_scale, largest_scale, texture), seed, known_classifier(classifier)
    )
    pixels = DescribedPixels.of(image, channel_axis, asked.scales.bank(voxel), cache)
    asked.check(axes, pixels)
    shape = pixels.points.shape[:-1]
    if forest is None:
        examples = asked.examples
        if strokes is not None:
            pixels.teach(examples, strokes, passed(shape))
        elif classifier is None:
            raise TooLittleDrawn(
                "strokes is missing: draw some pixels of each class in a Labels layer, or choose a "
                "classifier"
            )
        forest = asked.learnt(examples, report.part(0, 3))
    check_fit(forest, pixels)
    report(Progress(1, 3))
    if find == "classes":
        found = likely_classes(shape, pixels.describe, forest, report.part(1, 2))
    else:
        likely = pixel_probabilities(shape, pixels.describe, forest, report.part(1, 3))
        found = _objects(likely, forest, background, voxel, report.part(2, 3))
    if pixels.valid is not None:
        found[~pixels.valid] = 0
    return found


def classify_pixels_statistics(
    pieces: Iterable[Mapping[str, Any]], *, forest: Forest | None, **values: Any
) -> dict[str, Any]:
    """Return the forest that the strokes in all pieces together teach.

    Parameters
    ----------
    pieces : iterable of mapping
        Image and strokes in pieces, {"image": ..., "strokes": ..., "part": ...}; channels last. Of
        a part of a plane or volume, the strokes in the core count; the rest lies around it.
    forest : Forest, optional
    **values
        The other parameters of `classify_pixels`.
    """
    return {} if forest is not None else {"forest": learnt_classifier(pieces, **values).forest}


def classify_pixels_halo(values: Mapping[str, Any], spacing: VoxelSize) -> tuple[float, ...]:
    """Return how far the filters of `classify_pixels` look, in pixels along each axis."""
    halo = scales_asked(values).bank(spacing).halo
    return tuple(float(each + (_AROUND if values["find"] == "objects" else 0)) for each in halo)


def classify_pixels_exact(values: Mapping[str, Any]) -> bool:
    """Return whether parts with their halo are what they are in the whole, to the last bit."""
    number, unit = parse(scales_asked(values).largest)
    return values["find"] == "classes" and unit == "px" and number < WIDE


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
