"""How well strokes are told apart by a forest that has not seen them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from napari_tessera.algorithms.forest.forest import grown_forest
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array

FOLDS = 5
"""Into how many parts the strokes of a class are divided at most."""


class Stroke(NamedTuple):
    """The pixels of one stroke.

    Attributes
    ----------
    label : int
        Its class.
    rows : ndarray of float32, shape (N, F)
        What describes them.
    """

    label: int
    rows: Array


@dataclass(frozen=True)
class StrokeAccuracy:
    """How many pixels of strokes that were held out are found to be of their class.

    Attributes
    ----------
    strokes : dict of int to int
        How many there are of each class.
    right : dict of int to float
        The share of the pixels of each class that are right; classes of one stroke are left out,
        because without it nothing is known of them.
    """

    strokes: dict[int, int]
    right: dict[int, float]

    @property
    def mean(self) -> float:
        """The mean over classes, NaN if there is none."""
        return float(np.mean(list(self.right.values()))) if self.right else float("nan")

    def __str__(self) -> str:
        alone = [str(label) for label, count in self.strokes.items() if count == 1]
        said = ", ".join(f"class {label} {share:.0%}" for label, share in self.right.items())
        told = f"Of strokes held out, {self.mean:.0%} of the pixels are right ({said})."
        parts = [told] * bool(self.right)
        if alone:
            parts.append(f"Draw another stroke of class {' and '.join(alone)} to judge it.")
        return " ".join(parts).replace("%", " %")


def cross_validated(
    strokes: Sequence[Stroke], *, seed: int = 0, report: Reporter | None = None
) -> StrokeAccuracy:
    """Hold out some strokes of each class in turn, and classify them by the others.

    Whole strokes are held out: pixels of one stroke are so alike that a part of it tells the rest.

    Parameters
    ----------
    strokes : sequence of Stroke
    seed : int
        Of the forests.
    report : Reporter, optional

    Examples
    --------
    >>> dark, bright = np.zeros((4, 1), np.float32), np.ones((4, 1), np.float32)
    >>> drawn = [Stroke(1, dark), Stroke(1, dark), Stroke(2, bright), Stroke(2, bright)]
    >>> print(cross_validated(drawn))
    Of strokes held out, 100 % of the pixels are right (class 1 100 %, class 2 100 %).
    """
    report, folds = Reporter.of(report), _folds(strokes)
    counts = dict(sorted(Counter(each.label for each in strokes).items()))
    hits, tried = Counter[int](), Counter[int]()
    for fold in range(FOLDS):
        known = [s for s, own in zip(strokes, folds, strict=True) if own != fold]
        asked = [s for s, own in zip(strokes, folds, strict=True) if own == fold]
        if not asked:
            continue
        labels = np.repeat([s.label for s in known], [len(s.rows) for s in known])
        rows = np.concatenate([s.rows for s in known])
        forest = grown_forest(rows, labels, seed=seed, report=report.part(fold, FOLDS))
        for each in asked:
            found = np.array(forest.classes)[forest.probabilities(each.rows).argmax(axis=1)]
            hits[each.label] += int((found == each.label).sum())
            tried[each.label] += len(found)
    return StrokeAccuracy(counts, {c: hits[c] / tried[c] for c in counts if tried[c]})


def _folds(strokes: Sequence[Stroke]) -> list[int]:
    """Return in which fold each stroke is held out; -1 for those that are alone of their class."""
    counts = Counter(each.label for each in strokes)
    before: Counter[int] = Counter()
    found = []
    for label in (each.label for each in strokes):
        found.append(-1 if counts[label] == 1 else before[label] % FOLDS)
        before[label] += 1
    return found
