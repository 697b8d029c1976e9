"""The state of a training as tensors and numbers, to go on with later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

from napari_tessera.deep.training.loop import State


def stored(state: State) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return a state as tensors by name and as plain numbers."""
    tensors = {f"network.{name}": each for name, each in state.network.state_dict().items()}
    tensors |= {f"average.{name}": each for name, each in state.average.state_dict().items()}
    for index, values in state.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": each for name, each in values.items()}
    numbers = {
        "epoch": state.epoch,
        "seconds": state.seconds,
        "best": list(state.best),
        "since": state.since,
    }
    return {name: each.detach().cpu().contiguous() for name, each in tensors.items()}, numbers


def restore(state: State, tensors: Mapping[str, torch.Tensor], numbers: Mapping[str, Any]) -> None:
    """Put a stored state back.

    Raises
    ------
    ValueError
        If it is of another network.
    """
    try:
        state.network.load_state_dict(_below("network.", tensors))
        state.average.load_state_dict(_below("average.", tensors))
    except RuntimeError as error:
        raise ValueError(
            f"resume.safetensors does not fit the network ({error}); train anew under another name"
        ) from error
    own = state.optimiser.state_dict()
    found: dict[int, dict[str, torch.Tensor]] = {}
    for name, each in _below("optimiser.", tensors).items():
        index, key = name.split(".", 1)
        found.setdefault(int(index), {})[key] = each
    state.optimiser.load_state_dict({**own, "state": found})
    state.epoch, state.seconds = int(numbers["epoch"]), float(numbers["seconds"])
    score, loss = numbers["best"]
    state.best, state.since = (float(score), float(loss)), int(numbers["since"])


def _below(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)
    }
