"""How good a network is on the examples that were held out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from napari_tessera.deep.data.batches import truth_of
from napari_tessera.deep.data.pieces import Piece
from napari_tessera.deep.data.targets import IGNORE
from napari_tessera.deep.inference.decode import (
    PRECISIONS,
    to_classes,
    to_objects,
    tuned,
)
from napari_tessera.deep.inference.tiling import plan_tiles, resized, tiled_scores
from napari_tessera.deep.networks.options import Sizes
from napari_tessera.deep.settings import Targets
from napari_tessera.deep.training.losses import Loss
from napari_tessera.metrics.matching import average_precision
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array, VoxelSize

MOST = 24
"""Pieces that are judged on at most, evenly spaced: judging must not take longer than training."""

LONGEST = 768
"""Pixels along an axis of a piece that are judged on at most, in its middle."""


@dataclass(frozen=True)
class ValidationResult:
    """What a network achieves on held-out examples.

    Attributes
    ----------
    loss, score : float or None
        None where nothing is held out.
    image : ndarray, shape (C, *P), optional
        One held-out image, or one to train on.
    labels : ndarray, optional
        What the network makes of it.
    pair : int
        The number of the pair that the image is from.
    start : tuple of int
        Where in that pair's labels it begins.
    """

    loss: float | None = None
    score: float | None = None
    image: Array | None = None
    labels: Array | None = None
    pair: int = 0
    start: tuple[int, ...] = ()

    def figures(self) -> ValidationResult:
        """Return loss and score alone, which other processes are told."""
        return ValidationResult(self.loss, self.score)


@dataclass(frozen=True)
class Validator:
    """The held-out examples and how networks are judged on them.

    Attributes
    ----------
    pieces : list of Piece
    shown : Piece
        Where the picture of the progress is taken from.
    targets : {"boundaries", "distances", "classes"}
    ids : tuple of int
    loss : Loss
    sizes : Sizes
        The image sizes that the network takes.
    patch : int
        Side of the patches it is trained on.
    device : torch.device
    """

    pieces: list[Piece]
    shown: Piece
    targets: Targets
    ids: tuple[int, ...]
    loss: Loss
    sizes: Sizes
    patch: int
    device: torch.device

    @property
    def measure(self) -> str:
        """What the score is, in words."""
        if self.targets == "classes":
            return "mean IoU of the classes"
        return "average precision of objects, mean over IoU .5, .65 and .8"

    def __call__(
        self, network: torch.nn.Module, report: Reporter | None = None
    ) -> ValidationResult:
        """Judge a network."""
        report = Reporter.of(report)
        every = [self.shown, *some_of(self.pieces)]
        picture, losses, found = ValidationResult(), [], []
        for number, piece in enumerate(every):
            box = middle(piece.shape)
            image, labels = piece.image_at(box), piece.labels_at(box)
            predicted = self._scores(network, image, piece.zoom, report.part(number, len(every)))
            if number == 0:
                corner = [own.start + part.start for own, part in zip(piece.box, box, strict=True)]
                place = (piece.pair, (*piece.index, *corner))
                picture = ValidationResult(None, None, image, self._decoded(predicted), *place)
            else:
                losses.append(self._loss(predicted, labels))
                found.append(self._counted(predicted, labels))
        if not found:
            return picture
        score = self._score(np.sum(found, axis=0)) if self.targets == "classes" else np.mean(found)
        return replace(picture, loss=float(np.mean(losses)), score=float(score))

    def thresholds(self, network: torch.nn.Module) -> dict[str, float]:
        """Return the thresholds that give the best objects on held-out (or else all) examples."""
        if self.targets == "classes":
            return {}
        pairs = []
        for piece in some_of(self.pieces) or [self.shown]:
            box = middle(piece.shape)
            found = self._scores(network, piece.image_at(box), piece.zoom, Reporter())
            pairs.append((found, piece.labels_at(box)))
        best = tuned(pairs, self.targets, VoxelSize((1.0,) * len(self.shown.shape)))
        return {name: best[name] for name in ("threshold", "seed_threshold")}

    def _scores(
        self, network: torch.nn.Module, image: Array, zoom: float, report: Reporter
    ) -> Array:
        enlarged = resized(image, tuple(round(zoom * length) for length in image.shape[1:]))
        tiles = plan_tiles(enlarged.shape[1:], self.sizes, tile=max(2 * self.patch, 256))
        channels = len(self.ids) if self.targets == "classes" else 3
        found = tiled_scores(
            enlarged, network, tiles, classes=channels, batch=2, device=self.device, report=report
        )
        return resized(found, image.shape[1:])

    def _decoded(self, found: Array) -> Array:
        if self.targets == "classes":
            return to_classes(found, self.ids)
        voxel = VoxelSize((1.0,) * (found.ndim - 1))
        return to_objects(found, targets=self.targets, voxel=voxel)

    def _loss(self, found: Array, labels: Array) -> float:
        logarithms = torch.from_numpy(found).clamp_min(1e-7).log()[None]  # (1, K, *P)
        truth = torch.from_numpy(truth_of(labels, self.targets, self.ids))[None]
        return float(self.loss.cpu()(logarithms, truth))

    def _counted(self, found: Array, labels: Array) -> Any:
        """Return the table of true and predicted classes, or the precision of the objects."""
        if self.targets != "classes":
            objects = self._decoded(found)
            return average_precision(labels, objects, *PRECISIONS)
        classes = len(found)
        truth = truth_of(labels, "classes", self.ids)
        known = truth != IGNORE
        pairs = truth[known].astype(np.int64) * classes + found.argmax(axis=0)[known]
        return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)

    def _score(self, table: Array) -> float:
        """Return the mean IoU of the classes that are there."""
        common = np.diag(table).astype(float)
        union = table.sum(axis=0) + table.sum(axis=1) - common
        there = table.sum(axis=1) > 0
        return float(np.mean(common[there] / union[there])) if there.any() else 0.0


def some_of(pieces: list[Piece]) -> list[Piece]:
    """Return the pieces to judge on, evenly spaced if there are many."""
    return pieces[:: max(1, math.ceil(len(pieces) / MOST))]


def middle(shape: tuple[int, ...], longest: int = LONGEST) -> tuple[slice, ...]:
    """Return the middle of a plane or volume, at most so many pixels long."""
    starts = [max(0, length - longest) // 2 for length in shape]
    return tuple(
        slice(start, start + min(length, longest))
        for start, length in zip(starts, shape, strict=True)
    )
