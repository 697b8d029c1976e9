"""The one parallel-for: pieces of an array worked on by all cores, with progress and Stop.

`in_order` hands results on as they come, `parallel_for` waits for all, `map_slabs` makes them one
array, `map_pieces` lets pieces say who works on them. `slabs` and `strips` cut. What is called
should not hold the interpreter lock.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, TypeVar

import numpy as np

from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array, Report

T = TypeVar("T")
R = TypeVar("R")

WORKERS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""How many pieces are worked on at once: one per core that this process may use."""

SLAB = 1 << 20
"""About how many pixels one library call may take (well under 2 s for every filter here)."""

PIECE = 1 << 19
"""About how many pixels one call of a simple kernel takes: some milliseconds."""

FEW = 1 << 18
"""Up to so many pixels numpy has done before compiled loops are loaded, or even compiled."""

_POOL = "tessera"
_GIVEN: ContextVar[int | None] = ContextVar("cores given to a thread", default=None)
_WIDE = 1024


def in_order(
    function: Callable[[T], R],
    items: Iterable[T],
    report: Report = None,
    *,
    workers: int = WORKERS,
) -> Generator[R]:
    """Yield `function(item)` in the order of `items`, with a few of them under way at once.

    At most `workers` + 1 results exist at a time. When the caller stops early or an item fails,
    what has not begun is dropped. Within an item that is itself worked on like this, the cores are
    taken: it goes one by one.

    Parameters
    ----------
    function : callable
    items : iterable
        May be read lazily.
    report : callable, optional
        Told of each result once the caller asks for the next; then `items` is a sequence.
    workers : int

    Examples
    --------
    >>> list(in_order(abs, [-1, -2]))
    [1, 2]
    """
    done = 0
    for result in _results(function, items, workers):
        yield result
        if report is not None:
            done += 1
            report(Progress(done, len(items)))  # type: ignore[arg-type]


def _results(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    single = isinstance(items, Sequence) and len(items) < 2
    workers = min(workers, cores_given() or workers)
    if workers < 2 or single or threading.current_thread().name.startswith(_POOL):
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


@contextmanager
def on_cores(count: int) -> Iterator[None]:
    """Take so many cores at most for the work of this thread, for a while: the others are taken.

    Examples
    --------
    >>> with on_cores(2):
    ...     cores_given()
    2
    """
    token = _GIVEN.set(count)
    try:
        yield
    finally:
        _GIVEN.reset(token)


def cores_given() -> int | None:
    """Return how many cores `on_cores` has given to this thread; None = nobody has said."""
    return _GIVEN.get()


@cache
def _threads() -> ThreadPoolExecutor:
    """Return the threads that all pieces share: to start some for each call takes half a ms."""
    return ThreadPoolExecutor(WORKERS, thread_name_prefix=_POOL)


if hasattr(os, "register_at_fork"):
    # a child has none of its parent's threads
    os.register_at_fork(after_in_child=_threads.cache_clear)


def parallel_for(
    function: Callable[[T], R],
    items: Sequence[T],
    report: Report = None,
    *,
    workers: int = WORKERS,
) -> list[R]:
    """Return `function(item)` of all items, worked on as by `in_order`.

    Examples
    --------
    >>> parallel_for(abs, [-1, -2])
    [1, 2]
    """
    return list(in_order(function, items, report, workers=workers))


def map_pieces(function: Callable[[Any], R], pieces: Iterable[Any]) -> Iterator[R]:
    """Yield `function(piece)` of all pieces in order.

    Pieces that know who is to work on them have a method `mapped`, which takes the function; it may
    be sent to other processes, and what it gives is small. Of others, each may use all cores.

    Examples
    --------
    >>> list(map_pieces(abs, [-1, -2]))
    [1, 2]
    """
    own = getattr(pieces, "mapped", None)
    return map(function, pieces) if own is None else own(function)


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
        axis.
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
    result = np.empty(image.shape, dtype)

    def fill(slab: tuple[int, int]) -> None:
        start, stop = slab
        low = max(0, start - margin)
        result[start:stop] = function(image[low : stop + margin])[start - low : stop - low]

    pieces = slabs(len(image), image[0].size, least=2 * margin)
    parallel_for(fill, pieces, Reporter.of(report))
    return result


def slabs(
    count: int, width: int, *, pixels: int | None = None, least: int = 1
) -> list[tuple[int, int]]:
    """Cut rows (or planes) into slabs of about equally many pixels.

    Parameters
    ----------
    count : int
        How many rows there are.
    width : int
        Pixels of a row.
    pixels : int, optional
        Of a slab; None = `SLAB`.
    least : int
        Rows of a slab, however long they are.

    Returns
    -------
    list of (first row, last row, exclusive)

    Examples
    --------
    >>> slabs(1000, 4096)[:2]
    [(0, 256), (256, 512)]
    """
    each = max(least, (pixels or SLAB) // max(width, 1), 1)
    return [(first, min(first + each, count)) for first in range(0, count, each)]


def strips(shape: tuple[int, int, int]) -> list[tuple[int, int, int, int]]:
    """Cut (outer, length, inner) into about `PIECE` pixels; lines along `length` stay whole.

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
        return [(*some, 0, inner) for some in slabs(outer, length * inner, pixels=PIECE)]
    # whole cache lines: what is beside one another is worked on by one thread
    wide = max(_WIDE, PIECE // length // _WIDE * _WIDE)
    return [
        (each, each + 1, first, min(first + wide, inner))
        for each in range(outer)
        for first in range(0, inner, wide)
    ]
