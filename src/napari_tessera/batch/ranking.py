"""Which results of a batch are to be looked at first: those whose boundaries no edge supports."""

from __future__ import annotations

import numpy as np

from napari_tessera.batch.batch_run import BatchRun
from napari_tessera.batch.file_results import FileResults, labels_from
from napari_tessera.batch.summary import FileOutcome
from napari_tessera.pipeline.review.suspects import suspects
from napari_tessera.pipeline.source import grey
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import AXES, Report

SHARE = 0.1
"""Of the objects of a file, the share of the most suspicious ones that it is judged by."""


def suspicion_of(results: FileResults, report: Report = None) -> float:
    """Return how suspicious the labels of a file are: the mean of its most suspicious tenth.

    Parameters
    ----------
    results : FileResults
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    float
        From 0 to 1, as `boundary_support` tells it of an object; NaN if nothing is known.
    """
    labels, image = results.labels, results.image
    if labels is None or image is None:
        return float("nan")
    pixels = image.whole
    if image.channel_axis is not None:
        pixels = grey(np.moveaxis(pixels, image.channel_axis, -1), rgb=image.rgb)
    axes = min(pixels.ndim, AXES[results.over])
    table, _ = suspects(
        labels.objects(), pixels, over=results.over, spacing=image.voxel(axes), report=report
    )
    known = table["suspicion"][np.isfinite(table["suspicion"])]  # the most suspicious first
    return float(np.mean(known[: max(1, round(SHARE * known.size))])) if known.size else np.nan


def ranked(
    batch: BatchRun, outcomes: dict[int, FileOutcome], report: Report = None
) -> dict[int, float]:
    """Return how suspicious the labels of files are that a batch has written.

    Parameters
    ----------
    batch : BatchRun
    outcomes : dict
        Number of a file -> what has become of it. Files without labels on the disk are left out.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    dict
        Number -> suspicion; of files that cannot be read any more, NaN.
    """
    reporter, found = Reporter.of(report), dict[int, float]()
    for place, (number, outcome) in enumerate(outcomes.items()):
        reporter(Progress(place, len(outcomes)))
        path = outcome.outputs.get("labels")
        if path is None or not outcome.state.has_outputs:
            continue
        try:
            results = labels_from(path, batch.open(outcome.destination.path), batch.recipe)
            found[number] = suspicion_of(results, reporter.part(place, len(outcomes)))
        except (OSError, ValueError):
            found[number] = float("nan")
    return found
