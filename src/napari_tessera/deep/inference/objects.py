"""What networks say that find objects one by one: those of each plane, and the labels they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.deep.inference.fitting import ball_pixels
from napari_tessera.deep.models.library import Model, ModelConfig
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array, Report, VoxelSize

if TYPE_CHECKING:
    from napari_tessera.deep.inference.detections import PlaneDetections
    from napari_tessera.deep.inference.pasting import Pasted
    from napari_tessera.deep.inference.predictor import Predictor

DEFAULTS = {"threshold": 0.5, "overlap": 0.5}
"""Confidence from which objects are shown, and how much of one surer ones may cover."""


@dataclass(frozen=True)
class DetectedObjects:
    """All that a network finds in an image, even what it is not sure of.

    Attributes
    ----------
    planes : list of PlaneDetections
        One for a plane, several for a volume.
    model : Model
        Which has found them.
    diameter : float
        Of the objects, in finest pixels of the image, by which it was enlarged; 0 = it was not.
    """

    planes: list[PlaneDetections]
    model: Model
    diameter: float = 0.0

    @classmethod
    def of(cls, image: Array, predictor: Predictor, report: Reporter) -> DetectedObjects:
        """Return those of an image (C, *P), of a volume plane by plane."""
        from napari_tessera.deep.inference.detections import detected, detection_limit

        planes = image[:, None] if image.ndim == 3 else image  # (C, Z, Y, X)
        run = predictor.tile_run(image.shape[1:])
        run = replace(run, batch=max(1, run.batch // 2))  # boxes and masks need as much again
        limit, count = detection_limit(predictor.model.config, run.tiles.tile), planes.shape[1]
        box: Any = run.tiles.box or (slice(None),) * 2
        run = replace(run, tiles=replace(run.tiles, box=()))
        every = [
            detected(
                np.ascontiguousarray(planes[(slice(None), z, *box)]),
                run,
                limit=limit,
                report=report.part(z, count),
            ).within(box, planes.shape[2:])
            for z in range(count)
        ]
        return cls(every, predictor.model)

    @property
    def nbytes(self) -> int:
        """How much memory they take."""
        return sum(each.nbytes for each in self.planes)

    def resized(self, shape: tuple[int, ...]) -> DetectedObjects:
        """Return the same in planes with another number of pixels."""
        return replace(self, planes=[each.resized(shape[-2:]) for each in self.planes])

    def fullest(self) -> Array:
        """Return the objects in the plane with most of them."""
        from napari_tessera.deep.inference.pasting import pasted

        plane = max(self.planes, key=lambda each: float(each.confidence.sum()))
        return pasted(plane, **detection_thresholds(self.model.config)).labels

    def stitched(self, iou: float) -> DetectedObjects:
        """Return the same: what lies on one another in neighbouring planes is one anyway."""
        return self

    def labels(
        self,
        voxel: VoxelSize,
        *,
        smallest: float | str,
        thresholds: Mapping[str, float | None],
        report: Report = None,
    ) -> Array:
        """Return numbered objects.

        Parameters
        ----------
        voxel : VoxelSize
        smallest : float or str
            Diameter of the smallest objects that stay.
        thresholds : mapping
            "threshold", the confidence from which objects are shown; None = the model's own.
        report : callable, optional
            Not called: it does not take long.
        """
        return self.pasted(voxel, smallest=smallest, confidence=thresholds["threshold"]).labels

    def pasted(
        self,
        voxel: VoxelSize,
        *,
        smallest: float | str,
        confidence: float | None,
        overlap: float | None = None,
    ) -> Pasted:
        """Return objects as labels, with what is known of each; None = what suits the model."""
        from napari_tessera.deep.inference.pasting import stacked

        shape = (len(self.planes), *self.planes[0].shape)[-len(voxel) :]
        best = detection_thresholds(self.model.config, confidence)
        if overlap is not None:
            best["overlap"] = overlap
        found = stacked(self.planes, **best, smallest=ball_pixels(smallest, voxel, shape))
        # a volume of one plane is a volume
        return replace(found, labels=found.labels.reshape(shape))


def detection_thresholds(config: ModelConfig, confidence: float | None = None) -> dict[str, float]:
    """Return confidence and overlap for `stacked`: what was asked for, or else the model's own."""
    best = {**DEFAULTS, **config.thresholds}
    own = best["threshold"] if confidence is None else confidence
    return {"confidence": own, "overlap": best["overlap"]}
