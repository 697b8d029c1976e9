"""One step of a training: forward, backward, and the weights a little better."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from napari_tessera.deep import devices
from napari_tessera.deep.data.batches import Batch
from napari_tessera.deep.data.object_batches import ObjectBatch
from napari_tessera.deep.training import transfer
from napari_tessera.deep.training.distributed import Ranks
from napari_tessera.deep.training.objective import Loss, OwnLosses
from napari_tessera.deep.training.state import State
from napari_tessera.deep.training.threads import ThreadTrial
from napari_tessera.signature.progress import Progress, Reporter

if TYPE_CHECKING:
    from napari_tessera.deep.training.loop import Lesson

PAUSE = 0.1
"""Seconds between two questions within a step whether it is to stop."""


class Stepping:
    """Takes the steps of a training, and sets the number of threads for all that follows them.

    Parameters
    ----------
    state : State
    lesson : Lesson
    ranks : Ranks
    """

    def __init__(self, state: State, lesson: Lesson, ranks: Ranks) -> None:
        self._state, self._lesson, self._ranks = state, lesson, ranks
        loss: Loss | None = lesson.validator.loss
        self._loss = loss and loss.to(lesson.device)
        self._splitting = devices.SplitBatches(lesson.device, divides=ranks.count == 1)
        self._trial = self._begin_trial()

    def _begin_trial(self) -> ThreadTrial | None:
        """Return the trial of numbers of threads, None if the number is known."""
        settings, state = self._lesson.optimisation, self._state
        most = torch.get_num_threads()
        state.threads = settings.threads or state.threads
        trial, steps = ThreadTrial(most), (settings.epochs - state.epoch) * settings.steps
        alone = self._ranks.count == 1 and self._lesson.device.type == "cpu"
        if not state.threads and alone and trial.pays(steps):
            return trial
        state.threads = state.threads or most
        return None

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

    def step(self, network: nn.Module, batch: Batch | ObjectBatch, report: Reporter) -> float:
        """Take one step and return the loss before it.

        Parameters
        ----------
        network : torch.nn.Module
            From `begin_epoch`.
        batch : Batch or ObjectBatch
        report : Reporter
            Called now and then; may raise `Stop`: the weights are then as they were.
        """
        began, threads = time.monotonic(), self._state.threads
        if self._trial is not None:
            threads = self._trial.number
        devices.set_threads(threads)
        with self._asking(report):
            loss = self._taken(network, batch)
        if self._trial is not None:
            self._trial.took(time.monotonic() - began)
        return loss

    def settled(self) -> dict[str, str]:
        """Return a note when the number of threads has been found just now, else nothing."""
        if self._trial is None or not self._trial.over:
            return {}
        trial, self._trial = self._trial, None
        self._state.threads = trial.number
        return {"note": str(trial)}

    def _taken(self, network: nn.Module, batch: Batch | ObjectBatch) -> float:
        settings, optimiser = self._lesson.optimisation, self._state.optimiser

        def part(places: slice) -> float:
            own = batch.part(places)
            found = step_loss(network, own, self._loss, mixed=settings.mixed_precision)
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

    @contextmanager
    def _asking(self, report: Reporter) -> Iterator[None]:
        """Let a step ask whether it is to stop, before layers and after gradients."""
        latest = time.monotonic()

        def now_and_then(*_: Any) -> None:
            nonlocal latest
            if time.monotonic() - latest > PAUSE:
                latest = time.monotonic()
                report(Progress(0, 1))

        network = self._state.network
        learnt = (each for each in network.parameters() if each.requires_grad)
        layers = (each for each in network.modules() if not any(each.children()))
        hooks = [each.register_forward_pre_hook(now_and_then) for each in layers]
        hooks += [each.register_post_accumulate_grad_hook(now_and_then) for each in learnt]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def step_loss(network: nn.Module, batch: Any, loss: Loss | None, *, mixed: bool) -> torch.Tensor:
    """Return what is to become small, mean per patch.

    Parameters
    ----------
    network : torch.nn.Module
    batch : Batch or ObjectBatch
    loss : Loss, optional
        None of a network that has losses of its own.
    mixed : bool
        Compute in 16 bits where the device gains by it.
    """
    axes = batch.images.ndim - 2
    with devices.autocast(batch.images.device, enabled=mixed, axes=axes):
        if loss is None:
            return network(batch.images, batch.objects)
        scores = network(batch.images)  # (B, K, *P)
    return loss(scores.float(), batch.targets, batch.weights)
