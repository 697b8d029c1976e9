"""What one training step of a network sees that finds objects one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from napari_tessera.algorithms.labels.components import components
from napari_tessera.deep.data import augmentation as vary
from napari_tessera.deep.data.copy_paste import copy_pasted
from napari_tessera.deep.data.instances import instances_of
from napari_tessera.deep.data.mosaic import mosaic
from napari_tessera.deep.data.patches import Patch, Patches
from napari_tessera.deep.networks.instances import Instances
from napari_tessera.signature.progress import reported
from napari_tessera.signature.words import Array, Report

_Objects = tuple[Array, Array, Mapping[int, int] | None]
"""An image (C, Y, X), its objects (Y, X), and their classes where they have any."""


@dataclass(frozen=True)
class ObjectBatch:
    """Patches with their objects.

    Attributes
    ----------
    images : Tensor, shape (B, C, Y, X)
    objects : sequence of Instances
        Of each patch; there may be none.
    dropped : int
        Objects of which the patches show too little.
    """

    images: torch.Tensor
    objects: Sequence[Instances]
    dropped: int = 0

    def __len__(self) -> int:
        return len(self.images)

    @property
    def targets(self) -> torch.Tensor:
        """The number of the object at each pixel, 0 where there is none, shape (B, Y, X)."""
        return torch.stack(
            [
                # an empty sum is 0, of several at a pixel the last counts
                torch.cat([torch.zeros_like(image[:1]), _numbered(own.masks)]).amax(0).int()
                for image, own in zip(self.images, self.objects, strict=True)
            ]
        )

    def part(self, places: slice) -> ObjectBatch:
        """Return some of the patches."""
        return ObjectBatch(self.images[places], self.objects[places])

    def to(self, device: torch.device) -> ObjectBatch:
        """Return the batch on a device, with the channels last in memory."""
        images = self.images.to(device, memory_format=torch.channels_last)
        return ObjectBatch(images, [each.to(device) for each in self.objects], self.dropped)


def _numbered(masks: torch.Tensor) -> torch.Tensor:
    """Return masks (N, Y, X) with 1, 2, 3, ... inside."""
    return masks * torch.arange(1, len(masks) + 1)[:, None, None]


@dataclass(frozen=True)
class ObjectBatches:
    """The batches of a training, each made from its number and the seed alone.

    Attributes
    ----------
    patches : Patches
    size : int
        Patches per batch.
    seed : int
    rgb : bool
    """

    patches: Patches
    size: int
    seed: int
    rgb: bool = False

    def __call__(self, step: int, report: Report = None) -> ObjectBatch:
        """Return the batch of a step; the same for the same number."""
        random = np.random.default_rng([self.seed, 2, step])
        found = [self._one(random) for _ in reported(range(self.size), report)]
        images = torch.from_numpy(np.stack([image for image, _, _ in found]))  # (B, C, Y, X)
        return ObjectBatch(images, [own for _, own, _ in found], sum(each for *_, each in found))

    def _one(self, random: np.random.Generator) -> tuple[Array, Instances, int]:
        settings = self.patches.augmentation
        image, labels, classes = self._patch(random)
        if settings.copy_paste and random.random() < settings.copy_paste:
            both = [(image, labels, classes), _as_found(self.patches.cut(random))]
            image, labels, classes = _put_together(copy_pasted, both, random)
        varied = vary.vary(image, settings, random, rgb=self.rgb)
        return varied, *instances_of(labels, classes)

    def _patch(self, random: np.random.Generator) -> _Objects:
        """Return a patch, or parts of four."""
        share = self.patches.augmentation.mosaic
        if not share or random.random() >= share:
            return _as_found(self.patches.cut(random))
        four = [_as_found(self.patches.cut(random)) for _ in range(4)]
        return _put_together(mosaic, four, random)


def _as_found(patch: Patch) -> _Objects:
    return patch.image, *told_apart(patch)


def told_apart(patch: Patch) -> tuple[Array, Mapping[int, int] | None]:
    """Return the objects of a patch, and their classes where they have any.

    Beyond the border of the image objects are there once more, mirrored: what does not hang
    together there is an object of its own.

    Parameters
    ----------
    patch : Patch
    """
    labels, classes = patch.labels, patch.piece.classes
    if not patch.beyond:
        return labels, classes
    pieces = components(labels)
    if classes is None:
        return pieces, None
    numbers, places = np.unique(pieces, return_index=True)
    pairs = zip(numbers.tolist(), labels.ravel()[places].tolist(), strict=True)
    return pieces, {piece: classes[label] for piece, label in pairs if label}


def _put_together(
    by: Callable[..., tuple[Array, Array, Array]],
    every: Sequence[_Objects],
    random: np.random.Generator,
) -> _Objects:
    """Return what a mosaic, or pasting, makes of several patches."""
    image, labels, origins = by([own[0] for own in every], [own[1] for own in every], random)
    kinds = [every[number][2] for number, _ in origins]
    return image, labels, {
        place: 0 if own is None else own[int(label)]
        for place, (own, (_, label)) in enumerate(zip(kinds, origins, strict=True), start=1)
    }  # fmt: skip
