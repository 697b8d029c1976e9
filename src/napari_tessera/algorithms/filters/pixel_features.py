"""What surrounds a pixel, as numbers: Gaussian, slope, Laplacian and curvatures at several scales.

These are the features that interactive pixel classifiers learn from (C. Sommer et al., ilastik,
2011; M. Arzt et al., Labkit, 2022). They are worked out tile by tile.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from napari_tessera.algorithms.filters.gaussian import gaussian, half_weights, reach
from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.signature.words import Array

_NAMES = ("intensity", "slope", "Laplacian")
_RANKS = {2: ("larger", "smaller"), 3: ("largest", "middle", "smallest")}


class _Kernels(NamedTuple):
    """What is compiled for planes or for volumes."""

    derivatives: Callable[..., None]
    products: Callable[..., None]
    tensors: Callable[..., None]


@dataclass(frozen=True)
class FilterBank:
    """Filters at several scales, of every channel.

    Attributes
    ----------
    scales : tuple of float
        Standard deviations of Gaussians, in finest pixels.
    voxel : tuple of float
        Pixel size along each axis, two or three, in finest pixels.
    texture : bool
        Whether the eigenvalues of the structure tensor are among them: how strongly, and how much
        along one direction, intensities change around a pixel. Slopes are those of the finest
        scale, averaged over each of the scales.
    """

    scales: tuple[float, ...]
    voxel: tuple[float, ...]
    texture: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What each number says, of one channel."""
        ranks = _RANKS[len(self.voxel)]
        curved = [f"{each} curvature" for each in ranks]
        changing = [f"{each} change" for each in ranks] * self.texture
        return (
            "intensity",
            *(f"{name} at {s:.3g} px" for s in self.scales for name in (*_NAMES, *curved)),
            *(f"{name} within {s:.3g} px" for s in self.scales for name in changing),
        )

    @property
    def halo(self) -> tuple[int, ...]:
        """How many pixels around each are looked at, along each axis."""
        more = self._finest if self.texture else (0,) * len(self.voxel)
        wide = self._widths(max(self.scales))
        return tuple(reach(w) + 1 + reach(m) for w, m in zip(wide, more, strict=True))

    def of(self, image: Array, core: Box) -> Array:
        """Return the numbers of all pixels in a box of an image.

        Parameters
        ----------
        image : ndarray, shape (..., channels)
            Without NaN.
        core : tuple of slice

        Returns
        -------
        ndarray of float32, shape (..., channels x names)
            Those of the first channel first. They do not depend on what lies beyond the halo.
        """
        shape = tuple(each.stop - each.start for each in core)
        count, channels = len(self.names), image.shape[-1]
        result = np.empty((*shape, channels * count), np.float32)
        bent = 1 + len(self.scales) * (len(_NAMES) + len(self.voxel))
        for channel in range(channels):
            own = result[..., channel * count : (channel + 1) * count]
            own[..., 0] = image[..., channel][core]
            self._derive(image[..., channel], core, own[..., 1:bent])
            if self.texture:
                self._feel(image[..., channel], core, own[..., bent:])
        return result

    def _derive(self, channel: Array, core: Box, out: Array) -> None:
        """Write intensity, slope, Laplacian and curvatures at each scale."""
        derivatives, step = _kernels(len(self.voxel)).derivatives, len(_NAMES) + len(self.voxel)
        frame = _grown(core, (1,) * len(core), channel.shape)
        for number, scale in enumerate(self.scales):
            smoothed = _smoothed(channel, self._widths(scale), frame)
            own = out[..., number * step : (number + 1) * step]
            derivatives(smoothed, _start(core, frame), self._per(scale), own)

    def _feel(self, channel: Array, core: Box, out: Array) -> None:
        """Write the eigenvalues of the structure tensor: slopes are fine, and averaged widely."""
        kernels, step = _kernels(len(self.voxel)), len(self.voxel)
        more = [reach(width) for width in self._widths(max(self.scales))]
        inner = _grown(core, more, channel.shape)
        frame = _grown(inner, (1,) * len(core), channel.shape)
        smoothed = _smoothed(channel, self._finest, frame)
        sides = tuple(each.stop - each.start for each in inner)
        products = np.empty((step * (step + 1) // 2, *sides), np.float32)
        kernels.products(smoothed, _start(inner, frame), self._per(min(self.scales)), products)
        place = _moved(core, inner)
        for number, scale in enumerate(self.scales):
            averaged = np.stack([_smoothed(e, self._widths(scale), place) for e in products])
            kernels.tensors(averaged, out[..., number * step : (number + 1) * step])

    @property
    def _finest(self) -> tuple[float, ...]:
        return self._widths(min(self.scales))

    def _per(self, scale: float) -> tuple[float, ...]:
        """Return the pixel size in scales: slopes by it mean the same for pixels of any size."""
        return tuple(size / scale for size in self.voxel)

    def _widths(self, scale: float) -> tuple[float, ...]:
        return tuple(scale / size for size in self.voxel)


def doubling(smallest: float, largest: float) -> tuple[float, ...]:
    """Return scales from the smallest on, each twice the one before, up to the largest.

    Examples
    --------
    >>> doubling(1, 8), doubling(1.5, 4)
    ((1.0, 2.0, 4.0, 8.0), (1.5, 3.0))
    """
    count = max(0, math.floor(math.log2(largest / smallest) + 1e-6))
    return tuple(smallest * 2.0**k for k in range(count + 1))


def _kernels(axes: int) -> _Kernels:
    from napari_tessera.algorithms.filters import pixel_feature_kernels as own

    if axes == 2:
        return _Kernels(own.plane_derivatives, own.plane_products, own.plane_tensors)
    return _Kernels(own.volume_derivatives, own.volume_products, own.volume_tensors)


def _grown(box: Box, more: Any, shape: tuple[int, ...]) -> Box:
    return tuple(
        slice(max(0, own.start - m), min(n, own.stop + m))
        for own, m, n in zip(box, more, shape, strict=True)
    )


def _start(box: Box, frame: Box) -> tuple[int, ...]:
    return tuple(own.start - out.start for own, out in zip(box, frame, strict=True))


def _moved(box: Box, frame: Box) -> Box:
    """Return a box of an array as one of a frame of it."""
    first = _start(box, frame)
    return tuple(slice(at, at + own.stop - own.start) for at, own in zip(first, box, strict=True))


def _smoothed(image: Array, width: tuple[float, ...], frame: Box) -> Array:
    """Return a box of a smoothed image as float32; of volumes, only the planes that are wanted."""
    from napari_tessera.algorithms.filters.pixel_feature_kernels import weighted_planes

    seen = _grown(frame, [reach(each) for each in width], image.shape)
    source, place = image[seen], _moved(frame, seen)
    if image.ndim > 2:
        first, count = place[0].start, frame[0].stop - frame[0].start
        planes = np.empty((count, *source.shape[1:]), np.float32)
        weights = half_weights(width[0]).astype(np.float32)
        weighted_planes(source, weights, first, planes)
        source, place, width = planes, (slice(0, count), *place[1:]), (0.0, *width[1:])
    source = source if source.dtype != np.float64 else source.astype(np.float32)
    return np.ascontiguousarray(gaussian(source, width)[place])
