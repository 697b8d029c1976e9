"""Clean labels: fill holes, drop what is too small or cut off, number anew, grow."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import numpy as np

from napari_tessera.algorithms.labels.components import OBJECTS_OF
from napari_tessera.algorithms.labels.ids import renumbered, smallest_dtype
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.units import in_ball, physical, to_pixels
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    Labels,
    LabelsAre,
    Length,
    Objects,
    Refined,
    Report,
    Spacing,
    VoxelSize,
    Word,
)

# by what labels stand for: the class of objects by their ids, the same for all that have none
_CLASSES: Mapping[str, Callable[[Array], Array]] = {"objects": np.zeros_like, "classes": np.asarray}


@checked
def fill_holes(
    labels: Refined,
    *,
    max_diameter: Length = "0 px",
    labels_are: LabelsAre = "objects",
    spacing: Spacing = None,
    report: Report = None,
) -> Labels:
    """Fill the holes of objects or classes; whatever else lies in a hole stays.

    A hole is background that one object (or class) alone shuts off from everything outside: the
    gap between three objects that touch is none. Pixels of background belong together, and to the
    outside, when they share a face; a bay at the border of the array is open.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects or classes, a plane or a volume; 0 = background.
    max_diameter : float or str
        Larger holes stay: diameter of a disc or ball as large as the hole; 0 = fill all.
    labels_are : {"objects", "classes"}
        Whether an id is one object, or a class of which each connected piece has holes of its own.
        This matters only where holes lie in one another.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray
        In the dtype of `labels`. A hole within several objects goes to the innermost.

    References
    ----------
    P. Soille, "Morphological Image Analysis", 2nd ed., Springer, 2003 (holes).

    Examples
    --------
    >>> fill_holes(np.array([[1, 1, 1, 1], [1, 0, 2, 1], [1, 1, 1, 0]]))
    array([[1, 1, 1, 1],
           [1, 1, 2, 1],
           [1, 1, 1, 0]])
    """
    from napari_tessera.algorithms.labels.boxes import found
    from napari_tessera.algorithms.morphology.holes import enclosing, gaps

    report, voxel = Reporter.of(report), VoxelSize.of(spacing, labels.ndim)
    most = in_ball(to_pixels(max_diameter, voxel, name="max_diameter")) or math.inf
    pieces, first, pixels = gaps(labels)
    report(Progress(1, 4))
    holes = np.flatnonzero((first >= 0) & (pixels <= most))
    if holes.size == 0:
        return labels.copy()
    objects = OBJECTS_OF[labels_are](labels)
    boxes = found(objects, report.part(1, 4))
    owners = enclosing(objects, boxes, first[holes], report.part(2, 4))
    ids = labels.reshape(-1)[boxes.first]
    values = np.zeros(pixels.size, labels.dtype)
    values[holes[owners >= 0]] = ids[owners[owners >= 0]]
    return np.asarray(labels | renumbered(pieces, values))  # where one is, the other is 0


@checked
def filter_objects(
    labels: Refined,
    *,
    min_diameter: Length = "0 px",
    max_diameter: Length = "0 px",
    at_border: Literal["keep", "remove"] = "keep",
    largest: Annotated[int, Word(low=0)] = 0,
    labels_are: LabelsAre = "objects",
    spacing: Spacing = None,
    report: Report = None,
) -> Labels:
    """Keep the objects of a range of sizes, those away from the border, or the largest ones.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects or classes, a plane or a volume; 0 = background.
    min_diameter : float or str
        Smaller objects are removed: diameter of a disc or ball as large as the object; 0 = none.
    max_diameter : float or str
        Larger objects are removed, measured in the same way; 0 = none.
    at_border : {"keep", "remove"}
        What becomes of objects that touch the border of the array, in volumes also the first and
        the last plane.
    largest : int
        How many of those that are left to keep, the largest first; 0 = all. Of each class on its
        own.
    labels_are : {"objects", "classes"}
        Whether an id is one object, even in several pieces, or a class of which each connected
        piece (corners count) is judged for itself.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray
        In the dtype of `labels`; what is kept keeps its id.

    References
    ----------
    P. Soille, "Morphological Image Analysis", 2nd ed., Springer, 2003 (area opening).

    Examples
    --------
    >>> labels = np.array([[1, 1, 0, 2], [1, 1, 0, 0], [0, 0, 0, 3]])
    >>> filter_objects(labels, min_diameter=2)
    array([[1, 1, 0, 0],
           [1, 1, 0, 0],
           [0, 0, 0, 0]])
    """
    from napari_tessera.algorithms.labels.boxes import found, mapped

    report, voxel = Reporter.of(report), VoxelSize.of(spacing, labels.ndim)
    objects = OBJECTS_OF[labels_are](labels)
    report(Progress(1, 3))
    boxes = found(objects, report.part(1, 3))
    kept = boxes.pixels >= in_ball(to_pixels(min_diameter, voxel, name="min_diameter"))
    kept &= boxes.pixels <= (
        in_ball(to_pixels(max_diameter, voxel, name="max_diameter")) or math.inf
    )
    if at_border == "remove":
        kept &= ~((boxes.low == 0) | (boxes.high == np.array(labels.shape))).any(axis=1)
    ids = labels.reshape(-1)[boxes.first]
    if largest:
        kept &= _ranks(_CLASSES[labels_are](ids), np.where(kept, boxes.pixels, 0)) < largest
    return mapped(objects, boxes.ids, np.where(kept, ids, 0).astype(labels.dtype))


@checked
def relabel(labels: Refined, *, spacing: Spacing = None, report: Report = None) -> Objects:
    """Number objects 1, 2, 3, ... without gaps, in the order of their ids.

    Meant for objects: the ids of classes have a meaning, which new numbers would lose. Objects of
    several pieces stay one object; "Connected components" makes them several.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects, a plane or a volume; 0 = background.
    spacing : sequence of float, optional
        Pixel size along each axis; the numbers do not depend on it.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray of uint16 or uint32

    Examples
    --------
    >>> relabel(np.array([[7, 7, 0], [0, 3, 90]]))
    array([[2, 2, 0],
           [0, 1, 3]], dtype=uint16)
    """
    from napari_tessera.algorithms.labels.boxes import found, mapped

    ids = found(labels, Reporter.of(report)).ids
    dtype = smallest_dtype("objects", ids.size)
    return mapped(labels, ids, np.arange(1, ids.size + 1, dtype=dtype))


@checked
def expand(
    labels: Refined,
    *,
    distance: Length = "2 px",
    spacing: Spacing = None,
    report: Report = None,
) -> Labels:
    """Grow labels into the background around them; they meet halfway and never overlap.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects or classes, a plane or a volume; 0 = background.
    distance : float or str
        How far to grow, between the centres of pixels.
    spacing : sequence of float, optional
        Pixel size along each axis; distances respect it.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray
        In the dtype of `labels`. Each pixel of background within `distance` has the label that is
        nearest to it.

    References
    ----------
    P. F. Felzenszwalb and D. P. Huttenlocher, "Distance transforms of sampled functions", Theory of
    Computing 8, 2012.

    Examples
    --------
    >>> expand(np.array([[0, 1, 0, 0, 0, 0, 2]]), distance=2)
    array([[1, 1, 1, 1, 2, 2, 2]])
    """
    from napari_tessera.algorithms.geometry.distance import nearest_label

    voxel = VoxelSize.of(spacing, labels.ndim)
    far = physical(distance, voxel, name="distance")
    return nearest_label(labels, voxel, limit=far, report=Reporter.of(report))[1]


def _ranks(groups: Array, pixels: Array) -> Array:
    """Return how many are larger in the same group; of equal ones, the first counts as larger."""
    order = np.lexsort((-pixels, groups))
    own = groups[order]
    starts = np.flatnonzero(np.append(True, own[1:] != own[:-1]))
    ranks = np.empty(order.size, np.int64)
    ranks[order] = np.arange(order.size) - np.repeat(starts, np.diff(np.append(starts, own.size)))
    return ranks
