"""Apply a trained network: probabilities, and from them objects or classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.decode import Thresholds, to_classes, to_objects
from napari_tessera.deep.inference.fitting import ball_pixels, find_intensities, in_grey
from napari_tessera.deep.inference.predictor import Predictor
from napari_tessera.deep.models.library import ModelConfig, find_model
from napari_tessera.deep.settings import Device, Targets
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.units import physical
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    Cached,
    ChannelAxis,
    ClassScores,
    Fraction,
    Image,
    Intensities,
    Labels,
    Length,
    Look,
    PixelModelFolder,
    Report,
    Spacing,
    VoxelSize,
    Word,
)

_ADVANCED = "Advanced"

_VOLUMES = "Volumes"

Volumes = Literal["planes", "stitched", "averaged"]
"""How networks for planes find the objects of volumes."""

TileSide = Annotated[int, Word(low=32, section=_ADVANCED)]


@checked
def predict(
    image: Image,
    *,
    model: PixelModelFolder,
    threshold: Annotated[Fraction | None, Word(usual=0.5)] = None,
    seed_threshold: Annotated[Fraction | None, Word(usual=0.7)] = None,
    split: Annotated[Fraction | None, Word(usual=0.1)] = None,
    confidence: Annotated[Fraction | None, Word(usual=0.8)] = None,
    smallest: Length = "0 px",
    diameter: Length = "0 px",
    volumes: Annotated[Volumes, Word(section=_VOLUMES)] = "planes",
    stitch_overlap: Annotated[
        Fraction, Word("fraction", low=0, high=1, when=("volumes", ("stitched",)), section=_VOLUMES)
    ] = 0.25,
    flips: Annotated[bool, Word(section=_ADVANCED)] = False,
    tile: TileSide = 512,
    device: Annotated[Device, Word("device", section=_ADVANCED)] = "auto",
    intensities: Intensities | None = None,
    spacing: Spacing = None,
    channel_axis: ChannelAxis = None,
    cache: Cached = None,
    report: Report = None,
) -> Labels:
    """Find objects or classes with a trained network: one of yours, or one that comes with Tessera.

    The image is normalised as in training, rescaled to the pixel size of the training images where
    both are known, and predicted in overlapping tiles.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X), or with channels
        Intensities, a plane or a volume. A network for planes looks at volumes plane by plane; one
        for a single channel takes the mean of red, green and blue (3 channels, in the last axis).
    model : str
        One of your models, or nuclei, cells or particles, which come with napari-tessera, by name;
        or the path of a model folder.
    threshold : float, optional
        Probability from which a pixel belongs to an object, or how sure a network must be that
        finds objects one by one; None = what suited the model's validation images best. Not used
        for classes.
    seed_threshold : float, optional
        Probability of the inner part from which an object gets a number of its own; higher values
        split less. None = what suited the model's validation images best. Not used for classes,
        and by networks that find objects one by one.
    split : float, optional
        From how deep a waist on objects come apart that touch without a visible boundary: how much
        farther from the outside the middle of a lobe is than the waist, as a share of what it is in
        the middle of the object; lower values split more, 0 = none. None = what suited the model's
        validation images best. Not used for classes, and by networks that find objects one by one.
    confidence : float, optional
        How sure the network must be of an object: the highest probability of the inner part that is
        reached in it; 0 = all stay. None = what suited the model's validation images best. Not used
        for classes, and by networks that find objects one by one (there it is the threshold).
    smallest : float or str
        Diameter of the smallest objects to keep (0 = all). Not used for classes.
    diameter : float or str
        Median diameter of the objects, by which images with small ones are enlarged for the
        network, and those with large ones shrunk; 0 = measured in a first pass. Not used for
        classes.
    volumes : {"planes", "stitched", "averaged"}
        How a network for planes finds the objects of a volume. Planes: in the probabilities of all
        planes across Z at once. Stitched: in each of these planes by itself, and those that overlap
        in neighbouring planes are one; for thick sections. Averaged: in the mean of the
        probabilities of planes across Z, Y and X, at the right pixel size; takes three times as
        long. Not used for planes, for classes, by networks for volumes, and by those that find
        objects one by one, which always join them.
    stitch_overlap : float
        Intersection over union from which objects of neighbouring planes are one, 0 to 1; lower
        values join more.
    flips : bool
        Average over mirrored images: a little better, four times as long. Not used by networks that
        find objects one by one.
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
    cache : Cache, optional
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
    C. Stringer et al., "Cellpose: a generalist algorithm for cellular segmentation", Nature Methods
    18, 2021 (stitched planes, and planes along three axes).

    Examples
    --------
    >>> predict(np.zeros((64, 64)), model="a model that is not there")
    Traceback (most recent call last):
        ...
    ValueError: ...
    """
    own, cache, report = find_model(model), cache or Cache(), Reporter.of(report)
    predictor = Predictor(
        own,
        device,
        cache,
        tile,
        diameter,
        flips,
        intensities,
        spacing,
        channel_axis,
        averaged=volumes == "averaged",
    )
    found = predictor.answer(image, report.part(0, 1.1))
    if volumes == "stitched":
        found = found.stitched(stitch_overlap)
    labels = found.labels(
        predictor.voxel(image),
        smallest=smallest,
        thresholds={
            "threshold": threshold,
            "seed_threshold": seed_threshold,
            "split": split,
            "confidence": confidence,
        },
        report=report.part(10, 11),
    )
    report(Progress(1, 1, {"remarks": predictor.remarks(image, labels)}))
    return labels


@checked
def scores(
    image: Image,
    *,
    model: PixelModelFolder,
    diameter: Length = "0 px",
    flips: bool = False,
    tile: TileSide = 512,
    device: Annotated[Device, Word("device", section=_ADVANCED)] = "auto",
    intensities: Intensities | None = None,
    spacing: Spacing = None,
    channel_axis: ChannelAxis = None,
    cache: Cached = None,
    report: Report = None,
) -> ClassScores:
    """Show what a network is sure of: a map of probability for each class.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X), or with channels
        Intensities, a plane or a volume; a network for a single channel takes the mean of red,
        green and blue.
    model : str
        One of your models, or nuclei, cells or particles, which come with napari-tessera, by name;
        or the path of a model folder.
    diameter : float or str
        Median diameter of the objects, by which images with small ones are enlarged for the
        network, and those with large ones shrunk; 0 = measured in a first pass. Not used for
        classes.
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
    cache : Cache, optional
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
    own, cache = find_model(model), cache or Cache()
    predictor = Predictor(
        own, device, cache, tile, diameter, flips, intensities, spacing, channel_axis
    )
    return predictor.scores(image, report).array


def objects(
    scores: ClassScores,
    *,
    targets: Targets = "boundaries",
    threshold: float = 0.5,
    seed_threshold: float = 0.7,
    split: float = 0.0,
    confidence: float = 0.0,
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
    threshold, seed_threshold, split, confidence, smallest, spacing, report
        As for `predict`.

    Returns
    -------
    ndarray of uint16 or uint32
    """
    voxel = VoxelSize.of(spacing, scores.ndim - 1)
    return to_objects(
        scores,
        targets=targets,
        thresholds=Thresholds(threshold, seed_threshold, split, confidence),
        smallest=ball_pixels(smallest, voxel, scores.shape[1:]),
        voxel=voxel,
        report=Reporter.of(report),
    )


def most_probable_class(scores: ClassScores, *, ids: tuple[int, ...] = ()) -> Array:
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
    >>> most_probable_class(np.array([[[0.9, 0.2]], [[0.1, 0.8]]]), ids=(0, 5))
    array([[0, 5]], dtype=uint8)
    """
    return to_classes(scores, ids or tuple(range(len(scores))))


def predict_statistics(
    pieces: Iterable[Mapping[str, Array]], *, model: str, **others: Any
) -> dict[str, Any]:
    """Return what a whole image has to tell of its pieces: the intensities they are normalised by.

    Blocks are enlarged alike, by the diameter of the objects in all of them.

    Parameters
    ----------
    pieces : iterable of mapping
        The image in pieces, {"image": ...}, channels last, of blocks with "part".
    model : str
    **others
        The other parameters of `predict`.
    """
    own, spacing = find_model(model), others.get("spacing")
    images = _Images(pieces, own.config, None if spacing is None else len(spacing))
    found = {"intensities": find_intensities(images, own.config)}
    if spacing is None or not own.config.diameter or "part" not in (first := next(iter(pieces))):
        return found
    if physical(others["diameter"], spacing, name="diameter"):
        return found
    axis = images.channel_axis(first["image"])
    predictor = Predictor(
        own,
        others["device"],
        tile=others["tile"],
        intensities=found["intensities"],
        spacing=spacing,
        channel_axis=axis,
    )
    return {**found, "diameter": predictor.typical_diameter(piece["image"] for piece in pieces)}


def predict_kind(values: Mapping[str, Any]) -> str:
    """Return what `predict` gives with these parameters: "objects" or "classes"."""
    return find_model(values["model"]).config.kind


def sees_all(values: Mapping[str, Any]) -> bool:
    """Return whether the model with these parameters looks at the whole image at once."""
    return bool(find_model(values["model"]).config.fitted)


def predict_look(values: Mapping[str, Any]) -> Look:
    """Return names and colours of the classes that `predict` gives with these parameters."""
    own = find_model(values["model"]).config
    # numbers of objects are no classes
    ids = () if own.one_by_one else own.ids
    return Look(_by_id(ids, own.class_names), _by_id(ids, own.colours))


def _by_id(ids: tuple[int, ...], texts: tuple[str, ...]) -> dict[int, str]:
    return {label: text for label, text in zip(ids, texts, strict=False) if text}


def predict_halo(values: Mapping[str, Any], spacing: VoxelSize) -> tuple[float, ...]:
    """Return how far around a part has to be read to predict it, see `Predictor.halo`."""
    averaged = values.get("volumes") == "averaged"  # other methods that ask have no such option
    predictor = Predictor(find_model(values["model"]), tile=values["tile"], averaged=averaged)
    return predictor.halo(len(spacing))


@dataclass(frozen=True)
class _Images:
    """The images of pieces as a model sees their channels, read anew each time."""

    pieces: Iterable[Mapping[str, Array]]
    config: ModelConfig
    axes: int | None

    def __iter__(self) -> Iterator[Array]:
        for piece in self.pieces:
            image = piece["image"]
            yield in_grey(image, self.channel_axis(image), self.config)[0]

    def channel_axis(self, image: Array) -> int | None:
        """Return the axis of the channels of a piece, if it is known to have any."""
        return -1 if self.axes is not None and image.ndim > self.axes else None
