"""Which predicted object is which true one, and what went wrong with the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from napari_tessera.algorithms.labels.ids import groups
from napari_tessera.metrics.error_kinds import kinds_of, names_told
from napari_tessera.metrics.overlap import Overlap, overlap_table
from napari_tessera.signature.docstrings import told_of
from napari_tessera.signature.words import Array

IOUS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
"""Intersections over union at which average precision is usually given."""

PIECE = 0.1
"""Share of a true object from which a predicted one inside it is a piece of it, not a speck."""


class Side(NamedTuple):
    """The objects of one labelling, in rising order of frame and id.

    Attributes
    ----------
    frame, ids : ndarray of int64, shape (N,)
        Plane or frame, and id.
    pixels : ndarray of int64, shape (N,)
    """

    frame: Array
    ids: Array
    pixels: Array


@dataclass(frozen=True)
class ObjectPairs:
    """True and predicted objects, and those that share pixels.

    Attributes
    ----------
    true, found : Side
    first, second : ndarray of int64, shape (P,)
        Rows of `true` and of `found`.
    shared : ndarray of int64, shape (P,)
        Pixels that both have.
    """

    true: Side
    found: Side
    first: Array
    second: Array
    shared: Array

    @property
    def iou(self) -> Array:
        """Intersection over union of each pair."""
        sizes = self.true.pixels[self.first] + self.found.pixels[self.second]
        return np.asarray(self.shared / (sizes - self.shared))

    def only(self, some: Array) -> ObjectPairs:
        """Return all objects, but of the pairs only some."""
        rest = self.first[some], self.second[some], self.shared[some]
        return ObjectPairs(self.true, self.found, *rest)


@dataclass(frozen=True)
class Matched:
    """How many objects have a partner at one intersection over union.

    True positives are pairs of partners, false positives predicted objects without one, false
    negatives true objects without one.

    Attributes
    ----------
    true_positives, false_positives, false_negatives : int
    iou_sum : float
        Intersections over union of the partners, added up.
    """

    true_positives: int
    false_positives: int
    false_negatives: int
    iou_sum: float

    @property
    def precision(self) -> float:
        """TP / (TP + FP); 1 if there is no object at all, 0 if none was predicted."""
        return self._share(self.false_positives)

    @property
    def recall(self) -> float:
        """TP / (TP + FN); 1 if there is no object at all, 0 if none is true."""
        return self._share(self.false_negatives)

    @property
    def f1(self) -> float:
        """TP / (TP + FP / 2 + FN / 2); 1 if there is no object at all."""
        return self._share((self.false_positives + self.false_negatives) / 2)

    @property
    def average_precision(self) -> float:
        """TP / (TP + FP + FN); 1 if there is no object at all."""
        return self._share(self.false_positives + self.false_negatives)

    @property
    def panoptic_quality(self) -> float:
        """F1 times the mean intersection over union of partners; 1 if there is no object at all."""
        mean = self.iou_sum / self.true_positives if self.true_positives else 1.0
        return self.f1 * mean

    def _share(self, wrong: float) -> float:
        if self.true_positives + self.false_positives + self.false_negatives == 0:
            return 1.0
        right = self.true_positives
        return right / (right + wrong) if right else 0.0


def pairs_of(table: Overlap) -> ObjectPairs:
    """Return the objects of both labellings and which of them share pixels.

    Examples
    --------
    >>> from napari_tessera.metrics.overlap import overlap_table
    >>> pairs = pairs_of(overlap_table(np.array([[1, 1, 0, 2]]), np.array([[5, 0, 0, 3]])))
    >>> pairs.first, pairs.second, pairs.iou
    (array([0, 1]), array([1, 0]), array([0.5, 1. ]))
    """
    true, first = _side(table.frame, table.truth, table.pixels)
    found, second = _side(table.frame, table.prediction, table.pixels)
    both = (first >= 0) & (second >= 0)
    return ObjectPairs(true, found, first[both], second[both], table.pixels[both])


def _side(frame: Array, ids: Array, pixels: Array) -> tuple[Side, Array]:
    """Return the objects of one side, and the object of each row of the table, -1 without one."""
    rows = np.full(ids.size, -1)
    inside = np.flatnonzero(ids)
    order = inside[np.lexsort((ids[inside], frame[inside]))]
    starts, rows[order] = groups(frame[order], ids[order])
    if not starts.size:
        return Side(*(np.empty(0, np.int64) for _ in range(3))), rows
    sums = np.add.reduceat(pixels[order], starts)
    return Side(frame[order][starts], ids[order][starts], sums), rows


def partners(pairs: ObjectPairs, iou: float = 0.5) -> Array:
    """Return the rows of the pairs that are partners.

    Each object has one partner at most. Among the pairs that overlap by at least `iou`, as many as
    possible are chosen, and of equally many those with the largest sum of overlaps. Above 0.5 there
    is no choice.

    Parameters
    ----------
    pairs : ObjectPairs
    iou : float
        Smallest intersection over union, above 0.

    Returns
    -------
    ndarray of int64
        Rising.

    References
    ----------
    H. W. Kuhn, "The Hungarian method for the assignment problem", Naval Research Logistics
    Quarterly 2, 1955.

    Examples
    --------
    >>> from napari_tessera.metrics.overlap import overlap_table
    >>> pairs = pairs_of(overlap_table(np.array([[1, 1, 0, 2]]), np.array([[5, 0, 0, 3]])))
    >>> partners(pairs, 0.6)
    array([1])
    """
    close = np.flatnonzero(pairs.iou >= iou)
    first, second = pairs.first[close], pairs.second[close]
    contested = np.bincount(first)[first] > 1 if close.size else np.zeros(0, bool)
    contested |= np.bincount(second)[second] > 1 if close.size else False
    if not contested.any():
        return close
    return np.sort(np.concatenate([close[~contested], _assigned(pairs, close)]))


def _assigned(pairs: ObjectPairs, close: Array) -> Array:
    """Choose among the pairs of objects that have several candidates, group by group."""
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, second = pairs.first[close], pairs.second[close] + pairs.true.ids.size
    count = pairs.true.ids.size + pairs.found.ids.size
    links = coo_array((np.ones(close.size), (first, second)), (count, count))
    _, group = connected_components(links, directed=False)
    order = np.argsort(group[first], kind="stable")
    starts, _ = groups(group[first][order])
    chosen = [np.empty(0, np.int64)]
    for rows in np.split(close[order], starts[1:]):
        if rows.size < 2:
            continue  # not contested
        own, a = np.unique(pairs.first[rows], return_inverse=True)
        other, b = np.unique(pairs.second[rows], return_inverse=True)
        # one more pair outweighs any sum of overlaps
        worth, row_of = np.zeros((own.size, other.size)), np.full((own.size, other.size), -1)
        worth[a, b], row_of[a, b] = 1 + pairs.iou[rows] / (2 * rows.size), rows
        best = row_of[linear_sum_assignment(worth, maximize=True)]
        chosen.append(best[best >= 0])
    return np.concatenate(chosen)


def matched(pairs: ObjectPairs, iou: float = 0.5) -> Matched:
    """Count the objects that have a partner, and those that have none.

    Examples
    --------
    >>> from napari_tessera.metrics.overlap import overlap_table
    >>> pairs = pairs_of(overlap_table(np.array([[1, 1, 0, 2]]), np.array([[5, 0, 0, 3]])))
    >>> matched(pairs, 0.6)
    Matched(true_positives=1, false_positives=1, false_negatives=1, iou_sum=1.0)
    """
    rows = partners(pairs, iou)
    found, true = pairs.found.ids.size, pairs.true.ids.size
    return Matched(rows.size, found - rows.size, true - rows.size, float(pairs.iou[rows].sum()))


def average_precision(truth: Array, prediction: Array, *ious: float) -> float:
    """Return TP / (TP + FP + FN) of objects, the mean over intersections over union.

    Parameters
    ----------
    truth, prediction : ndarray of int, shape (..., Y, X)
        Objects; 0 = background.
    *ious : float
        From which intersection over union objects are partners.

    References
    ----------
    U. Schmidt et al., "Cell detection with star-convex polygons", MICCAI 2018.

    Examples
    --------
    >>> average_precision(np.array([[1, 1, 0, 2]]), np.array([[5, 5, 0, 0]]), 0.5)
    0.5
    """
    pairs = pairs_of(overlap_table(truth, prediction))
    return float(np.mean([matched(pairs, iou).average_precision for iou in ious]))


Marks = tuple[Array, Array]
"""Which true and which predicted objects are meant, bool of shape (T,) and (F,)."""


class Evidence(NamedTuple):
    """What the pairs of a true and a predicted object show, from which kinds of errors follow.

    Attributes
    ----------
    pairs : ObjectPairs
    partners : ndarray of bool, shape (P,)
        Pairs that are partners.
    held : ndarray of bool, shape (P,)
        Most of the true object lies in the predicted one.
    inside : ndarray of bool, shape (P,)
        Most of the predicted object lies in the true one.
    piece : ndarray of bool, shape (P,)
        It does, and fills at least a tenth of it.
    """

    pairs: ObjectPairs
    partners: Array
    held: Array
    inside: Array
    piece: Array

    @classmethod
    def of(cls, pairs: ObjectPairs, rows: Array) -> Evidence:
        """Return it for partners in some rows of the pairs."""
        partners = np.zeros(pairs.shared.size, bool)
        partners[rows] = True
        sizes = pairs.true.pixels[pairs.first]
        held = 2 * pairs.shared > sizes
        inside = 2 * pairs.shared > pairs.found.pixels[pairs.second]
        return cls(pairs, partners, held, inside, inside & (pairs.shared >= PIECE * sizes))

    @property
    def first(self) -> Array:
        """Rows of the true objects, (P,)."""
        return self.pairs.first

    @property
    def second(self) -> Array:
        """Rows of the predicted objects, (P,)."""
        return self.pairs.second

    @property
    def true(self) -> int:
        """How many true objects there are, T."""
        return int(self.pairs.true.ids.size)

    @property
    def found(self) -> int:
        """How many predicted objects there are, F."""
        return int(self.pairs.found.ids.size)

    def marks(self, some: Array) -> Marks:
        """Return the objects of some of the pairs, given as bool of shape (P,)."""
        true, found = np.zeros(self.true, bool), np.zeros(self.found, bool)
        true[self.first[some]] = True
        found[self.second[some]] = True
        return true, found


@told_of(TRUE=names_told("truth"), FOUND=names_told("prediction"))
class Verdict(NamedTuple):
    """What became of each object.

    Attributes
    ----------
    true : ndarray of str, shape (T,)
        Of each true object the first kind of `error_kinds.KINDS` by rank that is true of it:
        TRUE.
    found : ndarray of str, shape (F,)
        Of each predicted object: FOUND.
    partner : ndarray of int64
        Row of the partner of each true object, -1 without one.
    iou : ndarray of float64
        Intersection over union of each true object with its partner, else the largest one.
    counts : dict of str to int
        Of how many objects each kind that is counted is true, be it told of them or another.
    """

    true: Array
    found: Array
    partner: Array
    iou: Array
    counts: dict[str, int]


def verdict(pairs: ObjectPairs, iou: float = 0.5) -> Verdict:
    """Return what became of each object, by the rows of `error_kinds.KINDS`.

    Parameters
    ----------
    pairs : ObjectPairs
    iou : float
        Intersection over union from which objects are partners.

    Examples
    --------
    >>> from napari_tessera.metrics.overlap import overlap_table
    >>> truth, prediction = np.array([[1, 1, 1, 1, 0, 2]]), np.array([[3, 3, 4, 4, 5, 0]])
    >>> found = verdict(pairs_of(overlap_table(truth, prediction)))
    >>> found.true.tolist(), found.found.tolist()
    (['split', 'missed'], ['split', 'split', 'spurious'])
    """
    rows = partners(pairs, iou)
    first, second = pairs.first, pairs.second
    true, found, counts = _kinds(Evidence.of(pairs, rows))
    partner = np.full(pairs.true.ids.size, -1)
    partner[first[rows]] = second[rows]
    best = np.zeros(pairs.true.ids.size)
    np.maximum.at(best, first, pairs.iou)
    best[first[rows]] = pairs.iou[rows]
    return Verdict(true, found, partner, best, counts)


def _kinds(evidence: Evidence) -> tuple[Array, Array, dict[str, int]]:
    """Return the kinds of true and of predicted objects, and of how many each is true."""
    kinds = kinds_of("objects")
    names = f"<U{max(map(len, kinds))}"
    told = {
        "truth": np.full(evidence.true, "", names),
        "prediction": np.full(evidence.found, "", names),
    }
    true_of: dict[str, dict[str, Array]] = {}
    for name, kind in sorted(kinds.items(), key=lambda each: -each[1].rank):
        if kind.applies is not None:
            true_of[name] = dict(zip(told, kind.applies(evidence), strict=True))
            for side in told if kind.of == "both" else (kind.of,):
                told[side][true_of[name][side]] = name
    for name, kind in kinds.items():
        if kind.applies is None:  # what is left of its side
            true_of[name] = {kind.of: told[kind.of] == ""}
            told[kind.of][true_of[name][kind.of]] = name
    counts = {
        name: int(true_of[name][kind.counted].sum())
        for name, kind in kinds.items()
        if kind.counted is not None
    }
    return told["truth"], told["prediction"], counts
