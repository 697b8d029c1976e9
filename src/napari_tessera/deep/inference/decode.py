"""From what a network says to labels: classes by the largest score, objects by a watershed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

import numpy as np

from napari_tessera.algorithms.labels.ids import renumbered, sizes, smallest_dtype
from napari_tessera.deep.settings import Targets
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array, VoxelSize

SMOOTHING = 0.7
"""Standard deviation, in finest pixels, by which the inner probability is smoothed."""


@dataclass(frozen=True)
class Thresholds:
    """How objects are read off what a network says.

    Attributes
    ----------
    threshold : float
        Probability from which a pixel is foreground.
    seed_threshold : float
        Probability of the inner part from which it is a seed.
    split : float
        How deep the waists of objects are at which they come apart, see
        `napari_tessera.algorithms.geometry.waists.split_at_waists`; 0 = none does.
    confidence : float
        Highest probability of the inner part that objects need to stay; 0 = all do.
    """

    threshold: float = 0.5
    seed_threshold: float = 0.7
    split: float = 0.0
    confidence: float = 0.0


DEFAULTS = asdict(Thresholds())
"""By their names, as model folders hold them."""

INNER: Mapping[str, Callable[[Array], Array]] = MappingProxyType(
    {
        "boundaries": lambda scores: (1 - scores[0]) * (1 - scores[2]),
        "distances": lambda scores: scores[2],
    }
)
"""How surely a pixel is inside an object, of scores (3, *P): neither background nor boundary, or
near the centre."""


def to_classes(scores: Array, ids: tuple[int, ...]) -> Array:
    """Return the class with the largest score of each pixel.

    Parameters
    ----------
    scores : ndarray of float, shape (K, *P)
    ids : tuple of int
        The number of each class.

    Returns
    -------
    ndarray of uint8, shape P

    Examples
    --------
    >>> to_classes(np.array([[[0.9, 0.2]], [[0.1, 0.8]]]), (0, 5))
    array([[0, 5]], dtype=uint8)
    """
    numbers = np.array(ids, smallest_dtype("classes", max(ids)))
    return numbers[scores.argmax(axis=0)]


def to_objects(
    scores: Array,
    *,
    targets: Targets,
    thresholds: Thresholds = Thresholds(),
    smallest: int = 0,
    voxel: VoxelSize,
    report: Reporter | None = None,
) -> Array:
    """Return numbered objects: seeds where pixels are surely inside, grown over the foreground.

    Pieces of the foreground without a seed are objects too: faint and small ones do not vanish,
    unless they are to be surer. Networks see a boundary where there is one to see; objects that
    only their outline tells apart are divided by it.

    Parameters
    ----------
    scores : ndarray of float, shape (3, *P)
        Background, interior, boundary; or background, rim, centre.
    targets : {"boundaries", "distances"}
        Which of both.
    thresholds : Thresholds
    smallest : int
        Pixels of the smallest objects that stay.
    voxel : VoxelSize
    report : Reporter, optional

    Returns
    -------
    ndarray of uint16 or uint32
        1, 2, 3, ...

    Examples
    --------
    >>> inside = np.array([[0, 1, 1, 1, 0, 1, 1, 1, 0]] * 3, float)
    >>> found = np.stack([1 - inside, inside, 0 * inside])
    >>> to_objects(found, targets="boundaries", voxel=VoxelSize((1, 1)))[1]
    array([0, 1, 1, 1, 0, 2, 2, 2, 0], dtype=uint16)
    """
    from napari_tessera.algorithms.geometry.waists import split_at_waists

    inner, report = inner_of(scores, targets, voxel), Reporter.of(report)
    levels = thresholds.threshold, thresholds.seed_threshold
    objects = grown_objects(inner, scores[0], levels, report)
    objects = split_at_waists(objects, thresholds.split, voxel)
    return tidied(sure_of(objects, inner, thresholds.confidence), smallest)


def sure_of(objects: Array, inner: Array, confidence: float) -> Array:
    """Return the objects in which the inner probability reaches a level.

    Examples
    --------
    >>> sure_of(np.array([1, 1, 0, 2]), np.array([0.5, 0.9, 0.0, 0.6]), 0.8)
    array([1, 1, 0, 0])
    """
    if not confidence:
        return objects
    low = peaks(objects, inner) < confidence
    low[0] = False
    return np.where(low[objects], objects.dtype.type(0), objects)


def peaks(objects: Array, inner: Array) -> Array:
    """Return the highest inner probability in each object, by its number; 0 = background."""
    found = np.zeros(int(objects.max(initial=0)) + 1, inner.dtype)
    inside = objects > 0
    np.maximum.at(found, objects[inside], inner[inside])
    return found


def grown_objects(
    inner: Array, background: Array, levels: tuple[float, float], report: Reporter | None = None
) -> Array:
    """Return what grows from seeds over the foreground, at the thresholds of it and of seeds."""
    from scipy import ndimage

    from napari_tessera.algorithms.growth.flood import flood

    report = Reporter.of(report)
    foreground = background < 1 - levels[0]
    report(Progress(1, 5))
    everywhere = np.ones((3,) * foreground.ndim)  # pixels that touch by a corner hang together
    seeds, count = ndimage.label((inner > levels[1]) & foreground, everywhere)
    report(Progress(2, 5))
    # pieces of the foreground in which nothing is sure are one seed each, numbered after the others
    pieces, _ = ndimage.label(foreground, everywhere)
    seeded = np.zeros(int(pieces.max(initial=0)) + 1, bool)
    seeded[pieces[seeds > 0]] = True
    alone = foreground & ~seeded[pieces]
    seeds[alone] = pieces[alone] + count
    report(Progress(3, 5))
    if not seeds.any():
        return np.zeros(foreground.shape, np.uint16)
    objects = flood(-inner, seeds, foreground, 1, report.part(3, 5))
    if np.any(objects[foreground] == 0):  # pieces may hang together by corners only
        objects = flood(-inner, objects, foreground, foreground.ndim, report.part(4, 5))
    return objects


def inner_of(scores: Array, targets: Targets, voxel: VoxelSize) -> Array:
    """Return how surely each pixel lies inside an object, away from its boundary."""
    from scipy import ndimage

    found = INNER[targets](scores)
    widths = [SMOOTHING * min(voxel) / size for size in voxel]
    return np.asarray(ndimage.gaussian_filter(found, widths, mode="nearest", truncate=3))


def tidied(objects: Array, smallest: int) -> Array:
    """Return objects with their holes filled, without small ones, numbered without gaps."""
    from napari_tessera.algorithms.morphology.holes import filled

    return without_small(filled(objects), smallest)


def without_small(objects: Array, smallest: int) -> Array:
    """Return the objects of at least so many pixels, numbered 1, 2, 3, ...

    Examples
    --------
    >>> without_small(np.array([0, 4, 4, 2, 7, 7]), 2)
    array([0, 1, 1, 0, 2, 2], dtype=uint16)
    """
    kept = [label for label, size in sizes(objects).items() if label and size >= smallest]
    numbers = np.zeros(int(objects.max()) + 1, smallest_dtype("objects", len(kept)))
    numbers[kept] = np.arange(1, len(kept) + 1)
    return renumbered(objects, numbers)
