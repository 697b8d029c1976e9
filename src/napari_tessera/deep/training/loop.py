"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from napari_tessera.algorithms.parallel import in_order
from napari_tessera.deep import devices
from napari_tessera.deep.data.batches import Batch
from napari_tessera.deep.data.object_batches import ObjectBatch
from napari_tessera.deep.settings import Optimisation, Schedule
from napari_tessera.deep.training import transfer
from napari_tessera.deep.training.distributed import ALONE, Ranks
from napari_tessera.deep.training.losses import Loss, OwnLosses
from napari_tessera.deep.training.validation import ValidationResult
from napari_tessera.signature.progress import Progress, Reporter


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
    best : tuple of float
        Score and negative loss of the best epoch.
    since : int
        Epochs since then.
    """

    network: nn.Module
    average: nn.Module
    optimiser: torch.optim.AdamW
    epoch: int = 0
    seconds: float = 0.0
    best: tuple[float, float] = (-math.inf, -math.inf)
    since: int = 0


@dataclass(frozen=True)
class Checkpoints:
    """What is written as training goes on.

    Attributes
    ----------
    row : callable
        Takes a row for the table of losses.
    best : callable
        Takes the state and what was judged, whenever it is the best so far.
    resume : callable
        Takes the state after each epoch.
    """

    row: Callable[[dict[str, Any]], None]
    best: Callable[[State, ValidationResult], None]
    resume: Callable[[State], None]

    def led(self, ranks: Ranks) -> Checkpoints:
        """Return what the first of several processes writes for all."""
        return Checkpoints(ranks.led(self.row), ranks.led(self.best), ranks.led(self.resume))


def fit(
    state: State,
    batches: Callable[[int], Batch] | Callable[[int], ObjectBatch],
    loss: Loss | None,
    judge: Callable[[nn.Module], ValidationResult],
    *,
    settings: Optimisation,
    frozen: Callable[[int], bool],
    device: torch.device,
    keeping: Checkpoints,
    seed: int,
    report: Reporter,
    ranks: Ranks = ALONE,
) -> None:
    """Train until the epochs, the time or the patience are used up.

    Several processes take the same steps, each on batches of its own, with the mean of their
    gradients. The clock of the first decides, and what it judges.

    Parameters
    ----------
    state : State
        It goes on from where it is.
    batches : callable
        Number of a batch -> the batch.
    loss : Loss, optional
        Of scores; None for a network that has losses of its own.
    judge : callable
        Judges the averaged network after each epoch.
    settings : Optimisation
    frozen : callable
        Epoch -> whether the encoder keeps its weights.
    device : torch.device
    keeping : Checkpoints
    seed : int
    report : Reporter
        Gets epoch, losses and score, and the judged picture, as values; may raise `Stop`.
    ranks : Ranks
        The processes that train together; all call `fit`, with states of the same weights.
    """
    judge, keeping = ranks.led(judge, ValidationResult.figures), keeping.led(ranks)
    report = Reporter(ranks.led(report))
    loss, began = loss and loss.to(device), time.monotonic() - state.seconds
    halving = devices.SplitBatches(device, divides=ranks.count == 1)
    total = settings.epochs * settings.steps
    while state.epoch < settings.epochs and not _over(state, settings):
        torch.manual_seed((hash((seed, state.epoch)) + ranks.rank) % 2**63)  # of dropout
        transfer.freeze(state.network, frozen(state.epoch))
        transfer.train_mode(state.network, frozen(state.epoch))
        learner = state.network if loss else OwnLosses(state.network)
        network = ranks.wrap(learner, steady=loss is not None)  # anew: another part may learn
        losses = []
        first = state.epoch * settings.steps
        for step, batch in _ahead(batches, first, first + settings.steps, ranks):
            elapsed = ranks.told(_elapsed(step / total, time.monotonic() - began, settings))
            _set_rate(state.optimiser, settings, elapsed)
            own = batch.to(device)
            losses.append(_step(state, network, own, loss, settings, halving, ranks))
            _average(state, settings.averaging, step)
            report(Progress(elapsed, 1, {"epoch": (step + 1) / settings.steps, "step": losses[-1]}))
            if elapsed >= 1:
                break
        judged = judge(state.average)
        state.epoch, state.seconds = state.epoch + 1, ranks.told(time.monotonic() - began)
        mean = sum(losses) / len(losses)
        keeping.row(
            {
                "epoch": state.epoch,
                "seconds": round(state.seconds, 1),
                "learning_rate": state.optimiser.param_groups[0]["lr"],
                "loss": mean,
                "validation_loss": judged.loss,
                "score": judged.score,
            }
        )
        _keep_if_best(state, judged, mean, keeping)
        keeping.resume(state)
        share = _elapsed(state.epoch / settings.epochs, state.seconds, settings)
        report(Progress(share, 1, {"epoch": state.epoch, "loss": mean, "judged": judged}))


def _ahead(
    batches: Callable[[int], Any], first: int, stop: int, ranks: Ranks
) -> Iterator[tuple[int, Any]]:
    """Yield steps with their batches, the next ones being made meanwhile."""
    steps = range(first, stop)
    made = in_order(batches, map(ranks.number, steps), workers=ranks.workers)
    yield from zip(steps, made, strict=True)


def _step(
    state: State,
    network: nn.Module,
    batch: Batch | ObjectBatch,
    loss: Loss | None,
    settings: Optimisation,
    halving: devices.SplitBatches,
    ranks: Ranks,
) -> float:
    """Take one step and return the loss before it."""

    def part(places: slice) -> float:
        own = batch.part(places)
        found = _error(network, own, loss, mixed=settings.mixed_precision)
        found = found * (len(own) / len(batch))
        found.backward()
        return float(found.detach())

    state.optimiser.zero_grad(set_to_none=True)
    parts = halving.run(part, len(batch), restart=state.optimiser.zero_grad)
    total = ranks.mean(sum(parts))
    if settings.clip:
        nn.utils.clip_grad_norm_(state.network.parameters(), settings.clip)
    if not math.isfinite(total):
        wanted = "choose a lower learning_rate, or switch mixed_precision off"
        raise ranks.failure(FloatingPointError(f"the loss became {total}; {wanted}"))
    state.optimiser.step()
    return total


def _error(network: nn.Module, batch: Any, loss: Loss | None, *, mixed: bool) -> torch.Tensor:
    """Return what is to become small, mean per patch."""
    axes = batch.images.ndim - 2
    with devices.autocast(batch.images.device, enabled=mixed, axes=axes):
        if loss is None:
            return network(batch.images, batch.objects)
        scores = network(batch.images)  # (B, K, *P)
    return loss(scores.float(), batch.targets, batch.weights)


@torch.no_grad()
def _average(state: State, share: float, step: int) -> None:
    """Move the averaged weights towards the present ones, faster in the beginning."""
    past = min(share, (1 + step) / (10 + step))
    present = state.network.state_dict()
    for name, kept in state.average.state_dict().items():
        if kept.is_floating_point():
            kept.lerp_(present[name], 1 - past)
        else:
            kept.copy_(present[name])


def _keep_if_best(
    state: State, judged: ValidationResult, mean: float, keeping: Checkpoints
) -> None:
    """Keep the weights if no epoch was better; without validation the last is the best."""
    if judged.score is None or judged.loss is None:
        found = (float(state.epoch), -mean)
    else:
        found = (judged.score, -judged.loss)
    if found > state.best:
        state.best, state.since = found, 0
        keeping.best(state, judged)
    else:
        state.since += 1


def _over(state: State, settings: Optimisation) -> bool:
    late = settings.minutes is not None and state.seconds >= 60 * settings.minutes
    return late or bool(settings.patience and state.since >= settings.patience)


def _elapsed(steps: float, seconds: float, settings: Optimisation) -> float:
    """Return the share of the training that is over, by steps or by time."""
    limit = settings.minutes
    return min(1.0, max(steps, 0.0 if limit is None else seconds / max(60 * limit, 1e-9)))


def _set_rate(optimiser: torch.optim.Optimizer, settings: Optimisation, elapsed: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = settings.learning_rate * rate(elapsed, settings.warm_up, settings.schedule)


def rate(elapsed: float, warm_up: float, schedule: Schedule) -> float:
    """Return the learning rate as a share of the highest.

    Examples
    --------
    >>> [round(rate(t, 0.1, "cosine"), 3) for t in (0, 0.05, 0.1, 0.55, 1)]
    [0.01, 0.505, 1.0, 0.5, 0.0]
    >>> round(rate(0.55, 0.1, "poly"), 3)
    0.536
    """
    if elapsed < warm_up:
        return 0.01 + 0.99 * elapsed / warm_up
    rest = (elapsed - warm_up) / max(1 - warm_up, 1e-9)
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * min(rest, 1)))
    return (1 - min(rest, 1)) ** 0.9 if schedule == "poly" else 1.0


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
    score, loss = numbers["best"]
    state.best, state.since = (float(score), float(loss)), int(numbers["since"])


def _below(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)
    }
