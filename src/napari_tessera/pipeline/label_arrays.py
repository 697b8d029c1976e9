"""Arrays that labels are written into where they are computed, and numbered in when all are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_tessera.algorithms.halo_tiles import tiled
from napari_tessera.algorithms.labels.ids import renumbered, sizes, smallest_dtype
from napari_tessera.algorithms.parallel import FEW
from napari_tessera.pipeline.sinks import MemorySink, NoLog, taken
from napari_tessera.signature.progress import Progress
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from napari_tessera.pipeline.collectors import Whole
    from napari_tessera.pipeline.result import Labelled


class Present(NamedTuple):
    """The labels that occur in a block.

    Attributes
    ----------
    ids : ndarray, shape (N,)
        Rising, background left out.
    pixels : ndarray of int64, shape (N,)
        How many each has.
    """

    ids: Array
    pixels: Array

    @classmethod
    def of(cls, labels: Array) -> Present:
        """Return which labels occur, and how large they are."""
        if labels.size > FEW and labels.min(initial=0) >= 0:
            from napari_tessera.algorithms.labels.boxes import found

            boxes = found(labels)
            return cls(boxes.ids, boxes.pixels)
        own = {label: size for label, size in sizes(labels).items() if label}
        return cls(np.array(list(own), labels.dtype), np.array(list(own.values()), np.int64))

    @property
    def highest(self) -> int:
        """The highest label; 0 if there is none."""
        return int(self.ids[-1]) if self.ids.size else 0


def distinct(labels: Any, block: Sequence[int]) -> int:
    """Return how many different labels there are, read block by block.

    Examples
    --------
    >>> distinct(np.array([[0, 7], [3, 7]]), (1, 2))
    2
    """
    there: set[int] = set()
    for tile in tiled(labels.shape, (0,) * labels.ndim, block):
        there.update(Present.of(np.asarray(labels[tile.core])).ids.tolist())
    return len(there)


@dataclass(frozen=True)
class LabelArray:
    """Labels that are written block by block, by several workers at once.

    Attributes
    ----------
    array : array
        Where they are written.
    stays : bool
        Whether this is the result, of a type that is known; else blocks have numbers of their own,
        and `with_numbers` makes the result of them.
    """

    array: Any
    stays: bool

    @classmethod
    def of(cls, kind: type[Labelled], whole: Whole, *, renumbers: bool) -> LabelArray:
        """Return an array for labels; `renumbers`: their numbers are known in the end only."""
        known = whole.dtype is not None or not renumbers
        if whole.sink is not None and known:
            dtype = whole.dtype or smallest_dtype(kind.kind, 0)
            return cls(whole.array((), dtype), stays=True)
        sink = whole.sink or MemorySink()
        return cls(sink.scratch(whole.shape, np.uint32, whole.block), stays=False)

    def write(self, box: Any, labels: Array, highest: int) -> None:
        """Put the labels of a block where `box` indexes.

        Raises
        ------
        ValueError
            If the highest of them does not fit.
        """
        if self.stays and highest > np.iinfo(self.array.dtype).max:
            raise ValueError(
                f"a block has the label {highest}, but labels of {self.array.dtype} go up to "
                f"{np.iinfo(self.array.dtype).max}; leave out blocks"
            )
        self.array[box] = labels


class Numbers(NamedTuple):
    """What becomes of the labels of a block.

    Attributes
    ----------
    box : tuple
        What indexes the block.
    offset : int
        What is added to each.
    table : ndarray, optional
        The number of each label, in place of the sum.
    """

    box: Any
    offset: int = 0
    table: Array | None = None


def with_numbers(
    labels: LabelArray, kind: type[Labelled], whole: Whole, highest: int, jobs: Iterable[Numbers]
) -> Any:
    """Return labels with their final numbers, and of the type that these need.

    Parameters
    ----------
    labels : LabelArray
        Of which blocks have numbers of their own.
    kind : type of Labelled
    whole : Whole
    highest : int
        The highest number.
    jobs : iterable of Numbers
        Of each block that was written.
    """
    if labels.stays:
        return labels.array
    dtype = whole.dtype
    if dtype is None or highest > np.iinfo(dtype).max:
        # a type that was asked for stays while it suffices
        dtype = smallest_dtype(kind.kind, highest)
    result = whole.array((), dtype)
    log = NoLog() if whole.sink is None else whole.sink.log({"numbers": whole.block})
    left = deque[int]()  # the numbers of the blocks that are worked on

    def due() -> Iterator[Numbers]:
        for number, job in enumerate(jobs):
            if number not in log:
                left.append(number)
                yield job

    work = _Numbering(labels.array, result)
    with closing(whole.workers.in_order(work, due(), at_once=whole.at_once)) as done:
        for _ in done:
            number = left.popleft()
            log.note(number, None)
            whole.report(Progress(number + 1, whole.blocks))
    whole.report(Progress(1, 1))
    return result


@dataclass(frozen=True)
class _Numbering:
    """Gives the labels of a block their final numbers."""

    scratch: Any
    result: Any

    def __call__(self, numbers: Numbers) -> None:
        labels, dtype = taken(self.scratch, numbers.box), self.result.dtype
        if numbers.table is not None:
            own = renumbered(labels, numbers.table.astype(dtype))
        else:
            own = labels.astype(dtype, copy=numbers.offset != 0)
            if numbers.offset:
                np.add(own, dtype.type(numbers.offset), out=own, where=own > 0)
        self.result[numbers.box] = own
