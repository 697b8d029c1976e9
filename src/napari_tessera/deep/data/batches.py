"""What one training step sees: varied patches, their targets and how much each pixel counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from napari_tessera.deep.data import augmentation as vary
from napari_tessera.deep.data.copy_paste import copy_pasted
from napari_tessera.deep.data.patches import Patches
from napari_tessera.deep.data.targets import border_weights
from napari_tessera.deep.settings import Objective
from napari_tessera.deep.target_kinds import PixelTargets
from napari_tessera.signature.progress import reported
from napari_tessera.signature.words import Array, Report


@dataclass(frozen=True)
class Batch:
    """Patches with their targets.

    Attributes
    ----------
    images : Tensor, shape (B, C, *P)
    targets : Tensor, shape (B, *P) or (B, K, *P)
        Class ids with `IGNORE`, or shares of the classes.
    weights : Tensor, shape (B, *P), optional
        How much each pixel counts.
    """

    images: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.images)

    def part(self, places: slice) -> Batch:
        """Return some of the patches."""
        weights = None if self.weights is None else self.weights[places]
        return Batch(self.images[places], self.targets[places], weights)

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device, planes with the channels last in memory."""
        order = torch.channels_last if self.images.ndim == 4 else torch.contiguous_format
        weights = None if self.weights is None else self.weights.to(device)
        images = self.images.to(device, memory_format=order)
        return Batch(images, self.targets.to(device), weights)


@dataclass(frozen=True)
class Batches:
    """The batches of a training, each made from its number and the seed alone.

    Attributes
    ----------
    patches : Patches
    targets : PixelTargets
    objective : Objective
    size : int
        Patches per batch.
    seed : int
    rgb : bool
    """

    patches: Patches
    targets: PixelTargets
    objective: Objective
    size: int
    seed: int
    rgb: bool = False

    def __call__(self, step: int, report: Report = None) -> Batch:
        """Return the batch of a step; the same for the same number."""
        random = np.random.default_rng([self.seed, 2, step])
        found = [self._one(random) for _ in reported(range(self.size), report)]
        images = torch.from_numpy(np.stack([image for image, _, _ in found]))
        truth = torch.from_numpy(np.stack([each for _, each, _ in found]))
        weights = None
        if self.objective.border_weight:
            weights = torch.from_numpy(np.stack([each for _, _, each in found if each is not None]))
        return self._mixed(Batch(images, truth, weights), random)

    def _one(self, random: np.random.Generator) -> tuple[Array, Array, Array | None]:
        image, labels = self._patch(random)
        varied = vary.vary(image, self.patches.augmentation, random, rgb=self.rgb)
        weights = None
        if self.objective.border_weight:
            weights = border_weights(
                self.targets.objects(labels),
                weight=self.objective.border_weight,
                width=self.objective.border_width,
            )
        return np.asarray(varied), self.targets.truth(labels), weights

    def _patch(self, random: np.random.Generator) -> tuple[Array, Array]:
        """Return a patch, with objects of another one pasted into it as often as asked for."""
        first, share = self.patches.one(random), self.patches.augmentation.copy_paste
        if not share or random.random() >= share:
            return first
        images, labels = zip(first, self.patches.one(random), strict=True)
        image, objects, _ = copy_pasted(images, labels, random)
        return image, objects

    def _mixed(self, batch: Batch, random: np.random.Generator) -> Batch:
        """Blend patches, or paste parts of them into one another, as often as asked for."""
        settings = self.patches.augmentation
        chance = random.random()
        if chance < settings.mixup:
            soft = batch.targets
            if soft.ndim < batch.images.ndim:
                soft = vary.one_hot(soft, self.targets.count)
            return Batch(*vary.mixed(batch.images, soft, random, weights=batch.weights))
        if chance < settings.mixup + settings.cutmix:
            return Batch(
                *vary.cut_and_pasted(batch.images, batch.targets, random, weights=batch.weights)
            )
        return batch
