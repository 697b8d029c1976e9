"""Pieces of a whole array that are worked on at once, with progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from napari_tessera.algorithms.parallel import WORKERS, in_order
from napari_tessera.signature.words import Progress, Reporter

Job = TypeVar("Job")

PIECE = 1 << 19
"""About how many pixels one job takes: some milliseconds of a simple kernel."""

_WIDE = 1024


def spread(work: Callable[[Job], None], jobs: Sequence[Job], report: Reporter) -> None:
    """Do the jobs on all cores and report after each."""
    for done, _ in enumerate(in_order(work, jobs, workers=min(WORKERS, len(jobs))), 1):
        report(Progress(done, len(jobs)))


def rows(count: int, width: int, least: int = 1) -> list[tuple[int, int]]:
    """Return first and last row (exclusive) of slabs of about `PIECE` pixels.

    Examples
    --------
    >>> rows(1000, 4096)[:2]
    [(0, 128), (128, 256)]
    """
    each = max(least, PIECE // max(width, 1), 1)
    return [(first, min(first + each, count)) for first in range(0, count, each)]


def strips(shape: tuple[int, int, int]) -> list[tuple[int, int, int, int]]:
    """Cut (outer, length, inner) so that lines along `length` stay whole.

    Returns
    -------
    list of (outer start, outer stop, inner start, inner stop)

    Examples
    --------
    >>> strips((1, 4096, 2500))
    [(0, 1, 0, 1024), (0, 1, 1024, 2048), (0, 1, 2048, 2500)]
    """
    outer, length, inner = shape
    if length * inner <= PIECE:
        return [(first, last, 0, inner) for first, last in rows(outer, length * inner)]
    wide = max(_WIDE, PIECE // length // _WIDE * _WIDE)
    return [
        (each, each + 1, first, min(first + wide, inner))
        for each in range(outer)
        for first in range(0, inner, wide)
    ]
