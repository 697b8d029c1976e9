"""Numbers by which objects are put in order, to look at those first that need it most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_tessera.pipeline.blockwise.seams import Seams
from napari_tessera.pipeline.review.object_places import ObjectPlaces, cut
from napari_tessera.pipeline.review.suspects import suspects
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import AXES, Array, Over, Report, Spacing


@dataclass(frozen=True)
class Ranking:
    """One way to put objects in order.

    Attributes
    ----------
    column : str
        What the numbers are called.
    rank : callable
        Takes objects, labels, an image, and `spacing` and `report` as keywords; returns a number
        for each object, of which the greatest comes first, NaN last.
    """

    column: str
    rank: Callable[..., Array]

    def order(self, numbers: Array) -> Array:
        """Return the rows in order; those of equal numbers stay as they are."""
        return np.argsort(-numbers, kind="stable")


def suspicion(
    objects: ObjectPlaces,
    labels: Any,
    image: Any,
    *,
    spacing: Spacing = None,
    report: Report = None,
) -> Array:
    """Return how suspicious each object is, as `suspects` tells it: 0 to 1, NaN = not known.

    Parameters
    ----------
    objects : ObjectPlaces
    labels, image : array of one shape
    spacing : sequence of float, optional
        Pixel size along each axis of a plane or volume.
    report : callable, optional

    Examples
    --------
    >>> from napari_tessera.pipeline.review.object_places import object_places
    >>> labels = np.zeros((20, 20), int)
    >>> labels[4:9, 4:9], labels[12:17, 12:17] = 1, 2
    >>> suspicion(object_places(labels), labels, 100.0 * (labels == 1)).round(2).tolist()
    [0.0, 1.0]
    """
    axes = labels.ndim - objects.lead
    over: Over = "planes" if axes == AXES["planes"] else "volume"
    table, centres = suspects(labels, image, over=over, spacing=spacing, report=report)
    places = np.rint(centres[:, : objects.lead]).astype(np.int64)
    numbers = np.full(len(objects), np.nan)
    rows = objects.rows_of(table["index"].astype(np.int64), places)
    numbers[rows[rows >= 0]] = table["suspicion"][rows >= 0]
    return numbers


def mean_inside(
    objects: ObjectPlaces,
    labels: Any,
    image: Any,
    *,
    spacing: Spacing = None,
    report: Report = None,
) -> Array:
    """Return the mean of an image in each object; no more is read at once than for `objects`.

    Parameters
    ----------
    objects : ObjectPlaces
    labels, image : array of one shape
        Values of the image that are not finite do not count.
    spacing : sequence of float, optional
        Makes no difference.
    report : callable, optional

    Examples
    --------
    >>> from napari_tessera.pipeline.review.object_places import object_places
    >>> labels = np.array([[1, 1, 0, 4]])
    >>> mean_inside(object_places(labels), labels, np.array([[0.5, 1, 9, 0.25]])).tolist()
    [0.75, 0.25]
    """
    from napari_tessera.algorithms.geometry.moments import gather_sums

    reporter, shape, lead = Reporter.of(report), tuple(labels.shape), objects.lead
    total, count = np.zeros(len(objects)), np.zeros(len(objects))
    parts = [
        (place, part)
        for place in np.ndindex(shape[:lead])
        for part in cut([slice(0, length) for length in shape[lead:]])
    ]
    for number, (place, part) in enumerate(parts, 1):
        own, values = (np.asarray(each[(*place, *part)]) for each in (labels, image))
        sums, _ = gather_sums(own, [values])
        rows = objects.rows_of(sums.ids, np.tile(np.array(place, np.int64), (len(sums.ids), 1)))
        known = rows >= 0
        count[rows[known]] += sums.values[known, 0, 0]
        total[rows[known]] += sums.values[known, 0, 1]
        reporter(Progress(number, len(parts)))
    return total / np.where(count > 0, count, np.nan)


def at_seams(
    objects: ObjectPlaces,
    labels: Any,
    image: Any,
    *,
    seams: Seams,
    spacing: Spacing = None,
    report: Report = None,
) -> Array:
    """Return 1 for objects that end in a straight line where blocks meet, 0 for the others.

    Parameters
    ----------
    objects : ObjectPlaces
    labels, image, spacing, report
        Make no difference.
    seams : Seams
        Which these are.

    Examples
    --------
    >>> from napari_tessera.pipeline.review.object_places import object_places
    >>> objects = object_places(np.array([[1, 1, 0, 4]]))
    >>> at_seams(objects, None, None, seams=Seams(2, (4,))).tolist()
    [0.0, 1.0]
    """
    return np.isin(objects.index, seams.straight).astype(float)


SUSPICION = Ranking("suspicion", suspicion)
"""Those first whose boundaries no edge of an image supports."""

UNCERTAINTY = Ranking("uncertainty", mean_inside)
"""Those first in which a map of uncertainty is brightest."""

AT_SEAMS = Ranking("at seam", at_seams)
"""Those first that end in a straight line where blocks meet: they may have been cut there."""
