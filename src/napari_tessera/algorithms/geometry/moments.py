"""Sums over the pixels of every label: moments, boxes, borders, intensities and convex hulls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from napari_tessera.algorithms.labels.ids import groups
from napari_tessera.algorithms.parallel import in_order, slabs
from napari_tessera.signature.parts import PartOfWhole
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array


class Sums(NamedTuple):
    """What the pixels of each label add up to, in pixels; one row per label.

    Attributes
    ----------
    ids : ndarray of int64, shape (N,)
        The labels, rising.
    pixels : ndarray of int64, shape (N,)
    centres : ndarray of float64, shape (N, 3)
        Mean coordinates (Z, Y, X); those of a plane are (Y, 0, X).
    moments : ndarray of float64, shape (N, 3, 3)
        Products of coordinates about the centre, summed.
    boxes : ndarray of int64, shape (N, 2, 3)
        First and last pixel along each axis.
    exits : ndarray of int64, shape (N, K)
        From how many pixels one of the `steps` leads out of the label.
    values : ndarray of float64, shape (N, C, 5)
        Number, sum, squared deviations from the mean, least and greatest of the finite
        intensities, per channel.
    """

    ids: Array
    pixels: Array
    centres: Array
    moments: Array
    boxes: Array
    exits: Array
    values: Array


def steps(axes: int) -> Array:
    """Return one step along each direction between neighbours: 4 in a plane, 13 in a volume.

    Examples
    --------
    >>> steps(2).tolist()
    [[0, 1], [1, -1], [1, 0], [1, 1]]
    """
    return np.array([step for step in product((-1, 0, 1), repeat=axes) if step > (0,) * axes])


def gather_sums(
    labels: Array,
    channels: Sequence[Array],
    *,
    keep_runs: bool = False,
    report: Reporter | None = None,
) -> tuple[Sums, list[Array]]:
    """Read `labels` and the intensities once, slab by slab on all cores.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Ids, 0 = background.
    channels : sequence of ndarray
        Intensities, each of the shape of `labels`.
    keep_runs : bool
        Return the runs; otherwise none.
    report : Reporter, optional

    Returns
    -------
    sums : Sums
    runs : list of ndarray of int64, shape (R, 5)
        Rows of pixels of one label in the order of a scan: label, plane, line, first pixel, length.
        A plane (Y, X) counts as a volume of planes of one line.

    Raises
    ------
    ValueError
        If a label is negative.

    Examples
    --------
    >>> gather_sums(np.array([[0, 7, 7]]), [])[0].pixels
    array([2])
    """
    volume = _as_volume(labels)
    moves = _moves(labels.ndim)
    images = [_as_volume(channel) for channel in channels]

    def read(slab: tuple[int, int]) -> tuple[Sums, Array]:
        start, stop = slab
        own = [image[start:stop] for image in images]
        return _read(volume[start : stop + 1], own, moves, start, stop - start)

    parts, runs = [], []
    for part, own in in_order(read, slabs(len(volume), volume[0].size), Reporter.of(report)):
        parts.append(part)
        runs += [own] if keep_runs else []
    return joined_sums(parts), runs


def _moves(axes: int) -> Array:
    """Return the steps in a volume; those of a plane lead over no line."""
    return steps(3) if axes == 3 else np.insert(steps(2), 1, 0, axis=1)


def part_sums(labels: Array, channels: Sequence[Array], part: PartOfWhole) -> Sums:
    """Return the sums over the core of a part, in coordinates of the whole; see `joined_sums`.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        What is seen of the part, one pixel around the core at least.
    channels : sequence of ndarray
        Intensities of the same shape.
    part : PartOfWhole

    Examples
    --------
    >>> part = PartOfWhole((1, 3), (slice(0, 1), slice(0, 3)), (slice(0, 1), slice(1, 2)))
    >>> part_sums(np.array([[7, 7, 0]]), [], part).exits  # one step: to the right
    array([[1, 1, 1, 1]])
    """
    near = part.around(1)
    box, moves = near.box_in(part), _moves(labels.ndim)
    volume, images = _as_volume(labels[box]), [_as_volume(channel[box]) for channel in channels]
    core: list[slice] = list(near.inner)
    corner: list[int] = list(near.start)
    if labels.ndim < 3:
        core.insert(1, slice(0, 1))
        corner.insert(1, 0)
    own = np.zeros_like(volume)
    own[tuple(core)] = volume[tuple(core)]
    sums, _ = _read(volume, images, moves, 0, len(volume), own)
    return sums._replace(centres=sums.centres + corner, boxes=sums.boxes + corner)


def _as_volume(array: Array) -> Array:
    return array if array.ndim == 3 else array[:, None]


def _read(
    labels: Array,
    images: Sequence[Array],
    moves: Array,
    start: int,
    planes: int,
    counted: Array | None = None,
) -> tuple[Sums, Array]:
    """Return sums and runs of a slab of `planes`, which the first plane of the next one follows.

    `counted` are those of the labels that count, where not all do; the others are 0 in it.
    """
    own = labels[:planes].shape
    # background behind each line and plane: a step over any border of the image meets it
    around = (1, int(moves[:, 1].any()), 1)
    # int64 whatever the labels: kernels are compiled once
    grid = np.zeros([a + b for a, b in zip(own, around, strict=True)], np.int64)
    grid[: len(labels), : own[1], : own[2]] = labels
    runs = _runs(grid if counted is None else counted.astype(np.int64), *own)
    ids, rows = np.unique(runs[:, 0], return_inverse=True)
    if ids.size and ids[0] < 0:
        raise ValueError(f"labels has the id {ids[0]}; pass ids of 0 (background) or more")
    offsets = moves @ (np.array(grid.strides) // grid.itemsize)
    pixels, origins, first, second, boxes, exits = _shapes(grid, runs, rows, offsets, ids.size)
    centres = first / pixels[:, None]
    # about the centre of this slab: sums of squares from afar would lose digits
    moments = second - centres[:, :, None] * first[:, None]
    values = np.empty((ids.size, len(images), 5))
    for number, image in enumerate(images):
        slab = np.ascontiguousarray(image, np.float64)
        values[:, number] = _intensities(slab, runs, rows, ids.size)
    centres += origins + np.array([start, 0, 0])
    boxes[:, :, 0] += start
    runs[:, 1] += start
    return Sums(ids, pixels, centres, moments, boxes, exits, values), runs


def joined_sums(parts: Sequence[Sums]) -> Sums:
    """Add up the sums of slabs or parts, by their labels.

    Moments move from the centres of the parts to the common one.
    """
    ids, *rest = map(np.concatenate, zip(*parts, strict=True))
    order = np.argsort(ids, kind="stable")
    first, rows = groups(ids[order])
    pixels, centres, moments, boxes, exits, values = (each[order] for each in rest)

    def total(array: Array, add: Callable[..., Any] = np.add.reduceat) -> Array:
        return np.asarray(add(array, first, axis=0))

    sizes, means = total(pixels), _mean(values[..., 1], values[..., 0])
    centre = total(centres * pixels[:, None]) / sizes[:, None]
    # the parallel axis theorem: moments about the common centre
    apart = centres - centre[rows]
    moments += pixels[:, None, None] * apart[:, :, None] * apart[:, None]
    value = total(values)
    off = means - _mean(value[..., 1], value[..., 0])[rows]
    # the same for intensities: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm
    # for computing sample variances", 1979
    value[..., 2] += total(values[..., 0] * off**2)
    value[..., 3] = total(values[..., 3], np.minimum.reduceat)
    value[..., 4] = total(values[..., 4], np.maximum.reduceat)
    low = total(boxes[:, 0], np.minimum.reduceat)
    high = total(boxes[:, 1], np.maximum.reduceat)
    box = np.stack([low, high], axis=1)
    return Sums(ids[order][first], sizes, centre, total(moments), box, total(exits), value)


def _mean(sums: Array, counts: Array) -> Array:
    return np.asarray(sums / np.maximum(counts, 1))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _runs(grid: Any, planes: int, lines: int, columns: int) -> Any:
    """Return label, plane, line, first pixel and length of each row of equal labels."""
    count = 0
    for plane in range(planes):
        for line in range(lines):
            before = 0
            for x in range(columns):
                own = grid[plane, line, x]
                count += own != 0 and own != before
                before = own
    runs = np.empty((count, 5), np.int64)
    count = -1
    for plane in range(planes):
        for line in range(lines):
            before = 0
            for x in range(columns):
                own = grid[plane, line, x]
                if own != 0:
                    if own != before:
                        count += 1
                        runs[count, 0], runs[count, 1], runs[count, 2] = own, plane, line
                        runs[count, 3], runs[count, 4] = x, 0
                    runs[count, 4] += 1
                before = own
    return runs


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _shapes(grid: Any, runs: Any, rows: Any, offsets: Any, count: int) -> Any:
    """Return pixels, first pixels, coordinates from there and their products, boxes and exits."""
    pixels, exits = np.zeros(count, np.int64), np.zeros((count, offsets.size), np.int64)
    boxes, origins = np.zeros((count, 2, 3), np.int64), np.zeros((count, 3), np.int64)
    # whole numbers, counted from the first pixel met, are exact, and far from the corner as well
    first, second = np.zeros((count, 3), np.int64), np.zeros((count, 3, 3), np.int64)
    for i in range(runs.shape[0]):
        row, length = rows[i], runs[i, 4]
        if pixels[row] == 0:
            for axis in range(3):
                origins[row, axis] = boxes[row, 0, axis] = runs[i, 1 + axis]
        pixels[row] += length
        for axis in range(3):
            last = runs[i, 1 + axis] + (length - 1 if axis == 2 else 0)
            boxes[row, 0, axis] = min(boxes[row, 0, axis], runs[i, 1 + axis])
            boxes[row, 1, axis] = max(boxes[row, 1, axis], last)
        z, y, x = runs[i, 1] - origins[row, 0], runs[i, 2] - origins[row, 1], runs[i, 3]
        _add(first[row], second[row], z, y, x - origins[row, 2], length)
    _leave(grid, runs, rows, offsets, exits)
    return pixels, origins, first, second, boxes, exits


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _add(first: Any, second: Any, z: int, y: int, x: int, length: int) -> None:
    """Add the coordinates of a run that begins at z, y, x, and their products."""
    # sums of x and of x^2 from x to x + length - 1 in closed form: the work is by runs, not pixels
    line = length * x + length * (length - 1) // 2
    first[0] += length * z
    first[1] += length * y
    first[2] += line
    second[0, 0] += length * z * z
    second[1, 1] += length * y * y
    for i, j, both in ((0, 1, length * z * y), (0, 2, z * line), (1, 2, y * line)):
        second[i, j] += both
        second[j, i] += both
    second[2, 2] += length * x * x + (length - 1) * length * (6 * x + 2 * length - 1) // 6


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _leave(grid: Any, runs: Any, rows: Any, offsets: Any, exits: Any) -> None:
    """Count the pixels from which each offset leads to another label."""
    flat = grid.reshape(-1)
    for i in range(runs.shape[0]):
        label, length = runs[i, 0], runs[i, 4]
        here = (runs[i, 1] * grid.shape[1] + runs[i, 2]) * grid.shape[2] + runs[i, 3]
        for k in range(offsets.size):
            out = 0
            for pixel in range(here + offsets[k], here + offsets[k] + length):
                out += flat[pixel] != label
            exits[rows[i], k] += out


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _intensities(image: Any, runs: Any, rows: Any, count: int) -> Any:
    """Return number, sum, squared deviations, least and greatest of the finite intensities.

    Deviations are taken from the mean of each run and joined as Chan et al. do: no large squares
    are subtracted from one another.
    """
    values = np.zeros((count, 5))
    values[:, 3], values[:, 4] = np.inf, -np.inf
    for i in range(runs.shape[0]):
        own, start = values[rows[i]], runs[i, 3]
        line = image[runs[i, 1], runs[i, 2], start : start + runs[i, 4]]
        number, total, low, high = 0, 0.0, own[3], own[4]
        for value in line:
            if np.isfinite(value):
                number += 1
                total += value
                low, high = min(low, value), max(high, value)
        if number == 0:
            continue
        mean, square = total / number, 0.0
        for value in line:
            if np.isfinite(value):
                square += (value - mean) ** 2
        if own[0] > 0:
            square += (mean - own[1] / own[0]) ** 2 * own[0] * number / (own[0] + number)
        own[0], own[1], own[2] = own[0] + number, own[1] + total, own[2] + square
        own[3], own[4] = low, high
    return values
