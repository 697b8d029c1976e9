"""The paths of composite ROIs of ImageJ, and whether ROIs are as they were written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from napari_tessera.signature.words import Array

CURVE = 16
"""Into how many lines a curve is cut."""


def rois_digest(rois: Sequence[bytes]) -> str:
    """Return a hash of ROIs: what is kept of them counts while they are as written."""
    return hashlib.sha256(b"".join(rois)).hexdigest()


def rings(path: Array | None) -> Iterator[Array]:
    """Yield the closed lines (x, y) of a path: move, line, curve of two or of three points, close.

    Examples
    --------
    >>> [ring.tolist() for ring in rings(np.array([0, 1, 1, 1, 5, 1, 1, 5, 5, 4.0]))]
    [[[1.0, 1.0], [5.0, 1.0], [5.0, 5.0]]]
    """
    values = [] if path is None else np.asarray(path, float).tolist()
    place, line = 0, list[list[float]]()
    while place < len(values):
        step = int(values[place])
        if step not in _POINTS_OF:
            raise ValueError(f"has a step {step} in its path, which ImageJ does not know")
        count = 2 * _POINTS_OF[step]
        numbers = values[place + 1 : place + 1 + count]
        if len(numbers) < count or (step and not line):
            raise ValueError("has a path that is not complete")
        given = np.array(numbers).reshape(-1, 2)
        place += 1 + count
        if step == 0 and len(line) > 1:
            yield np.array(line)
        if step in (0, 4):
            if step == 4:
                yield np.array(line)
            line = given.tolist()
        else:
            line += _curve(np.array([line[-1], *given]))
    if len(line) > 1:
        yield np.array(line)


_POINTS_OF = {0: 1, 1: 1, 2: 2, 3: 3, 4: 0}
"""How many points follow a step of a path."""


def _curve(corners: Array) -> list[list[float]]:
    """Return the points of a Bezier curve after its first, by de Casteljau."""
    count = CURVE if len(corners) > 2 else 1
    points = []
    for share in np.arange(1, count + 1) / count:
        own = corners
        while len(own) > 1:
            own = own[:-1] + share * (own[1:] - own[:-1])
        points.append(own[0].tolist())
    return points


def depth(ring: Array, others: Sequence[Array]) -> int:
    """Return in how many others a ring lies."""
    from skimage.measure import points_in_poly

    inside = ring.mean(axis=0) if len(ring) < 4 else (ring[0] + ring[1] + ring[2]) / 3
    return sum(
        bool(points_in_poly([ring[0]], other)[0] and points_in_poly([inside], other)[0])
        for other in others
        if other is not ring
    )
