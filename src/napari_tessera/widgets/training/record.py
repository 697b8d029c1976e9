"""What a training has reported so far, and the weights of which epoch are kept."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_tessera.signature.words import Array

WORDS = {"loss": "training loss", "validation": "validation loss", "score": "score"}
"""What is known of an epoch, for people."""


@dataclass(frozen=True)
class Point:
    """What is known at the end of an epoch; None is not known.

    Attributes
    ----------
    epoch : float
    loss : float, optional
        Mean over the training steps of the epoch.
    validation : float, optional
        Loss of the validation images.
    score : float, optional
        How good the validation images come out, 0 to 1.
    kept : bool
        Whether the weights after it were kept, until those of a later one were.
    """

    epoch: float
    loss: float | None = None
    validation: float | None = None
    score: float | None = None
    kept: bool = False

    def __str__(self) -> str:
        known = ((words, getattr(self, name)) for name, words in WORDS.items())
        told = (f"{words} {value:.4g}" for words, value in known if value is not None)
        return "\n".join([f"epoch {self.epoch:g}", *told])

    @property
    def merit(self) -> tuple[float, float]:
        """What epochs are compared by: the score, then the validation loss."""
        worst = -math.inf
        return (
            worst if self.score is None else self.score,
            worst if self.validation is None else -self.validation,
        )


class Record:
    """Epochs and steps of one training, in their order."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self._epochs, self._losses = array("d"), array("d")

    def add(self, epoch: float, *values: float | None, kept: bool = False) -> Point:
        """Add loss, validation loss and score of an epoch; what is not finite is not known."""
        known = [None if v is None or not math.isfinite(v) else float(v) for v in values]
        told = dict(zip(WORDS, known, strict=False))
        self.points.append(Point(float(epoch), **told, kept=kept))
        return self.points[-1]

    def add_step(self, epoch: float, loss: float) -> None:
        """Add the loss of one step; `epoch` is how many epochs are over, with fractions."""
        if math.isfinite(loss):
            self._epochs.append(epoch)
            self._losses.append(loss)

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to draw."""
        return not self.points and not self._losses

    @property
    def kept(self) -> Point | None:
        """The epoch whose weights are kept.

        Folders of before do not tell: the one with the best score, then the lowest validation loss.
        """
        judged = [p for p in self.points if p.score is not None or p.validation is not None]
        kept = [point for point in judged if point.kept]
        return kept[-1] if kept else max(judged, key=lambda point: point.merit, default=None)

    def steps(self, most: int) -> tuple[Array, Array]:
        """Return epochs and losses of at most `most` steps, those next to one another as a mean."""
        # copies: an array that is looked into cannot grow
        return thinned(np.array(self._epochs), np.array(self._losses), most)

    def values(self, name: str) -> tuple[Array, Array]:
        """Return epochs and values of those epochs of which "loss", ... is known."""
        known = [(p.epoch, getattr(p, name)) for p in self.points if getattr(p, name) is not None]
        pairs = np.array(known, float).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    @property
    def epoch_span(self) -> tuple[float, float]:
        """The first and last epoch: from 0, or from where a training goes on."""
        ends = [point.epoch for point in self.points] + list(self._epochs[:1] + self._epochs[-1:])
        first = 0.0 if min(ends) <= 1 else math.floor(min(ends))
        return first, max(*ends, first + 1)

    @property
    def loss_span(self) -> tuple[float, float]:
        """The lowest and highest loss, without steps that stick out; from 0 unless all are near."""
        known = np.concatenate([self.values("loss")[1], self.values("validation")[1]])
        if self._losses:
            steps = self.steps(1000)[1]
            known = np.append(known, np.quantile(steps, (0.01, 0.97), method="nearest"))
        if not known.size:
            return 0.0, 1.0
        low, high = float(known.min()), float(known.max())
        if 0 <= low < high / 2 or low == high:
            low, high = min(low, 0.0), max(high, 0.0)
        return (low, high) if low < high else (0.0, 1.0)


def thinned(epochs: Array, values: Array, most: int) -> tuple[Array, Array]:
    """Return at most `most` points, each the mean of those next to one another.

    Examples
    --------
    >>> thinned(np.array([1.0, 2, 3, 4, 5]), np.array([8.0, 4, 6, 2, 1]), 3)
    (array([1.5, 3.5, 5. ]), array([6., 4., 1.]))
    """
    size = -(-len(values) // most)
    if size <= 1:
        return epochs, values
    starts = np.arange(0, len(values), size)
    counts = np.diff(np.append(starts, len(values)))
    return np.add.reduceat(epochs, starts) / counts, np.add.reduceat(values, starts) / counts
