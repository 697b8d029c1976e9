"""One picture of a file: a plane of its image, with the outlines of what was found in it."""

from __future__ import annotations

from functools import singledispatch
from itertools import pairwise
from typing import Any

import numpy as np

from napari_tessera.batch.file_results import FileResults
from napari_tessera.pipeline.result import ImageResult, Labelled, PolygonSet, Result, ScoreMaps
from napari_tessera.pipeline.source import Source, grey
from napari_tessera.signature.words import Array

SIDE = 1200
"""Most pixels of an overview along a side; larger planes are thinned."""

_EXTREMES = (0.5, 99.5)
"""Percentiles between which an image is shown."""


def overview(results: FileResults, side: int = SIDE) -> Array:
    """Return a picture of what was found in a file.

    Parameters
    ----------
    results : FileResults
    side : int
        Most pixels along a side.

    Returns
    -------
    ndarray of uint8, shape (Y, X, 3)
        Of a stack, the plane in the middle.
    """
    found = results.labels or results.last(PolygonSet, ImageResult, ScoreMaps)
    image = results.image
    if image is None:  # the recipe began with labels
        shape = results.source.shape if results.labels is None else results.labels.array.shape
        plane = np.zeros((*shape[-2:], 3), np.uint8)
    else:
        plane = _plane(image, tuple(n // 2 for n in image.shape[:-2]))
    return _thin(plane, side) if found is None else drawn(found, plane, side)


@singledispatch
def drawn(result: Result, plane: Array, side: int) -> Array:
    """Return the middle plane of a result drawn over that of its image.

    Parameters
    ----------
    result : Result
    plane : ndarray of uint8, shape (Y, X, 3)
    side : int
        Most pixels along a side of what is returned.
    """
    return _thin(plane, side)


@drawn.register
def _(result: Labelled, plane: Array, side: int) -> Array:
    return labels_on_image(plane, _middle(result.array), side)


def labels_on_image(image: Array, labels: Array, side: int) -> Array:
    """Return labels as coloured areas with outlines on their image.

    Parameters
    ----------
    image : ndarray, shape (Y, X) or (Y, X, 3)
        Grey levels, without their extremes, or colours.
    labels : ndarray of int, shape (Y, X)
    side : int
        Most pixels along a side of what is returned.

    Returns
    -------
    ndarray of uint8, shape (y, x, 3)

    Examples
    --------
    >>> labels_on_image(np.zeros((400, 200)), np.zeros((400, 200), int), 100).shape
    (100, 50, 3)
    """
    picture, small = _shown(_thin(image, side)).astype(np.float32), _thin(labels, side)
    inside = small > 0
    picture[inside] = 0.75 * picture[inside] + 0.25 * hues(small[inside])
    lines = rims(small)
    picture[lines] = hues(small[lines])
    return np.asarray(picture.astype(np.uint8))


@drawn.register
def _(result: PolygonSet, plane: Array, side: int) -> Array:
    from skimage.draw import line as pixels_between

    picture, step = _thin(plane, side).copy(), _step(plane.shape, side)
    ends = np.array(picture.shape[:2])[:, None] - 1
    leads = {tuple(np.rint(line[0, :-2]).tolist()) for line in result.polygons}
    middle = sorted(leads)[len(leads) // 2] if leads else ()
    for number, line in enumerate(result.polygons, 1):
        if tuple(np.rint(line[0, :-2]).tolist()) == middle:
            corners = np.rint(line[:, -2:] / step).astype(int).tolist()
            for one, other in pairwise(corners):
                y, x = np.clip(pixels_between(*one, *other), 0, ends)
                picture[y, x] = hues(np.array([number]))
    return picture


@drawn.register(ImageResult)
@drawn.register(ScoreMaps)
def _(result: Result, plane: Array, side: int) -> Array:
    return _thin(_shown(_middle(result.array)), side)


def rims(labels: Array) -> Array:
    """Return where labels end: pixels of objects that touch others or the background.

    Examples
    --------
    >>> rims(np.array([[0, 1, 1, 1, 2]])).astype(int).tolist()
    [[0, 1, 0, 1, 1]]
    """
    found = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        low = np.moveaxis(labels, axis, 0)[:-1]
        high = np.moveaxis(labels, axis, 0)[1:]
        ends, at = low != high, np.moveaxis(found, axis, 0)
        at[:-1] |= ends
        at[1:] |= ends
    return found & (labels > 0)


def hues(ids: Array) -> Array:
    """Return a bright colour for each label, far from those of its neighbours in number.

    Examples
    --------
    >>> hues(np.array([1])).shape
    (1, 3)
    """
    turn = (ids[..., None] * 0.618034) % 1 * 6  # the golden ratio never comes back
    return np.asarray(255 * np.clip(np.abs((turn + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1))


def _plane(image: Source, index: tuple[int, ...]) -> Array:
    """Return a plane of an image in colours, from 0 to 255."""
    axis, box = image.channel_axis, [*index, slice(None), slice(None)]
    if axis is None:
        return _shown(np.asarray(image.array[tuple(box)]))
    box.insert(axis, slice(None))
    piece = np.moveaxis(np.asarray(image.array[tuple(box)]), axis - min(len(index), axis), -1)
    return _shown(piece[..., :3] if image.rgb else grey(piece))


def _shown(plane: Array) -> Array:
    """Return grey values or colours as colours from 0 to 255, without their extremes."""
    if plane.ndim == 3 and plane.dtype == np.uint8:
        return plane[..., :3]
    values = np.nan_to_num(plane.astype(np.float32), nan=0, posinf=0, neginf=0)
    if plane.ndim == 2:
        low, high = np.percentile(values, _EXTREMES)
        values = np.repeat(((values - low) / max(high - low, 1e-9))[..., None], 3, axis=-1)
    elif plane.dtype.kind in "ui":
        values /= np.iinfo(plane.dtype).max
    return np.asarray((np.clip(values, 0, 1) * 255).astype(np.uint8))


def _middle(array: Any) -> Array:
    """Return the plane in the middle along the axes in front."""
    return np.asarray(array[tuple(n // 2 for n in array.shape[:-2])])


def _step(shape: tuple[int, ...], side: int) -> float:
    """Return how many pixels become one, 1 or more."""
    return max(shape[:2]) / min(side, max(shape[:2]))


def _thin(plane: Array, side: int) -> Array:
    step = _step(plane.shape, side)
    counts = (max(1, round(n / step)) for n in plane.shape[:2])
    return np.asarray(plane[np.ix_(*((np.arange(n) * step).astype(int) for n in counts))])
