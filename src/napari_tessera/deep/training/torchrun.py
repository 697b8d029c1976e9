"""How a process that torchrun has started finds the others, and leaves them.

torchrun tells each process its place by environment variables.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from napari_tessera.deep.training.distributed import ALONE, EndedElsewhere, Ranks

_TOLD = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""The variables by which torchrun tells a process its place."""

_GONE = ("connection closed", "connection reset", "broken pipe", "connection was likely closed")
"""What torch.distributed says, in some of its errors, where another process has ended."""


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the processes that torchrun has started, if it has started this one.

    Inside another `joined` it gives the same processes again.

    Yields
    ------
    Ranks

    Raises
    ------
    EndedElsewhere
        If another process has ended.

    Examples
    --------
    >>> with joined() as ranks:
    ...     ranks.count
    1
    """
    ranks = _given()
    if ranks.count == 1:
        yield ALONE
        return
    from torch import distributed

    outermost = not distributed.is_initialized()
    if outermost:
        backend = _backend()
        distributed.init_process_group(backend)
        if backend == "gloo":  # NCCL would wait for the others here, after an error for ever
            atexit.register(_leave)
    try:
        yield ranks
    except RuntimeError as error:
        if isinstance(error, EndedElsewhere) or not _gone(error):
            raise
        raise EndedElsewhere("another process has ended, and with it the training") from error
    # not after an error: whoever meets it says it before the others can know that it is gone
    if outermost:
        _leave()


def _leave() -> None:
    from torch import distributed

    if distributed.is_initialized():
        distributed.destroy_process_group()


def outlast() -> None:
    """Wait until the process that failed has ended: torchrun ends all as soon as one has."""
    import torch
    from torch import distributed

    if distributed.is_initialized():
        with suppress(RuntimeError):
            distributed.all_reduce(torch.zeros(1))


def _given() -> Ranks:
    """Return the processes as torchrun describes them to this one."""
    if not all(name in os.environ for name in _TOLD):
        return ALONE
    rank, count, local, beside = (int(os.environ[name]) for name in _TOLD[:4])
    return Ranks(rank, count, local, beside) if count > 1 else ALONE


def _backend() -> str:
    """Return what carries tensors: NCCL between graphics cards, Gloo between CPUs."""
    import torch

    if torch.cuda.is_available() and torch.distributed.is_nccl_available():
        return "cpu:gloo,cuda:nccl"
    return "gloo"


def _gone(error: RuntimeError) -> bool:
    """Return whether an error comes of the end of another process."""
    from torch import distributed

    text = str(error).lower()
    return isinstance(error, distributed.DistError) or any(words in text for words in _GONE)
