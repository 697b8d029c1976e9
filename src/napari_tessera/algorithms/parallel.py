"""Cover an array with overlapping pieces and work on several at once."""

from __future__ import annotations

import math
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any, TypeVar

import numpy as np

from napari_tessera.signature.words import Array, Progress, Reporter

T = TypeVar("T")
R = TypeVar("R")

WORKERS = os.cpu_count() or 1
"""How many pieces are worked on at once: one per core."""

_POOL = "tessera"

Box = tuple[slice, ...]

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


@dataclass(frozen=True)
class Tile:
    """A part of an array, and what is looked at around it.

    Attributes
    ----------
    core : tuple of slice
        The part. The cores of all tiles cover the array once.
    seen : tuple of slice
        The part with its surroundings, as far as the array goes.
    """

    core: Box
    seen: Box

    @property
    def inner(self) -> Box:
        """The core within what is seen."""
        return tuple(
            slice(own.start - out.start, own.stop - out.start)
            for own, out in zip(self.core, self.seen, strict=True)
        )


def covering(shape: Sequence[int], halo: Sequence[float], pixels: int) -> list[Tile]:
    """Return tiles of at most so many pixels each, their halo not counted.

    Parameters
    ----------
    shape : sequence of int
    halo : sequence of float
        Pixels that are looked at beyond a tile, along each axis.
    pixels : int

    Examples
    --------
    >>> [tile.seen for tile in covering((3, 100), (1, 5), 150)]
    [(slice(0, 3, None), slice(0, 55, None)), (slice(0, 3, None), slice(45, 100, None))]
    """
    sides = list(shape)
    while math.prod(sides) > pixels and max(sides) > 1:
        # the longest side is cut, so that tiles become cubes and their halos small
        longest = sides.index(max(sides))
        parts = -(-shape[longest] // sides[longest]) + 1
        sides[longest] = min(sides[longest] - 1, -(-shape[longest] // parts))
    tiles = []
    for corner in product(*map(range, (0,) * len(sides), shape, sides)):
        ends = [
            min(at + side, length) for at, side, length in zip(corner, sides, shape, strict=True)
        ]
        wide = [math.ceil(each) for each in halo]
        low = [max(0, at - width) for at, width in zip(corner, wide, strict=True)]
        high = [min(length, end + w) for length, end, w in zip(shape, ends, wide, strict=True)]
        tiles.append(Tile(tuple(map(slice, corner, ends)), tuple(map(slice, low, high))))
    return tiles


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
