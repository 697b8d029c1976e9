"""What networks say of pixels: probabilities of an image, and the labels they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.algorithms.labels.stitching import stitched
from napari_tessera.deep.inference.decode import DEFAULTS, without_small
from napari_tessera.deep.inference.fitting import ball_pixels
from napari_tessera.deep.models.library import Model
from napari_tessera.deep.target_kinds import KINDS, PixelTargets
from napari_tessera.signature.progress import Reporter, reported
from napari_tessera.signature.words import Array, Report, VoxelSize

if TYPE_CHECKING:
    from napari_tessera.deep.inference.predictor import Predictor


@dataclass(frozen=True)
class PixelScores:
    """Probabilities of the pixels of an image.

    Attributes
    ----------
    array : ndarray of float32, shape (K, *P)
    model : Model
        Whose scores they are.
    stitching : float, optional
        Intersection over union from which objects that a network for planes finds in neighbouring
        planes are one; None = they are found in the whole volume.
    diameter : float
        Of the objects, in finest pixels of the image, by which it was enlarged or shrunk; 0 = it
        was not.
    """

    array: Array
    model: Model
    stitching: float | None = None
    diameter: float = 0.0

    @classmethod
    def of(cls, image: Array, predictor: Predictor, report: Reporter) -> PixelScores:
        """Return those of an image (C, *P), of a volume plane by plane if need be."""
        from napari_tessera.deep.inference.tiling import tiled_scores

        config = predictor.model.config
        flat = config.axes < image.ndim - 1
        planes = np.moveaxis(image, 1, 0) if flat else image[None]  # (Z, C, Y, X) or (1, C, *P)
        run = predictor.tile_run(image.shape[1:])
        found = [
            tiled_scores(
                plane,
                run,
                classes=config.classes,
                flips=predictor.flips,
                report=report.part(number, len(planes)),
            )
            for number, plane in enumerate(planes)
        ]  # (K, *P) each
        return cls(np.stack(found, axis=1) if flat else found[0], predictor.model)

    @property
    def targets(self) -> PixelTargets:
        """What they are of."""
        return KINDS[self.model.config.targets](self.model.config.ids)

    @property
    def nbytes(self) -> int:
        """How much memory they take."""
        return int(self.array.nbytes)

    def resized(self, shape: tuple[int, ...]) -> PixelScores:
        """Return the same with another number of pixels."""
        from napari_tessera.deep.inference.tiling import resized

        return replace(self, array=resized(self.array, shape))

    def objects(self) -> Array:
        """Return the objects that the model's own thresholds give, pixels being cubes."""
        return self.targets.labels(self.array, None, **self._thresholds)

    def fullest(self) -> Array:
        """Return the objects in the plane with most of them."""
        found = self.array
        if found.ndim > 3:
            found = found[:, found[0].mean(axis=(1, 2)).argmin()]  # the least background
        return replace(self, array=found).objects()

    def stitched(self, iou: float) -> PixelScores:
        """Return the same, of which objects are found plane by plane and joined."""
        return replace(self, stitching=iou)

    def labels(
        self,
        voxel: VoxelSize,
        *,
        smallest: float | str,
        thresholds: Mapping[str, float | None],
        report: Report = None,
    ) -> Array:
        """Return numbered objects, or the class of each pixel.

        Parameters
        ----------
        voxel : VoxelSize
        smallest : float or str
            Diameter of the smallest objects that stay.
        thresholds : mapping
            "threshold", "seed_threshold", "split" and "confidence"; None = the model's own.
        report : callable, optional
        """
        given = {name: value for name, value in thresholds.items() if value is not None}
        own: dict[str, Any] = {**self._thresholds, **given}
        flat = self.model.config.axes == 2 and self.array.ndim > 3
        if self.stitching is not None and flat and self.targets.has_thresholds:
            fewest = ball_pixels(smallest, voxel, self.array.shape[1:])
            plane = VoxelSize(voxel[-2:], voxel.unit)
            found = [
                self.targets.labels(scores, plane, **own)
                for scores in reported([*np.moveaxis(self.array, 1, 0)], report)
            ]
            return without_small(stitched(np.stack(found), self.stitching), fewest)
        return self.targets.labels(self.array, voxel, smallest=smallest, report=report, **own)

    @property
    def _thresholds(self) -> dict[str, float]:
        """What suited the model's validation images best, or else suits most."""
        best = self.model.config.thresholds
        return {name: best.get(name, usual) for name, usual in DEFAULTS.items()}
