"""How good a network is on the examples that were held out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from napari_tessera.deep.data.pieces import Piece
from napari_tessera.deep.inference.tiling import TileRun, plan_tiles, resized, tiled_scores
from napari_tessera.deep.networks.options import Sizes
from napari_tessera.deep.target_kinds import PixelTargets
from napari_tessera.deep.training.objective import Loss
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array

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
class HeldOut:
    """The examples on which networks are judged, and how these look at them.

    Attributes
    ----------
    pieces : list of Piece
        There may be none.
    shown : Piece
        Where the picture of the progress is taken from.
    sizes : Sizes
        The image sizes that the network takes.
    patch : int
        Side of the patches it is trained on.
    device : torch.device
    """

    pieces: list[Piece]
    shown: Piece
    sizes: Sizes
    patch: int
    device: torch.device

    @property
    def judged(self) -> list[Piece]:
        """The pieces to judge on, evenly spaced if there are many."""
        return self.pieces[:: max(1, math.ceil(len(self.pieces) / MOST))]

    def enlarged(self, piece: Piece) -> Array:
        """Return the middle of a piece (C, *P) as the network takes it."""
        image = piece.image_at(middle(piece.shape))
        return resized(image, tuple(round(piece.zoom * length) for length in image.shape[1:]))

    def tile_run(self, network: torch.nn.Module, shape: tuple[int, ...]) -> TileRun:
        """Return a network at work on the tiles of an image."""
        tiles = plan_tiles(shape, self.sizes, tile=max(2 * self.patch, 256))
        return TileRun(network, tiles, self.device, batch=2)

    def picture(self, labels: Array) -> ValidationResult:
        """Return the image that is shown, with its labels."""
        piece, box = self.shown, middle(self.shown.shape)
        corner = [own.start + part.start for own, part in zip(piece.box, box, strict=True)]
        start = (*piece.index, *corner)
        return ValidationResult(None, None, piece.image_at(box), labels, piece.pair, start)


@dataclass(frozen=True)
class Validator:
    """How networks are judged that score pixels.

    Attributes
    ----------
    held_out : HeldOut
    targets : PixelTargets
    loss : Loss
    """

    held_out: HeldOut
    targets: PixelTargets
    loss: Loss

    @property
    def measure(self) -> str:
        """What the score is, in words."""
        return self.targets.measure

    def __call__(
        self, network: torch.nn.Module, report: Reporter | None = None
    ) -> ValidationResult:
        """Judge a network."""
        report, pieces = Reporter.of(report), self.held_out.judged
        count = 1 + len(pieces)
        shown = self._scores(network, self.held_out.shown, report.part(0, count))
        picture = self.held_out.picture(self.targets.labels(shown))
        losses, agreements = [], []
        for number, piece in enumerate(pieces, 1):
            scores = self._scores(network, piece, report.part(number, count))
            labels = piece.labels_at(middle(piece.shape))
            losses.append(self._loss(scores, labels))
            agreements.append(self.targets.agreement(scores, labels))
        if not pieces:
            return picture
        score = self.targets.score(agreements)
        return replace(picture, loss=float(np.mean(losses)), score=score)

    def thresholds(self, network: torch.nn.Module) -> dict[str, float]:
        """Return the thresholds that give the best objects on held-out (or else all) examples."""
        pieces = self.held_out.judged or [self.held_out.shown]
        return self.targets.tuned(
            (self._scores(network, piece, Reporter()), piece.labels_at(middle(piece.shape)))
            for piece in pieces
        )

    def _scores(self, network: torch.nn.Module, piece: Piece, report: Reporter) -> Array:
        """Return the probabilities (K, *P) of the middle of a piece."""
        enlarged = self.held_out.enlarged(piece)
        run = self.held_out.tile_run(network, enlarged.shape[1:])
        found = tiled_scores(enlarged, run, classes=self.targets.count, report=report)
        return resized(found, tuple(part.stop - part.start for part in middle(piece.shape)))

    def _loss(self, scores: Array, labels: Array) -> float:
        logarithms = torch.from_numpy(scores).clamp_min(1e-7).log()[None]  # (1, K, *P)
        truth = torch.from_numpy(self.targets.truth(labels))[None]  # (1, *P) or (1, K, *P)
        return float(self.loss.cpu()(logarithms, truth))


def middle(shape: tuple[int, ...], longest: int = LONGEST) -> tuple[slice, ...]:
    """Return the middle of a plane or volume, at most so many pixels long."""
    starts = [max(0, length - longest) // 2 for length in shape]
    return tuple(
        slice(start, start + min(length, longest))
        for start, length in zip(starts, shape, strict=True)
    )
