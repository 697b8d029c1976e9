"""Clean labels: fill holes, drop what is too small or cut off, number anew, grow."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from napari_tessera.algorithms.labels.components import OBJECTS_OF, components
from napari_tessera.algorithms.labels.ids import smallest_dtype
from napari_tessera.signature.arrays import check_ids
from napari_tessera.signature.parts import passed
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

if TYPE_CHECKING:
    from napari_tessera.algorithms.labels.attributes import Attributes

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
    from napari_tessera.algorithms.morphology.holes import filled

    voxel = VoxelSize.of(spacing, labels.ndim)
    most = in_ball(to_pixels(max_diameter, voxel, name="max_diameter")) or math.inf
    objects = OBJECTS_OF[labels_are](labels)
    return filled(labels, most=most, objects=objects, report=Reporter.of(report))


def background_pieces(
    labels: Array, *, labels_are: LabelsAre = "objects", **_: Any
) -> tuple[Array, Attributes]:
    """Return the pieces of background and labels in the core of a part, and which touch.

    Parameters
    ----------
    labels, labels_are, **_
        As for `fill_holes`, of what is seen of the part.
    """
    from napari_tessera.algorithms.labels.attributes import pieces_in
    from napari_tessera.algorithms.labels.numbering import numbered

    def regions(own: Array) -> Array:
        return components(numbered(own)[0] + np.uint32(1), "faces")

    kin = labels_are == "classes"
    return pieces_in(labels, passed(labels.shape), regions, linked=True, kin=kin)


def filled_pieces(
    pieces: Attributes,
    shape: tuple[int, ...],
    *,
    max_diameter: float | str,
    labels_are: LabelsAre,
    spacing: VoxelSize,
    **_: Any,
) -> Array:
    """Return the label that each piece of background or of a label has when holes are filled.

    Parameters
    ----------
    pieces : Attributes
        All of a plane or volume; neighbours share a face.
    shape : tuple of int
        Of the plane or volume.
    max_diameter, labels_are, spacing, **_
        As for `fill_holes`.
    """
    from napari_tessera.algorithms.morphology.holes import enclosing_of

    most = in_ball(to_pixels(max_diameter, spacing, name="max_diameter")) or math.inf
    objects = pieces.ids if labels_are == "objects" else _numbers_of_kin(pieces)
    # as they are met: of two around a hole that are equally large, the first has it
    found, rows = np.unique(np.where(pieces.ids == 0, 0, objects), return_inverse=True)
    owners = enclosing_of(pieces, rows.reshape(-1) - int((found[:1] == 0).any()), shape)
    ids = np.zeros(found.size + 1, pieces.ids.dtype)
    ids[rows.reshape(-1)] = pieces.ids
    ids = ids[int((found[:1] == 0).any()) :]
    holes = (pieces.ids == 0) & pieces.inside(shape) & (pieces.pixels <= most) & (owners >= 0)
    return np.where(holes, ids[owners], pieces.ids)


def _numbers_of_kin(pieces: Attributes) -> Array:
    """Return the connected component of each piece, as a scan meets them, from 1."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count, (first, second) = len(pieces.ids), pieces.kin.T
    links = coo_array((np.ones(len(first), bool), (first, second)), shape=(count, count))
    number, sets = connected_components(links, directed=False)
    places = np.full(number, pieces.first.max(initial=0) + 1)
    np.minimum.at(places, sets, pieces.first)
    return np.asarray(np.argsort(np.argsort(places, kind="stable"))[sets] + 1)


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
    sizes = (
        to_pixels(min_diameter, voxel, name="min_diameter"),
        to_pixels(max_diameter, voxel, name="max_diameter"),
    )
    kept = _in_range(boxes.pixels, *sizes)
    if at_border == "remove":
        kept &= ~((boxes.low == 0) | (boxes.high == np.array(labels.shape))).any(axis=1)
    ids = labels.reshape(-1)[boxes.first]
    if largest:
        kept &= _ranks(_CLASSES[labels_are](ids), np.where(kept, boxes.pixels, 0)) < largest
    return mapped(objects, boxes.ids, np.where(kept, ids, 0).astype(labels.dtype))


def object_pieces(
    labels: Array, *, labels_are: LabelsAre = "objects", **_: Any
) -> tuple[Array, Attributes]:
    """Return the pieces of objects in the core of a part, for `kept_objects` and `new_ids`.

    Parameters
    ----------
    labels, labels_are, **_
        As for `filter_objects`, of what is seen of the part.
    """
    from napari_tessera.algorithms.labels.attributes import pieces_in
    from napari_tessera.algorithms.labels.numbering import numbered

    check_ids(labels)
    by_id = labels_are == "objects"
    return pieces_in(
        labels, passed(labels.shape), (lambda own: numbered(own)[0]) if by_id else components
    )


def kept_objects(
    objects: Attributes,
    shape: tuple[int, ...],
    *,
    min_diameter: float | str,
    max_diameter: float | str,
    at_border: str,
    largest: int,
    labels_are: LabelsAre,
    spacing: VoxelSize,
    **_: Any,
) -> Array:
    """Return what becomes of each object: its label, or 0.

    Parameters
    ----------
    objects : Attributes
        All of a plane or volume.
    shape : tuple of int
        Of the plane or volume.
    min_diameter, max_diameter, at_border, largest, labels_are, spacing, **_
        As for `filter_objects`.
    """
    kept = objects.places & _in_range(
        objects.pixels,
        to_pixels(min_diameter, spacing, name="min_diameter"),
        to_pixels(max_diameter, spacing, name="max_diameter"),
    )
    if at_border == "remove":
        kept &= objects.inside(shape)
    if largest:
        # of equal ones the first counts as larger: by its id, or by where a scan meets it
        order = np.argsort(objects.ids if labels_are == "objects" else objects.first, kind="stable")
        groups, pixels = _CLASSES[labels_are](objects.ids), np.where(kept, objects.pixels, 0)
        kept[order] &= _ranks(groups[order], pixels[order]) < largest
    return np.where(kept, objects.ids, 0)


def _in_range(pixels: Array, least: tuple[float, ...], most: tuple[float, ...]) -> Array:
    """Return which sizes are those of discs or balls between two diameters; most 0 = no bound."""
    return np.asarray((pixels >= in_ball(least)) & (pixels <= (in_ball(most) or math.inf)))


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


def new_ids(objects: Attributes, shape: tuple[int, ...], **_: Any) -> Array:
    """Return the numbers that `relabel` gives, in the order of the ids.

    Parameters
    ----------
    objects : Attributes
    shape : tuple of int
    **_
        The parameters of `relabel`.
    """
    ids = np.unique(objects.ids[objects.places])
    return np.where(objects.places, np.searchsorted(ids, objects.ids) + 1, 0)


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

    check_ids(labels)
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
