"""From what a network says to labels: classes by the largest score, objects by a watershed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from types import MappingProxyType

import numpy as np

from napari_tessera.algorithms.labels.ids import renumbered, sizes, smallest_dtype
from napari_tessera.deep.settings import Targets
from napari_tessera.metrics.matching import average_precision
from napari_tessera.signature.progress import Progress, Reporter, reported
from napari_tessera.signature.words import Array, Report, VoxelSize

SMOOTHING = 0.7
"""Standard deviation, in finest pixels, by which the inner probability is smoothed."""

THRESHOLDS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
SEED_THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
SPLITS = (0.0, 0.1, 0.2)
"""What `tuned` tries."""

PRECISIONS = (0.5, 0.65, 0.8)
"""Intersections over union at which objects count as found."""

DEFAULTS = {"threshold": 0.5, "seed_threshold": 0.7, "split": 0.0}

STEPS = tuple(
    {"threshold": threshold, "seed_threshold": seeds, "split": split}
    for threshold, seeds in ((0.5, 0.7), (0.7, 0.9), (0.8, 0.95))
    for split in SPLITS[:2]
)
"""At which a network is judged while it learns: one that has become surer needs higher thresholds,
and would seem to have become worse at the lower ones."""

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
    threshold: float = 0.5,
    seed_threshold: float = 0.7,
    split: float = 0.0,
    smallest: int = 0,
    voxel: VoxelSize,
    report: Reporter | None = None,
) -> Array:
    """Return numbered objects: seeds where pixels are surely inside, grown over the foreground.

    Pieces of the foreground without a seed are objects too: faint and small ones do not vanish.
    Networks see a boundary where there is one to see; objects that only their outline tells apart
    are divided by it.

    Parameters
    ----------
    scores : ndarray of float, shape (3, *P)
        Background, interior, boundary; or background, rim, centre.
    targets : {"boundaries", "distances"}
        Which of both.
    threshold : float
        Probability from which a pixel is foreground.
    seed_threshold : float
        Probability of the inner part from which it is a seed.
    split : float
        How deep the waists of objects are at which they come apart, see
        `napari_tessera.algorithms.geometry.waists.split_at_waists`; 0 = none does.
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
    report = Reporter.of(report)
    objects = _grown(scores, targets, (threshold, seed_threshold), voxel, report)
    return _tidied(objects, split, voxel, smallest)


def _grown(
    scores: Array,
    targets: Targets,
    levels: tuple[float, float],
    voxel: VoxelSize,
    report: Reporter | None = None,
) -> Array:
    """Return what grows from seeds over the foreground, at the thresholds of both."""
    from scipy import ndimage

    from napari_tessera.algorithms.growth.flood import flood

    report = Reporter.of(report)
    inner, foreground = _inner(scores, targets, voxel), scores[0] < 1 - levels[0]
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


def _inner(scores: Array, targets: Targets, voxel: VoxelSize) -> Array:
    """Return how surely each pixel lies inside an object, away from its boundary."""
    from scipy import ndimage

    found = INNER[targets](scores)
    widths = [SMOOTHING * min(voxel) / size for size in voxel]
    return np.asarray(ndimage.gaussian_filter(found, widths, mode="nearest", truncate=3))


def _tidied(objects: Array, split: float, voxel: VoxelSize, smallest: int) -> Array:
    """Return objects apart at their waists, filled, without small ones, numbered without gaps."""
    from napari_tessera.algorithms.geometry.waists import split_at_waists
    from napari_tessera.algorithms.morphology.holes import filled

    return without_small(filled(split_at_waists(objects, split, voxel)), smallest)


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


def annotated(labels: Array, found: Array) -> tuple[Array, Array]:
    """Return true and found objects as far as somebody has said what is there.

    Found objects that lie for more than half of their pixels where nothing is annotated can be
    neither right nor wrong and are left out; of the others, what lies there does not count.

    Parameters
    ----------
    labels : ndarray of int
        Below 0 = not annotated.
    found : ndarray of int of the same shape

    Examples
    --------
    >>> annotated(np.array([1, 1, -1, -1, -1]), np.array([3, 3, 3, 4, 4]))
    (array([1, 1, 0, 0, 0]), array([3, 3, 0, 0, 0]))
    >>> annotated(np.array([1, 1, 0, -1, -1]), np.array([3, 3, 4, 4, 4]))
    (array([1, 1, 0, 0, 0]), array([3, 3, 0, 0, 0]))
    """
    unknown = labels < 0
    if not unknown.any():
        return labels, found
    whole, there = sizes(found), sizes(found[~unknown])
    known = [label for label, size in whole.items() if 2 * there.get(label, 0) >= size]
    return np.where(unknown, 0, labels), np.where(~unknown & np.isin(found, known), found, 0)


def tuned(
    pairs: Sequence[tuple[Array, Array]],
    targets: Targets,
    voxel: VoxelSize,
    *,
    seconds: float = math.inf,
    report: Report = None,
) -> dict[str, float]:
    """Return the thresholds that give the best objects.

    Parameters
    ----------
    pairs : sequence of (scores, labels)
        Held-out examples.
    targets : {"boundaries", "distances"}
    voxel : VoxelSize
    seconds : float
        Where it takes longer than that, the examples that come last are left out.
    report : callable, optional

    Returns
    -------
    dict
        "threshold", "seed_threshold", "split" and "score": the average precision, mean over the
        examples and `PRECISIONS`. The defaults if no example has an object, or there is no time at
        all.
    """
    grown, began = list(product(THRESHOLDS, SEED_THRESHOLDS)), time.monotonic()
    if not any((labels > 0).any() for _, labels in pairs):
        return {**DEFAULTS, "score": 0.0}
    totals, used = np.zeros((len(grown), len(SPLITS))), 0
    for number, (scores, labels) in enumerate(pairs):
        own, part = np.zeros(totals.shape), Reporter.of(report).part(number, len(pairs))
        for place, levels in enumerate(reported(grown, part)):
            if time.monotonic() - began > seconds:
                return _best(totals, used)
            whole = _grown(scores, targets, levels, voxel)
            for column, split in enumerate(SPLITS):  # which need no growing anew
                found = _tidied(whole, split, voxel, 0)
                own[place, column] = average_precision(*annotated(labels, found), *PRECISIONS)
        totals, used = totals + own, used + 1
    return _best(totals, used)


def _best(totals: Array, used: int) -> dict[str, float]:
    """Return the options with the highest total, and the mean over the examples used."""
    if not used:
        return {**DEFAULTS, "score": 0.0}
    options = list(product(THRESHOLDS, SEED_THRESHOLDS, SPLITS))
    place = int(totals.argmax())
    return dict(zip(DEFAULTS, options[place], strict=True)) | {"score": float(totals.max()) / used}
