"""How far the boundaries of two labellings are from one another, in physical units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_tessera.algorithms.parallel import in_order
from napari_tessera.metrics.overlap import agree, blocks, with_unknown
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array, VoxelSize

_SLACK = 1 + 1e-9
"""Distances may exceed a tolerance by what rounding makes of it."""


@dataclass(frozen=True)
class Distances:
    """How far each boundary pixel of one labelling is from the nearest one of the other.

    Attributes
    ----------
    true_labels, found_labels : ndarray of int64
        The label of each boundary pixel of the truth (of the prediction), in the order of a scan.
    true, found : ndarray of float64
        Its distance to the nearest boundary pixel of the prediction (of the truth), in the units of
        the pixel size; infinite if there is none.
    """

    true_labels: Array
    true: Array
    found_labels: Array
    found: Array

    @classmethod
    def joined(cls, parts: Sequence[Distances]) -> Distances:
        """Return those of several frames as one; the labels then do not tell frames apart."""
        if len(parts) == 1:
            return parts[0]
        names = ("true_labels", "true", "found_labels", "found")
        return cls(*(np.concatenate([getattr(each, name) for each in parts]) for name in names))


def boundary_distances(
    truth: Any,
    prediction: Any,
    *,
    ignore: int | None = None,
    only: int | None = None,
    voxel: VoxelSize | None = None,
    report: Reporter | None = None,
) -> Distances:
    """Find the boundaries of both labellings and how far they are from one another.

    A pixel is on the boundary of its label if one of its neighbours by faces has another label, be
    it background or a label that touches, or lies outside the image.

    Parameters
    ----------
    truth, prediction : array of int, shape (..., Y, X)
        A plane or a volume; may be read lazily, as by `overlap_table`.
    ignore : int, optional
        The id in `truth` of pixels that do not count; next to them there is no boundary.
    only : int, optional
        The one label, for instance a class, whose boundaries count; None = all but background.
    voxel : VoxelSize, optional
        Pixel size along each axis.
    report : Reporter, optional

    Returns
    -------
    Distances

    Examples
    --------
    >>> found = boundary_distances(np.array([[0, 1, 0, 0]]), np.array([[0, 0, 4, 0]]))
    >>> found.true_labels, found.true, found.found_labels
    (array([1]), array([1.]), array([4]))
    """
    from napari_tessera.algorithms.geometry.nearest_mark import distances

    agree(truth, prediction)
    report, axes = Reporter.of(report), len(truth.shape)
    voxel = VoxelSize.of(voxel, axes)
    steps = (voxel[0], voxel[1] if axes == 3 else 1.0, voxel[-1])
    marks, owners = _rims(truth, prediction, ignore, only, report.part(0, 3))
    columns = truth.shape[-1]
    true = distances(marks[0], marks[1], columns, steps, report.part(1, 3))
    found = distances(marks[1], marks[0], columns, steps, report.part(2, 3))
    return Distances(owners[0], true, owners[1], found)


def _rims(
    truth: Any, prediction: Any, ignore: int | None, only: int | None, report: Reporter
) -> tuple[list[Array], list[Array]]:
    """Return the marks of both boundaries as `bits`, and the labels of their pixels."""
    from napari_tessera.algorithms.geometry.bitmaps import no_marks
    from napari_tessera.algorithms.geometry.boundary import mark_rims

    shape, flat = tuple(truth.shape), len(truth.shape) == 2
    volume = (shape[0], 1, shape[1]) if flat else shape
    marks = [no_marks(volume) for _ in range(2)]
    owners: list[list[Array]] = [[], []]

    def mark(block: tuple[int, int, int, tuple[Array, ...]]) -> tuple[int, list[Array]]:
        start, low, high, arrays = block
        found = []
        for side, array in enumerate(with_unknown(arrays[0], arrays[1], ignore)):
            grid, own = array.reshape(-1, *volume[1:]), marks[side][start : start + high - low]
            found.append(mark_rims(grid, low, high, flat, True, only or 0, own))
        return start + high - low, found

    for done, found in in_order(mark, _with_neighbours(truth, prediction)):
        for side in range(2):
            owners[side].append(found[side])
        report(Progress(done, shape[0]))
    return marks, [np.concatenate(each) for each in owners]


def _with_neighbours(
    truth: Any, prediction: Any
) -> Iterator[tuple[int, int, int, tuple[Array, ...]]]:
    """Yield blocks with the plane before and after: first plane, own planes from and to, arrays.

    Each is read once: one block is held back until the next one has come. What is in memory is not
    copied.
    """
    start = 0
    if isinstance(truth, np.ndarray) and isinstance(prediction, np.ndarray):
        for rows, _ in blocks(truth, prediction):
            low = min(start, 1)
            part = slice(start - low, start + len(rows) + 1)
            yield start, low, low + len(rows), (truth[part], prediction[part])
            start += len(rows)
        return
    before: tuple[Array, ...] | None = None
    held: tuple[Array, ...] | None = None
    for block in (*blocks(truth, prediction), None):
        if held is not None:
            parts = [
                tuple(a[-1:] for a in before) if before is not None else (),
                held,
                tuple(a[:1] for a in block) if block is not None else (),
            ]
            arrays = tuple(np.concatenate([p[s] for p in parts if p]) for s in range(2))
            low = 0 if before is None else 1
            yield start, low, low + len(held[0]), arrays
            start += len(held[0])
        before, held = held, block


def boundary_f(found: Distances, tolerance: float) -> float:
    """Return how well two boundaries agree within a tolerance, 0 to 1.

    The harmonic mean of the share of the predicted boundary that has true boundary within the
    tolerance, and of the share of the true boundary that has predicted boundary.

    Parameters
    ----------
    found : Distances
    tolerance : float
        In the units of the pixel size.

    Returns
    -------
    float
        1 if neither has a boundary, 0 if one has none.

    References
    ----------
    G. Csurka, D. Larlus and F. Perronnin, "What is a good evaluation measure for semantic
    segmentation?", BMVC 2013.

    Examples
    --------
    >>> found = boundary_distances(np.array([[0, 1, 0, 0, 0]]), np.array([[0, 0, 4, 0, 4]]))
    >>> round(boundary_f(found, 1), 3)
    0.667
    """
    if not found.true.size or not found.found.size:
        return float(found.true.size == found.found.size)
    recall, precision = (
        np.mean(within_tolerance(each, tolerance)) for each in (found.true, found.found)
    )
    both = precision + recall
    return float(2 * precision * recall / both) if both else 0.0


def within_tolerance(distances: Array, tolerance: float) -> Array:
    """Return which distances are within a tolerance."""
    return np.asarray(distances <= tolerance * _SLACK)


def hausdorff(found: Distances, percentile: float = 95) -> float:
    """Return the distance within which most of each boundary has the other one.

    Parameters
    ----------
    found : Distances
    percentile : float
        How much of each boundary counts: 100 gives the Hausdorff distance itself.

    Returns
    -------
    float
        The larger of the percentiles of both directions; 0 if neither has a boundary, infinite if
        one has none.

    References
    ----------
    D. P. Huttenlocher, G. A. Klanderman and W. J. Rucklidge, "Comparing images using the Hausdorff
    distance", IEEE Trans. Pattern Analysis and Machine Intelligence 15(9), 1993.

    Examples
    --------
    >>> hausdorff(boundary_distances(np.array([[0, 1, 0, 0]]), np.array([[0, 0, 0, 4]])))
    2.0
    """
    if not found.true.size or not found.found.size:
        return 0.0 if found.true.size == found.found.size else np.inf
    return max(_percentile(each, percentile) for each in (found.true, found.found))


def _percentile(values: Array, percentile: float) -> float:
    """Return a percentile, interpolated between neighbours; values may be infinite."""
    rank = (values.size - 1) * percentile / 100
    low = int(rank)
    below, above = np.partition(values, [low, min(low + 1, values.size - 1)])[low : low + 2][
        [0, -1]
    ]
    if rank == low or below == above:
        return float(below)
    return float(below + (above - below) * (rank - low))


def mean_surface_distance(found: Distances) -> float:
    """Return how far boundary pixels of either labelling are from the other boundary on average.

    The mean over the boundary pixels of both.

    Returns
    -------
    float
        0 if neither has a boundary, infinite if one has none.

    References
    ----------
    T. Heimann et al., "Comparison and evaluation of methods for liver segmentation from CT
    datasets", IEEE Trans. Medical Imaging 28(8), 2009.

    Examples
    --------
    >>> mean_surface_distance(boundary_distances(np.array([[0, 1, 0]]), np.array([[0, 4, 4]])))
    0.3333333333333333
    """
    if not found.true.size or not found.found.size:
        return 0.0 if found.true.size == found.found.size else np.inf
    total = found.true.sum() + found.found.sum()
    return float(total / (found.true.size + found.found.size))


def per_label(
    labels: Array, owners: Array, distances: Array, tolerance: float
) -> tuple[Array, Array]:
    """Return of each label the share of its boundary within a tolerance, and the mean distance.

    Parameters
    ----------
    labels : ndarray of int
        Rising; each owner is one of them.
    owners, distances : ndarray
        Of each boundary pixel.
    tolerance : float

    Returns
    -------
    shares, means : ndarray of float64

    Examples
    --------
    >>> per_label(np.array([3, 7]), np.array([7, 7, 3]), np.array([0.0, 2.0, 1.0]), 1)
    (array([1. , 0.5]), array([1., 1.]))
    """
    from napari_tessera.algorithms.geometry.boundary import sums_of_labels

    rows = np.empty(0, np.int64)  # by label, unless labels are few and far between
    if labels.size and labels[-1] <= owners.size:
        rows = np.empty(labels[-1] + 1, np.int64)
        rows[labels] = np.arange(labels.size)
    counts, near, total = sums_of_labels(
        labels, rows, owners, distances, within_tolerance(distances, tolerance)
    )
    none = np.where(counts > 0, 1.0, np.nan)
    counts = np.maximum(counts, 1)
    return near / counts * none, total / counts * none
