"""How the click network is trained: every answer is learnt from, and leads to the next click.

As in RITM, the network sees its own present answer beside the clicks. Unlike there, the answers on
the way are learnt from too, not the last one alone: none is computed for nothing.

K. Sofiiuk, I. Petrov, A. Konushin, "Reviving iterative training with mask guidance for interactive
segmentation", arXiv:2102.06583, 2021.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from napari_tessera.deep import devices
from napari_tessera.deep.clicks.exercises import Exercise, Exercises, PracticeImage
from napari_tessera.deep.clicks.windows import CHANNELS, SIDE
from napari_tessera.deep.models.config import ModelConfig, versions
from napari_tessera.deep.models.folder import Folder
from napari_tessera.deep.models.model import Model
from napari_tessera.deep.networks.registry import build
from napari_tessera.deep.settings import NO_AUGMENTATION, Augmentation, Optimisation
from napari_tessera.deep.training import transfer
from napari_tessera.deep.training.loop import average_weights, elapsed_share, is_over, set_rate
from napari_tessera.deep.training.merit import Merit, without_each
from napari_tessera.deep.training.state import State, restore_state, stored
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array, Report

ImageSets = Sequence[tuple[float, Sequence[PracticeImage]]]

JUDGED = 120
"""Exercises on the held-back images by which weights are judged."""

CLICKED = 3
"""Clicks after each of which they are judged."""


@dataclass(frozen=True)
class ClickTask:
    """A training of a click network.

    Attributes
    ----------
    learnt, held_back : sequence of (share, sequence of PracticeImage)
        Sets of images, and how large a share of the exercises each of them gives.
    options : dict
        Of the U-Net.
    weights : str
        What it knows before, see `napari_tessera.deep.training.transfer.start`.
    augmentation : Augmentation
    optimisation : Optimisation
    data : str
        Tells the images from others.
    seed : int
    """

    learnt: ImageSets
    held_back: ImageSets
    options: dict[str, Any]
    weights: str
    augmentation: Augmentation
    optimisation: Optimisation
    data: str
    seed: int = 0


def train_clicks(task: ClickTask, folder: Folder, report: Report = None) -> Model:
    """Train a click network in a folder, or go on with its training.

    Parameters
    ----------
    task : ClickTask
    folder : Folder
    report : callable, optional
        Takes `Progress`, with epoch, loss and score as values after each epoch.

    Returns
    -------
    Model
        The best of all epochs.
    """
    report, config, state = Reporter.of(report), _config(task), _first_state(task)
    if folder.exists:
        restore_state(state, *folder.read_resume())
        config = folder.read_config()
    else:
        folder.create(config)
    settings = task.optimisation
    judged = _held_back(task)
    with devices.threads(settings.threads):
        while state.epoch < settings.epochs and not is_over(state, settings):
            began = time.monotonic()
            loss = _epoch(state, task)
            overlaps = judge(state.average, judged, CLICKED).mean(axis=0)  # of each exercise
            score = float(np.mean(overlaps))
            state.epoch, state.seconds = (
                state.epoch + 1,
                state.seconds + time.monotonic() - began,
            )
            folder.append_losses(_row(state, loss, score))
            if state.keeps(Merit(score, loss, without_each(np.mean, overlaps))):
                weights = state.average.state_dict()
                config = folder.write_weights(weights, replace(config, score=score))
            folder.write_resume(*stored(state))
            values = {"epoch": state.epoch, "loss": loss, "score": score}
            report(Progress(state.epoch, settings.epochs, values))
    return Model(folder.path, config)


def _row(state: State, loss: float, score: float) -> dict[str, Any]:
    rate = state.optimiser.param_groups[0]["lr"]
    seconds = round(state.seconds, 1)
    return {
        "epoch": state.epoch,
        "seconds": seconds,
        "learning_rate": rate,
        "loss": loss,
        "validation_loss": None,
        "score": score,
    }


def _epoch(state: State, task: ClickTask) -> float:
    """Take the steps of an epoch and return the mean of their losses."""
    settings, losses = task.optimisation, []
    random = np.random.default_rng((task.seed, state.epoch))
    exercises = Exercises(task.learnt, settings.batch, task.augmentation, random)
    began = time.monotonic() - state.seconds
    state.network.train()
    for number in range(state.epoch * settings.steps, (state.epoch + 1) * settings.steps):
        share = number / (settings.epochs * settings.steps)
        share = elapsed_share(share, time.monotonic() - began, settings)
        set_rate(state.optimiser, settings, share)
        loss, answers = _step(state, exercises.present, settings)
        losses.append(loss)
        average_weights(state, settings.averaging, number)
        exercises.answered(answers)
        if share >= 1:
            break
    return float(np.mean(losses))


def _step(
    state: State, exercises: Sequence[Exercise], settings: Optimisation
) -> tuple[float, Array]:
    """Take one step; return the loss before it, and the answers as probabilities."""
    truth = torch.from_numpy(np.stack([own.truth for own in exercises])).float()  # (B, Y, X)
    scores = _scores(state.network, exercises, mixed=settings.mixed_precision)  # (B, Y, X)
    loss = click_loss(scores, truth)
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(state.network.parameters(), settings.clip)
    state.optimiser.step()
    return float(loss.detach()), scores.detach().sigmoid().numpy()


def _scores(network: nn.Module, exercises: Sequence[Exercise], *, mixed: bool) -> torch.Tensor:
    """Return what the network says of each pixel, before the sigmoid, shape (B, Y, X)."""
    seen = torch.from_numpy(np.stack([own.seen for own in exercises]))  # (B, C, Y, X)
    seen = seen.contiguous(memory_format=torch.channels_last)
    with devices.autocast(torch.device("cpu"), enabled=mixed):
        scores: torch.Tensor = network(seen)  # (B, 1, Y, X)
    return scores[:, 0].float()


def click_loss(scores: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return the cross entropy of the pixels plus 1 - the intersection over the union, mean.

    The overlap is that of each object by itself, so that small ones count as much as large ones.

    Parameters
    ----------
    scores, truth : Tensor, shape (B, Y, X)

    Examples
    --------
    >>> truth = torch.tensor([[[1.0, 0.0]]])
    >>> round(float(click_loss(torch.tensor([[[99.0, -99.0]]]), truth)), 6)
    0.0
    >>> round(float(click_loss(torch.zeros(1, 1, 2), truth)), 3)  # ln 2 + 1 - 0.5 / 1.5
    1.36
    """
    found = scores.sigmoid()  # (B, Y, X)
    common = (found * truth).sum((1, 2))  # (B,)
    union = (found + truth).sum((1, 2)) - common  # (B,)
    entropy = functional.binary_cross_entropy_with_logits(scores, truth)
    return entropy + (1 - common / union.clamp_min(1e-6)).mean()


@torch.no_grad()
def judge(network: nn.Module, exercises: Sequence[Exercise], clicks: int) -> Array:
    """Return the intersection over the union after each click, shape (clicks, exercises).

    Exercises that are over keep their last one.
    """
    random, network = np.random.default_rng(0), network.eval()
    found = np.zeros((clicks, len(exercises)))
    present = {place: replace(own, left=clicks) for place, own in enumerate(exercises)}
    for click in range(clicks):
        found[click] = found[click - 1] if click else 0
        for place, own in list(present.items()):
            answer = _scores(network, [own], mixed=True).sigmoid().numpy()[0]
            mask = answer > 0.5
            found[click, place] = (mask & own.truth).sum() / (mask | own.truth).sum()
            following = own.answered(answer, random)
            present.pop(place) if following is None else present.update({place: following})
    return found


def _held_back(task: ClickTask) -> list[Exercise]:
    random = np.random.default_rng(task.seed)
    return Exercises(task.held_back, JUDGED, NO_AUGMENTATION, random).present


def _first_state(task: ClickTask) -> State:
    """Return a network that has seen no click."""
    torch.manual_seed(task.seed)
    network = build("unet", in_channels=CHANNELS, classes=1, **task.options)
    transfer.start(network, task.weights, in_channels=CHANNELS)
    first = next(each for each in network.modules() if isinstance(each, nn.Conv2d))
    with torch.no_grad():
        first.weight[:, 0] *= CHANNELS  # what was spread over all channels: it is one that is grey
    network = network.to(memory_format=torch.channels_last)
    settings = task.optimisation
    groups = [
        {"params": [each for each in network.parameters() if (each.ndim > 1) is drawn], **decay}
        for drawn, decay in (
            (True, {"weight_decay": settings.weight_decay}),
            (False, {"weight_decay": 0.0}),
        )
    ]
    optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate)
    return State(network, copy.deepcopy(network).eval(), optimiser)


def _config(task: ClickTask) -> ModelConfig:
    images = [own for _, some in task.learnt for own in some]
    return ModelConfig(
        network="unet",
        options=task.options,
        in_channels=CHANNELS,
        rgb=False,
        channel_names=("intensity", "on the object", "beside it", "present answer"),
        axes=2,
        targets="classes",
        ids=(1,),
        class_names=("object",),
        colours=(),
        spacing=None,
        unit="pixel",
        normalise="percentiles",
        low=1.0,
        high=99.0,
        thresholds={"threshold": 0.5},
        patch=SIDE,
        diameter=0.0,
        score=None,
        scored=f"intersection over union, mean of {CLICKED} clicks",
        examples=len(images),
        data=task.data,
        training={
            "augmentation": asdict(task.augmentation),
            "optimisation": asdict(task.optimisation),
            "seed": task.seed,
            "weights": task.weights,
        },
        versions=versions(),
        created=datetime.now(tz=UTC).date().isoformat(),
        weights="",
    )
