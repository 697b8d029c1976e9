"""Windows of an array around seeds, so that what grows from them costs what it covers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box, with_halo
from napari_tessera.signature.words import Array

FIRST = 64
"""Pixels between seeds and the border of the first window."""

WIDER = 3
"""How many times as far the next window reaches: what was grown before is done again, in a plane a
ninth of it."""

LARGEST = 1 / 8
"""Share of the array from which on a window is not worth it: the whole comes next."""


def windows(box: Box, shape: tuple[int, ...]) -> Iterator[Box]:
    """Yield windows of an array around a box, wider and wider; the last one is the whole.

    Examples
    --------
    >>> for window in windows((slice(500, 501),), (4000,)):
    ...     print(window)
    (slice(436, 565, None),)
    (slice(308, 693, None),)
    (slice(0, 4000, None),)
    """
    whole = tuple(slice(0, length) for length in shape)
    margin = FIRST
    while True:
        window = with_halo(box, shape, (margin,) * len(shape)).seen
        if _pixels(window) > LARGEST * _pixels(whole):
            break
        yield window
        margin *= WIDER
    yield whole


def reaches_out(labels: Array, window: Box, shape: tuple[int, ...]) -> bool:
    """Tell whether what grew in a window lies at a border of it, behind which there is more.

    If not, no pixel outside was ever a neighbour: it would have grown alike in the whole array.

    Examples
    --------
    >>> grown = np.array([[0, 0, 3]])
    >>> [reaches_out(grown, (slice(0, 1), slice(2, 5)), shape) for shape in ((1, 5), (1, 9))]
    [False, True]
    """
    for axis, (own, length) in enumerate(zip(window, shape, strict=True)):
        ends = [end for end, inner in ((0, own.start > 0), (-1, own.stop < length)) if inner]
        if labels.take(ends, axis).any():
            return True
    return False


def _pixels(box: Box) -> int:
    return int(np.prod([own.stop - own.start for own in box]))
