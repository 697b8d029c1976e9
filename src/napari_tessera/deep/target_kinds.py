"""The kinds of what a network is taught of pixels, and how labels come of what it then says.

Labels become targets (`truth`), with which scores are compared in training; of new images, scores
become labels again (`labels`). A new kind is one class here, and its row in `settings.TARGETS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from napari_tessera.deep.data.targets import (
    IGNORE,
    boundary_targets,
    class_targets,
    distance_targets,
)
from napari_tessera.deep.inference.decode import DEFAULTS, Thresholds, to_classes, to_objects
from napari_tessera.deep.inference.fitting import ball_pixels
from napari_tessera.deep.inference.tuning import PRECISIONS, QUICK, annotated, tuned
from napari_tessera.deep.settings import Targets
from napari_tessera.metrics.matching import average_precision
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array, Report, VoxelSize

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class PixelTargets(ABC):
    """What a network gives for each pixel.

    Attributes
    ----------
    ids : tuple of int
        The number of each class; empty for objects.
    """

    ids: tuple[int, ...] = ()

    measure: ClassVar[str]
    """What `score` is, in words."""

    has_thresholds: ClassVar[bool] = False
    """Whether `labels` takes any."""

    @property
    @abstractmethod
    def count(self) -> int:
        """Scores per pixel, K."""

    @abstractmethod
    def truth(self, labels: Array) -> Array:
        """Return class ids P, with `IGNORE`, or shares of the classes (K, *P), for labels P."""

    @abstractmethod
    def objects(self, labels: Array) -> Array:
        """Return the objects of a patch, between which borders may count more."""

    @abstractmethod
    def labels(self, scores: Array, voxel: VoxelSize | None = None, **options: Any) -> Array:
        """Return the labels P that probabilities (K, *P) mean."""

    @abstractmethod
    def tuned(
        self, pairs: Iterable[tuple[Array, Array]], seconds: float = inf, report: Report = None
    ) -> dict[str, float]:
        """Return the options of `labels` that suit held-out pairs of scores and labels best.

        Where that takes longer than so many seconds, they are found on the first pairs only.
        """

    @abstractmethod
    def agreement(self, scores: Array, labels: Array, **options: Any) -> Any:
        """Return how far scores (K, *P) agree with labels P, for `score` and `suiting`.

        Options are those of `labels`; without them some are tried.
        """

    @abstractmethod
    def score(self, agreements: Sequence[Any]) -> float:
        """Return how good a network is, 0 to 1, by its agreement with several images."""

    def suiting(self, agreements: Sequence[Any]) -> Mapping[str, float]:
        """Return the options of `labels` that suited best of those that were tried."""
        return {}

    @abstractmethod
    def pixels(self, annotated: Mapping[int, int], truths: Iterable[torch.Tensor]) -> list[int]:
        """Return how many pixels each class has: of all labels, or in the targets of batches."""


class ObjectPixelTargets(PixelTargets):
    """A picture of objects: background, and two classes that tell neighbours apart."""

    name: ClassVar[Targets]
    channels: ClassVar[tuple[str, str, str]]
    """What the scores are of."""

    inner: ClassVar[int]
    """Which of them stands for objects."""

    measure = "average precision of objects, mean over IoU .5, .65 and .8"
    has_thresholds = True
    count = 3

    def objects(self, labels: Array) -> Array:
        """Return the labels: they are objects."""
        return labels

    def labels(
        self,
        scores: Array,
        voxel: VoxelSize | None = None,
        *,
        smallest: float | str = "0 px",
        report: Report = None,
        **options: Any,
    ) -> Array:
        """Return numbered objects; the other options are those of `Thresholds`."""
        voxel = voxel or VoxelSize((1.0,) * (scores.ndim - 1))
        fewest = ball_pixels(smallest, voxel, scores.shape[1:])
        return to_objects(
            scores,
            targets=self.name,
            thresholds=Thresholds(**options),
            smallest=fewest,
            voxel=voxel,
            report=Reporter.of(report),
        )

    def tuned(
        self, pairs: Iterable[tuple[Array, Array]], seconds: float = inf, report: Report = None
    ) -> dict[str, float]:
        """Return thresholds, how far waists divide, and how sure objects are at least."""
        every = list(pairs)
        voxel = VoxelSize((1.0,) * every[0][1].ndim)
        best = tuned(every, self.name, voxel, seconds=seconds, report=report)
        return {name: best[name] for name in DEFAULTS}

    def agreement(self, scores: Array, labels: Array, **options: Any) -> Any:
        """Return the average precision of the objects, mean over several overlaps.

        Without options for each of `QUICK`.
        """
        if options:
            objects = self.labels(scores, **options)
            return average_precision(*annotated(labels, objects), *PRECISIONS)
        voxel = VoxelSize((1.0,) * labels.ndim)
        return np.array(list(QUICK.precisions(scores, labels, self.name, voxel)))

    def score(self, agreements: Sequence[Any]) -> float:
        """Return the mean over the images, at the options that suit the network best."""
        return float(np.mean(agreements, axis=0).max())

    def suiting(self, agreements: Sequence[Any]) -> Mapping[str, float]:
        """Return these options."""
        return QUICK.at(int(np.mean(agreements, axis=0).argmax()))


class BoundaryTargets(ObjectPixelTargets):
    """Interior and boundary of objects; what is surely neither is background."""

    name = "boundaries"
    channels = ("background", "interior", "boundary")
    inner = 1

    def truth(self, labels: Array) -> Array:
        """Return one class per pixel."""
        return boundary_targets(labels)

    def pixels(self, annotated: Mapping[int, int], truths: Iterable[torch.Tensor]) -> list[int]:
        """Return how many pixels of the batches each of the three classes has."""
        counts = [np.bincount(each[each != IGNORE], minlength=3) for each in truths]
        return [int(count) for count in np.sum(counts, axis=0)]


class DistanceTargets(ObjectPixelTargets):
    """How far inside its object a pixel lies, as shares of background, rim and centre."""

    name = "distances"
    channels = ("background", "rim", "centre")
    inner = 2

    def truth(self, labels: Array) -> Array:
        """Return three shares per pixel."""
        return distance_targets(labels)

    def pixels(self, annotated: Mapping[int, int], truths: Iterable[torch.Tensor]) -> list[int]:
        """Return how many pixels of the batches, shares added up, each of the three has."""
        seen = list(truths)
        return [int(sum(float(each[:, place].sum()) for each in seen)) for place in range(3)]


class ClassTargets(PixelTargets):
    """The class of each pixel."""

    measure = "mean IoU of the classes"

    @property
    def count(self) -> int:
        """One score for each class."""
        return len(self.ids)

    def truth(self, labels: Array) -> Array:
        """Return the place of each class among `ids`."""
        return class_targets(labels, self.ids)

    def objects(self, labels: Array) -> Array:
        """Return the connected pieces of the classes; what is ignored is none."""
        from napari_tessera.algorithms.labels.components import components

        return components(np.where(np.isin(labels, self.ids), labels, 0))

    def labels(self, scores: Array, voxel: VoxelSize | None = None, **options: Any) -> Array:
        """Return the number of the most probable class; nothing else matters to it."""
        return to_classes(scores, self.ids)

    def tuned(
        self, pairs: Iterable[tuple[Array, Array]], seconds: float = inf, report: Report = None
    ) -> dict[str, float]:
        """Return nothing: the most probable class needs no threshold."""
        return {}

    def agreement(self, scores: Array, labels: Array, **options: Any) -> Any:
        """Return the table (K, K) of true and predicted classes."""
        truth, classes = self.truth(labels), len(scores)
        known = truth != IGNORE
        pairs = truth[known].astype(np.int64) * classes + scores.argmax(axis=0)[known]
        return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)

    def score(self, agreements: Sequence[Any]) -> float:
        """Return the mean IoU of the classes that are there, all images counted as one."""
        table = np.sum(agreements, axis=0)
        common = np.diag(table).astype(float)
        union = table.sum(axis=0) + table.sum(axis=1) - common
        there = table.sum(axis=1) > 0
        return float(np.mean(common[there] / union[there])) if there.any() else 0.0

    def pixels(self, annotated: Mapping[int, int], truths: Iterable[torch.Tensor]) -> list[int]:
        """Return how many pixels of all labels each class has."""
        return [annotated.get(label, 0) for label in self.ids]


KINDS: Mapping[str, type[PixelTargets]] = MappingProxyType(
    {"boundaries": BoundaryTargets, "distances": DistanceTargets, "classes": ClassTargets}
)
"""By the words in a model folder."""
