"""Who computes the blocks of a run: threads of this process, or what else does the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeVar

from napari_tessera.algorithms.parallel import WORKERS, in_order

T = TypeVar("T")
R = TypeVar("R")


class Workers(Protocol):
    """Computes blocks, several at once.

    Attributes
    ----------
    share_memory : bool
        Whether what they write into an array of this process is seen here. Else functions, jobs and
        what comes back are pickled, and results have to be written to files.
    """

    share_memory: ClassVar[bool]

    def in_order(
        self, function: Callable[[T], R], jobs: Iterable[T], *, at_once: int
    ) -> Iterator[R]:
        """Yield what a function gives for each job, in the order of the jobs.

        Parameters
        ----------
        function : callable
            The same for all jobs, and larger than one of them. What it gives is small. A job may
            be done twice: all that it writes is then written again.
        jobs : iterable
            Read as they are needed, not much further than what has been yielded.
        at_once : int
            How many fit into the memory of one computer.
        """


@dataclass(frozen=True)
class Threads:
    """The threads of this process, one for each core.

    Attributes
    ----------
    count : int
        How many work at once.

    Examples
    --------
    >>> list(Threads().in_order(abs, [-1, -2], at_once=2))
    [1, 2]
    """

    count: int = WORKERS
    share_memory: ClassVar[bool] = True

    def in_order(  # noqa: D102
        self, function: Callable[[T], R], jobs: Iterable[T], *, at_once: int
    ) -> Iterator[R]:
        return in_order(function, jobs, workers=min(self.count, at_once))
