"""Score labels against a truth: pixels, objects and boundaries in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np

from napari_tessera.metrics.boundaries import boundary_distances
from napari_tessera.metrics.classes import class_pieces, foreground
from napari_tessera.metrics.figures import Reading, ScoreOptions, Scores, summed
from napari_tessera.metrics.overlap import UNKNOWN, agree, overlap_table, read_now
from napari_tessera.signature.arrays import check_ids
from napari_tessera.signature.parameters import parameters
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.units import physical
from napari_tessera.signature.validation import check_value, checked_spacing, take_named
from napari_tessera.signature.words import (
    AXES,
    Array,
    Labels,
    Length,
    Over,
    Report,
    Spacing,
    Table,
    Word,
)

Read = tuple[Reading, list[int | None]]
"""What was read, and the ids whose boundaries are compared; None = those of the foreground."""


def score(
    truth: Labels,
    prediction: Labels,
    *,
    labels_are: Literal["objects", "classes"] = "objects",
    over: Over = "volume",
    iou: Annotated[float, Word(low=0.01, high=1)] = 0.5,
    tolerance: Length = "2 px",
    boundaries: bool = True,
    background: bool = False,
    ignore: int | None = None,
    bins: Annotated[int, Word(low=1, high=100)] = 4,
    spacing: Spacing = None,
    report: Report = None,
) -> Scores:
    """Score labels against a truth: pixels, objects and boundaries, in physical units.

    Parameters
    ----------
    truth : array of int, shape (..., Y, X)
        What is right: a plane, a volume, or a stack of either; 0 = background. May be read lazily
        (Dask, Zarr): then block by block, and only one plane or volume of a stack at a time.
    prediction : array of int, shape (..., Y, X)
        What is to be judged, of the same shape. Its ids need not be those of the truth.
    labels_are : {"objects", "classes"}
        "objects": ids tell objects apart; pixels and boundaries are those of the foreground, and
        boundaries between objects that touch count. "classes": ids are classes, compared one by
        one; objects are then the connected pieces of a class, and have partners of their class.
    over : {"planes", "volume"}
        Whether the last two or the last three axes of a stack are one image. Objects of different
        images are different objects, whatever their ids, and all images count together.
    iou : float
        Intersection over union from which a predicted object is the partner of a true one, 0.01 to
        1. Below 0.5 partners are chosen so that as many as possible have one.
    tolerance : float or str
        How far boundaries may be apart and still agree, in units of `spacing`, or as "2 px".
    boundaries : bool
        Compare boundaries; without, only pixels are counted, which takes less time.
    background : bool
        Whether background counts as a class in the means over classes.
    ignore : int, optional
        The id in `truth` of pixels that nobody has annotated; they do not count, whatever is
        predicted there. It may be negative.
    bins : int
        How many groups of sizes the recall is told for.
    spacing : sequence of float, optional
        Pixel size along each axis of a plane or volume.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    Scores
        If neither side has an object, everything is right: 1 for shares, 0 for distances and
        errors. If one side has none, precision, recall, F1, average precision, panoptic quality,
        Dice, IoU and boundary F are 0 and distances are infinite. The adapted Rand error is 1 if
        there are only predicted objects, and else what its definition says.

    Raises
    ------
    ValueError
        If the shapes differ, an array has no pixels, an id is negative, or one of a lazy array or
        of classes is 2**63 or more.

    References
    ----------
    A. Kirillov et al., "Panoptic segmentation", CVPR 2019. U. Schmidt et al., "Cell detection with
    star-convex polygons", MICCAI 2018. J. C. Caicedo et al., "Evaluation of deep learning
    strategies for nucleus segmentation in fluorescence images", Cytometry A 95(9), 2019. For the
    others see `overlap`, `boundary` and `classes`.

    Examples
    --------
    >>> found = score(np.array([[1, 1, 0, 2]]), np.array([[5, 5, 0, 0]]))
    >>> found.recall, found.precision, found.missed, round(found.dice, 2)
    (0.5, 1.0, 1, 0.8)
    """
    given = dict(locals())
    take_named(score, given, last=AXES.get(over))
    truth, prediction, spacing = given["truth"], given["prediction"], given["spacing"]
    for parameter in parameters(score):
        if not parameter.is_array and not parameter.is_supplied:
            check_value(parameter, given[parameter.name])
    truth, prediction = read_now(truth, "truth"), read_now(prediction, "prediction")
    agree(truth, prediction)
    voxel = checked_spacing(spacing, min(truth.ndim, AXES[over]))
    near = physical(tolerance, voxel, name="tolerance")
    if labels_are == "objects" and any(map(_is_wide, (truth, prediction))):
        return _by_rank(**given | {"truth": truth, "prediction": prediction})
    asked = ScoreOptions(iou, near, boundaries, background, ignore, bins, voxel)
    count = int(np.prod(truth.shape[: -len(voxel)], dtype=int))
    reporter = Reporter.of(report)
    read = [
        _read(_READERS[labels_are], *pair, asked, reporter.part(number, count))
        for number, pair in enumerate(_frames(truth, prediction, len(voxel)))
    ]
    return summed(read, asked)


def _is_wide(labels: Any) -> bool:
    """Whether an array in memory has ids that the tables, which are of int64, do not hold."""
    if not isinstance(labels, np.ndarray) or labels.dtype != np.uint64:
        return False
    return bool(labels.max() > np.iinfo(np.int64).max)


def _by_rank(truth: Array, prediction: Array, *, ignore: int | None, **options: Any) -> Scores:
    """Score objects numbered without gaps, and tell of them by their ids."""
    from napari_tessera.algorithms.labels.numbering import numbered

    check_ids(truth if ignore is None else truth[truth != ignore], "truth")
    check_ids(prediction, "prediction")
    (true, true_ids), (found, found_ids) = numbered(truth), numbered(prediction)
    unknown = np.flatnonzero(true_ids == ignore)  # none if no pixel is
    number = int(unknown[0]) if unknown.size else None
    scores = score(true, found, ignore=number, **options)
    # one type on both sides: NumPy's common type of int64 and uint64 is float64
    ids, partners = true_ids.astype(np.uint64), found_ids.astype(np.uint64)
    return replace(
        scores,
        objects=_named(scores.objects, ids, partners),
        predictions=_named(scores.predictions, partners, ids),
    )


def _named(objects: Table, ids: Array, partners: Array) -> Table:
    return {
        **objects,
        "index": ids[objects["index"]],
        "partner": partners[objects["partner"]],
    }


def _frames(truth: Any, prediction: Any, axes: int) -> Iterator[tuple[Any, Any]]:
    """Yield the planes or volumes of a stack, or what is none as it is."""
    lead = truth.shape[: truth.ndim - axes]
    if not lead:
        yield truth, prediction
    for index in np.ndindex(*lead) if lead else ():
        box = (*index, *(slice(None),) * axes)
        yield truth[box], prediction[box]


def _read_objects(truth: Any, prediction: Any, ignore: int | None, report: Reporter) -> Read:
    """Read objects, whose boundaries are those of the foreground."""
    table = overlap_table(truth, prediction, ignore=ignore, report=report)
    return Reading(table, foreground(table), None, {}), [None]


def _read_classes(truth: Any, prediction: Any, ignore: int | None, report: Reporter) -> Read:
    """Read classes and the connected pieces of them; each class has boundaries of its own."""
    table = overlap_table(truth, prediction, ignore=ignore, report=report.part(0, 2))
    parts = class_pieces(truth, prediction, ignore, report.part(2, 4))
    objects = overlap_table(parts.truth, parts.prediction, ignore=UNKNOWN, report=report.part(3, 4))
    own = [number for number in np.union1d(table.truth, table.prediction).tolist() if number]
    return Reading(objects, table, (parts.true_classes, parts.found_classes), {}), own


_READERS = {"objects": _read_objects, "classes": _read_classes}


def _read(
    reader: Callable[[Any, Any, int | None, Reporter], Read],
    truth: Any,
    prediction: Any,
    asked: ScoreOptions,
    report: Reporter,
) -> Reading:
    """Read one plane or volume."""
    first, last = report.part(0, 2 if asked.boundaries else 1), report.part(1, 2)
    found, own = reader(truth, prediction, asked.ignore, first)
    if not asked.boundaries:
        return found
    distances = {
        only or 1: boundary_distances(
            truth,
            prediction,
            ignore=asked.ignore,
            only=only,
            voxel=asked.voxel,
            report=last.part(number, len(own)),
        )
        for number, only in enumerate(own)
    }
    return found._replace(distances=distances)
