"""Where labels are wrong: a map of the errors, and what went wrong with each object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np

from napari_tessera.signature.parameters import checked
from napari_tessera.signature.words import (
    Array,
    Classes,
    Labels,
    LabelsAre,
    Look,
    Progress,
    Report,
    Reporter,
    Spacing,
    Table,
    Word,
)

KINDS = {
    "right": (1, "#009e73"),
    "missed": (2, "#d55e00"),
    "spurious": (3, "#e69f00"),
    "split": (4, "#56b4e9"),
    "merged": (5, "#cc79a7"),
    "off": (6, "#f0e442"),
    "other class": (7, "#0072b2"),
}
"""Number and colour of each kind of pixel; the colours of M. Okabe and K. Ito suit all eyes."""

LEAST = Annotated[float, Word(low=0.01, high=1)]


@checked
def error_map(
    prediction: Labels,
    *,
    truth: Labels,
    iou: LEAST = 0.5,
    labels_are: LabelsAre = "objects",
    spacing: Spacing = None,
    report: Report = None,
) -> Classes:
    """Colour every pixel by what is wrong with its object.

    Parameters
    ----------
    prediction : ndarray of int, shape (..., Y, X)
        The labels to be judged, a plane or a volume; 0 = background.
    truth : ndarray of int, shape (..., Y, X)
        What is right. Its ids need not be those of the prediction.
    iou : float
        Intersection over union from which a predicted object is the partner of a true one.
    labels_are : {"objects", "classes"}
        Objects are compared as wholes, classes pixel by pixel.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray of uint8
        0 where both are background; else 1 right, 2 missed, 3 spurious, 4 in an object that is
        split, 5 in one that is merged with another, 6 off: where the boundary of an object that was
        found is elsewhere; of classes 1, 2, 3 and 7, another class.

    References
    ----------
    J. C. Caicedo et al., "Evaluation of deep learning strategies for nucleus segmentation in
    fluorescence images", Cytometry A 95(9), 2019.

    Examples
    --------
    The first object is found, though one pixel too short; the second is missed; one is made up:

    >>> error_map(np.array([[7, 7, 0, 0, 0, 9]]), truth=np.array([[1, 1, 1, 0, 2, 0]]))
    array([[1, 1, 6, 0, 2, 3]], dtype=uint8)
    """
    from napari_tessera.algorithms.labels.numbering import numbered
    from napari_tessera.metrics.score import score

    reporter = Reporter.of(report)
    if labels_are == "classes":
        return _of_classes(prediction, truth)
    scores = score(
        truth, prediction, iou=iou, boundaries=False, spacing=spacing, report=reporter.part(0, 2)
    )
    true, _ = numbered(truth)
    found, ids = numbered(prediction)
    partner = np.concatenate([[0], np.searchsorted(ids, scores.objects["partner"])])
    codes = _codes(scores.objects["kind"]), _codes(scores.predictions["kind"])
    result = np.zeros(truth.shape, np.uint8)
    _paint(true, found, partner.astype(np.uint32), codes, result)
    reporter(Progress(1, 1))
    return result


def _of_classes(prediction: Array, truth: Array) -> Array:
    own, true = prediction != 0, truth != 0
    result = np.where(true & ~own, KINDS["missed"][0], 0).astype(np.uint8)
    result[own & ~true] = KINDS["spurious"][0]
    result[own & true] = KINDS["other class"][0]
    result[own & (prediction == truth)] = KINDS["right"][0]
    return result


def _codes(kinds: Array) -> Array:
    """Return the number of the kind of each object, after that of the background."""
    found = np.zeros(len(kinds) + 1, np.uint8)
    for name, (number, _) in KINDS.items():
        found[1:][kinds == name] = number
    return found


def _paint(
    true: Array, found: Array, partner: Array, codes: tuple[Array, Array], result: Array
) -> None:
    """Write the kind of each pixel, piece by piece so that other threads run."""
    from napari_tessera.algorithms.parallel import SLAB, in_order

    off, right = KINDS["off"][0], KINDS["right"][0]
    first, second, out = true.reshape(-1), found.reshape(-1), result.reshape(-1)

    def piece(start: int) -> None:
        own, other = first[start : start + SLAB // 4], second[start : start + SLAB // 4]
        kind = np.where(own > 0, codes[0][own], codes[1][other])
        # what a found object has too much or too little is its boundary
        alike = (other > 0) & (partner[own] == other)
        kind[(kind == right) & ~alike] = off
        out[start : start + SLAB // 4] = kind

    for _ in in_order(piece, range(0, first.size, SLAB // 4)):
        pass


def error_look(values: Mapping[str, Any]) -> Look:
    """Return names and colours of the kinds of errors."""
    without = "other class" if values.get("labels_are", "objects") == "objects" else ""
    only = {"right", "missed", "spurious", "other class"} if not without else set(KINDS)
    kinds = {name: own for name, own in KINDS.items() if name in only and name != without}
    return Look(
        {number: name for name, (number, _) in kinds.items()},
        {number: colour for _, (number, colour) in kinds.items()},
    )


@checked
def object_errors(
    prediction: Labels,
    *,
    truth: Labels,
    iou: LEAST = 0.5,
    spacing: Spacing = None,
    report: Report = None,
) -> Table:
    """Tell what is wrong with each predicted object.

    Parameters
    ----------
    prediction : ndarray of int, shape (..., Y, X)
        The objects to be judged, a plane or a volume; 0 = background.
    truth : ndarray of int, shape (..., Y, X)
        What is right. Its ids need not be those of the prediction.
    iou : float
        Intersection over union from which a predicted object is the partner of a true one.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    dict of ndarray
        One row per object, rising: index; error ("right", "spurious", "split", "merged" or "off");
        partner, the id of the true object that it is (0 = none); iou with it (0 without).

    References
    ----------
    J. C. Caicedo et al., "Evaluation of deep learning strategies for nucleus segmentation in
    fluorescence images", Cytometry A 95(9), 2019.

    Examples
    --------
    >>> table = object_errors(np.array([[7, 7, 0, 9]]), truth=np.array([[1, 1, 1, 0]]))
    >>> table["error"].tolist(), table["partner"].tolist(), table["iou"].round(2).tolist()
    (['right', 'spurious'], [1, 0], [0.67, 0.0])
    """
    from napari_tessera.metrics.score import score

    scores = score(truth, prediction, iou=iou, boundaries=False, spacing=spacing, report=report)
    true, found = scores.objects, scores.predictions
    paired = true["partner"] > 0
    overlaps = np.zeros(len(found["index"]))
    overlaps[np.searchsorted(found["index"], true["partner"][paired])] = true["iou"][paired]
    return {
        "index": found["index"],
        "error": found["kind"],
        "partner": found["partner"],
        "iou": overlaps,
    }
