"""Annotated images that networks are measured on, as arrays, and what plain scikit-image finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import imageio.v3 as imageio
import numpy as np
from scipy import ndimage
from skimage import feature, filters, segmentation

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Annotated:
    """Images with their labels; ``rgb`` ones with the channels last."""

    images: list
    labels: list
    rgb: bool = False

    def some(self, places) -> Annotated:
        """Return the images at places, a slice or numbers."""
        numbers = np.arange(len(self.images))[places]
        images, labels = ([own[n] for n in numbers] for own in (self.images, self.labels))
        return Annotated(images, labels, self.rgb)

    def but(self, places) -> Annotated:
        """Return all others."""
        return self.some(np.delete(np.arange(len(self.images)), places))

    def apart(self, places) -> tuple[Annotated, Annotated]:
        """Return what is trained on, and what is held out."""
        return self.but(places), self.some(places)


def flat(image):
    """Return one channel of a picture that may be stored as colours."""
    return image if image.ndim == 2 else image[..., :3].max(axis=-1)


def read(folder: Path, truth: str = "labels", *, rgb: bool = False) -> Annotated:
    """Return all images of a folder with ``images`` and ``labels``, in the order of their names."""
    files = sorted((folder / "images").iterdir())
    images = [imageio.imread(file) for file in files]
    if not rgb:
        images = [flat(image) for image in images]
    return Annotated(images, [imageio.imread(folder / truth / f.name) for f in files], rgb)


def mapped(data: Annotated, change) -> Annotated:
    """Return the same images with other labels."""
    return Annotated(data.images, [change(own) for own in data.labels], data.rgb)


def usual(image, sigma=1.0, distance=10, factor=1.0):
    """Return what plain scikit-image gives: Otsu, then a watershed of the distance."""
    smooth = filters.gaussian(image.astype(np.float32), sigma, preserve_range=True)
    inside = smooth > factor * filters.threshold_otsu(smooth)
    apart = ndimage.distance_transform_edt(inside)
    peaks = feature.peak_local_max(
        apart, min_distance=distance, labels=inside.astype(int), exclude_border=False
    )
    markers = np.zeros(image.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return segmentation.watershed(-apart, markers, mask=inside)
