"""How good a network that finds objects one by one is on the examples that were held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from napari_tessera.deep import devices
from napari_tessera.deep.data.instances import instances_of
from napari_tessera.deep.data.pieces import Piece
from napari_tessera.deep.inference.detections import PlaneDetections, detected
from napari_tessera.deep.inference.objects import DEFAULTS
from napari_tessera.deep.inference.pasting import pasted
from napari_tessera.deep.inference.tile_plan import cut_tile, plan_tiles
from napari_tessera.deep.inference.tiling import evaluating, resized
from napari_tessera.deep.inference.tuning import PRECISIONS
from napari_tessera.deep.training.merit import without_each
from napari_tessera.deep.training.validation import HeldOut, ValidationResult, middle
from napari_tessera.metrics.matching import average_precision
from napari_tessera.signature.progress import Reporter, reported
from napari_tessera.signature.words import Array, Report

CONFIDENCES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""What is tried as a threshold."""


@dataclass(frozen=True)
class ObjectValidator:
    """How networks are judged that find objects one by one.

    Attributes
    ----------
    held_out : HeldOut
    crowd : int
        Most objects in a patch.
    """

    held_out: HeldOut
    crowd: int

    loss = None
    """The network has losses of its own."""

    measure = "average precision of objects, mean over IoU .5, .65 and .8"

    def __call__(self, network: torch.nn.Module, report: Report = None) -> ValidationResult:
        """Judge a network, at the confidence that suits it best."""
        report, pieces = Reporter.of(report), self.held_out.seen
        found = [
            self._detections(network, piece, report.part(number, len(pieces)))
            for number, piece in enumerate(pieces)
        ]
        precisions = self._precisions(pieces, found, report)
        best = CONFIDENCES[int(np.mean(precisions, axis=0).argmax())]
        picture = self.held_out.picture(_labels(found[0], best))
        judged = replace(picture, tune=partial(_thresholds, np.mean(precisions, axis=0)))
        if not self.held_out.pieces:
            return judged
        losses = [self._loss(network, piece) for piece in reported(pieces, report)]
        return replace(
            judged,
            loss=float(np.mean(losses)),
            score=_score(precisions),
            without=without_each(_score, precisions),
        )

    def on(self, pieces: list[Piece], thresholds: Mapping[str, float]) -> ObjectValidator:
        """Return what judges networks on other examples, whatever thresholds: it tries them."""
        return replace(self, held_out=self.held_out.on(pieces))

    def glance(self, network: torch.nn.Module, report: Report = None) -> ValidationResult:
        """Judge a network on the piece that is shown."""
        return replace(self, held_out=self.held_out.first())(network, report)

    def _detections(
        self, network: torch.nn.Module, piece: Piece, report: Reporter
    ) -> PlaneDetections:
        """Return what a network finds in what is judged on of a piece."""
        enlarged = self.held_out.enlarged(piece)
        run = self.held_out.tile_run(network, enlarged.shape[1:])
        ratio = run.tiles.tile[0] * run.tiles.tile[1] / self.held_out.patch**2
        limit = max(100, round(2 * self.crowd * ratio))
        found = detected(enlarged, run, limit=limit, report=report)
        return found.resized(self.held_out.shape(piece))

    def _precisions(
        self, pieces: list[Piece], found: list[PlaneDetections], report: Reporter
    ) -> list[Array]:
        """Return the precision of the objects of each piece at each of `CONFIDENCES`."""
        precisions = []
        for piece, each in zip(reported(pieces, report), found, strict=True):
            labels = self.held_out.labels(piece)
            every = (_labels(each, confidence) for confidence in CONFIDENCES)
            precisions.append(
                np.array([average_precision(labels, own, *PRECISIONS) for own in every])
            )
        return precisions

    def _loss(self, network: torch.nn.Module, piece: Piece) -> float:
        """Return the sum of the network's losses on the middle of a piece."""
        image, labels = self._patch(piece)
        objects, _ = instances_of(labels, piece.classes)
        device = self.held_out.device
        given = torch.from_numpy(image[None]).to(device)  # (1, C, Y, X)
        with torch.no_grad(), evaluating(network), devices.autocast(device, enabled=True):
            return float(sum(network.loss(given, [objects.to(device)]).values()))

    def _patch(self, piece: Piece) -> tuple[Array, Array]:
        """Return the middle of a piece, as large as a patch, enlarged as the network takes it."""
        side = max(1, round(self.held_out.patch / piece.zoom))
        box = middle(piece.shape, side)
        image, labels = piece.image_at(box), piece.labels_at(box)
        shape = tuple(round(piece.zoom * length) for length in labels.shape)
        tiles = plan_tiles(shape, self.held_out.sizes, tile=max(shape))
        image = cut_tile(resized(image, shape), tiles, (0, 0))
        rows, columns = (
            np.minimum(((np.arange(n) + 0.5) * own / n).astype(int), own - 1)
            for n, own in zip(shape, labels.shape, strict=True)
        )
        padded = np.zeros(image.shape[1:], labels.dtype)
        padded[: shape[0], : shape[1]] = labels[np.ix_(rows, columns)]
        return image, padded


def _score(precisions: Sequence[Array]) -> float:
    """Return the mean precision at the confidence that suits all best."""
    return float(np.mean(precisions, axis=0).max())


def _thresholds(scores: Array, seconds: float, report: Report = None) -> dict[str, float]:
    """Return the confidence that gives the best objects, by the precision at each: in no time."""
    if not scores.any():
        return dict(DEFAULTS)
    # of equals the middle one, which is the safest
    equal = np.flatnonzero(scores == scores.max())
    return {**DEFAULTS, "threshold": CONFIDENCES[equal[len(equal) // 2]]}


def _labels(found: PlaneDetections, confidence: float) -> Array:
    """Return the objects of at least a confidence as labels."""
    return pasted(found, confidence=confidence, overlap=DEFAULTS["overlap"]).labels
