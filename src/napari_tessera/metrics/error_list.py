"""Every object that was predicted or missed, where it is and what is wrong or suspicious."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_tessera.algorithms.labels.ids import sizes
from napari_tessera.metrics.figures import Scores
from napari_tessera.metrics.score import Over, score
from napari_tessera.signature.words import Array, Report, Reporter, Spacing, Table


def listing(
    truth: Any,
    prediction: Any,
    *,
    over: Over = "volume",
    iou: float = 0.5,
    tolerance: float | str = "2 px",
    spacing: Spacing = None,
    report: Report = None,
) -> tuple[Scores, Table, Array]:
    """Score objects against a truth and list them, those that are wrong first.

    Parameters
    ----------
    truth, prediction, over, iou, tolerance, spacing, report
        As for `napari_tessera.score`.

    Returns
    -------
    scores : Scores
    table : dict of ndarray
        One row per predicted object and per one that is missed: error, of ("prediction" or
        "truth"), index (its id there), pixels, iou with its partner (0 without).
    centres : ndarray of float64, shape (N, D)
        Of their boxes, in pixels along all axes of the arrays.

    Examples
    --------
    >>> _, table, centres = listing(np.array([[1, 1, 0, 2]]), np.array([[5, 5, 0, 0]]))
    >>> table["error"].tolist(), table["of"].tolist(), centres.tolist()
    (['missed', 'right'], ['truth', 'prediction'], [[0.0, 3.0], [0.0, 0.5]])
    """
    reporter = Reporter.of(report)
    scores = score(
        truth,
        prediction,
        over=over,
        iou=iou,
        tolerance=tolerance,
        spacing=spacing,
        report=reporter.part(0, 2),
    )
    axes = min(truth.ndim, 2 if over == "planes" else 3)
    true, found = scores.objects, scores.predictions
    missed = true["kind"] == "missed"
    table = {
        "error": np.concatenate([true["kind"][missed], found["kind"]]),
        "of": np.repeat(["truth", "prediction"], [missed.sum(), found["index"].size]),
        "index": np.concatenate([true["index"][missed], found["index"]]),
        "pixels": np.concatenate([true["pixels"][missed], found["pixels"]]),
        "iou": np.concatenate([np.zeros(missed.sum()), _overlaps(true, found)]),
    }
    places = [_centres(truth, axes)[missed], _centres(prediction, axes)]
    order = np.argsort(table["error"] == "right", kind="stable")
    return (
        scores,
        {name: column[order] for name, column in table.items()},
        np.concatenate(places)[order],
    )


def suspects(
    labels: Any,
    image: Any,
    *,
    over: Over = "volume",
    spacing: Spacing = None,
    report: Report = None,
) -> tuple[Table, Array]:
    """List objects by how little an image supports their boundaries, the most suspicious first.

    Parameters
    ----------
    labels : array of int, shape (..., Y, X)
        Objects; 0 = background.
    image : array of the same shape
        Intensities.
    over : {"planes", "volume"}
        Whether objects are in planes or in volumes; what is typical is found in each.
    spacing : sequence of float, optional
        Pixel size along each axis of a plane or volume.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    table : dict of ndarray
        One row per object: suspicion, index, pixels, and edge share, contrast and gradient as
        `boundary_support` tells them. Objects of which nothing is known (NaN) come last.
    centres : ndarray of float64, shape (N, D)
        Of their boxes, in pixels along all axes of the arrays.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> labels = np.zeros((20, 20), int)
    >>> labels[4:9, 4:9], labels[12:17, 12:17] = 1, 2
    >>> table, centres = suspects(labels, 100.0 * (labels == 1))
    >>> table["index"].tolist(), table["suspicion"].round(2).tolist(), centres.tolist()
    ([2, 1], [1.0, 0.0], [[14.0, 14.0], [6.0, 6.0]])
    """
    from napari_tessera.methods.judge.boundary_support import boundary_support

    if tuple(labels.shape) != tuple(image.shape):
        raise ValueError(
            f"image has shape {tuple(image.shape)} but labels has {tuple(labels.shape)}; pass "
            "arrays of one shape"
        )
    axes = min(labels.ndim, 2 if over == "planes" else 3)
    lead = tuple(labels.shape[: labels.ndim - axes])
    reporter, tables = Reporter.of(report), []
    for number, index in enumerate(np.ndindex(lead)):
        own, part = np.asarray(labels[index]), np.asarray(image[index])
        step = reporter.part(number, max(1, int(np.prod(lead))))
        table = dict(boundary_support(own, part, spacing=spacing, report=step))
        counted = sizes(own)
        table["pixels"] = np.array([counted[n] for n in table["index"].tolist()], np.int64)
        tables.append(table)
    found = {name: np.concatenate([each[name] for each in tables]) for name in tables[0]}
    order = np.argsort(-found["suspicion"], kind="stable")
    names = ("suspicion", "index", "pixels", "edge share", "contrast", "gradient")
    return {name: found[name][order] for name in names}, _centres(labels, axes)[order]


def _overlaps(true: Table, found: Table) -> Array:
    """Return the intersection over union of each predicted object with its partner."""
    keys = [_keys(table, table["index"]) for table in (found, true)]
    partners = _keys(true, true["partner"])
    rows = np.flatnonzero(true["partner"] > 0)
    result = np.zeros(len(keys[0]))
    place = {key: number for number, key in enumerate(keys[0])}
    for row in rows:
        result[place[partners[row]]] = true["iou"][row]
    return result


def _keys(table: Table, ids: Array) -> list[tuple[int, int]]:
    frames = table.get("frame", np.zeros(len(ids), int))
    return list(zip(frames.tolist(), ids.tolist(), strict=True))


def _centres(labels: Any, axes: int) -> Array:
    """Return the centres of the boxes of all objects, frame by frame, in rising order of ids."""
    from napari_tessera.algorithms.labels.boxes import found

    lead = labels.shape[: labels.ndim - axes]
    every = [np.empty((0, labels.ndim))]
    for index in np.ndindex(lead):
        own = found(np.asarray(labels[(*index, *(slice(None),) * axes)]))
        middle = (own.low + own.high - 1) / 2
        every.append(np.column_stack([np.broadcast_to(index, (len(middle), len(lead))), middle]))
    return np.concatenate(every)
