"""Where networks run, in how many bits, and what happens when memory does not suffice."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

import torch

from napari_tessera.deep.graphics_cards import own_number
from napari_tessera.deep.triton import keep_away

T = TypeVar("T")

_log = logging.getLogger(__name__)

_FULL = ("out of memory", "can't allocate memory", "not enough memory")
"""What PyTorch says where it has no error of its own for it: MPS, and the CPU."""


def choose(name: str = "auto") -> torch.device:
    """Return the device of a name.

    Parameters
    ----------
    name : str
        "auto" (a graphics card if there is one), "cpu", "cuda", "cuda:1" or "mps".

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If there is no such name, or the device is not there.

    Examples
    --------
    >>> choose("cpu")
    device(type='cpu')
    """
    keep_away()
    kind, colon, number = name.partition(":")
    if colon and not (kind == "cuda" and number.isdecimal()):
        kind = ""
    if kind == "auto":
        return _automatic()
    if kind == "cuda":
        _check_cuda(name, int(number or 0))
    elif kind == "mps":
        _check_mps(name)
    elif kind != "cpu":
        raise ValueError(f"device is {name!r}; choose one of auto, cpu, cuda, cuda:1, ..., mps")
    return torch.device(name)


def explained(name: str = "auto") -> str:
    """Return one line on what a network runs on, for people.

    Parameters
    ----------
    name : str
        As for `choose`.

    Returns
    -------
    str
        The device and its memory or threads; for the CPU, why not a graphics card.

    Raises
    ------
    ValueError
        As `choose`.
    """
    device = choose(name)
    if device.type != "cpu":
        return _card(device)
    count = torch.get_num_threads()
    threads = f"CPU, {count} thread{'s' if count > 1 else ''}"
    present = _present()
    if present:
        return f"{threads}, as chosen; there is a graphics card: {_card(torch.device(present))}"
    built = torch.backends.cuda.is_built() or torch.backends.mps.is_built()
    missing = "" if built else f" (this PyTorch, {torch.__version__}, is built without CUDA)"
    return f"{threads}: no graphics card found{missing}"


def autocast(device: torch.device, *, enabled: bool, axes: int = 2) -> AbstractContextManager[Any]:
    """Return a context in which networks compute in 16 bits, where the device gains by it.

    Those are bfloat16 on graphics cards that have it and on CPUs with instructions for it, and
    float16 on older graphics cards; there not in training, whose gradients it would lose. Nor are
    volumes learnt in bfloat16 on CPUs: their gradients now and then became NaN (PyTorch 2.14).

    Parameters
    ----------
    device : torch.device
    enabled : bool
        False = 32 bits everywhere.
    axes : {2, 3}
        Whether planes or volumes are computed.

    Returns
    -------
    context manager

    Examples
    --------
    >>> with autocast(torch.device("cpu"), enabled=False):
    ...     (torch.ones(1, 1) @ torch.ones(1, 1)).dtype
    torch.float32
    """
    dtype = _short(device, axes) if enabled else None
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype)


@contextmanager
def threads(count: int | None = None) -> Iterator[None]:
    """Let PyTorch compute on so many threads, for a while and in this thread.

    Threads that use PyTorch for the first time meanwhile get as many.

    Parameters
    ----------
    count : int, optional
        From 1; None = as now, and as before afterwards, whatever `set_threads` is told meanwhile.

    Examples
    --------
    >>> with threads(1):
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    set_threads(count or before)
    try:
        yield
    finally:
        set_threads(before)


def set_threads(count: int) -> None:
    """Let PyTorch compute on so many threads from now on, in this thread.

    Parameters
    ----------
    count : int
        From 1.
    """
    if torch.get_num_threads() != count:  # to set what is set already costs time, too
        torch.set_num_threads(count)


def released(device: torch.device) -> None:
    """Give the memory that PyTorch keeps for later back to the graphics card.

    Parameters
    ----------
    device : torch.device
        Nothing happens for the CPU.
    """
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


class SplitBatches:
    """Work on batches in as many parts as the memory of the device asks for.

    Parameters
    ----------
    device : torch.device
    note : callable, optional
        Takes a sentence for people, the first time that a batch has to be divided.
    divides : bool
        Whether batches are divided where memory does not suffice. Processes that train together
        must not: one that begins a batch again would be out of step with the others.

    Attributes
    ----------
    parts : int
        Into how many parts batches are divided; 1 until memory has not sufficed. It stays for the
        batches to come.

    Examples
    --------
    >>> splitting = SplitBatches(torch.device("cpu"))
    >>> splitting.parts = 2
    >>> splitting.run(lambda places: [*range(5)][places], 5)
    [[0, 1, 2], [3, 4]]
    """

    def __init__(
        self,
        device: torch.device,
        *,
        note: Callable[[str], None] | None = None,
        divides: bool = True,
    ) -> None:
        self.device, self.note, self.divides, self.parts = device, note, divides, 1

    def run(
        self,
        step: Callable[[slice], T],
        size: int,
        *,
        restart: Callable[[], object] | None = None,
    ) -> list[T]:
        """Return what `step` gives for consecutive parts of a batch.

        Where memory does not suffice the batch begins again, in twice as many parts.

        Parameters
        ----------
        step : callable
            Takes the places of a part in the batch.
        size : int
            Items of the batch.
        restart : callable, optional
            Undoes what the steps so far have left behind, such as summed gradients, before the
            batch begins again.

        Returns
        -------
        list

        Raises
        ------
        MemoryError
            If memory does not suffice for one item, or for the batch if it is not to be divided.
        """
        while (found := self._tried(step, size)) is None:
            # out of the handler: the error has held on to what the network computed
            self._divide(size)
            if restart is not None:
                restart()
        return found

    def _tried(self, step: Callable[[slice], T], size: int) -> list[T] | None:
        """Return what `step` gives, or None if memory did not suffice."""
        try:
            return [step(places) for places in self._places(size)]
        except RuntimeError as error:
            if not _memory_is_full(error):
                raise
            _log.warning("%d of a batch of %d: %s", self._length(size), size, error)
            return None

    def _length(self, size: int) -> int:
        """Return how many items a part has."""
        return -(-size // min(self.parts, size))

    def _places(self, size: int) -> Iterator[slice]:
        length = self._length(size) if size else 1
        for start in range(0, size, length):
            yield slice(start, min(start + length, size))

    def _divide(self, size: int) -> None:
        released(self.device)
        length = self._length(size)
        if length == 1:
            raise MemoryError(
                f"{self.device} has too little memory for a single patch or tile; choose a smaller "
                "patch or tile, a smaller network, or device 'cpu'"
            )
        if not self.divides:
            raise MemoryError(
                f"{self.device} has too little memory for {length} patches at once, and several "
                f"processes that train together do not divide them; choose a smaller batch (it is "
                f"{length} per process), a smaller patch or a smaller network"
            )
        if self.note is not None and self.parts == 1:
            self.note(
                f"{self.device} has too little memory for {length} at once; going on in parts"
            )
        self.parts = 2 * min(self.parts, size)


def _memory_is_full(error: RuntimeError) -> bool:
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or any(words in text for words in _FULL)


def _present() -> str:
    """Return the kind of the graphics card, or nothing."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else ""


def _automatic() -> torch.device:
    """Return a graphics card if there is one, this process's own one if it is to have one."""
    kind = _present()
    number = own_number(_cards) if kind == "cuda" else None
    return torch.device(kind or "cpu") if number is None else torch.device(kind, number)


def _cards() -> list[str]:
    """Return what tells the CUDA cards apart that this process sees."""
    count = range(torch.cuda.device_count())
    return [str(torch.cuda.get_device_properties(number).uuid) for number in count]


def _check_cuda(name: str, number: int) -> None:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if number < count:
        return
    if count:
        there = ", ".join(f"cuda:{each}" for each in range(count))
        raise ValueError(f"device is {name!r}, but PyTorch sees only {there}; choose one of these")
    version = torch.__version__
    why = (
        f"PyTorch {version} sees no CUDA graphics card"
        if torch.backends.cuda.is_built()
        else f"this PyTorch, {version}, is built without CUDA"
    )
    raise ValueError(f"device is {name!r}, but {why}; choose 'auto' or 'cpu'")


def _check_mps(name: str) -> None:
    if not torch.backends.mps.is_available():
        raise ValueError(
            f"device is {name!r}, but PyTorch {torch.__version__} sees no Apple graphics card; "
            "choose 'auto' or 'cpu'"
        )


def _card(device: torch.device) -> str:
    """Return a graphics card's name and memory."""
    if device.type == "mps":
        return "Apple GPU (MPS)"
    free, total = (size / 2**30 for size in torch.cuda.mem_get_info(device))
    title = torch.cuda.get_device_name(device)
    return f"CUDA GPU {title}, {free:.1f} GB free of {total:.0f}"


def _short(device: torch.device, axes: int = 2) -> torch.dtype | None:
    """Return the 16-bit type that a device gains by, if any."""
    if device.type == "cpu":
        loses = axes == 3 and torch.is_grad_enabled()
        return torch.bfloat16 if _cpu_gains() and not loses else None
    if device.type != "cuda":
        return None
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return None if torch.is_grad_enabled() else torch.float16


def _cpu_gains() -> bool:
    """Return whether the CPU multiplies matrices of bfloat16; others take thrice as long by it."""
    # PyTorch has no public question for it in all of its versions from 2.8
    questions = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, question, bool)() for question in questions)
