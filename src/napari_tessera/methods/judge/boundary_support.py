"""Whether the boundaries of objects follow edges of the image: trust without a truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from napari_tessera.algorithms.filters.smoothing import fill_gaps, smooth_image
from napari_tessera.algorithms.parallel import SLAB, parallel_for, slabs
from napari_tessera.metrics.boundaries import per_label
from napari_tessera.signature.arrays import check_ids
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.units import physical, to_pixels
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    Image,
    Labels,
    Length,
    Report,
    Spacing,
    Table,
    VoxelSize,
    Word,
)

if TYPE_CHECKING:
    from napari_tessera.algorithms.filters.boundary_slopes import Rises

NOISE = 2.0
"""How many times the median slope of an image an edge is steep."""


@checked
def boundary_support(
    labels: Labels,
    image: Image,
    *,
    smoothing: Length = "1 px",
    tolerance: Length = "2 px",
    width: Length = "3 px",
    level: Annotated[float | None, Word(low=0)] = None,
    spacing: Spacing = None,
    report: Report = None,
) -> Table:
    """Tell of each object how well the image supports its boundary, and how suspicious it is.

    No truth is needed. Where an object is cut by the border of the image it has no boundary.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects, a plane or a volume; 0 = background.
    image : ndarray, shape (..., Y, X)
        Intensities; boundaries at NaN and infinity are left out.
    smoothing : float or str
        Standard deviation of the Gaussian that smooths before edges are sought, in units of
        `spacing`, or as "1 px".
    tolerance : float or str
        How far from an edge a boundary may be and still lie on it.
    width : float or str
        How far from the boundary intensities are compared, inside and outside.
    level : float, optional
        Grey levels per finest pixel from which a slope is an edge; None = twice the median slope of
        the image, most of which is noise.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    dict of ndarray
        One row per object, rising:

        - index; boundary pixels: how many count;
        - edge share: share of them within `tolerance` of an edge, a place where the image is
          steepest along its slope and steeper than `level`;
        - gradient: how steep the image is along the boundary on average, in grey levels per finest
          pixel;
        - inside, outside: mean intensity within `width` of the boundary, in the object and in the
          background (in other objects if no background touches it); contrast: their difference;
        - suspicion: 0 (every part of the boundary lies on an edge, and gradient and contrast are
          at least as the median object's) to 1 (no edge, no gradient, no contrast or the opposite
          one): one minus the mean of edge share, gradient and contrast, the latter two divided by
          the median over all objects and limited to 0 to 1.

        What has no value, such as the boundary of an object that fills the image, is NaN.

    References
    ----------
    Edges as in J. Canny, "A computational approach to edge detection", IEEE Trans. Pattern Analysis
    and Machine Intelligence 8(6), 1986; what is counted along them is a measure of this package.

    Examples
    --------
    >>> labels = np.zeros((20, 20), int)
    >>> labels[4:9, 4:9], labels[12:17, 12:17] = 1, 2
    >>> table = boundary_support(labels, 100.0 * (labels == 1))
    >>> table["edge share"].tolist(), table["suspicion"].round(2).tolist()
    ([1.0, 0.0], [0.0, 1.0])
    """
    from napari_tessera.algorithms.filters.boundary_slopes import Rises
    from napari_tessera.algorithms.geometry.nearest_mark import distances
    from napari_tessera.algorithms.labels.numbering import column_of_ids, numbered

    voxel, reporter = VoxelSize.of(spacing, labels.ndim), Reporter.of(report)
    check_ids(labels)
    own, ids = numbered(labels)
    own = own.astype(np.min_scalar_type(ids.size))
    ids = column_of_ids(ids[1:])
    grid, steps = _as_volume(own), (voxel[0], voxel[1] if labels.ndim == 3 else 1.0, voxel[-1])
    marks, owners = _outlines(grid, labels.ndim == 2, reporter.part(0, 5))
    smoothed, valid = _smoothed(image, to_pixels(smoothing, voxel), reporter.part(1, 5))
    finest = (steps[0] / min(voxel), steps[1] / min(voxel), steps[2] / min(voxel))
    rises = Rises(smoothed, valid, finest)
    crests, slope = _edges(rises, marks, level, reporter.part(2, 5))
    del smoothed, valid, rises  # as large as the image, and of no more use
    away = distances(marks, crests, labels.shape[-1], steps, reporter.part(3, 5))
    known = np.isfinite(slope)
    rows, near = np.arange(1, ids.size + 1), physical(tolerance, voxel)
    share, _ = per_label(rows, owners[known], away[known], near)
    _, gradient = per_label(rows, owners[known], slope[known], 0)
    reach = to_pixels(width, voxel)
    inside, outside = _sides(grid, _as_volume(image), reach, ids.size, reporter.part(4, 5))
    return {
        "index": ids,
        "boundary pixels": np.bincount(owners[known], minlength=ids.size + 1)[1:],
        "edge share": share,
        "gradient": gradient,
        "inside": inside,
        "outside": outside,
        "contrast": inside - outside,
        "suspicion": _suspicion(share, gradient, inside - outside),
    }


def _as_volume(array: Array) -> Array:
    return array if array.ndim == 3 else array[:, None]


def _outlines(grid: Array, flat: bool, report: Reporter) -> tuple[Array, Array]:
    """Return the marks of the boundaries as `bits`, and the label of each of their pixels."""
    from napari_tessera.algorithms.geometry.bitmaps import no_marks
    from napari_tessera.algorithms.geometry.boundary import mark_rims

    marks = no_marks(grid.shape)

    def mark(slab: tuple[int, int]) -> Array:
        low, high = slab
        first = max(low - 1, 0)
        part, own = grid[first : high + 1], marks[low:high]
        return np.asarray(mark_rims(part, low - first, high - first, flat, False, 0, own))

    return marks, np.concatenate(parallel_for(mark, slabs(len(grid), grid[0].size), report))


def _smoothed(
    image: Array, width: tuple[float, ...], report: Reporter
) -> tuple[Array, Array | None]:
    """Return the smoothed image as a volume of floats, and where its slope means something."""
    from scipy import ndimage

    filled, valid = fill_gaps(image)
    dtype = np.float64 if image.dtype.itemsize > 2 else np.float32
    # whole numbers of 16 bits become floats within the filter
    within = any(width) and dtype == np.float32
    smoothed = smooth_image(filled if within else filled.astype(dtype), width, report=report)
    if valid is None:
        return _as_volume(smoothed), None
    # the mean fills the gaps: take its part out again, or it draws edges of its own
    weight = np.maximum(smooth_image(valid.astype(dtype), width), 1e-3)
    mean = filled[~valid].flat[0]
    smoothed = mean + (smoothed - mean) / weight
    near = ndimage.binary_dilation(~valid, ndimage.generate_binary_structure(image.ndim, 1))
    return _as_volume(smoothed), _as_volume(~near)


def _edges(
    rises: Rises, marks: Array, level: float | None, report: Reporter
) -> tuple[Array, Array]:
    """Return the marks of the edges as `bits`, and how steep the image is where `marks` are."""
    from napari_tessera.algorithms.geometry.bitmaps import values_at

    image = rises.image
    planes = slabs(len(image), image[0].size)
    step = max(1, image.size // SLAB)

    def look(slab: tuple[int, int]) -> tuple[Array, Array]:
        steepness, own = rises.steepness(*slab), marks[slice(*slab)]
        slope = np.empty(int(np.bitwise_count(own).sum()))
        values_at(steepness, own, slope)
        # every so many pixels of the whole, wherever it is cut
        return slope, steepness.reshape(-1)[-slab[0] * image[0].size % step :: step].copy()

    found = parallel_for(look, planes, report.part(0, 2))
    least = _level(np.concatenate([some for _, some in found])) if level is None else level
    edges = parallel_for(lambda slab: rises.crests(*slab, least), planes, report.part(1, 2))
    return np.concatenate(edges), np.concatenate([slope for slope, _ in found])


def _level(steepness: Array) -> float:
    """Return the slope from which there is an edge: well above the noise, most of the image."""
    some = steepness[np.isfinite(steepness)]
    if not some.size:
        return 0.0
    return float(max(NOISE * np.median(some), some.max() / 1000))


def _sides(
    grid: Array, image: Array, reach: tuple[float, ...], count: int, report: Reporter
) -> tuple[Array, Array]:
    """Return the mean intensities beside the boundary of each label, inside and outside."""
    from napari_tessera.algorithms.filters.boundary_slopes import add_sides

    far = np.array([reach[0], reach[1] if len(reach) == 3 else 1, reach[-1]])
    sums, own = np.zeros((count, 3, 2)), np.maximum(np.rint(far), 1).astype(np.int64)
    dtype = np.float64 if image.dtype.itemsize > 2 else np.float32
    halo = int(own[0]) + 1
    for low, high in slabs(
        len(grid), grid[0].size, least=halo
    ):  # in turn: all add to the same sums
        first = max(low - halo, 0)
        part = np.ascontiguousarray(image[first : high + halo], dtype)
        add_sides(grid[first : high + halo], part, low - first, high - first, own, sums)
        report(Progress(high, len(grid)))
    some = sums[..., 0] > 0
    means = np.divide(sums[..., 1], sums[..., 0], where=some, out=np.full(some.shape, np.nan))
    return means[:, 0], np.where(some[:, 1], means[:, 1], means[:, 2])


def _suspicion(share: Array, gradient: Array, contrast: Array) -> Array:
    """Return one minus the mean of what supports each object, without what is not known."""
    support = np.stack([share, _of_typical(gradient), _of_typical(contrast)])
    known = ~np.isnan(support)
    total, number = np.where(known, support, 0).sum(axis=0), known.sum(axis=0)
    return np.where(number > 0, 1 - total / np.maximum(number, 1), np.nan)


def _of_typical(values: Array) -> Array:
    """Return values as parts of their median, 0 to 1; 0 of all if the median is 0."""
    known = values[~np.isnan(values)]
    typical = float(np.median(known)) if known.size else 0.0
    if typical == 0:
        return np.where(np.isnan(values), np.nan, 0.0)
    return np.asarray(np.clip(values / typical, 0, 1))
