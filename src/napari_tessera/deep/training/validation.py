"""How good a network is on the examples that were held out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch

from napari_tessera.deep.data.pieces import Piece
from napari_tessera.deep.inference.tile_plan import plan_tiles
from napari_tessera.deep.inference.tiling import TileRun, resized, tiled_scores
from napari_tessera.deep.networks.options import Sizes
from napari_tessera.deep.target_kinds import PixelTargets
from napari_tessera.deep.training.merit import Merit, without_each
from napari_tessera.deep.training.objective import Loss
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array, Report

MOST = 24
"""Pieces that are judged on at most, evenly spaced."""

LEAST = 256
"""Pixels along an axis of a piece that are judged on at least, where it has as many."""

PIXELS = 1 << 18
"""Pixels that are judged on at least, where there are as many."""

SHARE = 0.2
"""Pixels that are judged on at most, by those that an epoch trains on.

To judge a pixel takes a quarter to half of the time of learning from it: it is a twentieth to a
tenth of the time.
"""

SHOWN = 4
"""Of many pieces the one that is shown gets this part of all pixels, so that there is something to
see."""


@dataclass(frozen=True)
class ValidationResult:
    """What a network achieves on held-out examples.

    Attributes
    ----------
    loss, score : float or None
        None where nothing is held out.
    without : tuple of float
        The score without each of the held-out examples in turn; empty where there is only one.
    image : ndarray, shape (C, *P), optional
        One held-out image, or one to train on.
    labels : ndarray, optional
        What the network makes of it.
    pair : int
        The number of the pair that the image is from.
    start : tuple of int
        Where in that pair's labels it begins.
    tune : callable, optional
        Seconds it may take, and where progress goes -> the thresholds that give the best objects.
    """

    loss: float | None = None
    score: float | None = None
    without: tuple[float, ...] = ()
    image: Array | None = None
    labels: Array | None = None
    pair: int = 0
    start: tuple[int, ...] = ()
    tune: Callable[[float, Report], dict[str, float]] | None = None

    def figures(self) -> ValidationResult:
        """Return what other processes are told: not the picture."""
        return ValidationResult(self.loss, self.score, self.without)

    def merit(self, epoch: int, mean: float) -> Merit:
        """Return how good the network is: where nothing is held out, the better the later.

        Parameters
        ----------
        epoch : int
        mean : float
            The loss on what it learnt.
        """
        if self.score is None or self.loss is None:
            return Merit(float(epoch), mean)
        return Merit(self.score, self.loss, self.without)


@dataclass(frozen=True)
class HeldOut:
    """The examples on which networks are judged, and how these look at them.

    Attributes
    ----------
    pieces : list of Piece
        There may be none.
    shown : Piece
        Where the picture of the progress is taken from: the first of them, or one to train on.
    sizes : Sizes
        The image sizes that the network takes.
    patch : int
        Side of the patches it is trained on.
    device : torch.device
    pixels : int
        That are judged on at most, counted as the network sees them.
    """

    pieces: list[Piece]
    shown: Piece
    sizes: Sizes
    patch: int
    device: torch.device
    pixels: int = PIXELS

    @cached_property
    def judged(self) -> list[Piece]:
        """The pieces to judge on, evenly spaced if there are more than can be judged."""
        if not self.pieces:
            return []
        usual = float(np.mean([_pixels(each, self._least(each)) for each in self.pieces]))
        rest = self.pixels - _pixels(self.shown, self._longest(self.shown))
        count = min(MOST, 1 + int(max(rest, 0) / usual))
        return self.pieces[:: max(1, math.ceil(len(self.pieces) / count))]

    @property
    def seen(self) -> list[Piece]:
        """The pieces to judge on; if there are none, the one that is shown."""
        return self.judged or [self.shown]

    def on(self, pieces: list[Piece]) -> HeldOut:
        """Return other examples, all of which are judged on as far as there is time for it."""
        return replace(self, pieces=pieces, shown=pieces[0])

    def first(self) -> HeldOut:
        """Return the piece that is shown, and no other to judge on."""
        return replace(self, pieces=self.pieces[:1], pixels=self.pixels // SHOWN)

    def box(self, piece: Piece) -> tuple[slice, ...]:
        """Return the middle of a piece, as much of it as is judged on."""
        return middle(piece.shape, max(1, int(self._longest(piece) / piece.zoom)))

    def _least(self, piece: Piece) -> int:
        return max(self.patch, round(LEAST ** (2 / len(piece.shape))))

    def _longest(self, piece: Piece) -> int:
        """Return how many pixels, as the network sees them, a piece may be long."""
        share = self.pixels / min(SHOWN, max(1, len(self.pieces)))
        if piece is not self.shown:
            share = (self.pixels - share) / max(1, len(self.judged) - 1)
        return max(self._least(piece), int(share ** (1 / len(piece.shape))))

    def enlarged(self, piece: Piece) -> Array:
        """Return what is judged on of a piece (C, *P), as the network takes it."""
        image = piece.image_at(self.box(piece))
        return resized(image, tuple(round(piece.zoom * length) for length in image.shape[1:]))

    def labels(self, piece: Piece) -> Array:
        """Return the labels (*P) of what is judged on of a piece."""
        return piece.labels_at(self.box(piece))

    def shape(self, piece: Piece) -> tuple[int, ...]:
        """Return the shape of these labels."""
        return tuple(part.stop - part.start for part in self.box(piece))

    def tile_run(self, network: torch.nn.Module, shape: tuple[int, ...]) -> TileRun:
        """Return a network at work on the tiles of an image."""
        # of planes whole ones, mostly: tiles of 256 over 360 pixels look at twice as many; those of
        # volumes have hardly more pixels than a patch
        side = max(2 * self.patch, 512) if len(shape) == 2 else max(self.patch, 48)
        tiles = plan_tiles(shape, self.sizes, tile=side)
        return TileRun(network, tiles, self.device, batch=2)

    def picture(self, labels: Array) -> ValidationResult:
        """Return the image that is shown, with its labels."""
        piece, box = self.shown, self.box(self.shown)
        corner = [own.start + part.start for own, part in zip(piece.box, box, strict=True)]
        start = (*piece.index, *corner)
        image = piece.image_at(box)
        return ValidationResult(image=image, labels=labels, pair=piece.pair, start=start)


@dataclass(frozen=True)
class Validator:
    """How networks are judged that score pixels.

    Attributes
    ----------
    held_out : HeldOut
    targets : PixelTargets
    loss : Loss
    thresholds : mapping
        At which objects are judged; empty = at several, of which the best count.
    """

    held_out: HeldOut
    targets: PixelTargets
    loss: Loss
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @property
    def measure(self) -> str:
        """What the score is, in words."""
        return self.targets.measure

    def __call__(self, network: torch.nn.Module, report: Report = None) -> ValidationResult:
        """Judge a network."""
        report, pieces = Reporter.of(report), self.held_out.seen
        losses, agreements, examples, shown = [], [], [], None
        for number, piece in enumerate(pieces):
            scores = self._scores(network, piece, report.part(number, len(pieces)))
            labels = self.held_out.labels(piece)
            if piece is self.held_out.shown:
                shown = scores
            losses.append(self._loss(scores, labels))
            agreements.append(self.targets.agreement(scores, labels, **self.thresholds))
            if self.targets.has_thresholds:
                examples.append((scores.astype(np.float16), labels))  # for as long as it is best
        judged = replace(self._picture(shown, agreements), tune=partial(self._tuned, examples))
        if not self.held_out.pieces:
            return judged
        return replace(
            judged,
            loss=float(np.mean(losses)),
            score=self.targets.score(agreements),
            without=without_each(self.targets.score, agreements),
        )

    def on(self, pieces: list[Piece], thresholds: Mapping[str, float]) -> Validator:
        """Return what judges networks on other examples, at thresholds."""
        return replace(self, held_out=self.held_out.on(pieces), thresholds=thresholds)

    def glance(self, network: torch.nn.Module, report: Report = None) -> ValidationResult:
        """Judge a network on the piece that is shown."""
        return replace(self, held_out=self.held_out.first())(network, report)

    def _picture(self, scores: Array | None, agreements: list[Any]) -> ValidationResult:
        """Return what the network makes of the image that is shown, if it was looked at."""
        if scores is None:
            return ValidationResult()
        options = self.thresholds or self.targets.suiting(agreements)
        return self.held_out.picture(self.targets.labels(scores, None, **options))

    def _tuned(
        self, examples: list[tuple[Array, Array]], seconds: float, report: Report = None
    ) -> dict[str, float]:
        """Return the thresholds that give the best objects on examples, or on some of them."""
        given = ((scores.astype(np.float32), labels) for scores, labels in examples)
        return self.targets.tuned(given, seconds, report)

    def _scores(self, network: torch.nn.Module, piece: Piece, report: Reporter) -> Array:
        """Return the probabilities (K, *P) of what is judged on of a piece."""
        enlarged = self.held_out.enlarged(piece)
        run = self.held_out.tile_run(network, enlarged.shape[1:])
        found = tiled_scores(enlarged, run, classes=self.targets.count, report=report)
        return resized(found, self.held_out.shape(piece))

    def _loss(self, scores: Array, labels: Array) -> float:
        logarithms = torch.from_numpy(scores).clamp_min(1e-7).log()[None]  # (1, K, *P)
        truth = torch.from_numpy(self.targets.truth(labels))[None]  # (1, *P) or (1, K, *P)
        return float(self.loss.cpu()(logarithms, truth))


def _pixels(piece: Piece, longest: int) -> int:
    """Return how many pixels of the middle of a piece the network sees."""
    return math.prod(min(round(piece.zoom * length), longest) for length in piece.shape)


def middle(shape: tuple[int, ...], longest: int) -> tuple[slice, ...]:
    """Return the middle of a plane or volume, at most so many pixels long."""
    starts = [max(0, length - longest) // 2 for length in shape]
    return tuple(
        slice(start, start + min(length, longest))
        for start, length in zip(starts, shape, strict=True)
    )
