"""Keep some of the objects: by size, border, any column of their table, or the largest."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from napari_tessera.algorithms.labels.components import OBJECTS_OF, components
from napari_tessera.metrics.conditions import columns_of, conditions_in, matching
from napari_tessera.metrics.measurements import OF_HULLS, channels_of, measurements
from napari_tessera.signature.arrays import check_ids
from napari_tessera.signature.parts import passed
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.units import in_ball, to_pixels
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    ChannelAxis,
    Image,
    Labels,
    LabelsAre,
    Length,
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
def filter_objects(
    labels: Refined,
    *,
    min_diameter: Length = "0 px",
    max_diameter: Length = "0 px",
    at_border: Literal["keep", "remove"] = "keep",
    where: str = "",
    image: Annotated[Image | None, Word(when=("where", ()))] = None,
    largest: Annotated[int, Word(low=0)] = 0,
    labels_are: LabelsAre = "objects",
    channel_axis: ChannelAxis = None,
    spacing: Spacing = None,
    report: Report = None,
) -> Labels:
    """Keep objects by their size, the border, any column of their table, or the largest ones.

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
    where : str
        Which objects to keep, by columns of the table that `measure` makes: conditions joined by
        "and", such as ``area > 50 and circularity >= 0.8``. Units may be left out. A lasso, as
        *Explore table* draws it, is ``area, mean in [20 1, 80 1, 50 9]``: two columns and the
        corners of a polygon. "" = all.
    image : ndarray, shape (..., Y, X), optional
        Intensities, for conditions on them: mean, std, min, max, sum.
    largest : int
        How many of those that are left to keep, the largest first; 0 = all. Of each class on its
        own.
    labels_are : {"objects", "classes"}
        Whether an id is one object, even in several pieces, or a class of which each connected
        piece (corners count) is judged for itself.
    channel_axis : int, optional
        The axis of `image` that holds channels: their columns are mean 0, mean 1, ...
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray
        In the dtype of `labels`; what is kept keeps its id.

    Raises
    ------
    ValueError
        If `where` names no column, or cannot be read.

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
    >>> filter_objects(labels, where="pixels < 2 and y > 1")
    array([[0, 0, 0, 0],
           [0, 0, 0, 0],
           [0, 0, 0, 3]])
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
    if where.strip():
        channels = channels_of(image, channel_axis)
        kept &= np.isin(boxes.ids, _fitting(where, objects, channels, voxel, report.part(2, 3)))
    ids = labels.reshape(-1)[boxes.first]
    if largest:
        kept &= _ranks(_CLASSES[labels_are](ids), np.where(kept, boxes.pixels, 0)) < largest
    return mapped(objects, boxes.ids, np.where(kept, ids, 0).astype(labels.dtype))


def _fitting(
    where: str, objects: Array, channels: list[Array], voxel: VoxelSize, report: Reporter
) -> Array:
    """Return the ids of objects that fit conditions on the columns of their table."""
    every = conditions_in(where)
    names = [name.lower() for part in every for name in columns_of(part)]
    alone = [part for part in every if not columns_of(part)]
    if alone:
        raise ValueError(
            f"where has {alone[0]!r}, which names no column; write a condition such as area > 50"
        )
    convex = any(own.startswith(name) for own in OF_HULLS for name in names if name)
    table = measurements(objects, channels, voxel, convex=convex, report=report)
    try:
        return np.asarray(table["index"][matching(where, table)])
    except ValueError as error:
        intensities = "" if channels else "; those of intensities need an image"
        raise ValueError(f"where is {where!r}: {error}{intensities}") from None


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


def _ranks(groups: Array, pixels: Array) -> Array:
    """Return how many are larger in the same group; of equal ones, the first counts as larger."""
    order = np.lexsort((-pixels, groups))
    own = groups[order]
    starts = np.flatnonzero(np.append(True, own[1:] != own[:-1]))
    ranks = np.empty(order.size, np.int64)
    ranks[order] = np.arange(order.size) - np.repeat(starts, np.diff(np.append(starts, own.size)))
    return ranks
