"""The shape of objects: thinned to a skeleton, or filled up to the convex hull."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_tessera.algorithms.child_process import stoppable
from napari_tessera.algorithms.labels.components import components
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import Array, Labels, Refined, Report, Spacing, VoxelSize

if TYPE_CHECKING:
    from napari_tessera.algorithms.labels.boxes import Boxes


@checked
def skeleton(labels: Refined, *, spacing: Spacing = None, report: Report = None) -> Labels:
    """Thin each object to lines one pixel wide along its middle.

    Each object is thinned as if it were alone, also where it touches others or the border of the
    array. Objects and classes come out the same: of a class, each piece becomes a skeleton. In
    volumes, what is two pixels thick may shorten from its ends, in the extreme to one pixel.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects or classes, a plane or a volume; 0 = background.
    spacing : sequence of float, optional
        Pixel size along each axis; pixels are thinned as if they were as long as wide.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray
        In the dtype of `labels`, with as many pieces (corners count as contact) as before.

    References
    ----------
    T. Y. Zhang and C. Y. Suen, "A fast parallel algorithm for thinning digital patterns",
    Communications of the ACM 27(3), 1984 (planes). T.-C. Lee, R. L. Kashyap and C.-N. Chu,
    "Building skeleton models via 3-D medial surface/axis thinning algorithms", CVGIP: Graphical
    Models and Image Processing 56(6), 1994 (volumes).

    Examples
    --------
    >>> skeleton(np.array([[1, 1, 1, 2, 2, 2]] * 5))
    array([[0, 1, 0, 0, 2, 0],
           [0, 1, 0, 0, 2, 0],
           [0, 1, 0, 0, 2, 0],
           [0, 0, 0, 0, 0, 0],
           [0, 0, 0, 0, 0, 0]])
    """
    from napari_tessera.algorithms.labels.boxes import found
    from napari_tessera.algorithms.labels.canvas import each

    report = Reporter.of(report)
    pieces = labels if labels.ndim == 2 else components(labels)
    boxes = found(pieces, report.part(0, 10))

    def thinned(mask: Array) -> Array:
        return stoppable("skimage.morphology", "skeletonize", {"image": mask}, {}, report) > 0

    lines = each(pieces, boxes, thinned, report)
    if labels.ndim == 2:
        return lines
    _keep_one(lines, pieces, boxes)
    return np.where(lines, labels, labels.dtype.type(0))


def _keep_one(lines: Array, pieces: Array, boxes: Boxes) -> None:
    """Give back its innermost pixel to each piece of which thinning has left nothing."""
    from napari_tessera.algorithms.geometry.distance import squared_distance
    from napari_tessera.algorithms.labels.boxes import found

    even = VoxelSize((1,) * pieces.ndim)
    gone = np.setdiff1d(boxes.ids, found(lines).ids, assume_unique=True)
    for number, row in zip(gone, boxes.rows(gone), strict=True):
        box = boxes.box(row)
        depth = squared_distance(np.pad(pieces[box] == number, 1), even)
        deepest = np.unravel_index(depth.argmax(), depth.shape)
        lines[box][tuple(int(place) - 1 for place in deepest)] = number


@checked
def convex_hull(labels: Refined, *, spacing: Spacing = None, report: Report = None) -> Labels:
    """Fill each object up to its convex hull, over background only.

    A pixel is in the hull if its centre lies within the smallest convex shape that holds the
    centres of the object's pixels.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects, a plane or a volume; 0 = background. Each id has one hull, even in several pieces.
    spacing : sequence of float, optional
        Pixel size along each axis, for distances where hulls overlap.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray
        In the dtype of `labels`. Where hulls overlap, a pixel goes to the nearest of their
        objects; of two as near, to the lower id.

    References
    ----------
    A. M. Andrew, "Another efficient algorithm for convex hulls in two dimensions", Information
    Processing Letters 9(5), 1979. C. B. Barber, D. P. Dobkin and H. Huhdanpaa, "The quickhull
    algorithm for convex hulls", ACM Trans. Mathematical Software 22(4), 1996 (volumes).

    Examples
    --------
    >>> convex_hull(np.array([[1, 0, 0, 1], [1, 0, 2, 1], [1, 1, 1, 1]]))
    array([[1, 1, 1, 1],
           [1, 1, 2, 1],
           [1, 1, 1, 1]])
    """
    from napari_tessera.algorithms.geometry.hull_filling import filled_out
    from napari_tessera.algorithms.labels.boxes import found

    report, voxel = Reporter.of(report), VoxelSize.of(spacing, labels.ndim)
    boxes = found(labels, report.part(0, 10))
    return filled_out(labels, boxes, voxel, report)
