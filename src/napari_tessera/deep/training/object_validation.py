"""How good a network that finds objects one by one is on the examples that were held out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from napari_tessera.deep import devices
from napari_tessera.deep.data.instances import instances_of
from napari_tessera.deep.data.pieces import Piece
from napari_tessera.deep.inference.decode import PRECISIONS
from napari_tessera.deep.inference.detections import Found, found_in
from napari_tessera.deep.inference.objects import DEFAULTS
from napari_tessera.deep.inference.pasting import pasted
from napari_tessera.deep.inference.tiling import cut_tile, evaluating, plan_tiles, resized
from napari_tessera.deep.networks.options import Sizes
from napari_tessera.deep.training.validation import ValidationResult, middle, some_of
from napari_tessera.metrics.matching import average_precision
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array, Report

CONFIDENCES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""What is tried as a threshold."""


@dataclass(frozen=True)
class ObjectValidator:
    """The held-out examples and how networks are judged on them.

    Attributes
    ----------
    pieces : list of Piece
    shown : Piece
        Where the picture of the progress is taken from.
    sizes : Sizes
        The image sizes that the network takes.
    patch : int
        Side of the patches it is trained on.
    crowd : int
        Most objects in such a patch.
    device : torch.device
    """

    pieces: list[Piece]
    shown: Piece
    sizes: Sizes
    patch: int
    crowd: int
    device: torch.device

    loss = None
    """The network has losses of its own."""

    measure = "average precision of objects, mean over IoU .5, .65 and .8"

    def __call__(self, network: torch.nn.Module, report: Report = None) -> ValidationResult:
        """Judge a network, at the confidence that suits it best."""
        report, pieces = Reporter.of(report), some_of(self.pieces)
        every = [self.shown, *pieces]
        found = [
            self._found(network, piece, report.part(number, len(every)))
            for number, piece in enumerate(every)
        ]
        scores = self._scores(pieces or [self.shown], found[1:] or found)
        best = max(scores, key=lambda each: scores[each])
        picture = self._picture(found[0], best)
        if not pieces:
            return picture
        loss = float(np.mean([self._loss(network, piece) for piece in pieces]))
        return replace(picture, loss=loss, score=scores[best])

    def thresholds(self, network: torch.nn.Module) -> dict[str, float]:
        """Return the confidence that gives the best objects on held-out (or else all) examples."""
        pieces = some_of(self.pieces) or [self.shown]
        found = [self._found(network, piece, Reporter()) for piece in pieces]
        scores = self._scores(pieces, found)
        highest = max(scores.values())
        if not highest:
            return dict(DEFAULTS)
        # of equals the middle one, which is the safest
        equal = [each for each in scores if scores[each] == highest]
        return {**DEFAULTS, "threshold": equal[len(equal) // 2]}

    def _found(self, network: torch.nn.Module, piece: Piece, report: Reporter) -> Found:
        box = middle(piece.shape)
        image = piece.image_at(box)
        enlarged = resized(image, tuple(round(piece.zoom * length) for length in image.shape[1:]))
        tiles = plan_tiles(enlarged.shape[1:], self.sizes, tile=max(2 * self.patch, 256))
        ratio = tiles.tile[0] * tiles.tile[1] / self.patch**2
        limit = max(100, round(2 * self.crowd * ratio))
        found = found_in(
            enlarged, network, tiles, limit=limit, batch=2, device=self.device, report=report
        )
        return found.resized(image.shape[1:])

    def _scores(self, pieces: list[Piece], found: list[Found]) -> dict[float, float]:
        """Return the mean precision of the objects at each confidence."""
        scores = dict.fromkeys(CONFIDENCES, 0.0)
        for piece, each in zip(pieces, found, strict=True):
            labels = piece.labels_at(middle(piece.shape))
            for confidence in CONFIDENCES:
                own = pasted(each, confidence=confidence, overlap=DEFAULTS["overlap"]).labels
                scores[confidence] += average_precision(labels, own, *PRECISIONS) / len(pieces)
        return scores

    def _picture(self, found: Found, confidence: float) -> ValidationResult:
        """Return the image that is shown, with its objects."""
        piece = self.shown
        box = middle(piece.shape)
        corner = [own.start + part.start for own, part in zip(piece.box, box, strict=True)]
        labels = pasted(found, confidence=confidence, overlap=DEFAULTS["overlap"]).labels
        start = (*piece.index, *corner)
        return ValidationResult(None, None, piece.image_at(box), labels, piece.pair, start)

    def _loss(self, network: torch.nn.Module, piece: Piece) -> float:
        """Return the sum of the network's losses on the middle of a piece."""
        image, labels = self._patch(piece)
        objects, _ = instances_of(labels, piece.classes)
        given = torch.from_numpy(image[None]).to(self.device)  # (1, C, Y, X)
        with torch.no_grad(), evaluating(network), devices.autocast(self.device, enabled=True):
            return float(sum(network.loss(given, [objects.to(self.device)]).values()))

    def _patch(self, piece: Piece) -> tuple[Array, Array]:
        """Return the middle of a piece, as large as a patch, enlarged as the network takes it."""
        side = max(1, round(self.patch / piece.zoom))
        box = middle(piece.shape, side)
        image, labels = piece.image_at(box), piece.labels_at(box)
        shape = tuple(round(piece.zoom * length) for length in labels.shape)
        tiles = plan_tiles(shape, self.sizes, tile=max(shape))
        image = cut_tile(resized(image, shape), tiles, (0, 0))
        rows, columns = (
            np.minimum(((np.arange(n) + 0.5) * own / n).astype(int), own - 1)
            for n, own in zip(shape, labels.shape, strict=True)
        )
        padded = np.zeros(image.shape[1:], labels.dtype)
        padded[: shape[0], : shape[1]] = labels[np.ix_(rows, columns)]
        return image, padded
