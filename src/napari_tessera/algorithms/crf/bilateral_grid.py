"""The bilateral grid: Gaussian sums over pixels that are near and, in one channel, alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_tessera.algorithms.parallel import WORKERS, parallel_for, slabs
from napari_tessera.signature.words import Array

FINENESS = 1.5
"""Nodes of a grid per standard deviation of its kernel."""

FINER = 2.0
"""The same for the appearance kernel, whose errors weigh more."""

FINEST = 6.0
"""The same for intensities in volumes, where one more axis adds its error."""

TRUNCATE = 4.0
"""Standard deviations after which a kernel ends."""

CHUNKS = 16
"""Into how many parts rows are cut: the same for any number of threads, as are the sums then."""

SMALLEST = 1 << 16
"""Pixels of a part, at least: fewer are not worth a thread."""

_BLURRED = 1 << 18
"""Numbers of a grid that are blurred at once; a smaller grid is not worth a second thread."""


@dataclass(frozen=True)
class Axis:
    """How pixels along one axis lie among the nodes of a grid.

    Attributes
    ----------
    index : ndarray of int32
        Of each pixel, the node before it.
    share : ndarray of float32
        How far it is on the way to the next one.
    taps : ndarray of float32
        The kernel between nodes.
    nodes : int
    """

    index: Array
    share: Array
    taps: Array
    nodes: int

    @classmethod
    def along(cls, length: int, width: float, fineness: float = FINENESS) -> Axis:
        """Return the axis of a kernel with a standard deviation in pixels.

        Pixels are shared between two nodes, and take from two: this blurs by itself, by a variance
        of (step^2 - 1) / 3, which the kernel between the nodes leaves out.
        """
        # whole steps, so that every pixel of a row has the same few shares
        step = max(1, math.floor(width / fineness))
        pixels = np.arange(length)
        # to share and to take by linear weights each blur by a variance of (step^2 - 1) / 6
        variance = max(width**2 - (step**2 - 1) / 3, 1e-9) / step**2
        nodes = -(-(length - 1) // step) + 1
        index, share = pixels // step, (pixels % step) / step
        return cls(index.astype(np.int32), share.astype(np.float32), _taps(variance, nodes), nodes)

    @property
    def pair(self) -> tuple[Array, Array]:
        """Index and share."""
        return self.index, self.share

    def norm(self) -> Array:
        """Return 1 / sqrt of the sum of the kernel around each pixel."""
        sums = np.zeros(self.nodes + 1)
        np.add.at(sums, self.index, 1 - self.share)
        np.add.at(sums, self.index + 1, self.share)
        blurred = np.convolve(sums[:-1], self.taps)[self.taps.size // 2 :][: self.nodes]
        blurred = np.append(blurred, 0)
        found = blurred[self.index] * (1 - self.share) + blurred[self.index + 1] * self.share
        return np.asarray(1 / np.sqrt(found), np.float32)


def _taps(variance: float, nodes: int) -> Array:
    reach = min(math.ceil(TRUNCATE * math.sqrt(variance)), max(nodes - 1, 0))
    distance = np.arange(-reach, reach + 1)
    return np.exp(-(distance**2) / (2 * variance)).astype(np.float32)


@dataclass(frozen=True)
class Intensity:
    """How the intensities of pixels lie among the nodes of a grid.

    Attributes
    ----------
    index : ndarray of int32, the pixels' shape
    share : ndarray of float32, the pixels' shape
    taps : ndarray of float32
    nodes : int
    """

    index: Array
    share: Array
    taps: Array
    nodes: int

    @classmethod
    def of(cls, guide: Array, fineness: float = FINER) -> Intensity:
        """Return the axis of a kernel of standard deviation 1 of a guide's values."""
        low, high = float(guide.min()), float(guide.max())
        place = (guide - np.float32(low)) * np.float32(fineness)
        index = place.astype(np.int32)
        place -= index.astype(np.float32)  # in single precision, as all of the sums
        nodes = int((high - low) * fineness) + 2
        # intensities lie anywhere between nodes, not on whole steps: variance 1 / 6 each
        return cls(index, place, _taps(fineness**2 - 1 / 3, nodes), nodes)


def rows_of(shape: Sequence[int]) -> list[tuple[int, int]]:
    """Return the chunks of rows that are worked on side by side: few if there is little to do."""
    length = shape[0]
    # by the shape alone: another number of threads must not make other sums
    size = max(-(-length // CHUNKS), SMALLEST // math.prod(shape[1:3]), 1)
    return [(start, min(start + size, length)) for start in range(0, length, size)]


def blurred(grid: Array, taps: Sequence[Array]) -> Array:
    """Convolve a grid along its leading axes, in place, and return it.

    Parameters
    ----------
    grid : ndarray of float32
        Contiguous, the channels last.
    taps : sequence of ndarray
        One kernel for each of the other axes.
    """
    for axis, kernel in enumerate(taps):
        if kernel.size > 1:
            _along(grid, axis, kernel)
    return grid


def _along(grid: Array, axis: int, taps: Array) -> None:
    """Convolve a grid along one axis, by several threads if that is worth it.

    Some lines at a time, so that no second grid is needed.
    """
    from napari_tessera.algorithms.crf.bilateral_grid_kernels import blur_nodes

    nodes = grid.shape[axis]
    # one long line is cut across its nodes, several are shared out
    lines = grid.reshape(math.prod(grid.shape[:axis]) if axis else nodes, -1)
    length, several = (lines.shape[1], len(lines)) if axis else (nodes, lines.shape[1])
    parts = slabs(several, length, pixels=min(_BLURRED, -(-grid.size // WORKERS)))

    def part(ends: tuple[int, int]) -> None:
        low, high = ends
        # along the first axis, nodes are far apart in memory: a block of columns is copied together
        own = lines[low:high] if axis else np.ascontiguousarray(lines[:, low:high]).reshape(1, -1)
        made = np.empty_like(own)
        blur_nodes(own, nodes, taps, 0, len(own), made)
        if axis:
            own[:] = made
        else:
            lines[:, low:high] = made.reshape(nodes, -1)

    parallel_for(part, parts, workers=WORKERS if grid.size > _BLURRED else 1)
