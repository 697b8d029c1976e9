"""Regions of connected pixels."""

from __future__ import annotations

from typing import Literal

import numpy as np

from napari_tessera.algorithms.labels.ids import count, smallest_dtype
from napari_tessera.signature.parameters import checked
from napari_tessera.signature.words import Array, Labels, LabelsAre, Objects, Report, Spacing

Connectivity = Literal["faces", "full"]


@checked
def label(
    labels: Labels,
    *,
    connectivity: Connectivity = "full",
    spacing: Spacing = None,
    report: Report = None,
) -> Objects:
    """Number the connected components, so that classes become objects.

    Pixels belong together when they touch and have the same label.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Classes, or a mask; 0 = background.
    connectivity : {"faces", "full"}
        "faces": neighbours share an edge (4 in a plane) or a face (6 in a volume); "full": corners
        count too (8, 26).
    spacing : sequence of float, optional
        Pixel size along each axis; components do not depend on it.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray of uint16 or uint32
        Objects 1, 2, 3, ... in the order in which a scan meets them.

    References
    ----------
    K. Wu, E. Otoo and A. Shoshani, "Optimizing connected component labeling algorithms", Proc.
    SPIE 5747, 2005.

    Examples
    --------
    >>> label(np.array([[1, 1, 0, 2], [0, 0, 0, 2], [1, 0, 1, 1]]))
    array([[1, 1, 0, 2],
           [0, 0, 0, 2],
           [3, 0, 4, 4]], dtype=uint16)
    """
    from scipy import ndimage

    steps = 1 if connectivity == "faces" else labels.ndim
    if labels.dtype == bool or (labels.min() >= 0 and labels.max() <= 1):
        neighbours = ndimage.generate_binary_structure(labels.ndim, steps)
        objects, highest = ndimage.label(labels, neighbours, np.int32)
    else:
        from skimage import measure

        objects, highest = measure.label(labels, connectivity=steps, return_num=True)
    return np.asarray(objects.astype(smallest_dtype("objects", highest)))


def filled(labels: Array) -> Array:
    """Return labels in which each object's holes are its own; other objects in them stay.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects; 0 = background.

    Returns
    -------
    ndarray
        A copy.

    Examples
    --------
    >>> filled(np.array([[2, 2, 2], [2, 0, 2], [2, 2, 2]]))[1]
    array([2, 2, 2])
    """
    from scipy import ndimage

    result = labels.copy()
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if box is not None:
            part = result[box]
            part[ndimage.binary_fill_holes(labels[box] == number) & (part == 0)] = number
    return result


def guessed_kind(labels: Array) -> LabelsAre:
    """Guess what a plane of labels is: objects are mostly in one piece, classes in several.

    Examples
    --------
    >>> guessed_kind(np.array([[1, 1, 0, 2]])), guessed_kind(np.array([[1, 0, 1, 0, 1]]))
    ('objects', 'classes')
    """
    pieces = count(label(labels))
    return "objects" if pieces < 2 * max(count(labels), 1) else "classes"
