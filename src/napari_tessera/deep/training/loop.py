"""The training loop: batches -> steps -> running average of the weights -> judged and kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
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
from napari_tessera.deep.training.checkpoints import Checkpoints
from napari_tessera.deep.training.distributed import ALONE, Ranks
from napari_tessera.deep.training.object_validation import ObjectValidator
from napari_tessera.deep.training.objective import Loss, OwnLosses
from napari_tessera.deep.training.state import State
from napari_tessera.deep.training.validation import ValidationResult, Validator
from napari_tessera.signature.progress import Progress, Reporter


@dataclass(frozen=True)
class Lesson:
    """What a network is taught, and how.

    Attributes
    ----------
    batches : callable
        Number of a batch -> the batch.
    validator : Validator or ObjectValidator
        Judges the averaged network after each epoch; its `loss`, of scores, is what is made small,
        None for a network that has losses of its own.
    optimisation : Optimisation
    frozen : callable
        Epoch -> whether the encoder keeps its weights.
    device : torch.device
    seed : int
    """

    batches: Callable[[int], Batch | ObjectBatch]
    validator: Validator | ObjectValidator
    optimisation: Optimisation
    frozen: Callable[[int], bool]
    device: torch.device
    seed: int


def fit(
    state: State,
    lesson: Lesson,
    checkpoints: Checkpoints,
    *,
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
    lesson : Lesson
    checkpoints : Checkpoints
    report : Reporter
        Gets epoch, losses and score, and the judged picture, as values; may raise `Stop`.
    ranks : Ranks
        The processes that train together; all call `fit`, with states of the same weights.
    """
    settings, began = lesson.optimisation, time.monotonic() - state.seconds
    validator = ranks.led(lesson.validator.__call__, ValidationResult.figures)
    checkpoints, report = checkpoints.led(ranks), Reporter(ranks.led(report))
    stepping = _Stepping(state, lesson, ranks)
    total = settings.epochs * settings.steps
    while state.epoch < settings.epochs and not _over(state, settings):
        network, losses = stepping.begin_epoch(), []
        steps = range(state.epoch * settings.steps, (state.epoch + 1) * settings.steps)
        numbers = map(ranks.number, steps)
        # the next batches are made while the network works on this one, and dropped if it stops
        for step, batch in zip(
            steps, in_order(lesson.batches, numbers, workers=ranks.workers), strict=True
        ):
            elapsed = ranks.told(_elapsed(step / total, time.monotonic() - began, settings))
            _set_rate(state.optimiser, settings, elapsed)
            losses.append(stepping.step(network, batch.to(lesson.device)))
            _average(state, settings.averaging, step)
            report(Progress(elapsed, 1, {"epoch": (step + 1) / settings.steps, "step": losses[-1]}))
            if elapsed >= 1:
                break
        result = validator(state.average)
        state.epoch, state.seconds = state.epoch + 1, ranks.told(time.monotonic() - began)
        mean = sum(losses) / len(losses)
        checkpoints.row(
            {
                "epoch": state.epoch,
                "seconds": round(state.seconds, 1),
                "learning_rate": state.optimiser.param_groups[0]["lr"],
                "loss": mean,
                "validation_loss": result.loss,
                "score": result.score,
            }
        )
        _keep_if_best(state, result, mean, checkpoints)
        checkpoints.resume(state)
        share = _elapsed(state.epoch / settings.epochs, state.seconds, settings)
        report(Progress(share, 1, {"epoch": state.epoch, "loss": mean, "judged": result}))


class _Stepping:
    """Takes the steps of a training."""

    def __init__(self, state: State, lesson: Lesson, ranks: Ranks) -> None:
        self._state, self._lesson, self._ranks = state, lesson, ranks
        loss: Loss | None = lesson.validator.loss
        self._loss = loss and loss.to(lesson.device)
        self._splitting = devices.SplitBatches(lesson.device, divides=ranks.count == 1)

    def begin_epoch(self) -> nn.Module:
        """Return the network to train in this epoch, its encoder frozen if it is to be."""
        state, frozen = self._state, self._lesson.frozen(self._state.epoch)
        seed = hash((self._lesson.seed, state.epoch)) + self._ranks.rank
        torch.manual_seed(seed % 2**63)  # of dropout
        transfer.freeze(state.network, frozen)
        transfer.train_mode(state.network, frozen)
        learner = state.network if self._loss else OwnLosses(state.network)
        # wrapped anew: another part may learn
        return self._ranks.wrap(learner, steady=self._loss is not None)

    def step(self, network: nn.Module, batch: Batch | ObjectBatch) -> float:
        """Take one step and return the loss before it."""
        settings, optimiser = self._lesson.optimisation, self._state.optimiser

        def part(places: slice) -> float:
            own = batch.part(places)
            found = _error(network, own, self._loss, mixed=settings.mixed_precision)
            found = found * (len(own) / len(batch))
            found.backward()
            return float(found.detach())

        optimiser.zero_grad(set_to_none=True)
        parts = self._splitting.run(part, len(batch), restart=optimiser.zero_grad)
        total = self._ranks.mean(sum(parts))
        if settings.clip:
            nn.utils.clip_grad_norm_(self._state.network.parameters(), settings.clip)
        if not math.isfinite(total):
            wanted = "choose a lower learning_rate, or switch mixed_precision off"
            raise self._ranks.failure(FloatingPointError(f"the loss became {total}; {wanted}"))
        optimiser.step()
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
    state: State, result: ValidationResult, mean: float, checkpoints: Checkpoints
) -> None:
    """Keep the weights if no epoch was better; without validation the last is the best."""
    if result.score is None or result.loss is None:
        found = (float(state.epoch), -mean)
    else:
        found = (result.score, -result.loss)
    if found > state.best:
        state.best, state.since = found, 0
        checkpoints.best(state, result)
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
