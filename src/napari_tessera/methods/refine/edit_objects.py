"""Surgery on objects: merge, split, delete and number anew what a drawn line or points meet."""

from __future__ import annotations

from typing import Annotated

from napari_tessera.algorithms.labels.paths import How
from napari_tessera.methods.refine.steps import merge_change, replace_change, split_change, written
from napari_tessera.signature.parameters import checked
from napari_tessera.signature.words import Labels, NewLabel, Path, Report, Spacing, Word


@checked
def merge(
    labels: Labels,
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
    return written(labels, merge_change(labels, path, how=how))


@checked
def split(
    labels: Labels,
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
    return written(
        labels, split_change(labels, path, how=how, new_label=new_label, spacing=spacing)
    )


@checked
def delete(
    labels: Labels,
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
    return written(labels, replace_change(labels, path, number=0, how=how))


@checked
def replace(
    labels: Labels,
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
    return written(labels, replace_change(labels, path, number=number, how=how))
