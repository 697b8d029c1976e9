"""An image along rays from a point, at radii that grow by a constant ratio.

As the radii grow, so does what one sample stands for: it is taken from an image of pixels that are
averaged two by two, four by four, ..., so that as much is looked at for a large object as for a
small one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from napari_tessera.algorithms.filters.colour import features, smooth_points
from napari_tessera.signature.words import Array, VoxelSize

RATIO = 1.05
"""Of one radius to the one before."""

FIRST = 1.5
"""The shortest radius, in the finest pixels."""

RINGS = {2: (1, 64), 3: (12, 32)}
"""How many rings of how many rays there are in a plane or volume: in this, one above the other."""

_SAMPLES = {2: 8, 3: 2}
"""How many pixels along a side are averaged at most: the others of wide boxes are left out."""

_SMOOTHING = 0.8  # standard deviation of the Gaussian, in what one sample stands for


@dataclass(frozen=True)
class Rays:
    """What lies around a point.

    Attributes
    ----------
    centre : ndarray, shape (D,)
        In pixels.
    radii : ndarray, shape (K,)
        In the finest pixels.
    steps : ndarray, shape (D,)
        Pixels along each axis that are as long as the finest one.
    values : ndarray of float32, shape (rings, rays, K, channels)
        The image at each radius of each ray.
    inside : ndarray of bool, shape (rings, rays, K)
        Whether that lies in the image.
    """

    centre: Array
    radii: Array
    steps: Array
    values: Array
    inside: Array

    @classmethod
    def of(
        cls, image: Array, channel_axis: int | None, centre: Array, reach: float, voxel: VoxelSize
    ) -> Rays:
        """Return what lies around a point up to a radius.

        Examples
        --------
        >>> ramp = np.arange(40.0) * np.ones((40, 1))
        >>> rays = Rays.of(ramp, None, np.array([20, 20]), 10, VoxelSize((1, 1)))
        >>> rays.values[0, 0, :3].round(1).ravel(), rays.values[0, 16, :3].round(1).ravel()
        (array([21.5, 21.6, 21.7], dtype=float32), array([20., 20., 20.], dtype=float32))
        """
        image = image if channel_axis is None else np.moveaxis(image, channel_axis, -1)
        shape = image.shape[: len(centre)]
        radii, steps = radii_to(reach), min(voxel) / np.array(voxel)
        places = centre + directions(len(shape))[:, :, None] * steps * radii[:, None]
        inside = ((places >= -0.5) & (places <= np.array(shape) - 0.5)).all(axis=-1)
        channels = 1 if channel_axis is None else image.shape[-1]
        values = np.empty((*inside.shape, channels), np.float32)
        for part, pixels in _octaves(radii):
            values[:, :, part] = _sampled(image, places[:, :, part], pixels * steps)
        return cls(np.asarray(centre, float), radii, steps, values, np.asarray(inside))

    def position(self, point: Array) -> tuple[int, int, float]:
        """Return ring and ray nearest to a point, and its radius as a number of radii.

        Examples
        --------
        >>> rays = Rays.of(np.zeros((9, 9)), None, np.array([4, 4]), 4, VoxelSize((1, 1)))
        >>> rays.position(np.array([5.5, 4]))
        (0, 16, 0.0)
        """
        away = (np.asarray(point, float) - self.centre) / self.steps
        seen = directions(away.size) @ away
        ring, ray = np.unravel_index(np.argmax(seen), seen.shape)
        radius = max(float(np.linalg.norm(away)), 1e-3)
        return int(ring), int(ray), math.log(radius / FIRST) / math.log(RATIO)


def radii_to(reach: float) -> Array:
    """Return radii from `FIRST` on, the last of which is at least `reach`."""
    count = max(8, math.ceil(math.log(max(reach, FIRST) / FIRST) / math.log(RATIO)) + 1)
    return FIRST * RATIO ** np.arange(count)


@cache
def directions(axes: int) -> Array:
    """Return vectors of length 1 along the rays, shape (rings, rays, D)."""
    rings, rays = RINGS[axes]
    around = np.arange(rays) * 2 * np.pi / rays
    plane = np.stack([np.sin(around), np.cos(around)], -1)[None]
    if axes == 2:
        return plane
    polar = (np.arange(rings) + 0.5) * np.pi / rings
    height = np.repeat(np.cos(polar)[:, None], rays, axis=1)
    return np.concatenate([height[..., None], np.sin(polar)[:, None, None] * plane], -1)


def _octaves(radii: Array) -> Iterator[tuple[slice, int]]:
    """Yield which radii are sampled from pixels of which side, in the finest ones."""
    sides = np.maximum(0, np.floor(np.log2(radii * (RATIO - 1)))).astype(int)
    ends = [0, *(np.flatnonzero(np.diff(sides)) + 1).tolist(), len(radii)]
    for first, stop in pairwise(ends):
        yield slice(first, stop), 1 << int(sides[first])


def _sampled(image: Array, places: Array, seen: Array) -> Array:
    """Return the image at places, averaged over boxes of some sides and smoothed a little.

    Parameters
    ----------
    image : ndarray
        With channels last, if it has any.
    places : ndarray, shape (..., D)
    seen : ndarray, shape (D,)
        Pixels along each axis that one sample stands for, and parts of them.
    """
    from scipy import ndimage

    shape, sides = image.shape[: seen.size], np.maximum(1, np.rint(seen)).astype(int)
    flat = places.reshape(-1, seen.size)
    low = np.clip((np.floor(flat.min(axis=0) / sides) - 3) * sides, 0, np.array(shape) - 1)
    low = (low // sides * sides).astype(int)
    high = np.minimum((np.ceil(flat.max(axis=0) / sides) + 4) * sides, shape).astype(int)
    high = np.maximum(high, low + 1)
    coloured = -1 if image.ndim > seen.size else None
    apart = np.array([_stride(side, _SAMPLES[seen.size]) for side in sides.tolist()])
    thinned = tuple(slice(a, b, step) for a, b, step in zip(low, high, apart, strict=True))
    points = _averaged(features(image[thinned], coloured, "as is"), sides // apart)
    # planes that are far apart are not smoothed into one another
    points, _ = smooth_points(points, tuple((_SMOOTHING * np.minimum(seen, 1)).tolist()))
    within = np.moveaxis((places - low + 0.5) / sides - 0.5, -1, 0)
    return np.stack(
        [
            ndimage.map_coordinates(points[..., channel], within, order=1, mode="nearest")
            for channel in range(points.shape[-1])
        ],
        -1,
    )


def _stride(side: int, samples: int) -> int:
    """Return how far the pixels are apart that are taken of a side."""
    return next(step for step in range(max(1, side // samples), 0, -1) if side % step == 0)


def _averaged(points: Array, sides: Array) -> Array:
    """Return points without gaps, averaged over boxes; the last ones are filled at the border."""
    points, _ = smooth_points(points, (0,) * len(sides))
    for axis, side in enumerate(sides.tolist()):
        if side > 1:
            widths = [(0, 0)] * points.ndim
            widths[axis] = (0, -points.shape[axis] % side)
            points = np.pad(points, widths, mode="edge")
            cut = (*points.shape[:axis], -1, side, *points.shape[axis + 1 :])
            points = points.reshape(cut).mean(axis=axis + 1)
    return points
