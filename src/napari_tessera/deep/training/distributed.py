"""One training in several processes, on one machine or more: who does what, and what they share.

torch.distributed carries what they say to one another. With a single process it is not touched, and
no method here does anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from napari_tessera.algorithms.parallel import WORKERS
from napari_tessera.signature.progress import Stop

if TYPE_CHECKING:
    from torch import nn

P = ParamSpec("P")
T = TypeVar("T")


class EndedElsewhere(RuntimeError):
    """Raised in a process when another one has ended the training, and has said why."""


@dataclass(frozen=True)
class _Ended:
    """What the first process tells the others in place of a result."""

    stopped: bool
    reason: str


@dataclass(frozen=True)
class Ranks:
    """The processes that train one network together.

    Attributes
    ----------
    rank : int
        Number of this process, from 0. The first judges, writes, reports and decides.
    count : int
        Of all processes.
    local : int
        Number of this process among those on its machine.
    beside : int
        Processes on this machine.

    Examples
    --------
    >>> Ranks().number(7), Ranks(rank=1, count=2).number(7)
    (7, 15)
    >>> Ranks().mean(0.5), Ranks().told("now")
    (0.5, 'now')
    """

    rank: int = 0
    count: int = 1
    local: int = 0
    beside: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that judges, writes, reports and decides."""
        return self.rank == 0

    @property
    def workers(self) -> int:
        """How many batches this process makes at once."""
        # two at least: the next batch is made while the network works on this one
        return WORKERS if self.beside == 1 else max(2, WORKERS // self.beside)

    def number(self, step: int) -> int:
        """Return the number of the batch that this process takes in a step."""
        return step * self.count + self.rank

    def device(self, name: str) -> str:
        """Return the device of this process: of several graphics cards its own.

        Parameters
        ----------
        name : str
            As for `napari_tessera.deep.devices.choose`.

        Raises
        ------
        ValueError
            If it is one that several processes cannot share.
        """
        if self.count == 1 or name == "cpu":
            return name
        if name not in ("auto", "cuda"):
            raise ValueError(
                f"device is {name!r}, but {self.count} processes train, each on a device of its "
                "own; choose 'auto', 'cuda' or 'cpu'"
            )
        import torch

        if not torch.cuda.is_available():
            return "cpu" if name == "auto" else name
        if self.local >= torch.cuda.device_count():
            raise ValueError(
                f"{self.beside} processes train on this machine, which has "
                f"{torch.cuda.device_count()} CUDA graphics cards; start one process per card, or "
                "choose device 'cpu'"
            )
        torch.cuda.set_device(self.local)
        return f"cuda:{self.local}"

    def told(self, value: T) -> T:
        """Return the value that the first process has."""
        if self.count == 1:
            return value
        from torch import distributed

        box = [value]
        distributed.broadcast_object_list(box, src=0)
        return box[0]

    def mean(self, number: float) -> float:
        """Return the mean of a number over the processes."""
        if self.count == 1:
            return number
        import torch

        total = torch.tensor(number, dtype=torch.float64)
        torch.distributed.all_reduce(total)
        return float(total) / self.count

    def led(
        self, function: Callable[P, T], tell: Callable[[T], Any] | None = None
    ) -> Callable[P, T]:
        """Return a function that the first process runs for all, which share what comes of it.

        Parameters
        ----------
        function : callable
            All processes have to call what is returned. If the first stops, all stop; if it
            fails, all end.
        tell : callable, optional
            Result -> what the other processes get of it.

        Returns
        -------
        callable
        """
        if self.count == 1:
            return function

        def leading(*arguments: P.args, **options: P.kwargs) -> T:
            try:
                made = function(*arguments, **options)
            except Exception as error:
                self.told(_Ended(isinstance(error, Stop), _reason(error)))
                raise
            self.told(made if tell is None else tell(made))
            return made

        def following(*_: P.args, **__: P.kwargs) -> T:
            told: Any = self.told(None)
            if isinstance(told, _Ended):
                raise Stop if told.stopped else _elsewhere(0, told.reason)
            return told

        return leading if self.first else following

    def together(self, work: Callable[[], T]) -> T:
        """Return what this process makes; if one process fails, it alone says why, and all end.

        Parameters
        ----------
        work : callable
            What every process does by itself; it must not talk to the others.

        Returns
        -------
        Whatever `work` returns.

        Raises
        ------
        EndedElsewhere
            If another process failed.
        """
        if self.count == 1:
            return work()
        found: list[T] = []
        failed: Exception | None = None
        try:
            found.append(work())
        except Exception as error:  # noqa: BLE001 (it is raised below, when all know of it)
            failed = error
        reasons = self._gathered(None if failed is None else _reason(failed))
        rank = next((rank for rank, reason in enumerate(reasons) if reason is not None), None)
        if rank is None:
            return found[0]
        if failed is not None and rank == self.rank:
            raise failed
        raise _elsewhere(rank, reasons[rank])

    def same(self, value: T, message: str) -> None:
        """Raise an error, once, if a value is not the same in all processes.

        Raises
        ------
        ValueError
            In the first process, with `message`.
        """
        if self.count > 1 and len(set(self._gathered(value))) > 1:
            raise self.failure(ValueError(message))

    def failure(self, error: Exception) -> Exception:
        """Return the error to raise where all processes meet the same one: only one says it."""
        return error if self.first else _elsewhere(0, _reason(error))

    def shared(self, network: nn.Module) -> nn.Module:
        """Return a network with the weights that it has in the first process.

        On graphics cards its batch normalisation is over the patches of all processes; PyTorch
        has none such for the CPU.
        """
        if self.count == 1:
            return network
        from torch.nn import SyncBatchNorm

        weights = {name: each.cpu() for name, each in network.state_dict().items()}
        network.load_state_dict(self.told(weights))
        if next(network.parameters()).is_cuda:
            network = SyncBatchNorm.convert_sync_batchnorm(network)
        return network

    def wrap(self, network: nn.Module, *, steady: bool = True) -> nn.Module:
        """Return a network whose gradients become the mean over the processes.

        It has the weights of `network` itself. Which of them learn must stay as it is; wrap anew
        after that has changed.

        Parameters
        ----------
        network : torch.nn.Module
        steady : bool
            Whether every step takes the same way through it.
        """
        if self.count == 1:
            return network
        from torch.nn.parallel import DistributedDataParallel

        device = next(network.parameters()).device
        own = [device] if device.type == "cuda" else None
        # static: networks that leave out a part of their encoder do so at every step
        return DistributedDataParallel(
            network, device_ids=own, static_graph=steady, find_unused_parameters=not steady
        )

    def _gathered(self, value: Any) -> list[Any]:
        """Return the value of each process."""
        from torch import distributed

        every: list[Any] = [None] * self.count
        distributed.all_gather_object(every, value)
        return every


ALONE = Ranks()
"""The only process."""


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _elsewhere(rank: int, reason: str) -> EndedElsewhere:
    return EndedElsewhere(f"process {rank} has ended the training: {reason}")
