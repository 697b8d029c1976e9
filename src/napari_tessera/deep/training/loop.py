"""The training loop: batches -> steps -> running average of the weights -> judged and kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from napari_tessera.algorithms.parallel import in_order
from napari_tessera.deep import devices
from napari_tessera.deep.data.batches import Batch
from napari_tessera.deep.data.object_batches import ObjectBatch
from napari_tessera.deep.settings import Optimisation, Schedule
from napari_tessera.deep.training.checkpoints import Checkpoints
from napari_tessera.deep.training.distributed import ALONE, Ranks
from napari_tessera.deep.training.object_validation import ObjectValidator
from napari_tessera.deep.training.state import State
from napari_tessera.deep.training.stepping import Stepping
from napari_tessera.deep.training.validation import ValidationResult, Validator
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Report

EARLY = 5.0
"""Seconds of steps after which a network is judged for the first time, if as many are left."""

FEW = 3
"""Steps before that: the first ones take longer."""


@dataclass(frozen=True)
class Lesson:
    """What a network is taught, and how.

    Attributes
    ----------
    batches : callable
        Number of a batch, and where progress goes -> the batch.
    validator : Validator or ObjectValidator
        Judges the averaged network after each epoch; its `loss`, of scores, is what is made small,
        None for a network that has losses of its own.
    optimisation : Optimisation
    frozen : callable
        Epoch -> whether the encoder keeps its weights.
    device : torch.device
    seed : int
    """

    batches: Callable[[int, Report], Batch | ObjectBatch]
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
        Gets epoch, losses and score, the judged picture, and whether the weights are kept, as
        values; may raise `Stop`. It is called between small pieces of work, also by the threads
        that make batches.
    ranks : Ranks
        The processes that train together; all call `fit`, with states of the same weights.
    """
    settings = lesson.optimisation
    validator = ranks.led(lesson.validator.__call__, ValidationResult.figures)
    course = _Course(state, lesson, report, ranks)
    checkpoints, report = checkpoints.led(ranks), course.report
    with devices.threads():  # afterwards as before
        while state.epoch < settings.epochs and not is_over(state, settings):
            mean = course.epoch()
            result = validator(state.average, course.still)
            state.epoch, state.seconds = state.epoch + 1, ranks.told(course.seconds)
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
            if kept := state.keeps(result.merit(state.epoch, mean)):
                checkpoints.good(state, result)
            checkpoints.resume(state)
            share = elapsed_share(state.epoch / settings.epochs, state.seconds, settings)
            values = {"epoch": state.epoch, "loss": mean, "judged": result, "kept": kept}
            report(Progress(share, 1, values))


class _Course:
    """The epochs of a training, and the clock beside them.

    Attributes
    ----------
    report : Reporter
        All processes have to call it.
    """

    def __init__(self, state: State, lesson: Lesson, report: Reporter, ranks: Ranks) -> None:
        self._state, self._lesson, self._ranks, self._own = state, lesson, ranks, report
        self.report = Reporter(ranks.led(report))
        self._stepping = Stepping(state, lesson, ranks)
        self._began = time.monotonic() - state.seconds
        self._elapsed, self._seen = 0.0, False

    @property
    def seconds(self) -> float:
        """How long the training has taken."""
        return time.monotonic() - self._began

    @property
    def still(self) -> Reporter:
        """Where work of the first process reports, to hear of a stop; the share stays."""
        return Reporter(self._own, self._elapsed, 0.0)

    @property
    def _still(self) -> Reporter:
        """The same for work of each process: none may end while others wait for it."""
        return self.still if self._ranks.count == 1 else Reporter()

    def epoch(self) -> float:
        """Take the steps of an epoch and return the mean of their losses."""
        state, settings = self._state, self._lesson.optimisation
        network, losses, began = self._stepping.begin_epoch(), [], time.monotonic()
        steps = range(state.epoch * settings.steps, (state.epoch + 1) * settings.steps)
        # the next batches are made while the network works on this one, and dropped if it stops
        for step, batch in zip(steps, self._batches(steps), strict=True):
            share = step / (settings.epochs * settings.steps)
            self._elapsed = self._ranks.told(elapsed_share(share, self.seconds, settings))
            set_rate(state.optimiser, settings, self._elapsed)
            losses.append(self._stepping.step(network, batch.to(self._lesson.device), self._still))
            average_weights(state, settings.averaging, step)
            values = {"epoch": (step + 1) / settings.steps, "step": losses[-1]}
            self._say({**values, **self._stepping.settled()})
            if self._elapsed >= 1:
                break
            self._look_early(losses, time.monotonic() - began)
        self._seen = True
        return sum(losses) / len(losses)

    def _batches(self, steps: range) -> Iterator[Batch | ObjectBatch]:
        """Yield the batches of this process."""
        still = self._still

        def made(number: int) -> Batch | ObjectBatch:
            with devices.threads(1):  # it is one of several at a time
                return self._lesson.batches(number, still)

        numbers = map(self._ranks.number, steps)
        return in_order(made, numbers, workers=self._ranks.workers)

    def _say(self, values: Mapping[str, Any]) -> None:
        self.report(Progress(self._elapsed, 1, values))

    def _look_early(self, losses: list[float], seconds: float) -> None:
        """Judge the network by one picture, once, where the first epoch takes long."""
        done, steps = len(losses), self._lesson.optimisation.steps
        if self._seen or done < FEW:
            return
        left = seconds / done * (steps - done)
        if self._ranks.told(min(seconds, left)) < EARLY:
            return
        self._seen = True
        look = self._ranks.led(self._lesson.validator.glance, ValidationResult.figures)
        judged = look(self._state.average, self.still)
        epoch = round(self._state.epoch + done / steps, 2)
        self._say({"epoch": epoch, "loss": sum(losses) / done, "judged": judged})


@torch.no_grad()
def average_weights(state: State, share: float, step: int) -> None:
    """Move the averaged weights towards the present ones, faster in the beginning."""
    past = min(share, (1 + step) / (10 + step))
    present = state.network.state_dict()
    for name, kept in state.average.state_dict().items():
        if kept.is_floating_point():
            kept.lerp_(present[name], 1 - past)
        else:
            kept.copy_(present[name])


def is_over(state: State, settings: Optimisation) -> bool:
    """Return whether the time or the patience of a training is used up."""
    late = settings.minutes is not None and state.seconds >= 60 * settings.minutes
    return late or bool(settings.patience and state.since >= settings.patience)


def elapsed_share(steps: float, seconds: float, settings: Optimisation) -> float:
    """Return the share of the training that is over, by steps or by time."""
    limit = settings.minutes
    return min(1.0, max(steps, 0.0 if limit is None else seconds / max(60 * limit, 1e-9)))


def set_rate(optimiser: torch.optim.Optimizer, settings: Optimisation, elapsed: float) -> None:
    """Give each group of weights its share of the present learning rate."""
    present = settings.learning_rate * rate(elapsed, settings.warm_up, settings.schedule)
    for group in optimiser.param_groups:
        group["lr"] = group.get("share", 1.0) * present


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
