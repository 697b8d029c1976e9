"""The kinds of errors: their numbers, names and colours, and a map of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from napari_tessera.signature.arrays import check_ids
from napari_tessera.signature.docstrings import enumerated
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array, Look, Report, Spacing

if TYPE_CHECKING:
    from napari_tessera.metrics.matching import Evidence, Marks

Whose = Literal["truth", "prediction"]


def _merged(evidence: Evidence) -> Marks:
    """Mark what holds most of several true objects, and these."""
    holds = np.bincount(evidence.second[evidence.held], minlength=evidence.found)
    return evidence.marks(evidence.held & (holds[evidence.second] > 1))


def _split(evidence: Evidence) -> Marks:
    """Mark true objects with several pieces, and these."""
    pieces = np.bincount(evidence.first[evidence.piece], minlength=evidence.true)
    return evidence.marks(evidence.piece & (pieces[evidence.first] > 1))


def _right(evidence: Evidence) -> Marks:
    """Mark partners."""
    return evidence.marks(evidence.partners)


def _off(evidence: Evidence) -> Marks:
    """Mark objects without a partner that share most of their pixels, or of the other's."""
    true, found = evidence.marks(evidence.partners)
    free = ~true[evidence.first] & ~found[evidence.second]
    return evidence.marks(free & (evidence.held | evidence.inside))


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
    of : str
        Whether it is said of objects of the "truth", of the "prediction" or of "both".
    applies : callable, optional
        What `matching.Evidence` knows -> the true and the predicted objects of which it is true.
        None = those of which no other kind is true; or pixels only.
    rank : int
        Of several kinds that are true of an object, that of the lowest rank is told; there is room
        between them.
    counted : {"truth", "prediction"}, optional
        Whose objects `Scores.errors` counts, all of which it is true; None = it is no error, or
        one that is not counted.
    """

    number: int
    colour: str
    words: str
    where: str
    of: str = "both"
    applies: Callable[[Evidence], Marks] | None = None
    rank: int = 0
    counted: Whose | None = None


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "right": Kind(
            1, "#009e73", "found, and nothing is wrong with it", "both",
            applies=_right, rank=30,
        ),
        "missed": Kind(
            2, "#d55e00", "a true object that nothing covers to speak of", "both",
            of="truth", counted="truth",
        ),
        "spurious": Kind(
            3, "#e69f00", "a predicted object where there is none", "both",
            of="prediction", counted="prediction",
        ),
        "split": Kind(
            4, "#56b4e9", "a true object in several pieces", "objects",
            applies=_split, rank=20, counted="truth",
        ),
        "merged": Kind(
            5, "#cc79a7", "several true objects in one", "objects",
            applies=_merged, rank=10, counted="prediction",
        ),
        "off": Kind(
            6, "#f0e442", "the boundary is elsewhere", "objects",
            applies=_off, rank=40,
        ),
        "other class": Kind(
            7, "#0072b2", "another class", "classes",
        ),
    }
)  # fmt: skip
"""All kinds, from which scores, maps, lists and reports are made: a new one is a row.

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


def kinds_told() -> str:
    """Return a list of the kinds, their numbers and what they mean, a line each."""
    rows = (f"- {kind.number} {name}: {kind.words}" for name, kind in KINDS.items())
    return ";\n".join(rows) + "."


def names_told(side: Whose) -> str:
    """Return the kinds that objects of one side may have, as a sentence lists them.

    Examples
    --------
    >>> names_told("truth").split(", ")[:3]
    ['"right"', '"missed"', '"split"']
    """
    own = (f'"{name}"' for name, kind in kinds_of("objects").items() if kind.of in ("both", side))
    return enumerated(own, "or")


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
    for name, labels in (("truth", truth), ("prediction", prediction)):
        check_ids(labels, name)
    true, found = numbered(truth)[0], numbered(prediction)[0]
    scores = score(
        true, found, iou=iou, boundaries=False, spacing=spacing, report=reporter.part(0, 2)
    )
    partner = np.concatenate([[0], scores.objects["partner"]])
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
