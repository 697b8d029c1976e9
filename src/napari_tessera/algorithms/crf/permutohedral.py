"""The permutohedral lattice: Gaussian sums over pixels that have several features."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise

import numpy as np

from napari_tessera.algorithms.parallel import WORKERS, parallel_for
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array, Report

_PARTS, _SMALLEST, _LARGEST = 16, 1 << 13, 1 << 20
_WORTH = 1 << 20


@dataclass(frozen=True)
class Part:
    """Consecutive pixels, and the vertices at the corners of their simplices.

    Attributes
    ----------
    pixels : slice
        Which pixels they are.
    rows : slice
        Which rows of `Lattice.sums` are theirs, one per vertex.
    vertices : ndarray of int32
        Those vertices, as rows of arrays of all vertices.
    weights : ndarray of float32, shape (d + 1, pixels)
        How near a pixel is to each corner; they sum to 1.
    corners : ndarray of int32, shape (d + 1, pixels)
        Its corners, as places in `vertices`.
    """

    pixels: slice
    rows: slice
    vertices: Array
    weights: Array
    corners: Array

    def splat(self, values: Array, sums: Array) -> None:
        """Write into the rows of `sums` what these pixels give, from their own values."""
        from napari_tessera.algorithms.crf.permutohedral_kernels import splat

        splat(values, self.weights, self.corners, sums[self.rows])

    def slice(self, vertices: Array, values: Array) -> None:
        """Write into `values` what these pixels take from the vertices."""
        from napari_tessera.algorithms.crf.permutohedral_kernels import slice_vertices

        slice_vertices(vertices, self.vertices, self.weights, self.corners, values)


class Lattice:
    """Sums over all pixels, weighed by a Gaussian of the distance of their features.

    For each pixel i and each channel, `filter` gives about the sum over all pixels j, i itself
    too, of exp(-|features_i - features_j|^2 / 2) values_j. The time grows with the number of
    pixels, not with its square: pixels share their values among the corners of the simplex in
    which their features lie (`splat`), the corners are blurred along each axis of the lattice
    (`blur_vertices`), and pixels take the result from their corners (`slice`).

    Sums come out too small where features are sparse, because the lattice has no vertices between
    pixels that are far apart. Their ratio to the sums of ones is much nearer. They are the sums of
    a symmetric kernel, because the axes are blurred in both orders and the mean is taken.

    Numbers are the same whatever the number of workers.

    Parameters
    ----------
    features : ndarray of float32, shape (N, d)
        2 to 6 features of each pixel, each divided by its own standard deviation: position and
        colour, for instance. Neighbouring pixels should follow one another.
    workers : int
        How many threads work at once.
    report : callable, optional
        Takes `Progress` while the lattice is made.

    Attributes
    ----------
    parts : tuple of Part
        The pixels in consecutive parts, for callers who do more with one while it is at hand:
        its own `splat` for each, then `collect`, is `splat`, and its own `slice` is `slice`.
    vertices : int
        How many vertices there are. Arrays of vertices have one row more, the first, which is 0.

    Raises
    ------
    ValueError
        If features have another shape, are not finite, or span so many standard deviations that
        vertices cannot be numbered.

    References
    ----------
    A. Adams, J. Baek and M. A. Davis, "Fast high-dimensional filtering using the permutohedral
    lattice", Computer Graphics Forum 29(2), 2010.

    Examples
    --------
    Two pairs of pixels far from each other: means over each pixel and its like.

    >>> lattice = Lattice(np.array([[0, 0], [0, 0], [9, 9], [9, 9]], np.float32))
    >>> values = np.array([[1, 1], [3, 1], [0, 1], [5, 1]], np.float32)
    >>> sums = lattice.filter(values)
    >>> (sums[:, 0] / sums[:, 1]).round(4).tolist()
    [2.0, 2.0, 2.5, 2.5]
    """

    def __init__(self, features: Array, *, workers: int = WORKERS, report: Report = None) -> None:
        features, report = _checked(features), Reporter.of(report)
        self._workers, self._axes = workers, features.shape[1]
        self._pixels = len(features)
        constants = _constants(features)
        simplices = self._embed(features, constants, report)
        self._join(simplices, constants[-1])
        report(Progress(1, 1))

    @property
    def nbytes(self) -> int:
        """Bytes in use."""
        joined = self._starts.nbytes + self._places.nbytes + self._links.nbytes
        own = [each.vertices.nbytes + 2 * each.weights.nbytes for each in self.parts]
        return int(joined + sum(own))

    def filter(self, values: Array) -> Array:
        """Return the sums for all pixels.

        Parameters
        ----------
        values : ndarray of float32, shape (N, C)
            Any number of channels; one, or a multiple of 8, is fastest.

        Returns
        -------
        ndarray of float32, shape (N, C)
        """
        return self.slice(self.blur(self.splat(values)))

    def splat(self, values: Array) -> Array:
        """Share values of pixels, (N, C), among the vertices, (vertices + 1, C)."""
        values = np.ascontiguousarray(values, np.float32)
        if values.ndim != 2 or len(values) != self._pixels:
            raise ValueError(
                f"values has shape {values.shape}; pass ({self._pixels}, channels), one row per "
                "row of features"
            )
        sums = self.sums(values.shape[1])
        self._over_parts(values.size, lambda part: part.splat(values[part.pixels], sums))
        return self.collect(sums)

    def blur(self, vertices: Array) -> Array:
        """Return the vertices, (vertices + 1, C), blurred along all axes in both orders."""
        # blurring axis after axis is not symmetric on a sparse lattice: half of both orders is
        order = range(self._axes + 1)
        blurred = self._blur(vertices, order)
        blurred += self._blur(vertices, reversed(order))
        return blurred

    def slice(self, vertices: Array) -> Array:
        """Return what pixels, (N, C), take from the vertices, (vertices + 1, C)."""
        values = np.empty((self._pixels, vertices.shape[1]), np.float32)
        self._over_parts(values.size, lambda part: part.slice(vertices, values[part.pixels]))
        return values

    def sums(self, channels: int) -> Array:
        """Return an array for what all parts give to the vertices around them."""
        return np.empty((self._places.size, channels), np.float32)

    def collect(self, sums: Array) -> Array:
        """Return the vertices, once all parts have given."""
        from napari_tessera.algorithms.crf.permutohedral_kernels import collect

        vertices = np.empty((self.vertices + 1, sums.shape[1]), np.float32)
        vertices[0] = 0
        kernel = partial(collect, sums, self._starts, self._places)
        self._over_vertices(sums.size, kernel, vertices)
        return vertices

    def _embed(
        self, features: Array, constants: tuple[Array, ...], report: Reporter
    ) -> list[tuple[Array, ...]]:
        """Find the simplices; return keys of vertices, weights and corners for each part."""
        from napari_tessera.algorithms.crf.permutohedral_keys import embed

        def place(pixels: slice) -> tuple[Array, ...]:
            shape = self._axes + 1, pixels.stop - pixels.start
            weights, corners = np.empty(shape, np.float32), np.empty(shape, np.int32)
            return embed(features[pixels], constants, weights, corners), weights, corners

        return parallel_for(place, _parts(len(features)), report.part(0, 2), workers=self._workers)

    def _join(self, simplices: list[tuple[Array, ...]], strides: Array) -> None:
        """Number the vertices of all parts as one, and link each to its neighbours."""
        from napari_tessera.algorithms.crf.permutohedral_kernels import sort_places
        from napari_tessera.algorithms.crf.permutohedral_keys import link, unite

        first = [keys for keys, *_ in simplices]
        # a vertex that several parts meet has a row of `sums` in each: parts write without waiting
        # for one another, and `collect` adds its rows in a fixed order
        met = np.concatenate(first)
        numbers, self._places = np.empty((2, met.size), np.int32)
        keys, table = unite(met, numbers)
        numbers += 1  # row 0 stays 0 and stands for neighbours that are missing
        self.vertices = len(keys)
        self._starts = np.zeros(self.vertices + 2, np.int64)
        sort_places(numbers, self._starts, self._places)
        self._links = np.zeros((self._axes + 1, self.vertices + 1, 2), np.int32)
        self._over_vertices(self.vertices * 32, partial(link, keys, table, strides), self._links)
        rows = [slice(*ends) for ends in pairwise(accumulate(map(len, first), initial=0))]
        self.parts = tuple(
            Part(pixels, own, numbers[own], weights, corners)
            for pixels, own, (_, weights, corners) in zip(
                _parts(self._pixels), rows, simplices, strict=True
            )
        )

    def _blur(self, vertices: Array, order: Iterable[int]) -> Array:
        """Return half of the vertices blurred along the axes in the given order."""
        from napari_tessera.algorithms.crf.permutohedral_kernels import blur_vertices

        blurred, spare = np.empty_like(vertices), np.empty_like(vertices)
        blurred[0] = spare[0] = 0
        for axis in order:
            scale = gain(self._axes) / 2 if axis == 0 else 1.0
            kernel = partial(blur_vertices, vertices, self._links[axis], scale)
            self._over_vertices(vertices.size, kernel, blurred)
            vertices, blurred, spare = blurred, spare, blurred
        return vertices

    def _over_parts(self, work: int, function: Callable[[Part], None]) -> None:
        # where there is little to do, sharing it out takes longer
        workers = self._workers if 4 * work > _WORTH else 1
        parallel_for(function, self.parts, workers=workers)

    def _over_vertices(self, work: int, kernel: Callable[..., None], result: Array) -> None:
        """Run `kernel` over ranges of vertices, one per worker, if that is worth the threads."""
        workers = self._workers if work > _WORTH else 1
        edges = [1 + self.vertices * each // workers for each in range(workers + 1)]
        parallel_for(lambda each: kernel(*each, result), list(pairwise(edges)), workers=workers)


def gain(axes: int) -> float:
    """Return the integral of exp(-|x|^2 / 2) over the volume of space per vertex.

    Blurred along all axes of the lattice by (1, 2, 1) / 4, values times this are sums.

    Examples
    --------
    >>> round(gain(2), 3)
    7.255
    """
    return math.pow(4 * math.pi / 3, axes / 2) * math.sqrt(axes + 1)


def _checked(features: Array) -> Array:
    features = np.ascontiguousarray(features, np.float32)
    if features.ndim != 2 or not 2 <= features.shape[1] <= 6 or not len(features):
        raise ValueError(
            f"features has shape {features.shape}; pass (pixels, features), with 2 to 6 features "
            "of at least one pixel"
        )
    return features


def _parts(pixels: int) -> tuple[slice, ...]:
    """Cut pixels into parts; their number must not depend on that of the workers."""
    size = min(max(-(-pixels // _PARTS), _SMALLEST), _LARGEST)
    return tuple(slice(start, min(start + size, pixels)) for start in range(0, pixels, size))


def _constants(features: Array) -> tuple[Array, Array, Array]:
    """Return scale and least quotient of each axis, and the strides of the digits of a key.

    One standard deviation is that of the three steps: sharing among corners and taking from them
    together blur by 1 / 6, and (1, 2, 1) / 4 along each axis by 1 / 2 of a squared unit.
    """
    from napari_tessera.algorithms.crf.permutohedral_keys import bounds

    low, high = bounds(features)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise ValueError("features has values that are not finite; replace them by numbers")
    axis = np.arange(1, len(low) + 1)
    scale = math.sqrt(1 / 2 + 1 / 6) / np.sqrt(axis * (axis + 1))
    low_step, high_step = low * scale, high * scale
    # coordinate a: the sum of the steps from a on, less a times the step before them
    least = np.cumsum(low_step[::-1])[::-1] - np.append(0, axis * high_step)[:-1]
    most = np.cumsum(high_step[::-1])[::-1] - np.append(0, axis * low_step)[:-1]
    origin = np.floor(least).astype(np.int64) - 3  # corners and their neighbours lie around
    # digits of the key along each axis; the product has to fit 64 bits
    sizes = [math.ceil(size) for size in most - origin + 4]
    if math.prod(sizes) * (len(low) + 1) >= 2**63:
        raise ValueError(
            f"features span {np.rint(high - low).tolist()} standard deviations, more than a "
            "lattice can number; use wider kernels"
        )
    strides = np.cumprod([len(low) + 1, *sizes[:-1]], dtype=np.int64)
    return scale.astype(np.float32), origin, np.append(strides, 0)
