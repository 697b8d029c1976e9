"""A picture of many varied patches, to see what a network is going to see."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from napari_tessera.signature.words import Array


def contact_sheet(batches: Any, *, count: int = 16, gap: int = 4) -> tuple[Array, Array]:
    """Return patches side by side: their images, and what the network is to make of them.

    Parameters
    ----------
    batches : Batches
        Whose first patches are shown; of volumes the middle plane.
    count : int
        How many.
    gap : int
        Pixels between them.

    Returns
    -------
    images : ndarray of float32, shape (Y, X) or (Y, X, 3)
        Intensities from 0 to 1; with other than three channels, the first.
    targets : ndarray of int16, shape (Y, X)
        The class of each pixel, the strongest of blended ones; 0 also where nobody knows. For
        networks that find objects one by one, the number of its object.
    """
    found: list[tuple[Array, Array]] = []
    step = 0
    while len(found) < count:
        batch = batches(step)
        found += list(zip(batch.images.numpy(), _ids(batch), strict=True))
        step += 1
    images = [_pictured(image) for image, _ in found[:count]]
    truths = [_flat(truth, 2) for _, truth in found[:count]]
    margin = (images[0].shape[0] - truths[0].shape[0]) // 2
    truths = [np.pad(truth, margin) for truth in truths]
    return np.clip(_tiled(images, gap, 1.0), 0, 1), _tiled(truths, gap, 0)


def _ids(batch: Any) -> Array:
    targets = batch.targets
    soft = targets.ndim == batch.images.ndim
    return np.maximum((targets.argmax(1) if soft else targets).numpy(), 0).astype(np.int16)


def _pictured(image: Array) -> Array:
    """Return a patch (C, *P) as a plane, with colours last if there are three."""
    plane = _flat(image, 3)
    return np.moveaxis(plane, 0, -1) if len(plane) == 3 else plane[0]


def _flat(array: Array, axes: int) -> Array:
    """Return the middle plane of a volume."""
    return array if array.ndim == axes else array[..., array.shape[-3] // 2, :, :]


def _tiled(patches: list[Array], gap: int, fill: float) -> Array:
    columns = math.ceil(math.sqrt(len(patches)))
    rows = math.ceil(len(patches) / columns)
    height, width = (side + gap for side in patches[0].shape[:2])
    shape = (rows * height - gap, columns * width - gap, *patches[0].shape[2:])
    sheet = np.full(shape, fill, patches[0].dtype)
    for number, patch in enumerate(patches):
        top, left = number // columns * height, number % columns * width
        sheet[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
    return sheet
