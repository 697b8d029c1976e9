"""What the mouse has drawn, as marks: places along a stroke, the corners of a box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MOST = 9
"""Marks that one stroke makes at most."""


def spaced(path: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Return places along a path, evenly; the first one if it hardly moves.

    Examples
    --------
    >>> spaced([(3, 5), (3, 6)])
    [(3, 5)]
    >>> spaced([(3, x) for x in range(9)])
    [(3, 0), (3, 3), (3, 6), (3, 8)]
    """
    steps = np.linalg.norm(np.diff(np.array(path, float), axis=0), axis=1)
    along = np.concatenate([[0], np.cumsum(steps)])
    if along[-1] < 2:
        return [path[0]]
    count = int(min(MOST, 2 + along[-1] // 4))
    at = np.searchsorted(along, np.linspace(0, along[-1], count))
    return [path[place] for place in dict.fromkeys(at.tolist())]


def corners(path: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Return the corners of the box between the ends of a path, the first one again at the end.

    Examples
    --------
    >>> corners([(7, 1, 2), (7, 3, 3), (7, 4, 6)])
    [(7, 1, 2), (7, 1, 6), (7, 4, 6), (7, 4, 2), (7, 1, 2)]
    """
    (*front, top, left), (*_, bottom, right) = path[0], path[-1]
    around = ((top, left), (top, right), (bottom, right), (bottom, left), (top, left))
    return [(*front, y, x) for y, x in around]
