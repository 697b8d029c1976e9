"""Mean field of a fully connected conditional random field with Gaussian kernels.

With unary energies U and kernels K_m of weight w_m over all pairs of pixels,

    Q = softmax(-U);  repeat  Q = softmax(-U + sum_m w_m K~_m Q),

where K~ = D^-1/2 K D^-1/2, D = K 1, and a pixel counts as its own neighbour, as in the code of
the paper's authors. Labels that differ cost the same (Potts). Only the differences to the last
label are filtered: logits of all labels may be shifted by the same amount.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from napari_tessera.algorithms.crf.bilateral_grid import (
    FINER,
    FINEST,
    Axis,
    Intensity,
    blurred,
    rows_of,
)
from napari_tessera.algorithms.parallel import in_order, parallel_for, slabs
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array

MEMORY = 1 << 26
"""Numbers that a grid may hold; beyond, and for several channels, there is the lattice."""

CROWD = 12
"""Nodes per pixel of a row, places times intensities, from which the lattice is faster."""


def marginals(
    unary: Array,
    guide: Array,
    kernels: Kernels,
    *,
    iterations: int = 5,
    report: Reporter | None = None,
) -> Array:
    """Return the probability of each label for each pixel.

    Parameters
    ----------
    unary : ndarray of float32, shape (L, *P)
        Energies: negative logarithms of probabilities; P is (Y, X) or (Z, Y, X).
    guide : ndarray of float32, shape (C, *P)
        Channels, each divided by the standard deviation of the appearance kernel in it. Pixels
        that are NaN or infinite in one of them have no appearance, only places.
    kernels : Kernels
    iterations : int
    report : Reporter, optional

    Returns
    -------
    ndarray of float32, shape (L, *P)

    References
    ----------
    P. Krahenbuhl and V. Koltun, "Efficient inference in fully connected CRFs with Gaussian edge
    potentials", NeurIPS 2011.
    J. Chen, S. Paris and F. Durand, "Real-time edge-aware image processing with the bilateral
    grid", SIGGRAPH 2007.
    """
    result = np.empty(unary.shape, np.float32)
    flat = result.reshape(len(unary), -1)

    def put(pixels: slice, logits: Array) -> None:
        from napari_tessera.algorithms.crf.softmax_kernels import softmax

        softmax(logits, flat[:, pixels])

    mean_field(Energies(unary), guide, kernels, iterations, report, put)
    return result


def most_probable(
    unary: Unary, guide: Array, kernels: Kernels, iterations: int, report: Reporter | None = None
) -> Array:
    """Return the most probable label, 0 to L - 1, of each pixel; otherwise as `marginals`.

    Returns
    -------
    ndarray of int16, shape P
    """
    result = np.empty(unary.shape[1:], np.int16)
    flat = result.reshape(-1)

    def put(pixels: slice, logits: Array) -> None:
        from napari_tessera.algorithms.crf.softmax_kernels import softmax

        found = np.empty((unary.shape[0], len(logits)), np.float32)
        softmax(logits, found)
        flat[pixels] = found.argmax(axis=0)

    mean_field(unary, guide, kernels, iterations, report, put)
    return result


class Unary(Protocol):
    """The unary term of each pixel. Logits are made for some pixels at a time, as they are met."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Labels, then pixels: (L, *P)."""

    def logits(self, pixels: slice) -> Array:
        """Return how much each label is preferred to the last one, (n, L - 1), of flat pixels."""


@dataclass(frozen=True)
class Energies:
    """Energies of all labels, (L, *P)."""

    values: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """Labels, then pixels."""
        return self.values.shape

    def logits(self, pixels: slice) -> Array:
        """Return differences to the last label: one number less, and the same softmax."""
        own = self.values.reshape(len(self.values), -1)[:, pixels]
        return np.ascontiguousarray((own[-1] - own[:-1]).T, np.float32)


@dataclass(frozen=True)
class Places:
    """Energies of pixels that have one of a few labels: those of a label are the same everywhere.

    Attributes
    ----------
    places : ndarray of int16, shape P
        The label of each pixel, 0 to L - 1; -1 = not known.
    energies : ndarray of float32, shape (L, L + 1)
        Of all labels where a pixel has each of them, and at last where it is not known.
    """

    places: Array
    energies: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """Labels, then pixels."""
        return (len(self.energies), *self.places.shape)

    def logits(self, pixels: slice) -> Array:
        """Return differences to the last label, of flat pixels."""
        from napari_tessera.algorithms.crf.softmax_kernels import look_up

        places = self.places.reshape(-1)[pixels]
        rows = np.empty((places.size, len(self.energies) - 1), np.float32)
        look_up(Energies(self.energies).logits(slice(None)), places, rows)
        return rows


def mean_field(
    unary: Unary,
    guide: Array,
    kernels: Kernels,
    iterations: int,
    report: Reporter | None,
    put: Callable[[slice, Array], None],
) -> None:
    """Find the mean field as `marginals` does, and hand on its logits some pixels at a time.

    Parameters
    ----------
    unary : Unary
    guide, kernels, iterations, report
        As for `marginals`.
    put : callable
        Takes flat pixels as a slice and their logits (n, L - 1), the last label having 0; called by
        several threads.
    """
    report = Reporter.of(report)
    shape = unary.shape[1:]
    # planes are volumes of which the middle axis is one pixel long
    folded = shape if len(shape) == 3 else (shape[0], 1, shape[1])
    tight = [Axis.along(n, w) for n, w in zip(folded, _folded(kernels.smoothness), strict=True)]
    reach = _folded(kernels.appearance)
    wide = [Axis.along(n, w, FINER) for n, w in zip(folded, reach, strict=True)]
    # eq. 3 of Krahenbuhl and Koltun: w1 for places and intensities, w2 for places alone
    weights = np.float32(kernels.appearance_weight), np.float32(kernels.smoothness_weight)
    seen: Array = np.isfinite(guide).all(axis=0).reshape(folded)
    own = _Pixels(unary, folded, tight, weights, seen)
    if not seen.all():
        guide = np.where(np.isfinite(guide), guide, np.float32(0))
    if not iterations:
        for each in slabs(math.prod(folded), 1):
            put(slice(*each), unary.logits(slice(*each)))
        return
    if len(guide) == 1:
        levels = Intensity.of(guide[0].reshape(folded), FINER if folded[1] == 1 else FINEST)
        # the grid is dense: with many intensities most of its nodes are empty, and each channel
        # more would be an axis more. The lattice keeps only what is met
        size = math.prod(axis.nodes + 1 for axis in wide) * levels.nodes * (unary.shape[0] - 1)
        if size <= MEMORY and wide[2].nodes * levels.nodes <= CROWD * max(folded[2], 64):
            _Gridded(own, wide, levels).run(iterations, report, put)
            return
        del levels
    field = _Latticed(own, guide.reshape(len(guide), *folded), reach, report.part(0, 2))
    del guide
    field.run(iterations, report.part(1, 2), put)


def _folded(widths: Sequence[float]) -> tuple[float, ...]:
    return tuple(widths) if len(widths) == 3 else (widths[0], 1.0, widths[1])


@dataclass(frozen=True)
class _Pixels:
    """What the mean field of pixels is made of, however the appearance kernel is summed.

    Attributes
    ----------
    unary : Unary
    folded : tuple of int
        The shape of the pixels, (N0, N1, N2).
    tight : list of Axis
        The grid of the smoothness kernel.
    weights : tuple of float32
        Of the appearance and of the smoothness kernel.
    seen : ndarray of bool, shape (N0, N1, N2)
        Which pixels have an appearance.
    """

    unary: Unary
    folded: tuple[int, ...]
    tight: list[Axis]
    weights: tuple[Any, Any]
    seen: Array

    @property
    def count(self) -> int:
        """How many logits a pixel has."""
        return self.unary.shape[0] - 1

    @property
    def tight_shape(self) -> tuple[int, ...]:
        """Of the grid of the smoothness kernel; pixels look at the next node too, along x."""
        nodes = [axis.nodes for axis in self.tight]
        return (*nodes[:2], nodes[2] + 1, self.count)

    @cached_property
    def norms(self) -> tuple[Array, ...]:
        """D^-1/2 of the smoothness kernel: a product of one factor along each axis."""
        return tuple(axis.norm() for axis in self.tight)

    @cached_property
    def rows(self) -> list[tuple[int, int]]:
        """The chunks of rows that are worked on side by side."""
        return rows_of(self.folded)

    def flat(self, rows: tuple[int, int]) -> slice:
        """Return the flat pixels of some rows."""
        each = math.prod(self.folded[1:])
        return slice(rows[0] * each, rows[1] * each)


def _pairs(axes: list[Axis]) -> tuple[Any, ...]:
    return tuple(axis.pair for axis in axes)


class _Gridded:
    """The mean field of one channel, on a bilateral grid."""

    def __init__(self, own: _Pixels, wide: list[Axis], levels: Intensity) -> None:
        self._own, self._wide, self._levels = own, wide, levels
        # pixels look at the next node too, along x and in intensity
        ends = [axis.nodes for axis in wide[:2]] + [wide[2].nodes + 1, levels.nodes + 1]
        self._wide_shape = (*ends, own.count)
        self._norm = self._appearance_norm(own.seen)

    def _appearance_norm(self, seen: Array) -> Array:
        from napari_tessera.algorithms.crf import bilateral_grid_kernels as kernel

        wide, levels = _pairs(self._wide), self._levels
        grid = np.zeros((*self._wide_shape[:-1], 1), np.float32)

        def put(rows: tuple[int, int]) -> tuple[slice, Array]:
            inside = _nodes(self._wide[0], rows)
            sums = np.zeros((inside.stop - inside.start, *grid.shape[1:]), np.float32)
            kernel.count_pixels(rows, seen, wide, levels.index, levels.share, sums)
            return inside, sums

        for inside, sums in in_order(put, self._own.rows):
            grid[inside] += sums
        grid = blurred(grid, [*(axis.taps for axis in self._wide), levels.taps])
        norm = np.empty(levels.index.shape, np.float32)

        def get(rows: tuple[int, int]) -> None:
            kernel.slice_nodes(rows, grid, wide, levels.index, levels.share, norm)

        parallel_for(get, self._own.rows)
        # 1e-20: where nothing is seen the norm is 0 by `seen`, and must not become 0 / 0
        np.sqrt(np.maximum(norm, np.float32(1e-20), out=norm), out=norm)
        return np.divide(seen, norm, out=norm)

    def run(self, iterations: int, report: Reporter, put: Callable[[slice, Array], None]) -> None:
        """Hand on the logits after some iterations."""
        from napari_tessera.algorithms.crf import mean_field_kernels as kernel

        wide = np.zeros(self._wide_shape, np.float32)
        tight = np.zeros(self._own.tight_shape, np.float32)
        for number in range(iterations + 1):
            # the update of eq. 4, with one pass over the pixels for each: take the messages of the
            # round before, find Q, and put it into the grids of the round to come. The first has no
            # messages, the last has nobody to put them for, so n iterations are n + 1 passes
            mode = kernel.FIRST if number == 0 else kernel.AGAIN
            if number == iterations:
                mode = kernel.LAST
            wide, tight = self._sweep(mode, wide, tight, put)
            report(Progress(number + 1, iterations + 1))

    def _sweep(
        self, mode: int, wide: Array, tight: Array, put: Callable[[slice, Array], None]
    ) -> tuple[Array, Array]:
        from napari_tessera.algorithms.crf import mean_field_kernels as kernel

        levels, last = self._levels, mode == kernel.LAST
        pairs, own_pairs = _pairs(self._wide), _pairs(self._own.tight)

        def chunk(rows: tuple[int, int]) -> tuple[slice, Array, slice, Array]:
            far, near = _nodes(self._wide[0], rows), _nodes(self._own.tight[0], rows)
            size = (0, 0) if last else (far.stop - far.start, near.stop - near.start)
            far_sums = np.zeros((size[0], *wide.shape[1:]), np.float32)
            near_sums = np.zeros((size[1], *tight.shape[1:]), np.float32)
            inside, shape = self._own.flat(rows), (-1, *self._own.folded[1:], self._own.count)
            logits = self._own.unary.logits(inside).reshape(shape)
            result = np.empty(logits.shape if last else (1, 1, 1, 1), np.float32)
            kernel.sweep(
                mode, rows, logits, pairs, levels.index, levels.share, self._norm,
                own_pairs, self._own.norms, self._own.weights, wide, tight,
                far_sums, near_sums, result,
            )  # fmt: skip
            if last:
                put(inside, result.reshape(-1, self._own.count))
            return far, far_sums, near, near_sums

        # grids are linear in what is put into them: parts are added up, then blurred at once
        next_wide, next_tight = np.zeros_like(wide), np.zeros_like(tight)
        for far, far_sums, near, near_sums in in_order(chunk, self._own.rows):
            if not last:
                next_wide[far] += far_sums
                next_tight[near] += near_sums
        if last:
            return wide, tight
        return (
            blurred(next_wide, [*(axis.taps for axis in self._wide), levels.taps]),
            blurred(next_tight, [axis.taps for axis in self._own.tight]),
        )


_NARROW = 0.05
"""Standard deviation, in pixels, at which a kernel is the pixel alone: exp(-200) of the next."""


class _Latticed:
    """The mean field of several channels, on a permutohedral lattice."""

    def __init__(
        self, own: _Pixels, guide: Array, widths: tuple[float, ...], report: Reporter
    ) -> None:
        from napari_tessera.algorithms.crf.permutohedral import Lattice

        self._own = own
        places = [
            np.broadcast_to(
                np.arange(length).reshape(-1, *(1,) * (2 - axis)) / max(width, _NARROW),
                guide[0].shape,
            )
            for axis, (length, width) in enumerate(zip(guide.shape[1:], widths, strict=True))
            if length > 1
        ]
        # in units of the standard deviation of each feature, as the lattice wants them
        features = np.empty((*own.folded, len(places) + len(guide)), np.float32)
        for number, each in enumerate((*places, *guide)):
            features[..., number] = each
        self._lattice = Lattice(features.reshape(-1, features.shape[-1]), report=report)
        del features
        there = own.seen.reshape(-1).astype(np.float32)
        sums = self._lattice.filter(there[:, None])[:, 0]
        np.sqrt(np.maximum(sums, np.float32(1e-20), out=sums), out=sums)
        self._norm = np.divide(there, sums, out=there)

    def run(self, iterations: int, report: Reporter, put: Callable[[slice, Array], None]) -> None:
        """Hand on the logits after some iterations, at least one."""
        near = np.zeros((len(self._norm), self._own.count), np.float32)
        # `near` holds the contrasts of Q after `_shared`, and their messages K2 Q after `_smoothed`
        vertices = self._shared(near, None)
        for number in range(iterations):
            self._smoothed(near)
            if number < iterations - 1:
                vertices = self._shared(near, vertices)
            report(Progress(number + 1, iterations))

        def last(part: Any) -> None:
            inside = part.pixels
            logits = np.empty((inside.stop - inside.start, self._own.count), np.float32)
            part.slice(vertices, logits)
            # after the last round the contrasts are not needed again, so the message is only added
            logits *= (self._own.weights[0] * self._norm[inside])[:, None]
            logits += near[inside]
            logits += self._own.unary.logits(inside)
            put(inside, logits)

        parallel_for(last, self._lattice.parts)

    def _shared(self, near: Array, vertices: Array | None) -> Array:
        """Return the next vertices; `near` becomes the contrasts that were put into them."""
        from napari_tessera.algorithms.crf.mean_field_kernels import update

        sums = self._lattice.sums(self._own.count)

        def part(own: Any) -> None:
            inside = own.pixels
            logits = self._own.unary.logits(inside)
            values = np.zeros_like(logits)
            if vertices is not None:
                own.slice(vertices, values)
            update(logits, near[inside], self._norm[inside], self._own.weights[0], values)
            own.splat(values, sums)

        parallel_for(part, self._lattice.parts)
        return self._lattice.blur(self._lattice.collect(sums))

    def _smoothed(self, near: Array) -> None:
        """Turn contrasts into the messages of the smoothness kernel, in place."""
        from napari_tessera.algorithms.crf import bilateral_grid_kernels as kernel

        pairs, whole = _pairs(self._own.tight), near.reshape(*self._own.folded, -1)
        grid = np.zeros(self._own.tight_shape, np.float32)

        def put(rows: tuple[int, int]) -> tuple[slice, Array]:
            inside = _nodes(self._own.tight[0], rows)
            sums = np.zeros((inside.stop - inside.start, *grid.shape[1:]), np.float32)
            kernel.put_lines(rows, whole, pairs, self._own.norms, sums)
            return inside, sums

        for inside, sums in in_order(put, self._own.rows):
            grid[inside] += sums
        grid = blurred(grid, [axis.taps for axis in self._own.tight])

        def take(rows: tuple[int, int]) -> None:
            kernel.take_lines(rows, grid, pairs, self._own.norms, self._own.weights[1], whole)

        parallel_for(take, self._own.rows)


def _nodes(axis: Axis, rows: tuple[int, int]) -> slice:
    """Return the nodes to which some rows give."""
    first, stop = rows
    return slice(int(axis.index[first]), min(int(axis.index[stop - 1]) + 2, axis.nodes))


@dataclass(frozen=True)
class Kernels:
    """The two kernels of the paper.

    Attributes
    ----------
    smoothness : tuple of float
        Standard deviation along each axis, in pixels, of the kernel of places alone.
    smoothness_weight : float
    appearance : tuple of float
        Standard deviation along each axis, in pixels, of the kernel of places and intensities.
    appearance_weight : float
    """

    smoothness: tuple[float, ...]
    smoothness_weight: float
    appearance: tuple[float, ...]
    appearance_weight: float

    @property
    def reach(self) -> tuple[float, ...]:
        """How far a pixel looks along each axis: three widths of the wider kernel."""
        pairs = zip(self.smoothness, self.appearance, strict=True)
        return tuple(3 * max(pair) for pair in pairs)
