"""A new object grown from a click, over background that looks like the place clicked."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_tessera.algorithms.filters.colour import points_within
from napari_tessera.algorithms.growth.windows import reaches_out, windows
from napari_tessera.algorithms.halo_tiles import Box, extent
from napari_tessera.algorithms.labels.paths import pixels_under
from napari_tessera.algorithms.parallel import slabs
from napari_tessera.methods.refine.edit_objects import BoxLabels, Drawn, check_room, with_change
from napari_tessera.signature.units import most_pixels, to_pixels
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    ChannelAxis,
    Fraction,
    Image,
    Labels,
    Length,
    NewLabel,
    Path,
    Refined,
    Report,
    Spacing,
    VoxelSize,
)

if TYPE_CHECKING:
    from napari_tessera.algorithms.growth.similar import GrowthRule

Seen = Callable[[Box], tuple[Array, Array | None]]


@checked
def grow(
    labels: Refined,
    image: Image | None = None,
    *,
    path: Path,
    tolerance: Fraction = 0.1,
    smoothing: Length = "1 px",
    max_diameter: Length = "200 px",
    channel_axis: ChannelAxis = None,
    new_label: NewLabel = None,
    spacing: Spacing = None,
    report: Report = None,
) -> Labels:
    """Add an object that grows from points over similar pixels of the background.

    The points belong to one object. Pixels join over faces, the most similar first; holes that are
    background are filled.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects, a plane or a volume; 0 = background.
    image : ndarray, shape (..., Y, X), optional
        Intensities; without, the object fills the background around the points.
    path : tuple of points
        In pixels of the background: (Y, X), in a volume (Z, Y, X).
    tolerance : float
        Largest difference of a pixel from the mean of the points, as a share of the image's range.
    smoothing : float or str
        Standard deviation of a Gaussian applied to the image first.
    max_diameter : float or str
        Growth ends when the object is as large as a disc or ball of this diameter; 0 = no limit.
    channel_axis : int, optional
        The axis of `image` that holds colours or channels; None = grey.
    new_label : int, optional
        The id of the new object; None = one more than the highest.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray
        In the dtype of `labels`, with one new id.

    Raises
    ------
    ValueError
        If a point lies on an object or outside, nothing around the points is similar, or no id is
        left in the dtype.

    References
    ----------
    R. Adams and L. Bischof, "Seeded region growing", IEEE Trans. Pattern Analysis and Machine
    Intelligence 16(6), 1994.

    Examples
    --------
    >>> labels = np.array([[1, 1, 0, 0, 0, 0]])
    >>> image = np.array([[9, 9, 9, 8, 9, 0]])
    >>> grow(labels, image, path=((0, 3),), tolerance=0.2, smoothing=0)
    array([[1, 1, 2, 2, 2, 0]])
    """
    from napari_tessera.algorithms.growth.similar import GrowthRule

    voxel, seeds = VoxelSize.of(spacing, labels.ndim), _seeds(labels, path)
    difference = math.inf if image is None else tolerance * span(image, channel_axis)
    rule = GrowthRule(difference, most_pixels(max_diameter, voxel, name="max_diameter"))
    if image is None:
        look: Seen = partial(distances_in_box, seeds, voxel)
    else:
        widths = to_pixels(smoothing, voxel, name="smoothing")
        look = partial(points_within, image, widths, channel_axis)
    number = new_label or int(labels.max()) + 1
    check_room(labels, number)
    return with_change(labels, grow_change(labels, seeds, look, rule, number))


def grow_change(
    labels: Array, seeds: Array, look: Seen, rule: GrowthRule, number: int
) -> BoxLabels:
    """Return what `grow` changes.

    The work is done in a window around the points, which is widened until the object ends inside.

    Parameters
    ----------
    labels : ndarray of int
    seeds : ndarray of int, shape (N, D)
        Pixels of the background.
    look : callable
        Returns the intensities in a box, (*box, channels), and where there are any, None =
        everywhere.
    rule : GrowthRule
        Its tolerance is in these intensities.
    number : int
        Of the new object.
    """
    from napari_tessera.algorithms.morphology.holes import filled

    around = tuple(map(slice, seeds.min(axis=0).tolist(), (seeds.max(axis=0) + 1).tolist()))
    for box in windows(around, labels.shape):
        free = labels[box] == 0
        points, valid = look(box)
        start = [side.start for side in box]
        grown = _grown(points, free if valid is None else free & valid, seeds - start, rule)
        if not reaches_out(grown, box, labels.shape):
            break
    if np.count_nonzero(grown) <= len(seeds):
        raise ValueError(
            f"path has nothing similar around it in the background (tolerance "
            f"{rule.tolerance:g} in intensities); choose a larger tolerance, or place it elsewhere"
        )
    inner = extent(grown)  # holes lie inside
    box = tuple(
        slice(side.start + own.start, side.start + own.stop)
        for side, own in zip(box, inner, strict=True)
    )
    values = labels[box].copy()
    values[(filled(grown[inner]) > 0) & free[inner]] = number
    return box, values


def span(image: Array, channel_axis: int | None) -> float:
    """Return the range of the finite intensities; of several channels, the length of all ranges.

    Examples
    --------
    >>> span(np.array([[3, 4], [9, 5]]), None)
    6.0
    """
    channels = [image] if channel_axis is None else list(np.moveaxis(image, channel_axis, 0))
    ranges = []
    for channel in channels:
        pieces = [channel[slice(*slab)] for slab in slabs(len(channel), channel[0].size)]
        finite = [each[np.isfinite(each)] if each.dtype.kind == "f" else each for each in pieces]
        ends = [(float(each.min()), float(each.max())) for each in finite if each.size]
        lows, highs = zip(*ends, strict=True) if ends else ((0.0,), (0.0,))
        ranges.append(max(highs) - min(lows))
    return math.hypot(*ranges)


def _seeds(labels: Array, path: Drawn) -> Array:
    seeds = np.unique(pixels_under(path, labels.shape, "points"), axis=0)
    under = labels[tuple(seeds.T)]
    if under.any():
        raise ValueError(
            f"path has a point on object {under[under != 0][0]}; click on background, or "
            "delete that object first"
        )
    if len(seeds) == 0:
        raise ValueError(f"path lies outside labels, whose shape is {labels.shape}")
    return seeds


def distances_in_box(seeds: Array, voxel: VoxelSize, box: Box) -> tuple[Array, None]:
    """Return the distance to the seeds, which lets an object grow as a disc or ball."""
    from napari_tessera.algorithms.geometry.distance import squared_distance

    away = np.ones([side.stop - side.start for side in box], bool)
    away[tuple((seeds - [side.start for side in box]).T)] = False
    return np.sqrt(squared_distance(away, voxel))[..., np.newaxis], None


def _grown(points: Array, free: Array, seeds: Array, rule: GrowthRule) -> Array:
    from napari_tessera.algorithms.growth.similar import grow_regions

    places = tuple(seeds.T)
    if not free[places].all():
        raise ValueError("path has a point where image has no value (NaN or infinity); move it")
    numbers = np.zeros(free.shape, np.int32)
    numbers[places] = 1
    return grow_regions(points, numbers, free, rule)
