"""Where labels are wrong: a map of the errors, and what went wrong with each object."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from napari_tessera.metrics.error_kinds import (
    kinds_of_objects,
    kinds_of_pixels,
    kinds_told,
    names_told,
)
from napari_tessera.signature.docstrings import told_of
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Classes,
    Labels,
    LabelsAre,
    Report,
    Spacing,
    Table,
    Word,
)

LEAST = Annotated[float, Word(low=0.01, high=1)]


@checked
@told_of(NUMBERS=kinds_told())
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
        0 where both are background, else the number of what is wrong with the object; where the
        boundary of one that was found is elsewhere, that of off:

        NUMBERS

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
    if labels_are == "classes":
        return kinds_of_pixels(prediction, truth)
    return kinds_of_objects(prediction, truth, iou=iou, spacing=spacing, report=report)


@checked
@told_of(NAMES=names_told("prediction"))
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
        One row per object, rising: index; error (NAMES);
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
