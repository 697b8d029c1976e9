"""Erosion, dilation, opening, closing and gradient of every label at once."""

from __future__ import annotations

import numpy as np

from napari_tessera.algorithms.morphology.elements import Element
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array, VoxelSize


def erosion(labels: Array, element: Element, voxel: VoxelSize, report: Reporter) -> Array:
    """Return the pixels around which the element holds no other label.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        0 = background.
    element : Element
    voxel : VoxelSize
        Pixel size along each axis.
    report : Reporter

    Returns
    -------
    ndarray

    Examples
    --------
    >>> from napari_tessera.algorithms.morphology.elements import element
    >>> how = element("ball", (1.0, 1.0)), VoxelSize((1, 1)), Reporter()
    >>> erosion(np.array([[1, 1, 2, 2, 2, 0, 3]]), *how)
    array([[1, 0, 0, 2, 0, 0, 0]])
    """
    from napari_tessera.algorithms.morphology.reach import touched

    return _only(labels, ~touched(labels, element, report))


def label_gradient(labels: Array, element: Element, voxel: VoxelSize, report: Reporter) -> Array:
    """Return the pixels that `erosion` takes away.

    Examples
    --------
    >>> from napari_tessera.algorithms.morphology.elements import element
    >>> how = element("ball", (1.0, 1.0)), VoxelSize((1, 1)), Reporter()
    >>> label_gradient(np.array([[1, 1, 2, 2, 2, 0, 3]]), *how)
    array([[0, 1, 2, 0, 2, 0, 3]])
    """
    from napari_tessera.algorithms.morphology.reach import touched

    return _only(labels, touched(labels, element, report))


def opening(labels: Array, element: Element, voxel: VoxelSize, report: Reporter) -> Array:
    """Return the pixels that lie in an element which holds no other label.

    Examples
    --------
    >>> from napari_tessera.algorithms.morphology.elements import element
    >>> how = element("ball", (1.0, 1.0)), VoxelSize((1, 1)), Reporter()
    >>> opening(np.array([[1, 1, 2, 2, 2, 0, 3]]), *how)
    array([[1, 1, 2, 2, 2, 0, 0]])
    """
    from napari_tessera.algorithms.morphology.reach import covered, touched

    # around a pixel that erosion leaves, all that the element covers is its own: none is contested
    left = ~touched(labels, element, report.part(0, 2)) & (labels != 0)
    return _only(labels, covered(left, element, report.part(1, 2)))


def dilation(labels: Array, element: Element, voxel: VoxelSize, report: Reporter) -> Array:
    """Return labels grown into the background; the nearest object gets what several reach.

    Examples
    --------
    >>> from napari_tessera.algorithms.morphology.elements import element
    >>> how = element("ball", (1.0, 1.0)), VoxelSize((1, 1)), Reporter()
    >>> dilation(np.array([[1, 0, 0, 2, 0, 1, 0]]), *how)
    array([[1, 1, 2, 2, 1, 1, 1]])
    """
    from napari_tessera.algorithms.morphology.closing import grown

    return grown(labels, element, voxel, report)


def closing(labels: Array, element: Element, voxel: VoxelSize, report: Reporter) -> Array:
    """Return each object dilated and eroded by itself; only background is added to it.

    Examples
    --------
    >>> from napari_tessera.algorithms.morphology.elements import element
    >>> how = element("ball", (1.0, 1.0)), VoxelSize((1, 1)), Reporter()
    >>> closing(np.array([[1, 0, 0, 2, 0, 2, 0, 0]]), *how)
    array([[1, 0, 0, 2, 2, 2, 0, 0]])
    """
    from napari_tessera.algorithms.morphology.closing import closed

    return closed(labels, element, voxel, report)


def _only(labels: Array, where: Array) -> Array:
    return np.where(where, labels, labels.dtype.type(0))
