"""The dense CRF: labels that follow the edges of an image."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any

import numpy as np

from napari_tessera.algorithms.crf.energies import (
    Guide,
    RandomField,
    certain,
    energies_of,
    intensities_of,
    shared_out,
)
from napari_tessera.algorithms.crf.mean_field import Energies, Kernels, Places
from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.algorithms.labels.ids import renumbered, sizes
from napari_tessera.signature.arrays import fitting
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.units import to_pixels
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    IMAGE,
    SCORES,
    Array,
    ChannelAxis,
    ClassScores,
    Image,
    Intensities,
    Labels,
    LabelsAre,
    Length,
    Refined,
    Report,
    Spacing,
    VoxelSize,
    Word,
)

Weight = Annotated[float, Word(low=0, high=1000, section="Advanced")]


@dataclass(frozen=True)
class CrfSettings:
    """How a dense CRF weighs its wishes, as the arguments of `crf` of these names say."""

    smoothness_width: float | str
    appearance_width: float | str
    smoothness_weight: float
    appearance_weight: float
    intensity_width: float
    iterations: int
    certainty: float = 0.8
    unknown: int | None = None
    labels_are: LabelsAre = "objects"

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> CrfSettings:
        """Return the settings among the arguments of a call."""
        names = (each.name for each in fields(cls) if each.name in arguments)
        return cls(**{name: arguments[name] for name in names})

    def kernels(self, voxel: VoxelSize) -> Kernels:
        """Return both kernels, in pixels along each axis."""
        return Kernels(
            to_pixels(self.smoothness_width, voxel, name="smoothness_width"),
            self.smoothness_weight,
            to_pixels(self.appearance_width, voxel, name="appearance_width"),
            self.appearance_weight,
        )

    def field(self, guide: Guide, voxel: VoxelSize, report: Report) -> RandomField:
        """Return the random field on an image."""
        return RandomField(guide, self.kernels(voxel), self.iterations, Reporter.of(report))


@checked
def crf(
    labels: Refined,
    *,
    image: Image,
    scores: ClassScores | None = None,
    certainty: Annotated[float, Word(low=0.01, high=0.99)] = 0.8,
    smoothness_width: Length = "2 px",
    appearance_width: Length = "10 px",
    intensity_width: Annotated[float, Word(low=0.001, high=10)] = 0.03,
    smoothness_weight: Weight = 1.0,
    appearance_weight: Weight = 6.0,
    iterations: Annotated[int, Word(low=1, high=100)] = 5,
    unknown: Annotated[int | None, Word(low=0, section="Advanced")] = None,
    labels_are: LabelsAre = "objects",
    intensities: Intensities | None = None,
    spacing: Spacing = None,
    channel_axis: ChannelAxis = None,
    report: Report = None,
) -> Labels:
    """Move the borders of labels to edges of the image (dense CRF).

    Each pixel would like to keep its label, to have that of its neighbours, and to have that of
    pixels that are not far away and look alike. Of the labellings that weigh these against one
    another, the mean field of a fully connected conditional random field is taken:
    Q = softmax(-U + w1 K1 Q + w2 K2 Q), repeated, with Gaussian kernels K1 of places and K2 of
    places and intensities, both normalised (D^-1/2 K D^-1/2). It helps where labels are coarse and
    edges are clear, and does harm to thin structures and where edges are faint.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects or classes, a plane or a volume; 0 = background.
    image : ndarray of the same shape, or with colours or channels in `channel_axis`
        Intensities whose edges are to be followed, in up to 4 channels (3 in volumes). Pixels that
        are NaN or infinite follow their neighbours alone.
    scores : ndarray of float, shape (K, ..., Y, X) or (..., Y, X), optional
        Probabilities of a network in place of a certainty that is the same everywhere: of classes
        0 (background), 1, ..., or of the foreground alone.
    certainty : float
        Probability that a label is right as it is; the others share the rest. With `scores`, that
        foreground belongs to the nearest of several objects.
    smoothness_width : float or str
        Reach of the wish for the label of the neighbours: standard deviation.
    appearance_width : float or str
        Reach of the wish for the label of pixels that look alike: standard deviation.
    intensity_width : float
        How alike: standard deviation, as a share of the range of the image's intensities (0.1 to
        99.9 percent of its pixels), in every channel.
    smoothness_weight, appearance_weight : float
        How strong the two wishes are.
    iterations : int
        Steps of the mean field.
    unknown : int, optional
        A label that stands for "not known": its pixels become one of the others; None = there is
        none.
    labels_are : {"objects", "classes"}
        Objects never merge: those that are near one another compete for pixels, and pixels that
        are not connected to where an object was are not given to it.
    intensities : tuple, optional
        What becomes 0 and the range, of each channel; None = found in the image.
    spacing : sequence of float, optional
        Pixel size along each axis.
    channel_axis : int, optional
        Axis of `image` that holds colours or channels; None = grey.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray
        In the dtype of `labels`. An object can vanish if nothing in the image speaks for it.

    Raises
    ------
    ValueError
        If the image is constant or has too many channels, only one label is left, or `scores` are
        no probabilities or have no class for a label.

    References
    ----------
    P. Krahenbuhl and V. Koltun, "Efficient inference in fully connected CRFs with Gaussian edge
    potentials", NeurIPS 2011.

    Examples
    --------
    The right half is bright, but the label ends one column too far to the left:

    >>> image = np.repeat([[0, 0, 0, 0, 9, 9, 9, 9]], 8, axis=0)
    >>> labels = np.repeat([[0, 0, 0, 1, 1, 1, 1, 1]], 8, axis=0)
    >>> crf(labels, image=image, labels_are="classes")[3]
    array([0, 0, 0, 0, 1, 1, 1, 1])
    """
    settings, voxel = CrfSettings.of(locals()), VoxelSize.of(spacing, labels.ndim)
    guide = Guide.of(image, channel_axis, intensity_width, intensities)
    field = settings.field(guide, voxel, report)
    likely = None if scores is None else _probabilities(scores, labels)
    return refined(labels, settings, field, voxel, likely)


def crf_scores(
    scores: Array,
    image: Array,
    *,
    smoothness_width: float | str = "2 px",
    appearance_width: float | str = "10 px",
    intensity_width: float = 0.03,
    smoothness_weight: float = 1.0,
    appearance_weight: float = 6.0,
    iterations: int = 5,
    spacing: Sequence[float] | None = None,
    channel_axis: int | None = None,
    report: Report = None,
) -> Array:
    """Return the probabilities of a network after a dense CRF.

    Parameters
    ----------
    scores : ndarray of float, shape (K, ..., Y, X)
        Probabilities of each class.
    image, smoothness_width, appearance_width, intensity_width
        As for `crf`.
    smoothness_weight, appearance_weight, iterations, spacing, channel_axis, report
        As for `crf`.

    Returns
    -------
    ndarray of float32, shape (K, ..., Y, X)

    Raises
    ------
    ValueError
        If scores and image do not lie on one grid.

    Examples
    --------
    >>> image = np.repeat([[0, 0, 0, 0, 9, 9, 9, 9]], 8, axis=0)
    >>> right = np.repeat([[0.1, 0.1, 0.1, 0.6, 0.6, 0.9, 0.9, 0.9]], 8, axis=0)
    >>> found = crf_scores(np.stack([1 - right, right]), image)
    >>> found[1, 3].round().tolist()
    [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    """
    settings = CrfSettings.of(locals())
    scores = fitting("scores", SCORES, scores)
    image = fitting("image", IMAGE, image)
    guide = Guide.of(image, channel_axis, intensity_width)
    if scores.shape[1:] != guide.shape or len(scores) < 2:
        raise ValueError(
            f"scores has shape {scores.shape}, but image has {guide.shape} pixels; pass two or "
            "more classes first, on the grid of the image"
        )
    voxel = VoxelSize.of(spacing, scores.ndim - 1)
    field = settings.field(guide, voxel, report)
    result = np.empty(scores.shape, np.float32)
    for tile, found in field.marginals(len(scores), lambda box: energies_of(scores[:, *box])):
        result[:, *tile.core] = found
    return result


def crf_halo(values: Mapping[str, Any], spacing: VoxelSize) -> tuple[float, ...]:
    """Return how far around a part has to be read."""
    return CrfSettings.of(values).kernels(spacing).reach


def crf_statistics(pieces: Iterable[Mapping[str, Array]], **_: Any) -> dict[str, Any]:
    """Return the range of intensities of a whole image, by which its pieces are compared.

    Parameters
    ----------
    pieces : iterable of mapping
        The arrays in pieces, {"labels": ..., "image": ...}, channels last.
    **_
        The other parameters of `crf`.
    """
    first = next(iter(pieces))
    several = first["image"].ndim > first["labels"].ndim
    return {"intensities": intensities_of(_Images(pieces), channels=several)}


@dataclass(frozen=True)
class _Images:
    """The images of pieces, read anew each time they are gone through."""

    pieces: Iterable[Mapping[str, Array]]

    def __iter__(self) -> Iterator[Array]:
        return (piece["image"] for piece in self.pieces)


def _probabilities(scores: Array, labels: Array) -> Array:
    """Return probabilities, (K, ..., Y, X), background first."""
    low, high = float(scores.min()), float(scores.max())
    if not (low >= -1e-3 and high <= 1 + 1e-3):  # False for NaN too
        raise ValueError(f"scores go from {low:g} to {high:g}; pass probabilities, from 0 to 1")
    if scores.ndim > labels.ndim and len(scores) > 1:
        return scores
    foreground = scores.reshape(labels.shape)
    return np.stack([1 - foreground, foreground])


def refined(
    labels: Array,
    settings: CrfSettings,
    field: RandomField,
    voxel: VoxelSize,
    likely: Array | None = None,
    known: Collection[int] | None = None,
) -> Array:
    """Let labels compete, as objects or as classes; see below."""
    if settings.labels_are == "objects":
        return refined_objects(labels, likely, settings, field, voxel)
    if likely is not None:
        return _most_likely(labels, likely, settings, field)
    return refined_classes(labels, settings, field, known)


def _most_likely(labels: Array, likely: Array, settings: CrfSettings, field: RandomField) -> Array:
    """Return the class of each pixel, from probabilities alone."""
    highest = max((number for number in sizes(labels) if number != settings.unknown), default=0)
    if highest >= len(likely):
        raise ValueError(
            f"labels has the class {highest}, but scores has {len(likely)} classes, 0 to "
            f"{len(likely) - 1}; pass those that the labels were made of"
        )
    found = field.best(len(likely), lambda box: Energies(energies_of(likely[:, *box])))
    return found.astype(labels.dtype)


def refined_classes(
    labels: Array,
    settings: CrfSettings,
    field: RandomField,
    known: Collection[int] | None = None,
) -> Array:
    """Let classes compete; `known` are those of the whole of which this is a part."""
    found = sizes(labels) if known is None else sorted(known)
    ids = np.array([number for number in found if number != settings.unknown], labels.dtype)
    if len(ids) < 2:
        raise ValueError(
            f"labels has only the label {', '.join(map(str, ids)) or 'that is not known'}; label "
            "two or more classes (0, the background, is one)"
        )

    def energies(box: Box) -> Places:
        places = np.full(labels[box].shape, -1, np.int16)
        for place, number in enumerate(ids):
            places[labels[box] == number] = place
        return certain(places, len(ids), settings.certainty)

    return renumbered(field.best(len(ids), energies), ids)


def refined_objects(
    labels: Array,
    likely: Array | None,
    settings: CrfSettings,
    field: RandomField,
    voxel: VoxelSize,
) -> Array:
    """Let objects compete as few classes, of which neighbours never share one."""
    from napari_tessera.algorithms.crf.colouring import coloured, owned
    from napari_tessera.algorithms.geometry.distance import nearest_label

    unknown, certainty = settings.unknown, settings.certainty
    objects = labels if unknown is None else np.where(labels == unknown, 0, labels)
    if not objects.any():
        return objects.copy()
    colours, count = coloured(objects, voxel)
    if likely is None:
        free = colours if unknown is None else np.where(labels == unknown, np.int16(-1), colours)
        found = field.best(count + 1, lambda box: certain(free[box], count + 1, certainty))
    else:
        cells = nearest_label(colours, voxel)[1]

        def energies(box: Box) -> Energies:
            return Energies(energies_of(shared_out(likely[0][box], cells[box], count, certainty)))

        found = field.best(count + 1, energies)
    return owned(objects, colours, found, voxel)
