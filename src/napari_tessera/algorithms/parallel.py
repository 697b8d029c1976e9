"""Cover an array with overlapping pieces and work on several at once."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import numpy as np

from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array

T = TypeVar("T")
R = TypeVar("R")

WORKERS = os.cpu_count() or 1
"""How many pieces are worked on at once: one per core."""

_POOL = "tessera"


SLAB = 1 << 20
"""About how many pixels one library call may take (well under 2 s for every filter here)."""


def in_order(
    function: Callable[[T], R], items: Iterable[T], *, workers: int = WORKERS
) -> Iterator[R]:
    """Yield `function(item)` in the order of `items`, with a few of them under way at once.

    At most `workers` + 1 results exist at a time. When the caller stops early or an item fails,
    what has not begun is dropped. Within an item that is itself worked on like this, the cores are
    taken: it goes one by one.
    """
    if workers < 2 or threading.current_thread().name.startswith(_POOL):
        yield from map(function, items)
        return
    pool = _threads()
    pending: deque[Future[R]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


@cache
def _threads() -> ThreadPoolExecutor:
    """Return the threads that all pieces share: to start some for each call takes half a ms."""
    return ThreadPoolExecutor(WORKERS, thread_name_prefix=_POOL)


if hasattr(os, "register_at_fork"):
    # a child has none of its parent's threads
    os.register_at_fork(after_in_child=_threads.cache_clear)


def map_slabs(
    function: Callable[[Array], Array],
    image: Array,
    margin: int,
    dtype: Any,
    report: Reporter | None = None,
) -> Array:
    """Apply a local filter slab by slab along the first axis, on all cores.

    Parameters
    ----------
    function : callable
        Takes and returns arrays of one shape, and looks at most `margin` pixels along the first
        axis. Must not hold the interpreter lock.
    image : ndarray
    margin : int
        Pixels by which neighbouring slabs overlap.
    dtype : dtype
        Of the result.
    report : Reporter, optional

    Returns
    -------
    ndarray
        Equal to `function(image)`.
    """
    report = Reporter.of(report)
    result = np.empty(image.shape, dtype)
    rows = max(1, SLAB * image.shape[0] // image.size, 2 * margin)
    starts = range(0, image.shape[0], rows)

    def fill(start: int) -> int:
        stop: int = min(start + rows, image.shape[0])
        low, high = max(0, start - margin), min(image.shape[0], stop + margin)
        result[start:stop] = function(image[low:high])[start - low : stop - low]
        return stop

    for stop in in_order(fill, starts, workers=min(WORKERS, len(starts))):
        report(Progress(stop, image.shape[0]))
    return result


JobType = TypeVar("JobType")

PIECE = 1 << 19
"""About how many pixels one job takes: some milliseconds of a simple kernel."""

_WIDE = 1024


def run_jobs(work: Callable[[JobType], None], jobs: Sequence[JobType], report: Reporter) -> None:
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
