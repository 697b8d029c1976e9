"""Which thresholds give the best objects: tried on examples that were held out."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product

import numpy as np

from napari_tessera.algorithms.labels.ids import sizes
from napari_tessera.deep.inference.decode import (
    DEFAULTS,
    Thresholds,
    grown_objects,
    inner_of,
    peaks,
    tidied,
)
from napari_tessera.deep.settings import Targets
from napari_tessera.metrics.matching import Matched, pairs_of, partners
from napari_tessera.metrics.overlap import overlap_table
from napari_tessera.signature.progress import Reporter, reported
from napari_tessera.signature.words import Array, Report, VoxelSize

PRECISIONS = (0.5, 0.65, 0.8)
"""Intersections over union at which objects count as found."""


@dataclass(frozen=True)
class Options:
    """Values of the options of `napari_tessera.deep.inference.decode.to_objects`, to be tried.

    Attributes
    ----------
    levels : tuple of (float, float)
        Thresholds of the foreground and of seeds.
    splits, confidences : tuple of float
    """

    levels: tuple[tuple[float, float], ...]
    splits: tuple[float, ...]
    confidences: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """How many there are of each."""
        return len(self.levels), len(self.splits), len(self.confidences)

    def at(self, place: int) -> dict[str, float]:
        """Return those at a place of a flat array of `shape`, by name."""
        level, split, confidence = np.unravel_index(place, self.shape)
        values = (*self.levels[level], self.splits[split], self.confidences[confidence])
        return dict(zip(DEFAULTS, values, strict=True))

    def precisions(
        self, scores: Array, labels: Array, targets: Targets, voxel: VoxelSize
    ) -> Iterator[Array]:
        """Yield for each of `levels` the average precision of the objects at the other options.

        Parameters
        ----------
        scores : ndarray of float, shape (3, *P)
        labels : ndarray of int, shape P
            Below 0 = not annotated.
        targets : {"boundaries", "distances"}
        voxel : VoxelSize

        Yields
        ------
        ndarray of float, shape (splits, confidences)
            The mean over `PRECISIONS`.
        """
        from napari_tessera.algorithms.geometry.waists import split_at_waists

        inner = inner_of(scores, targets, voxel)
        for levels in self.levels:
            whole = grown_objects(inner, scores[0], levels)
            found = (tidied(split_at_waists(whole, split, voxel), 0) for split in self.splits)
            yield np.array(
                [_precisions(labels, each, peaks(each, inner), self.confidences) for each in found]
            )


WIDE = Options(
    tuple(product((0.4, 0.5, 0.6, 0.7, 0.8, 0.9), (0.5, 0.6, 0.7, 0.8, 0.9, 0.95))),
    (0.0, 0.1, 0.2),
    (0.0, 0.7, 0.8, 0.9, 0.95),
)
"""What `tuned` tries."""

USUAL = Thresholds(threshold=0.7, seed_threshold=0.9, split=0.1, confidence=0.9)
"""What suits most networks."""

QUICK = Options(((0.5, 0.7), (0.7, 0.9), (0.8, 0.95)), (0.0, 0.1), (0.0, 0.8, 0.9))
"""At which a network is judged while it learns: one that has become surer needs higher thresholds,
and would seem to have become worse at the lower ones."""


def _precisions(
    labels: Array, objects: Array, sureness: Array, confidences: Sequence[float]
) -> list[float]:
    """Return the average precision of the objects that are sure enough, at each confidence.

    From an overlap of a half on there is one partner only, whatever else is there: what is not sure
    enough may be left out afterwards.
    """
    pairs = pairs_of(overlap_table(*annotated(labels, objects)))
    sure = sureness[pairs.found.ids]
    matched = [sure[pairs.second[partners(pairs, iou)]] for iou in PRECISIONS]
    every = []
    for confidence in confidences:
        kept, true = int((sure >= confidence).sum()), pairs.true.ids.size
        right = [int((each >= confidence).sum()) for each in matched]
        found = [Matched(n, kept - n, true - n, 0.0) for n in right]
        every.append(float(np.mean([each.average_precision for each in found])))
    return every


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
    """Return the options that give the best objects: the usual ones, unless others are better.

    On a few examples one of hundreds of settings is always best, by chance. Of those that are no
    worse than it by more than a standard error, the one that is nearest to `USUAL` is taken.

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
        By the names in `DEFAULTS`, and "score": the average precision, mean over the examples and
        `PRECISIONS`. The usual ones if no example has an object, or there is no time at all.
    """
    began = time.monotonic()
    if not any((labels > 0).any() for _, labels in pairs):
        return {**asdict(USUAL), "score": 0.0}
    every: list[Array] = []
    for number, (scores, labels) in enumerate(pairs):
        own, part = np.zeros(WIDE.shape), Reporter.of(report).part(number, len(pairs))
        tried = WIDE.precisions(scores, labels, targets, voxel)
        for place in reported(range(len(WIDE.levels)), part):
            if time.monotonic() - began > seconds:
                return _chosen(every)
            own[place] = next(tried)
        every.append(own)
    return _chosen(every)


def _chosen(every: list[Array]) -> dict[str, float]:
    """Return the options for the precisions, of shape `WIDE.shape`, in each of some examples."""
    if not every:
        return {**asdict(USUAL), "score": 0.0}
    mean = np.mean(every, axis=0)
    table = np.reshape(every, (len(every), -1))
    behind = table[:, [mean.argmax()]] - table
    error = behind.std(axis=0, ddof=1) / math.sqrt(len(every)) if len(every) > 1 else 0.0
    alike = behind.mean(axis=0) <= error + 1e-9  # but for rounding
    # a step weighs more than any precision: of the nearest ones the best
    place = int(np.where(alike, _steps() - mean.ravel(), math.inf).argmin())
    return WIDE.at(place) | {"score": float(mean.flat[place])}


def _steps() -> Array:
    """Return how many steps each of `WIDE` is from `USUAL`, as a flat array."""
    tried = [WIDE.at(place) for place in range(math.prod(WIDE.shape))]
    total = np.zeros(len(tried))
    for name, usual in asdict(USUAL).items():
        values = np.array([each[name] for each in tried])
        scale = np.unique(values)
        total += np.abs(np.searchsorted(scale, values) - np.searchsorted(scale, usual))
    return total
