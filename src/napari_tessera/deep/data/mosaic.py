"""Four images with their objects put together into one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_tessera.algorithms.labels.boxes import mapped
from napari_tessera.algorithms.labels.ids import sizes, smallest_dtype
from napari_tessera.signature.words import Array

MIDDLE = (0.25, 0.75)
"""Where the four images may meet, as shares of the image."""

SMALLEST_SHARE = 0.1
"""Of the pixels of an object that must be left of it."""


def mosaic(
    images: Sequence[Array], labels: Sequence[Array], random: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Return parts of four images beside and above one another, and their objects.

    Nothing is resized. The four meet at a random place around the middle, and each part is cut from
    a random place of its image. Objects of which the cut leaves less than a tenth are background.

    Parameters
    ----------
    images : sequence of ndarray, shape (C, Y, X)
        Four of one shape.
    labels : sequence of ndarray of int, shape (Y, X)
        The objects of each; ids may be the same in several.
    random : Generator

    Returns
    -------
    image : ndarray, shape (C, Y, X)
    labels : ndarray of uint16 or uint32, shape (Y, X)
        Objects 1, 2, 3, ...
    origins : ndarray of int, shape (N, 2)
        For each object, which of the images it comes from (0 to 3), and its id there.

    Raises
    ------
    ValueError
        If there are not four, or their shapes differ.

    References
    ----------
    A. Bochkovskiy, C.-Y. Wang, H.-Y. M. Liao, "YOLOv4: optimal speed and accuracy of object
    detection", arXiv:2004.10934, 2020.

    Examples
    --------
    >>> images = [np.full((1, 4, 4), number) for number in range(4)]
    >>> objects = [np.full((4, 4), 7)] * 4
    >>> image, labels, origins = mosaic(images, objects, np.random.default_rng(1))
    >>> image[0]
    array([[0, 0, 0, 1],
           [0, 0, 0, 1],
           [2, 2, 2, 3],
           [2, 2, 2, 3]])
    >>> labels
    array([[1, 1, 1, 2],
           [1, 1, 1, 2],
           [3, 3, 3, 4],
           [3, 3, 3, 4]], dtype=uint16)
    >>> origins.tolist()
    [[0, 7], [1, 7], [2, 7], [3, 7]]
    """
    _check(images, labels)
    shape = labels[0].shape
    image = np.empty_like(images[0])
    found = np.zeros(shape, np.int64)
    origins: list[tuple[int, int]] = []
    for number, part in enumerate(_quarters(shape, random)):
        source = _somewhere(part, shape, random)
        image[(slice(None), *part)] = images[number][(slice(None), *source)]
        kept = _kept(labels[number], source)
        found[part] = numbered_after(len(origins), labels[number][source], kept)
        origins += [(number, label) for label in kept]
    dtype = smallest_dtype("objects", len(origins))
    return image, found.astype(dtype), np.array(origins, np.int64).reshape(-1, 2)


def _check(images: Sequence[Array], labels: Sequence[Array]) -> None:
    if len(images) != 4 or len(labels) != 4:
        raise ValueError(
            f"images has {len(images)} images and labels {len(labels)}; pass four of each"
        )
    if len({image.shape for image in images}) > 1:
        raise ValueError(f"images has shapes {[i.shape for i in images]}; pass four of one shape")
    for each in labels:
        if each.shape != images[0].shape[1:]:
            raise ValueError(
                f"labels has a plane of shape {each.shape} for images of shape {images[0].shape}; "
                f"pass planes of shape {images[0].shape[1:]}"
            )


def _quarters(shape: tuple[int, ...], random: np.random.Generator) -> list[tuple[slice, slice]]:
    """Return what lies around a random middle: above left, above right, below left and right."""
    y, x = (round(length * random.uniform(*MIDDLE)) for length in shape)
    rows, columns = (slice(0, y), slice(y, shape[0])), (slice(0, x), slice(x, shape[1]))
    return [(row, column) for row in rows for column in columns]


def _somewhere(
    part: tuple[slice, slice], shape: tuple[int, ...], random: np.random.Generator
) -> tuple[slice, slice]:
    """Return a random place of the size of a part."""
    lengths = [place.stop - place.start for place in part]
    starts = [int(random.integers(0, n - own + 1)) for n, own in zip(shape, lengths, strict=True)]
    rows, columns = (slice(s, s + own) for s, own in zip(starts, lengths, strict=True))
    return rows, columns


def _kept(labels: Array, source: tuple[slice, slice]) -> list[int]:
    """Return the objects of which enough pixels lie in a part."""
    whole, left = sizes(labels), sizes(labels[source])
    return [
        label for label, size in left.items() if label and size >= SMALLEST_SHARE * whole[label]
    ]


def numbered_after(before: int, labels: Array, kept: Sequence[int]) -> Array:
    """Return the objects that are kept, numbered from `before` + 1; the others are background.

    Parameters
    ----------
    before : int
        The last number that is taken.
    labels : ndarray of int
    kept : sequence of int
        Ids of objects, rising.

    Examples
    --------
    >>> numbered_after(4, np.array([[9, 0, 7, 3]]), [7, 9])
    array([[6, 0, 5, 0]])
    """
    # no table by id: ids of connectomics and of tracking go up to 2^63
    ids = np.array([label for label in sizes(labels) if label], labels.dtype)
    numbers = np.zeros(ids.size, np.int64)
    numbers[np.searchsorted(ids, np.array(kept, labels.dtype))] = before + 1 + np.arange(len(kept))
    return mapped(labels, ids, numbers)
