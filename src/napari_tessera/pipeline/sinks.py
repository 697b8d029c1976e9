"""Where the blocks of a result are written: into memory, or what a file format has for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, Protocol

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.pipeline.source import Index
from napari_tessera.signature.words import Array


class Log(Protocol):
    """Knows which blocks an interrupted run of the same has done, and what is known of each."""

    def __contains__(self, number: int) -> bool: ...

    def __getitem__(self, number: int) -> Any: ...

    def note(self, number: int, known: Any) -> None:
        """Keep what is known of a block that is done."""


class NoLog:
    """A log of a run that does not go on from another one.

    Examples
    --------
    >>> 0 in NoLog()
    False
    """

    def __contains__(self, number: int) -> bool:
        return False

    def __getitem__(self, number: int) -> Any:
        raise KeyError(number)

    def note(self, number: int, known: Any) -> None:
        """Keep nothing."""


class Sink(Protocol):
    """Makes the arrays that blocks are written into, all of them 0 at first.

    Workers write blocks of the shape that is named side by side, each beginning at a multiple of
    it: no two of them may touch one file or chunk.
    """

    def create(self, shape: Index, dtype: Any, block: Index) -> Any:
        """Return the array of the result."""

    def between(self, shape: Index, dtype: Any, block: Index) -> Any:
        """Return an array that another step goes on from, of no use after the run."""

    def scratch(self, shape: Index, dtype: Any, block: Index) -> Any:
        """Return what takes blocks and gives back the same ones, of no use after the run."""

    def log(self, layout: Mapping[str, Any]) -> Log:
        """Return the log of the next pass through all blocks, which is laid out like this."""


class MemorySink:
    """Keeps results as arrays in memory.

    Examples
    --------
    >>> MemorySink().create((2, 3), np.uint8, (1, 3))
    array([[0, 0, 0],
           [0, 0, 0]], dtype=uint8)
    """

    def create(self, shape: Index, dtype: Any, block: Index) -> Any:  # noqa: D102
        return np.zeros(shape, dtype)

    between = create

    def scratch(self, shape: Index, dtype: Any, block: Index) -> Any:  # noqa: D102
        return KeptBlocks()

    def log(self, layout: Mapping[str, Any]) -> Log:  # noqa: D102
        return NoLog()


class KeptBlocks:
    """Blocks in memory, each in the type that it came in.

    Examples
    --------
    >>> blocks = KeptBlocks()
    >>> blocks[0, 2:4] = np.array([7, 8])
    >>> blocks[0, 2:4]
    array([7, 8])
    """

    def __init__(self) -> None:
        self._blocks: dict[Any, Array] = {}

    def __setitem__(self, box: Any, block: Array) -> None:
        self._blocks[_key(box)] = block

    def __getitem__(self, box: Any) -> Array:
        return self._blocks[_key(box)]

    def taken(self, box: Any) -> Array:
        """Return a block that is not needed any more."""
        return self._blocks.pop(_key(box))


def _key(box: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple((i.start, i.stop) if isinstance(i, slice) else i for i in box)


@singledispatch
def taken(scratch: Any, box: Box) -> Array:
    """Return a block of what a sink has made as scratch, for the last time."""
    return np.asarray(scratch[box])


@taken.register
def _(scratch: KeptBlocks, box: Box) -> Array:
    return scratch.taken(box)


@dataclass(frozen=True)
class Between:
    """Keeps the result of a step that another step goes on from.

    Attributes
    ----------
    sink : Sink
        Of the last step.
    """

    sink: Sink

    def create(self, shape: Index, dtype: Any, block: Index) -> Any:  # noqa: D102
        return self.sink.between(shape, dtype, block)

    between = create

    def scratch(self, shape: Index, dtype: Any, block: Index) -> Any:  # noqa: D102
        return self.sink.scratch(shape, dtype, block)

    def log(self, layout: Mapping[str, Any]) -> Log:  # noqa: D102
        return self.sink.log(layout)
