"""Pyramids: an image at half its size, and again at half of that, until it fits on a screen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_tessera.signature.words import Array

SMALLEST = 512
"""Longest side, in pixels, of a plane of which there is no smaller one."""


def halvings(
    shape: Sequence[int], axes: Sequence[str], spacing: Sequence[float]
) -> list[tuple[int, ...]]:
    """Return by what each level of a pyramid is smaller than the one before it.

    Axes in space are halved; those whose pixels are longer wait until the others are as long.

    Parameters
    ----------
    shape, axes, spacing : sequence
        Length, name and pixel size of each axis of the image; y and x are the last.

    Returns
    -------
    list of tuple of int
        1 or 2 for each axis, of every level after the first.

    Examples
    --------
    >>> halvings((60, 2000, 1500), "zyx", (2, 0.5, 0.5))
    [(1, 2, 2), (1, 2, 2)]
    >>> halvings((60, 2000, 1500), "tyx", (2, 0.5, 0.5))
    [(1, 2, 2), (1, 2, 2)]
    >>> halvings((500, 600, 400), "zyx", (1, 1, 1))
    [(2, 2, 2)]
    """
    count = len(shape)
    spatial = [i >= count - 2 or str(axes[i]).lower() == "z" for i in range(count)]
    lengths, sizes = list(shape), list(spacing)
    found: list[tuple[int, ...]] = []
    while max(lengths[-2:]) > SMALLEST:
        finest = min(size for size, own in zip(sizes, spatial, strict=True) if own)
        by = [
            2 if own and n > 1 and size < 1.5 * finest else 1
            for own, n, size in zip(spatial, lengths, sizes, strict=True)
        ]
        if max(by) == 1:  # the finest pixels lie along an axis of one
            by = [2 if own and n > 1 else 1 for own, n in zip(spatial, lengths, strict=True)]
        found.append(tuple(by))
        lengths = [-(-n // step) for n, step in zip(lengths, by, strict=True)]
        sizes = [size * step for size, step in zip(sizes, by, strict=True)]
    return found


def halved(array: Array, by: Sequence[int], *, labels: bool) -> Array:
    """Return an array at a smaller size.

    Parameters
    ----------
    array : ndarray
    by : sequence of int
        1 or 2 for each axis.
    labels : bool
        Whether its numbers are ids, of which the nearest is taken: there are no new ones. Of other
        numbers it is the mean.

    Examples
    --------
    >>> halved(np.array([[1, 1, 4], [1, 2, 4]]), (2, 2), labels=True).tolist()
    [[1, 4]]
    >>> halved(np.array([[1, 1, 4], [1, 5, 5]], np.uint8), (2, 2), labels=False).tolist()
    [[2, 4]]
    """
    if labels or array.dtype == bool:
        return array[tuple(slice(None, None, step) for step in by)]
    odd = [(0, -n % step) for n, step in zip(array.shape, by, strict=True)]
    cells: list[int] = []
    whole = np.pad(array, odd, mode="edge")
    for n, step in zip(whole.shape, by, strict=True):
        cells += [n // step, step]
    wide = np.result_type(array.dtype, np.float32)
    mean = whole.reshape(cells).mean(axis=tuple(range(1, len(cells), 2)), dtype=wide)
    return np.asarray((np.rint(mean) if array.dtype.kind in "iu" else mean).astype(array.dtype))
