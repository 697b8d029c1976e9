"""Classes of pixels compared, and classes taken apart into objects."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from napari_tessera.algorithms.labels.components import components
from napari_tessera.metrics.overlap import UNKNOWN, Overlap, overlap_table
from napari_tessera.signature.arrays import as_labels
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array, Table


def foreground(table: Overlap) -> Overlap:
    """Return the overlap of background (0) and foreground (1) alone, whatever the objects."""
    inside, found = (np.asarray(ids != 0, np.int64) for ids in (table.truth, table.prediction))
    return Overlap(np.zeros_like(table.frame), inside, found, table.pixels)


def pixel_accuracy(table: Overlap) -> float:
    """Return the share of the pixels whose class is right; 1 if no pixel counts.

    Examples
    --------
    >>> pixel_accuracy(overlap_table(np.array([[0, 1, 2, 2]]), np.array([[0, 1, 1, 2]])))
    0.75
    """
    total = table.pixels.sum()
    right = table.pixels[table.truth == table.prediction].sum()
    return float(right / total) if total else 1.0


def by_class(table: Overlap) -> Table:
    """Return how well each class that occurs on either side was found.

    Returns
    -------
    dict of ndarray
        One row per class, background (0) too: index, pixels and predicted pixels; dice,
        2 |A & B| / (|A| + |B|), and iou, |A & B| / |A | B|, which are 0 where a class is missing on
        one side.

    References
    ----------
    L. R. Dice, "Measures of the amount of ecologic association between species", Ecology 26(3),
    1945. P. Jaccard, "The distribution of the flora in the alpine zone", New Phytologist 11(2),
    1912.

    Examples
    --------
    >>> table = by_class(overlap_table(np.array([[0, 1, 2, 2]]), np.array([[0, 1, 1, 2]])))
    >>> table["index"].tolist(), table["iou"].tolist()
    ([0, 1, 2], [1.0, 0.5, 0.5])
    """
    ids = np.union1d(table.truth, table.prediction)
    same = table.truth == table.prediction
    true = _totals(ids, table.truth, table.pixels)
    found = _totals(ids, table.prediction, table.pixels)
    both = _totals(ids, table.truth[same], table.pixels[same])
    return {
        "index": ids,
        "pixels": true,
        "predicted pixels": found,
        "dice": 2 * both / (true + found),
        "iou": both / (true + found - both),
    }


def _totals(ids: Array, own: Array, pixels: Array) -> Array:
    totals = np.zeros(ids.size, np.int64)
    np.add.at(totals, np.searchsorted(ids, own), pixels)
    return totals


def mean_of(values: Array, counts: Array, empty: float) -> float:
    """Return the mean of the classes that count, without those of infinite distance.

    Parameters
    ----------
    values : ndarray
        One per class.
    counts : ndarray of bool
    empty : float
        What it is where no class counts.
    """
    own = values[counts]
    if not own.size:
        return empty
    known = own[np.isfinite(own)]
    return float(known.mean()) if known.size else float(own[0])


class ClassPieces(NamedTuple):
    """Two labellings by classes, taken apart into objects.

    Attributes
    ----------
    truth, prediction : ndarray of int
        Connected pieces of one class each, numbered from 1; `UNKNOWN` in the truth where a pixel
        does not count.
    true_classes, found_classes : ndarray of int64
        The class of each piece; element 0 is that of the background.
    """

    truth: Array
    prediction: Array
    true_classes: Array
    found_classes: Array


def class_pieces(truth: Any, prediction: Any, ignore: int | None, report: Reporter) -> ClassPieces:
    """Number the connected pieces of each class, in whole arrays: corners connect too.

    Examples
    --------
    >>> truth, prediction = np.array([[1, 1, 0, 1, 2]]), np.array([[0, 0, 0, 3, 3]])
    >>> found = class_pieces(truth, prediction, None, Reporter())
    >>> found.truth, found.true_classes
    (array([[1, 1, 0, 2, 3]]), array([0, 1, 1, 2]))
    """
    true, found = as_labels(np.asarray(truth)), as_labels(np.asarray(prediction))
    known = np.ones(true.shape, bool) if ignore is None else true != ignore
    own, true_classes = _parted(np.where(known, true, true.dtype.type(0)), report.part(0, 2))
    other, found_classes = _parted(np.where(known, found, found.dtype.type(0)), report.part(1, 2))
    return ClassPieces(np.where(known, own, UNKNOWN), other, true_classes, found_classes)


def _parted(labels: Array, report: Reporter) -> tuple[Array, Array]:
    parts = components(labels).astype(np.int64)
    table = overlap_table(parts, labels, report=report)
    # of one class each, so that the table has one row per piece
    return parts, np.append(0, table.prediction[table.truth != 0])
