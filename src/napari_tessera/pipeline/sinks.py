"""Where the blocks of a result are written: into memory, or what a file format has for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from napari_tessera.pipeline.source import Index


class Sink(Protocol):
    """Makes the arrays that blocks are written into, all of them 0 at first."""

    def create(self, shape: Index, dtype: Any, block: Index) -> Any:
        """Return the array of the result; blocks of this shape may be written side by side."""

    def scratch(self, shape: Index, dtype: Any, block: Index) -> Any:
        """Return an array that is of no use after the run."""


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

    scratch = create


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
        return self.sink.scratch(shape, dtype, block)

    scratch = create
