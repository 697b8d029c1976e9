"""Few colours for many objects, so that neighbours differ, and back from colours to objects."""

from __future__ import annotations

import numpy as np

from napari_tessera.algorithms.labels.ids import renumbered
from napari_tessera.algorithms.labels.numbering import numbered
from napari_tessera.signature.words import Array, VoxelSize


def coloured(objects: Array, spacing: VoxelSize) -> tuple[Array, int]:
    """Return a colour 1, 2, ... for each object; those that are next to one another differ.

    Two objects are neighbours if somewhere no third one is nearer than both.

    Parameters
    ----------
    objects : ndarray of int
        At least one object.
    spacing : VoxelSize

    Returns
    -------
    colours : ndarray of int16
        0 is the background.
    count : int
        How many colours there are.

    Examples
    --------
    >>> coloured(np.array([[1, 0, 7, 7, 0, 9]]), VoxelSize((1, 1)))
    (array([[2, 0, 1, 1, 0, 2]], dtype=int16), 2)
    """
    from napari_tessera.algorithms.geometry.distance import nearest_label

    order, ids = numbered(objects)
    order = order.astype(np.min_scalar_type(ids.size))
    cells = nearest_label(order, spacing)[1]
    count = ids.size - 1
    neighbours: list[set[int]] = [set() for _ in range(count + 1)]
    for axis in range(cells.ndim):
        lead = (slice(None),) * axis
        first, second = cells[(*lead, slice(None, -1))], cells[(*lead, slice(1, None))]
        differ = first != second
        pairs = np.unique(first[differ].astype(np.int64) * (count + 1) + second[differ])
        for one, other in np.stack(np.divmod(pairs, count + 1), -1).tolist():
            neighbours[one].add(other)
            neighbours[other].add(one)
    del cells, first, second, differ
    colour = np.zeros(count + 1, np.int16)
    for each in sorted(range(1, count + 1), key=lambda number: -len(neighbours[number])):
        taken = {int(colour[other]) for other in neighbours[each]}
        colour[each] = next(number for number in range(1, count + 2) if number not in taken)
    return renumbered(order, colour), int(colour.max())


def owned(objects: Array, before: Array, after: Array, spacing: VoxelSize) -> Array:
    """Return the objects that own pixels of a colour: the nearest of that colour.

    Parameters
    ----------
    objects : ndarray of int
    before, after : ndarray of int
        The colour of each pixel, as `coloured` gave it and now.
    spacing : VoxelSize

    Returns
    -------
    ndarray
        Pixels that are not connected to where an object of their colour was become background.

    Examples
    --------
    >>> objects, before = np.array([[5, 5, 0, 0, 0, 8]]), np.array([[1, 1, 0, 0, 0, 1]])
    >>> owned(objects, before, np.array([[0, 1, 1, 0, 1, 1]]), VoxelSize((1, 1)))
    array([[0, 5, 5, 0, 8, 8]])
    """
    from scipy import ndimage

    from napari_tessera.algorithms.geometry.distance import nearest_label

    result = np.zeros_like(objects)
    touching = np.ones((3,) * objects.ndim, bool)
    for colour in range(1, int(before.max()) + 1):
        own, now = before == colour, after == colour
        pieces, number = ndimage.label(now, touching)
        rooted = np.zeros(number + 1, bool)
        rooted[pieces[now & own]] = True
        rooted[0] = False
        kept = renumbered(pieces, rooted)
        del now, pieces  # before the next ones that are as large
        owners = nearest_label(np.where(own, objects, objects.dtype.type(0)), spacing)[1]
        np.copyto(result, owners, where=kept)
    return result
