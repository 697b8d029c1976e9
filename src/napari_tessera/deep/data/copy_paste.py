"""Objects of one image pasted into another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_tessera.algorithms.labels.ids import sizes, smallest_dtype
from napari_tessera.deep.data.mosaic import SMALLEST_SHARE, numbered_after
from napari_tessera.signature.words import Array

CHANCE = 0.5
"""Of each object to be pasted."""


def copy_pasted(
    images: Sequence[Array], labels: Sequence[Array], random: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Return an image into which some objects of a second one are pasted, where they were there.

    About half of the objects are pasted, each with all of its pixels. Objects of which what is
    pasted leaves less than a tenth are background.

    Parameters
    ----------
    images : sequence of ndarray, shape (C, *P)
        Two of one shape: the one that is pasted into, and the one whose objects are.
    labels : sequence of ndarray of int
        The objects of both, of the images' shape, or smaller by the same margin on every side:
        objects at its border, of which the images show more, are then not pasted. Ids may be the
        same in both.
    random : Generator

    Returns
    -------
    image : ndarray, shape (C, *P)
    labels : ndarray of uint16 or uint32, of the shape of the labels
        Objects 1, 2, 3, ...
    origins : ndarray of int, shape (N, 2)
        For each object, which of the images it comes from (0 or 1), and its id there.

    References
    ----------
    G. Ghiasi et al., "Simple copy-paste is a strong data augmentation method for instance
    segmentation", CVPR 2021.

    Examples
    --------
    >>> images = [np.zeros((1, 1, 6)), np.ones((1, 1, 6))]
    >>> labels = [np.array([[4, 4, 0, 0, 6, 6]]), np.array([[5, 0, 0, 4, 4, 0]])]
    >>> image, found, origins = copy_pasted(images, labels, np.random.default_rng(8))
    >>> image[0], found
    (array([[0., 0., 0., 1., 1., 0.]]), array([[1, 1, 0, 3, 3, 2]], dtype=uint16))
    >>> origins.tolist()
    [[0, 4], [0, 6], [1, 4]]
    """
    (image, source), (own, given) = images, labels
    margin = (image.shape[-1] - own.shape[-1]) // 2
    inner = (slice(None), *(slice(margin, length - margin) for length in image.shape[1:]))
    chosen = _chosen(given, random, whole=margin > 0)
    pasted = np.isin(given, chosen)
    result, rest = image.copy(), np.where(pasted, 0, own)
    result[inner] = np.where(pasted, source[inner], image[inner])
    before, left = sizes(own), sizes(rest)
    kept = [i for i, size in left.items() if i > 0 and size >= SMALLEST_SHARE * before[i]]
    found = numbered_after(0, rest, kept)
    found[pasted] = numbered_after(len(kept), given, chosen)[pasted]
    origins = [(number, label) for number, some in enumerate((kept, chosen)) for label in some]
    dtype = smallest_dtype("objects", len(origins))
    return result, found.astype(dtype), np.array(origins, np.int64).reshape(-1, 2)


def _chosen(labels: Array, random: np.random.Generator, *, whole: bool) -> list[int]:
    """Return about half of the objects; `whole` leaves out those at the border."""
    ids = [label for label in sizes(labels) if label > 0]
    if whole:
        every, inside = sizes(labels), sizes(labels[(slice(1, -1),) * labels.ndim])
        ids = [label for label in ids if inside.get(label) == every[label]]
    return [label for label in ids if random.random() < CHANCE]
