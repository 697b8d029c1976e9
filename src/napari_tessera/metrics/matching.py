"""Which predicted object is which true one, and what went wrong with the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from napari_tessera.algorithms.labels.ids import groups
from napari_tessera.metrics.overlap import Overlap, overlap_table
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


class Verdict(NamedTuple):
    """What became of each object.

    Attributes
    ----------
    true, found : ndarray of str
        Of each true and of each predicted object its kind, the first that applies:

        - "merged": a true object most of which lies in a predicted one that holds most of others
          too; a predicted object that holds most of several true ones;
        - "split": a true object with several pieces, that is predicted objects that lie mostly in
          it and fill at least a tenth of it; such a piece;
        - "right": it has a partner;
        - "off": it has none, but it shares most of its pixels, or of the other's, with an object
          that has none either: its boundary is off;
        - "missed" (a true object), "spurious" (a predicted one): none of these.
    partner : ndarray of int64
        Row of the partner of each true object, -1 without one.
    iou : ndarray of float64
        Intersection over union of each true object with its partner, else the largest one.
    split, merged : int
        True objects that have several pieces; predicted ones that hold most of several true ones.
    """

    true: Array
    found: Array
    partner: Array
    iou: Array
    split: int
    merged: int


def verdict(pairs: ObjectPairs, iou: float = 0.5) -> Verdict:
    """Return what became of each object: right, split, merged, off, missed or spurious.

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
    first, second, shared = pairs.first, pairs.second, pairs.shared
    sizes, found_sizes = pairs.true.pixels[first], pairs.found.pixels[second]
    held, inside = 2 * shared > sizes, 2 * shared > found_sizes
    piece = inside & (shared >= PIECE * sizes)
    holds = np.bincount(second[held], minlength=pairs.found.ids.size)
    pieces = np.bincount(first[piece], minlength=pairs.true.ids.size)
    merged, split = held & (holds[second] > 1), piece & (pieces[first] > 1)
    free = ~np.isin(first, first[rows]) & ~np.isin(second, second[rows])
    off = free & (held | inside)
    marked = (("merged", merged), ("split", split), ("right", rows), ("off", off))
    true = _kinds(pairs.true.ids.size, first, marked, "missed")
    found = _kinds(pairs.found.ids.size, second, marked, "spurious")
    partner = np.full(pairs.true.ids.size, -1)
    partner[first[rows]] = second[rows]
    best = np.zeros(pairs.true.ids.size)
    np.maximum.at(best, first, pairs.iou)
    best[first[rows]] = pairs.iou[rows]
    counts = int(np.sum(pieces > 1)), int(np.sum(holds > 1))
    return Verdict(true, found, partner, best, *counts)


def _kinds(count: int, objects: Array, marked: tuple[tuple[str, Array], ...], rest: str) -> Array:
    kinds = np.full(count, rest, "<U8")
    for name, some in reversed(marked):
        kinds[objects[some]] = name
    return kinds
