"""Clicks as a person would make them, who knows what the object is."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_tessera.algorithms.halo_tiles import extent
from napari_tessera.algorithms.picking.marks import OFF, ON
from napari_tessera.signature.words import Array


def next_click(
    truth: Array, mask: Array, random: np.random.Generator | None = None, *, depth: float = 1.0
) -> tuple[int, Array] | None:
    """Return the sign of the next click and its place; None if nothing is wrong.

    It lies in the middle of the largest connected error, where the distance to its border is
    largest; the first one, with an empty mask, in the middle of the object.

    Parameters
    ----------
    truth, mask : ndarray of bool
        The object, and the answer so far.
    random : Generator, optional
        Who clicks not in the very middle.
    depth : float
        With it, the click lies where the distance to the border is at least this share of the
        largest.

    References
    ----------
    N. Xu et al., "Deep interactive object selection", CVPR 2016.

    Examples
    --------
    >>> truth = np.zeros((5, 9), bool)
    >>> truth[1:4, 1:8] = True
    >>> next_click(truth, np.zeros_like(truth))
    (1, array([2, 2]))
    >>> next_click(truth, np.ones_like(truth))[0]
    -1
    """
    wrong = truth ^ mask
    if not wrong.any():
        return None
    box = extent(wrong)
    sign, piece = max(
        (_largest(own[box], sign) for sign, own in ((ON, truth & ~mask), (OFF, mask & ~truth))),
        key=lambda found: np.count_nonzero(found[1]),
    )
    distance = ndimage.distance_transform_edt(np.pad(piece, 1))[1:-1, 1:-1]
    if random is None:
        place = np.array(np.unravel_index(distance.argmax(), distance.shape))
    else:
        place = random.choice(np.argwhere(distance >= depth * distance.max()))
    return sign, place + [side.start for side in box]


def _largest(wrong: Array, sign: int) -> tuple[int, Array]:
    """Return a sign and the largest connected piece of what is wrong."""
    pieces, count = ndimage.label(wrong)
    sizes = np.bincount(pieces.ravel(), minlength=2)
    sizes[0] = 0
    return sign, pieces == sizes.argmax() if count else np.zeros_like(wrong)
