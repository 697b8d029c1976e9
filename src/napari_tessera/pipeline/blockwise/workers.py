"""Who computes the blocks of a run: threads of this process, or what else does the same."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

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

    @property
    def count(self) -> int:
        """How many work at once on one computer, if memory suffices."""

    def in_order(
        self, function: Callable[[T], R], jobs: Iterable[T], *, at_once: int
    ) -> Generator[R]:
        """Yield what a function gives for each job, in the order of the jobs.

        Who wants no more of them closes the generator: then none of the jobs is worked on any more.

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
    ) -> Generator[R]:
        return in_order(function, jobs, workers=min(self.count, at_once))


def workers_at(scheduler: str | None) -> AbstractContextManager[Workers | None]:
    """Give the workers of a Dask scheduler for a while; None = none, see `DaskWorkers.at`."""
    if scheduler is None:
        return nullcontext()
    from napari_tessera.pipeline.blockwise.dask_workers import DaskWorkers

    return DaskWorkers.at(scheduler)


def workers_of(given: Any) -> Workers:
    """Return who computes: the threads of this process, what is given, or a Dask client's workers.

    Parameters
    ----------
    given : Workers, distributed.Client or None

    Raises
    ------
    TypeError
        If it is none of them.
    RuntimeError
        If a worker of a cluster lacks this package, or has another version of it.
    """
    if given is None:
        return Threads()
    if hasattr(given, "in_order"):
        found: Workers = given
        return found
    if type(given).__module__.partition(".")[0] != "distributed" or not hasattr(given, "submit"):
        raise TypeError(
            f"workers is a {type(given).__name__}; pass a Client of dask.distributed, or None"
        )
    from napari_tessera.pipeline.blockwise.dask_workers import DaskWorkers

    return DaskWorkers(given)
