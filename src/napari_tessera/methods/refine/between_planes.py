"""Objects painted in some planes of a volume, filled in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np

from napari_tessera.signature.progress import NothingToSeparate, Progress, Reporter
from napari_tessera.signature.units import physical, to_pixels
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    Image,
    Labels,
    Length,
    Refined,
    Report,
    Spacing,
    VoxelSize,
    Word,
)

if TYPE_CHECKING:
    from napari_tessera.algorithms.geometry.between_planes import Gap
    from napari_tessera.algorithms.labels.boxes import Boxes

Across = Literal["first", "y", "x"]

_EDGES = "Edges of the image"


@checked
def fill_between_planes(
    labels: Refined,
    image: Image | None = None,
    *,
    axis: Across = "first",
    search: Annotated[Length, Word(section=_EDGES)] = "2 px",
    smoothing: Annotated[Length, Word(section=_EDGES)] = "2 px",
    spacing: Spacing = None,
    report: Report = None,
) -> Labels:
    """Fill in objects that are painted in some planes of a volume, in the planes between.

    Outlines are interpolated by their signed distances, after they are laid upon one another by
    their centres, so that what lies aslant is followed, and drawn as large as its areas in the
    planes around say, so that what is round stays so. A label changes between two planes that have
    it, nowhere else, and over background only. It may have several pieces, and these may branch:
    pieces that overlap belong together, or those that do so once they lie upon one another; a piece
    that ends shrinks to nothing before the next painted plane.

    Parameters
    ----------
    labels : ndarray of int, shape (Z, Y, X)
        Objects or classes; 0 = background. Or planes of a time series, (T, Y, X), as a volume.
    image : ndarray, shape (Z, Y, X), optional
        Intensities: outlines are drawn to the edges that are near. None = they stay as they are
        interpolated.
    axis : {"first", "y", "x"}
        Across which axis planes are painted: the first of the volume (z, or time), y or x.
    search : float or str
        With an image, how far from the interpolated outline an edge is looked for.
    smoothing : float or str
        With an image, standard deviation of a Gaussian applied to each plane first.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray
        In the dtype of `labels`. Where two objects would overlap, a pixel goes to the one that it
        lies deeper in, of two as deep to the lower id.

    Raises
    ------
    ValueError
        If labels is a plane.
    NothingToSeparate
        If there are no labels, or each lies in one plane.

    References
    ----------
    S. P. Raya and J. K. Udupa, "Shape-based interpolation of multidimensional objects", IEEE Trans.
    Medical Imaging 9(1), 1990. A. B. Albu, T. Beugeling and D. Laurendeau, "A morphology-based
    approach for interslice interpolation of anatomical slices from volumetric images", IEEE Trans.
    Biomedical Engineering 55(8), 2008 (branches).

    Examples
    --------
    >>> labels = np.zeros((3, 1, 7), int)
    >>> labels[0, 0, :3], labels[2, 0, 4:] = 1, 1
    >>> fill_between_planes(labels)[:, 0]
    array([[1, 1, 1, 0, 0, 0, 0],
           [0, 0, 1, 1, 1, 0, 0],
           [0, 0, 0, 0, 1, 1, 1]])
    """
    from napari_tessera.algorithms.geometry.between_planes import drawn_planes
    from napari_tessera.algorithms.geometry.linked_outlines import PlaneDrawing
    from napari_tessera.algorithms.growth.to_edges import at_edges
    from napari_tessera.algorithms.labels.boxes import found

    if labels.ndim != 3:
        raise ValueError(
            f"labels has shape {labels.shape}, a plane; pass a volume (Z, Y, X), or a series of "
            "planes (T, Y, X) as a volume"
        )
    report, side = Reporter.of(report), ("first", "y", "x").index(axis)
    voxel = VoxelSize.of(spacing, 3)
    own = VoxelSize([size for place, size in enumerate(voxel) if place != side], voxel.unit)
    volume = np.moveaxis(labels, side, 0).copy(order="C")
    boxes = found(volume, report.part(0, 2))
    every = _checked_gaps(volume, boxes, axis)
    drawing = PlaneDrawing(own, 0.0 if image is None else physical(search, own, name="search"))
    numbers = np.concatenate([np.zeros(1, labels.dtype), boxes.ids])
    planes = drawn_planes(volume, boxes, every, drawing, report.part(1, 2))
    widths = to_pixels(smoothing, own, name="smoothing")
    for place, rows, distances in planes:
        free = volume[place] == 0
        if image is None:
            drawn = np.where(distances <= drawing.rim, rows, 0)
        else:
            picture = np.take(image, place, axis=side)
            drawn = at_edges(rows, distances, free, picture, widths, own)
        np.copyto(volume[place], numbers[drawn], where=free)
    report(Progress(1, 1, {"remarks": _remarks(boxes)}))
    return np.ascontiguousarray(np.moveaxis(volume, 0, side))


def _remarks(boxes: Boxes) -> dict[str, str]:
    """Return what is said of labels that lie in one plane only."""
    flat = boxes.ids[boxes.high[:, 0] == boxes.low[:, 0] + 1]
    if not flat.size:
        return {}
    some = ", ".join(map(str, flat[:3].tolist())) + (", ..." if flat.size > 3 else "")
    return {"one plane": f"Labels in one plane only stay as they are: {some}"}


def _checked_gaps(volume: Array, boxes: Boxes, axis: str) -> list[Gap]:
    """Return what is to be filled, or raise an error if there can be nothing."""
    from napari_tessera.algorithms.geometry.between_planes import gaps_in_labels

    if not boxes.ids.size:
        raise NothingToSeparate("labels is empty; paint objects in two planes or more")
    if (boxes.high[:, 0] == boxes.low[:, 0] + 1).all():
        planes = np.unique(boxes.low[:, 0])
        where = f"plane {planes[0]}" if planes.size == 1 else "one plane each"
        raise NothingToSeparate(
            f"labels has objects in {where} across the axis {axis!r}; paint an object in two "
            "planes or more with the same label, or choose another axis"
        )
    return gaps_in_labels(volume, boxes)
