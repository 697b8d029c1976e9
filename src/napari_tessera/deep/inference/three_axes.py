"""Volumes through the eyes of a network for planes: from three sides, and the mean of it.

A plane across Z shows an object where others hide it, or are hidden by noise, in a plane across Y
or X: their mean is better than either, and alike along all axes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_tessera.deep.inference.fitting import FittedImage
from napari_tessera.deep.inference.scores import PixelScores
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array, VoxelSize

if TYPE_CHECKING:
    from napari_tessera.deep.inference.predictor import Predictor


def averaged_scores(
    across_z: PixelScores, fitted: FittedImage, zoom: float, predictor: Predictor, report: Reporter
) -> PixelScores:
    """Return the mean of what a network says of the planes across Z, Y and X of a volume.

    Planes across Y and X are stretched along Z for the network, so that their pixels are as long as
    wide; what it says is brought back to the voxels. Besides the means, one plane is in memory.

    Parameters
    ----------
    across_z : PixelScores
        Of the planes across Z, in the voxels of the volume as it was.
    fitted : FittedImage
        The volume.
    zoom : float
        How much its planes are enlarged because its objects are small.
    predictor : Predictor
    report : Reporter
        Of all three axes; the first is done.

    References
    ----------
    C. Stringer et al., "Cellpose: a generalist algorithm for cellular segmentation", Nature Methods
    18, 2021 (planes along three axes).
    """
    from napari_tessera.deep.inference.tiling import resized

    total = np.zeros((len(across_z.array), *fitted.array.shape[1:]), np.float32)  # (K, Z, Y, X)
    for axis in (1, 2):
        _add_planes(total, axis, fitted, zoom, predictor, report.part(axis, 3))
    total = resized(total, fitted.shape)
    total += across_z.array
    total /= 3
    return replace(across_z, array=total)


def _add_planes(
    total: Array,
    axis: int,
    fitted: FittedImage,
    zoom: float,
    predictor: Predictor,
    report: Reporter,
) -> None:
    """Add what the network says of the planes across an axis, 1 = Y or 2 = X, to `total`."""
    from napari_tessera.deep.inference.tiling import resized, tiled_scores

    planes, sums = np.moveaxis(fitted.array, axis + 1, 0), np.moveaxis(total, axis + 1, 0)
    shape = planes.shape[2:]  # Z and either X or Y
    enlarged = plane_shape(fitted.shape, fitted.array.shape[1:], fitted.voxel, axis, zoom)
    run = predictor.tile_run(enlarged)
    for number, plane in enumerate(planes):  # (C, Z, X) or (C, Z, Y)
        found = tiled_scores(
            resized(plane, enlarged),
            run,
            classes=len(total),
            flips=predictor.flips,
            report=report.part(number, len(planes)),
        )
        sums[number] += resized(found, shape)  # (K, Z, X) or (K, Z, Y)


def plane_shape(
    before: tuple[int, ...], shape: tuple[int, ...], voxel: VoxelSize, axis: int, zoom: float = 1.0
) -> tuple[int, int]:
    """Return the shape of the planes across an axis of a volume, of pixels as long as wide.

    Parameters
    ----------
    before, shape : tuple of int
        Of the volume, (Z, Y, X), in voxels of a size and as a model takes it.
    voxel : VoxelSize
    axis : int
        1 = Y, 2 = X.
    zoom : float
        How much planes are enlarged.

    Examples
    --------
    >>> plane_shape((10, 40, 50), (10, 80, 100), VoxelSize((2, 0.5, 0.5)), 1)
    (80, 100)
    """
    z, y, x = (size * a / b for size, a, b in zip(voxel, before, shape, strict=True))
    length, size = (shape[2], x) if axis == 1 else (shape[1], y)
    return max(1, round(zoom * shape[0] * z / size)), max(1, round(zoom * length))
