"""Blocks that the workers of a Dask cluster compute, on this computer or on others.

Through the scheduler go names and numbers: each worker opens the image and the result by itself,
and sends back what neighbours have to know of a block. A few more blocks than there are cores are
sent out at a time, so that it is no matter to the scheduler how many there are in all.
"""

from __future__ import annotations

import asyncio
import logging
import math
import platform
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import version
from typing import Any, ClassVar, Self, TypeVar

from napari_tessera.algorithms.parallel import on_cores
from napari_tessera.deep.graphics_cards import one_for_each_process
from napari_tessera.pipeline.blockwise.pickling import pickled, unpickled
from napari_tessera.signature.progress import Stop
from napari_tessera.signature.text_files import read_json

T = TypeVar("T")
R = TypeVar("R")

PACKAGE = "napari-tessera"

_log = logging.getLogger(__name__)

_AHEAD = 2  # blocks sent out for each core: the next one is there when one is done
# a function of so many bytes comes with each block: who has got a larger one gets all blocks from
# the scheduler, and others have to steal them
_SMALL = 1 << 16
_RETRIES = 2  # of a block, where a network or a disk has failed
_POLL = 0.5  # seconds between two looks at what workers there are


@dataclass(frozen=True)
class DaskWorkers:
    """The workers of a Dask cluster.

    Parameters
    ----------
    client : distributed.Client
        Connected to the scheduler.
    patience : float
        How many seconds to wait for workers where there are none, as those that a batch system has
        yet to start.

    Raises
    ------
    OSError
        If there are no workers for so long.
    RuntimeError
        If a worker lacks this package, or has another version of it.

    Examples
    --------
    >>> from distributed import Client  # doctest: +SKIP
    >>> DaskWorkers(Client("tcp://10.0.0.1:8786"))  # doctest: +SKIP
    """

    client: Any
    patience: float = 600.0
    share_memory: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.client.asynchronous:
            raise ValueError("workers is an asynchronous client; pass one that is not")
        self._wait_for_one()
        found = self.client.run(version, PACKAGE, on_error="return")
        for worker, there in found.items():
            _check_version(worker, there, _version())

    @classmethod
    @contextmanager
    def at(cls, scheduler: str, *, timeout: float = 10.0) -> Iterator[Self]:
        """Give the workers of a scheduler for a while.

        Parameters
        ----------
        scheduler : str
            Its address, or the JSON file that it has written it to.
        timeout : float
            Seconds until it is given up.

        Raises
        ------
        ValueError
            If it is no address, or what it takes is not installed.
        OSError
            If no scheduler answers there.
        """
        with _connected(scheduler, timeout) as client:
            yield cls(client)

    def _wait_for_one(self) -> None:
        """Wait until there is a worker, which says how many threads workers have."""
        if self.client.nthreads():
            return
        _log.warning("no worker is there yet; waiting for one, up to %.0f s", self.patience)
        with suppress(TimeoutError):
            self.client.wait_for_workers(1, timeout=self.patience)
        if not self.client.nthreads():
            raise self._without_workers()

    def _without_workers(self) -> OSError:
        return OSError(
            f"the scheduler has had no workers for {self.patience:.0f} s; start some, and look "
            "into what they have written"
        )

    @property
    def count(self) -> int:
        """How many blocks a worker computes at once, one for each of its threads."""
        return max(self.client.nthreads().values(), default=1)

    def in_order(
        self, function: Callable[[T], R], jobs: Iterable[T], *, at_once: int
    ) -> Generator[R]:
        """Yield what a function gives for each job, in the order of the jobs; see `Workers`."""
        run = uuid.uuid4().hex[:12]  # what an interrupted run has left must not be taken for new
        about = _version(), pickled(function), run
        sent: Any = Sent(*about)
        if len(sent.data) > _SMALL:
            sent = self.client.submit(Sent, *about, key=f"tessera-function-{run}")
        pending: deque[Any] = deque()
        ahead = _Ahead(self.client)
        complete = False
        try:
            for number, job in enumerate(jobs):
                how = {"key": f"tessera-block-{run}-{number}", "retries": _RETRIES}
                pending.append(self.client.submit(_done, sent, pickled(job), at_once, **how))
                while len(pending) >= ahead.count:
                    yield self._result(pending.popleft())
            while pending:
                yield self._result(pending.popleft())
            complete = True
        finally:
            if not complete:
                self._stop(run, [*pending])

    def _result(self, future: Any) -> Any:
        """Return the result of a job once it is there."""
        with _failures_told():
            began = time.monotonic()
            while not _is_over(future):
                if self.client.nthreads():
                    began = time.monotonic()
                elif time.monotonic() - began > self.patience:
                    raise self._without_workers()
            return self.client.gather(future, direct=True)

    def _stop(self, run: str, futures: list[Any]) -> None:
        """Withdraw jobs, and wait until those that have begun have ended: they still write."""
        with suppress(OSError):  # the scheduler may have gone
            self.client.cancel(futures, force=True)
            self.client.run(_ended, run, on_error="ignore")


class _Ahead:
    """How many jobs are to be sent out, by the cores that there are at the moment."""

    def __init__(self, client: Any) -> None:
        self._client, self._count, self._known = client, 1, -math.inf

    @property
    def count(self) -> int:
        """At least one."""
        now = time.monotonic()
        if now - self._known > _POLL:  # to ask takes longer than to send a job
            self._count = max(1, _AHEAD * sum(self._client.nthreads().values()))
            self._known = now
        return self._count


def _is_over(future: Any) -> bool:
    """Return whether a job has ended, in whatever way, after some waiting."""
    try:
        future.exception(timeout=_POLL)
    except TimeoutError:
        return False
    return True


class Sent:
    """A function that was sent to a worker, which opens it once for all jobs.

    Parameters
    ----------
    version : str
        Of this package where it was sent from.
    data : bytes
        See `pickled`.
    run : str
        What tells runs apart.
    """

    def __init__(self, version: str, data: bytes, run: str) -> None:
        self.version, self.data, self.run = version, data, run

    def __reduce__(self) -> tuple[Any, ...]:
        return Sent, (self.version, self.data, self.run)

    @property
    def function(self) -> Any:
        """The function, opened here."""
        return _opened(self.version, self.data)


@lru_cache(maxsize=8)
def _opened(version: str, data: bytes) -> Any:
    """Return a function that was sent here, the same one for all its jobs."""
    _check_version(platform.node(), _version(), version)
    return unpickled(data)


class Begun:
    """The jobs of runs that this process works on."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._stopped: set[str] = set()
        self._lock = threading.Lock()

    @contextmanager
    def one_of(self, run: str) -> Iterator[None]:
        """Count a job as long as it is worked on.

        Raises
        ------
        Stop
            If no job of its run is to begin any more.
        """
        with self._lock:
            if run in self._stopped:
                raise Stop
            self._counts[run] += 1
        try:
            yield
        finally:
            with self._lock:
                self._counts[run] -= 1

    def stop(self, run: str) -> None:
        """Let no other job of a run begin."""
        with self._lock:
            self._stopped.add(run)

    def are_left(self, run: str) -> bool:
        """Return whether jobs of a run are worked on."""
        return self._counts[run] > 0


@cache
def _begun() -> Begun:
    """Return the jobs of this process."""
    return Begun()


async def _ended(run: str) -> None:
    """Wait until no job of a run is worked on any more in this process."""
    _begun().stop(run)
    while _begun().are_left(run):
        await asyncio.sleep(0.05)


@cache
def _room(at_once: int) -> threading.Semaphore:
    """Return what lets so many jobs be worked on at once in this process."""
    return threading.Semaphore(at_once)


def _done(sent: Sent, job: bytes, at_once: int) -> Any:
    """Do a job, in a worker."""
    from distributed import get_worker

    one_for_each_process()
    # what fits in once only may take all cores of its worker, but none of other workers beside it
    cores = 1 if at_once > 1 else get_worker().state.nthreads
    try:
        with _begun().one_of(sent.run), _room(at_once), on_cores(cores):
            return sent.function(unpickled(job))
    except Exception as error:
        # what cannot be pickled, as some errors of libraries, would take it with it on its way back
        error.__cause__ = error.__context__ = None
        raise


def _version() -> str:
    return version(PACKAGE)


def _check_version(worker: str, found: Any, wanted: str) -> None:
    """Raise an error unless a worker has this package in the same version."""
    if found == wanted:
        return
    what = "no " + PACKAGE if isinstance(found, Exception) else f"{PACKAGE} {found}"
    raise RuntimeError(
        f"the worker {worker} has {what}, but here it is version {wanted}; install the same one "
        "everywhere"
    )


@contextmanager
def _connected(scheduler: str, timeout: float) -> Iterator[Any]:
    """Give a client of a scheduler, or raise an error that says why there is none."""
    try:
        from distributed import Client
    except ImportError:
        raise ValueError(
            f"scheduler is {scheduler!r}, but Dask's part for clusters is not installed; install "
            f"{PACKAGE}[cluster]"
        ) from None
    in_file = scheduler.endswith(".json")
    address = str(read_json(scheduler)["address"]) if in_file else scheduler
    try:
        # a client that was not connected would complain once more when it is given up; notebooks
        # have a loop of their own in this thread
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _knock(address, timeout)).result()
        client = Client(address, timeout=timeout, set_as_default=False)
    except ValueError as error:
        raise ValueError(
            f"scheduler is {scheduler!r}, which is no address; write it as tcp://10.0.0.1:8786, or "
            f"name the file of the scheduler: {error}"
        ) from None
    except Exception as error:  # of what answers in another language, any
        raise OSError(
            f"no scheduler answers at {address!r} within {timeout:.0f} s; start it (dask "
            f"scheduler), or look at its address and at firewalls: {error}"
        ) from error
    with client:
        yield client


async def _knock(address: str, timeout: float) -> None:
    """Raise an error if nobody answers at an address."""
    from distributed.comm import connect
    from distributed.security import Security

    comm = await connect(address, timeout=timeout, **Security().get_connection_args("client"))
    await comm.close()


@contextmanager
def _failures_told() -> Iterator[None]:
    """Say what it means that a worker, or the scheduler, has failed."""
    from distributed import CancelledError, KilledWorker

    try:
        yield
    except KilledWorker as error:
        raise MemoryError(
            "a block has ended several workers one after the other, most likely because their "
            f"memory does not suffice for it; choose smaller blocks: {error}"
        ) from error
    except CancelledError as error:
        raise ConnectionError(
            "the scheduler has gone, or what it was to do was cancelled there; start it again"
        ) from error
    except ModuleNotFoundError as error:
        raise RuntimeError(
            f"a worker lacks the package {error.name}; install the same ones everywhere"
        ) from error
