"""What goes on from epoch to epoch of a training: made, written and put back."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from napari_tessera.deep.models.config import ModelConfig
from napari_tessera.deep.networks.registry import build
from napari_tessera.deep.training import transfer
from napari_tessera.deep.training.merit import Merit
from napari_tessera.signature.progress import Progress, Reporter

if TYPE_CHECKING:
    from napari_tessera.deep.training.task import Task


@dataclass
class State:
    """Everything that goes on from epoch to epoch.

    Attributes
    ----------
    network : torch.nn.Module
        What is trained.
    average : torch.nn.Module
        The running average of its weights, which is judged and kept.
    optimiser : torch.optim.AdamW
    epoch : int
        Epochs done.
    seconds : float
        Time they took.
    best : Merit
        Of the best epoch.
    since : int
        Epochs since then.
    threads : int
        Of the CPU, on which the network is trained; 0 = not known yet.
    """

    network: nn.Module
    average: nn.Module
    optimiser: torch.optim.AdamW
    epoch: int = 0
    seconds: float = 0.0
    best: Merit = Merit()
    since: int = 0
    threads: int = 0

    def keeps(self, merit: Merit) -> bool:
        """Take what judging an epoch gave, and return whether its weights are to be kept.

        They are unless an epoch was better by more than chance.
        """
        kept = merit.reaches(self.best)
        self.since += 1
        if merit.is_above(self.best):
            self.best, self.since = merit, 0
        return kept


def first_state(
    config: ModelConfig,
    task: Task,
    weights: str,
    *,
    device: torch.device,
    report: Reporter,
) -> State:
    """Return a network with what it knows before the first step.

    Parameters
    ----------
    config : ModelConfig
        Of the network.
    task : Task
        How it is trained.
    weights : str
        What it knows, as for `napari_tessera.deep.training.transfer.start`.
    device : torch.device
    report : Reporter
        Takes notes about that.
    """
    torch.manual_seed(task.seed)
    network = build(
        config.network, in_channels=config.in_channels, classes=config.classes, **config.options
    )
    said = transfer.start(network, weights, in_channels=config.in_channels, report=report)
    report(Progress(0, 1, {"note": said}))
    network = network.to(device)
    if config.axes == 2:
        network = network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(_groups(network, task), lr=task.optimisation.learning_rate)
    return State(network, copy.deepcopy(network).eval(), optimiser)


def _groups(network: nn.Module, task: Task) -> list[dict[str, Any]]:
    """Return the weights by how they learn: "share" of the learning rate, and decay."""
    slow, rate = set(), task.transfer.encoder_rate
    if rate < 1:
        slow = {id(each) for each in transfer.encoder_of(network).parameters()}
    groups = []
    for share, own in ((1.0, False), (rate, True)):
        weights = [each for each in network.parameters() if (id(each) in slow) is own]
        # what scales and shifts is not drawn to 0 (biases, batch normalisation)
        for decay, drawn in ((task.optimisation.weight_decay, True), (0.0, False)):
            some = [each for each in weights if (each.ndim > 1) is drawn]
            if some:
                groups.append({"params": some, "weight_decay": decay, "share": share})
    return groups


def stored(state: State) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return a state as tensors by name and as plain numbers."""
    tensors = {f"network.{name}": each for name, each in state.network.state_dict().items()}
    tensors |= {f"average.{name}": each for name, each in state.average.state_dict().items()}
    for index, values in state.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": each for name, each in values.items()}
    numbers = {
        "epoch": state.epoch,
        "seconds": state.seconds,
        "best": [state.best.score, -state.best.loss],
        "without": list(state.best.without),
        "since": state.since,
        "threads": state.threads,
    }
    return {name: each.detach().cpu().contiguous() for name, each in tensors.items()}, numbers


def restore_state(
    state: State, tensors: Mapping[str, torch.Tensor], numbers: Mapping[str, Any]
) -> None:
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
    score, loss = (float(each) for each in numbers["best"])
    # folders of before know nothing of some
    without = tuple(float(each) for each in numbers.get("without", ()))
    state.best, state.since = Merit(score, -loss, without), int(numbers["since"])
    state.threads = int(numbers.get("threads", 0))


def _below(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)
    }
