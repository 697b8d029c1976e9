"""Clean labels: fill holes, number anew, grow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.algorithms.labels.components import OBJECTS_OF, components
from napari_tessera.algorithms.labels.ids import smallest_dtype
from napari_tessera.signature.arrays import check_ids
from napari_tessera.signature.parts import passed
from napari_tessera.signature.progress import Reporter
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
)

if TYPE_CHECKING:
    from napari_tessera.algorithms.labels.attributes import Attributes


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
