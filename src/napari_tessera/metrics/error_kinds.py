"""The kinds of errors: their numbers, names and colours, and a map of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array, Look, Report, Spacing


class Kind(NamedTuple):
    """A kind of error, or none.

    Attributes
    ----------
    number : int
        In maps; 0 is background.
    colour : str
    words : str
        What it means of objects, as reports say it.
    where : str
        Whether it occurs in maps of "objects", of "classes" or of "both".
    """

    number: int
    colour: str
    words: str
    where: str


KINDS = {
    "right": Kind(1, "#009e73", "found, and nothing is wrong with it", "both"),
    "missed": Kind(2, "#d55e00", "a true object that nothing covers to speak of", "both"),
    "spurious": Kind(3, "#e69f00", "a predicted object where there is none", "both"),
    "split": Kind(4, "#56b4e9", "a true object in several pieces", "objects"),
    "merged": Kind(5, "#cc79a7", "several true objects in one", "objects"),
    "off": Kind(6, "#f0e442", "the boundary is elsewhere", "objects"),
    "other class": Kind(7, "#0072b2", "another class", "classes"),
}
"""All kinds, from which maps, reports and plots are made: a new one is a row, and what finds it.

The colours of M. Okabe and K. Ito suit all eyes.
"""


def kinds_of(labels_are: str) -> dict[str, Kind]:
    """Return the kinds that maps of "objects" or of "classes" have.

    Examples
    --------
    >>> list(kinds_of("classes"))
    ['right', 'missed', 'spurious', 'other class']
    """
    return {name: kind for name, kind in KINDS.items() if kind.where in ("both", labels_are)}


def kinds_of_objects(
    prediction: Array,
    truth: Array,
    *,
    iou: float = 0.5,
    spacing: Spacing = None,
    report: Report = None,
) -> Array:
    """Return for each pixel the number in `KINDS` of what is wrong with its object, as uint8.

    Parameters and errors as in `napari_tessera.score`.
    """
    from napari_tessera.algorithms.labels.numbering import numbered
    from napari_tessera.metrics.score import score

    reporter = Reporter.of(report)
    scores = score(
        truth, prediction, iou=iou, boundaries=False, spacing=spacing, report=reporter.part(0, 2)
    )
    true, _ = numbered(truth)
    found, ids = numbered(prediction)
    # one type: of int64 and uint64, NumPy makes float64, which loses digits
    partners = np.searchsorted(ids.astype(np.int64), scores.objects["partner"])
    partner = np.concatenate([[0], partners])
    codes = _codes(scores.objects["kind"]), _codes(scores.predictions["kind"])
    result = np.zeros(truth.shape, np.uint8)
    _paint(true, found, partner.astype(np.uint32), codes, result)
    reporter(Progress(1, 1))
    return result


def kinds_of_pixels(prediction: Array, truth: Array) -> Array:
    """Return for each pixel of classes the number in `KINDS` of what is wrong with it, as uint8."""
    own, true = prediction != 0, truth != 0
    result = np.where(true & ~own, KINDS["missed"].number, 0).astype(np.uint8)
    result[own & ~true] = KINDS["spurious"].number
    result[own & true] = KINDS["other class"].number
    result[own & (prediction == truth)] = KINDS["right"].number
    return result


def _codes(kinds: Array) -> Array:
    """Return the number of the kind of each object, after that of the background."""
    found = np.zeros(len(kinds) + 1, np.uint8)
    for name, kind in KINDS.items():
        found[1:][kinds == name] = kind.number
    return found


def _paint(
    true: Array, found: Array, partner: Array, codes: tuple[Array, Array], result: Array
) -> None:
    """Write the kind of each pixel, piece by piece so that other threads run."""
    from napari_tessera.algorithms.parallel import SLAB, parallel_for, slabs

    off, right = KINDS["off"].number, KINDS["right"].number
    first, second, out = true.reshape(-1), found.reshape(-1), result.reshape(-1)

    def piece(part: tuple[int, int]) -> None:
        own, other = first[slice(*part)], second[slice(*part)]
        kind = np.where(own > 0, codes[0][own], codes[1][other])
        # what a found object has too much or too little is its boundary
        alike = (other > 0) & (partner[own] == other)
        kind[(kind == right) & ~alike] = off
        out[slice(*part)] = kind

    parallel_for(piece, slabs(first.size, 1, pixels=SLAB // 4))


def error_look(values: Mapping[str, Any]) -> Look:
    """Return names and colours of the kinds of errors."""
    kinds = kinds_of(values.get("labels_are", "objects"))
    return Look(
        {kind.number: name for name, kind in kinds.items()},
        {kind.number: kind.colour for kind in kinds.values()},
    )
