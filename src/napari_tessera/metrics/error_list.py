"""Every object that was predicted or missed, where it is and what is wrong or suspicious."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_tessera.algorithms.labels.boxes import box_centres
from napari_tessera.metrics.error_kinds import KINDS
from napari_tessera.metrics.figures import Scores
from napari_tessera.metrics.score import score
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import AXES, Array, Over, Report, Spacing, Table


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
    axes = min(truth.ndim, AXES[over])
    true, found = scores.objects, scores.predictions
    # no predicted object stands for these
    missed = np.isin(true["kind"], [name for name, kind in KINDS.items() if kind.of == "truth"])
    table = {
        "error": np.concatenate([true["kind"][missed], found["kind"]]),
        "of": np.repeat(["truth", "prediction"], [missed.sum(), found["index"].size]),
        "index": np.concatenate([true["index"][missed], found["index"]]),
        "pixels": np.concatenate([true["pixels"][missed], found["pixels"]]),
        "iou": np.concatenate([np.zeros(missed.sum()), _overlaps(true, found)]),
    }
    places = [box_centres(truth, axes)[missed], box_centres(prediction, axes)]
    order = np.argsort(table["error"] == "right", kind="stable")
    return (
        scores,
        {name: column[order] for name, column in table.items()},
        np.concatenate(places)[order],
    )


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
