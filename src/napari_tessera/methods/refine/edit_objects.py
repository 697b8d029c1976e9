"""Surgery on objects: merge, split, delete and number anew what a drawn line or points meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from napari_tessera.algorithms.labels.paths import (
    How,
    crossed,
    inside_array,
    over_faces,
    pixels_on_path,
    pixels_under,
    wall,
)
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    Labels,
    NewLabel,
    Path,
    Refined,
    Report,
    Spacing,
    VoxelSize,
    Word,
)


@checked
def merge(
    labels: Refined,
    *,
    path: Path,
    how: How = "line",
    spacing: Spacing = None,
    report: Report = None,
) -> Labels:
    """Make one object of all those that a line crosses or points hit.

    Background between them is not bridged: they become one id, in several pieces if they do not
    touch.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects, a plane or a volume; 0 = background.
    path : tuple of points
        In pixels: (Y, X), in a volume (Z, Y, X).
    how : {"line", "points"}
        Whether a line through the points is meant, or what lies under each of them.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray
        In the dtype of `labels`; the object that is met first gives its id.

    Raises
    ------
    ValueError
        If fewer than two objects are met.

    Examples
    --------
    >>> import numpy as np
    >>> merge(np.array([[1, 1, 2, 2, 0, 3]]), path=((0, 2), (0, 5)))
    array([[1, 1, 2, 2, 0, 2]])
    """
    return with_change(labels, merge_change(labels, path, how=how))


@checked
def split(
    labels: Refined,
    *,
    path: Path,
    how: How = "line",
    new_label: NewLabel = None,
    spacing: Spacing = None,
    report: Report = None,
) -> Labels:
    """Split objects along a drawn line, or one object between points.

    A line cuts every object that it crosses from side to side, in a volume through the whole
    object, upright on the plane in which it is drawn. Points in one object divide it where it is
    narrow between them, as a watershed does; points in one lobe of it divide that halfway.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects, a plane or a volume; 0 = background.
    path : tuple of points
        In pixels: (Y, X), in a volume (Z, Y, X).
    how : {"line", "points"}
        Whether a line through the points cuts, or each point marks one part.
    new_label : int, optional
        The first id for a new part; None = one more than the highest.
    spacing : sequence of float, optional
        Pixel size along each axis; distances respect it.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray
        In the dtype of `labels`; no pixel is lost. The largest part keeps the id (with points, the
        part of the first one); the others get new ids.

    Raises
    ------
    ValueError
        If nothing is separated, the points do not lie in one object, or no id is left in the dtype.

    References
    ----------
    F. Meyer, "Topographic distance and watershed lines", Signal Processing 38(1), 1994 (points).

    Examples
    --------
    >>> import numpy as np
    >>> split(np.array([[4, 4, 4, 4, 4], [4, 4, 4, 4, 4]]), path=((0, 3), (1, 3)))
    array([[4, 4, 4, 4, 5],
           [4, 4, 4, 4, 5]])
    """
    return with_change(
        labels, split_change(labels, path, how=how, new_label=new_label, spacing=spacing)
    )


@checked
def delete(
    labels: Refined,
    *,
    path: Path,
    how: How = "line",
    spacing: Spacing = None,
    report: Report = None,
) -> Labels:
    """Delete the objects that a line crosses or points hit.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects, a plane or a volume; 0 = background.
    path : tuple of points
        In pixels: (Y, X), in a volume (Z, Y, X).
    how : {"line", "points"}
        Whether a line through the points is meant, or what lies under each of them.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray
        In the dtype of `labels`; the other objects keep their ids.

    Raises
    ------
    ValueError
        If no object is met.

    Examples
    --------
    >>> import numpy as np
    >>> delete(np.array([[1, 1, 2, 2, 0, 3]]), path=((0, 2),))
    array([[1, 1, 0, 0, 0, 3]])
    """
    return with_change(labels, replace_change(labels, path, number=0, how=how))


@checked
def replace(
    labels: Refined,
    *,
    path: Path,
    number: Annotated[int, Word(low=0)],
    how: How = "line",
    spacing: Spacing = None,
    report: Report = None,
) -> Labels:
    """Give the objects that a line crosses or points hit another id.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects, a plane or a volume; 0 = background.
    path : tuple of points
        In pixels: (Y, X), in a volume (Z, Y, X).
    number : int
        The new id; that of another object makes them one with it, 0 deletes them.
    how : {"line", "points"}
        Whether a line through the points is meant, or what lies under each of them.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray
        In the dtype of `labels`.

    Raises
    ------
    ValueError
        If no object is met, or the dtype of `labels` cannot hold the id.

    Examples
    --------
    >>> import numpy as np
    >>> replace(np.array([[1, 1, 2, 2, 0, 3]]), path=((0, 0), (0, 2)), number=7)
    array([[7, 7, 7, 7, 0, 3]])
    """
    return with_change(labels, replace_change(labels, path, number=number, how=how))


BoxLabels = tuple[tuple[slice, ...], Array]
"""A box of the labels, and the values that come there."""

Drawn = Sequence[Sequence[float]]


def with_change(labels: Array, change: BoxLabels) -> Array:
    """Return a copy of labels with a change written into it."""
    box, values = change
    result = labels.copy()
    result[box] = values
    return result


def merge_change(labels: Array, path: Drawn, *, how: How = "line") -> BoxLabels:
    """Return what `merge` changes."""
    ids = crossed(labels, pixels_under(path, labels.shape, how))
    if len(ids) < 2:
        met = f"only object {ids[0]}" if ids else "no object"
        raise ValueError(f"path meets {met}; draw it over all objects that are to become one")
    return _renamed(labels, ids[1:], ids[0])


def replace_change(labels: Array, path: Drawn, *, number: int, how: How = "line") -> BoxLabels:
    """Return what `replace` changes; with `number` 0, what `delete` does."""
    ids = crossed(labels, pixels_under(path, labels.shape, how))
    if not ids:
        raise ValueError("path meets no object; click on one, or draw a line over several")
    check_room(labels, number)
    return _renamed(labels, ids, number)


def split_change(
    labels: Array,
    path: Drawn,
    *,
    how: How = "line",
    new_label: int | None = None,
    spacing: Spacing = None,
) -> BoxLabels:
    """Return what `split` changes."""
    voxel = VoxelSize.of(spacing, labels.ndim)
    if how == "points":
        seeds = pixels_under(path, labels.shape, how)
        return _divided(labels, seeds, len(path), voxel, new_label)
    line = over_faces(pixels_on_path(path, labels.ndim, how))
    return _cut(labels, inside_array(line, labels.shape), voxel, new_label)


def check_room(labels: Array, highest: int) -> None:
    """Raise an error if the dtype of labels cannot hold an id."""
    most = 1 if labels.dtype == bool else np.iinfo(labels.dtype).max
    if highest > most:
        raise ValueError(
            f"labels has dtype {labels.dtype}, which ends at {most}, and the id {highest} is "
            "wanted; convert it to a larger one, or number the objects without gaps first"
        )


def _cut(labels: Array, line: Array, voxel: VoxelSize, new_label: int | None) -> BoxLabels:
    from napari_tessera.algorithms.geometry.splitting import cut_apart
    from napari_tessera.algorithms.labels.boxes import found

    ids = crossed(labels, line)
    if not ids:
        raise ValueError("path meets no object; draw the line across one")
    boxes = found(labels)
    around = boxes.around(ids, labels.shape)
    values, highest = labels[around].copy(), _highest(boxes.ids, new_label)
    for label in ids:
        box = boxes.around([label], labels.shape)
        region = labels[box] == label
        parts, count = cut_apart(region, region & wall(line, box), voxel)
        check_room(labels, highest + count)
        own = values[_seen_from(around, box)]
        own[parts > 0] = _new_ids(parts[parts > 0], highest, labels)
        highest += count
    if highest == _highest(boxes.ids, new_label):
        raise ValueError(
            f"path separates nothing of object {', '.join(map(str, ids))}; the line must cross the "
            "object from side to side"
        )
    return around, values


def _highest(ids: Array, new_label: int | None) -> int:
    """Return the id after which new ones begin."""
    return int(ids[-1]) if new_label is None else new_label - 1


def _divided(
    labels: Array, seeds: Array, count: int, voxel: VoxelSize, new_label: int | None
) -> BoxLabels:
    from napari_tessera.algorithms.geometry.splitting import divided
    from napari_tessera.algorithms.labels.boxes import found

    under = labels[tuple(seeds.T)].tolist()
    if len(set(map(tuple, seeds.tolist()))) < max(count, 2):
        raise ValueError("path needs two or more points in the labels, each on a pixel of its own")
    if 0 in under or len(set(under)) > 1:
        names = (f"object {each}" if each else "background" for each in dict.fromkeys(under))
        places = " and ".join(names)
        raise ValueError(
            f"path has points on {places}; place all of them in the object that is to be divided"
        )
    boxes = found(labels)
    box = boxes.around(under[:1], labels.shape, margin=1)
    highest = _highest(boxes.ids, new_label)
    check_room(labels, highest + count - 1)
    low = np.array([each.start for each in box])
    parts = divided(labels[box] == under[0], seeds - low, voxel)
    values = labels[box].copy()
    values[parts > 1] = _new_ids(parts[parts > 1] - 1, highest, labels)
    return box, values


def _renamed(labels: Array, ids: Sequence[int], number: int) -> BoxLabels:
    from napari_tessera.algorithms.labels.boxes import found

    box = found(labels).around(ids, labels.shape)
    values = labels[box].copy()
    values[np.isin(values, np.array(ids, labels.dtype))] = number
    return box, values


def _new_ids(parts: Array, highest: int, labels: Array) -> Array:
    return np.asarray(parts.astype(labels.dtype) + labels.dtype.type(highest))


def _seen_from(around: tuple[slice, ...], box: tuple[slice, ...]) -> tuple[slice, ...]:
    """Return a box as part of one that holds it."""
    return tuple(
        slice(a.start - b.start, a.stop - b.start) for a, b in zip(box, around, strict=True)
    )
