"""Polygons filled: how they become labels again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_tessera.signature.words import Array

FARTHEST = 1e15
"""Largest coordinate of a vertex: compiled code counts rows and columns as whole numbers."""


def polygons_to_labels(
    polygons: Sequence[Array], shape: tuple[int, int], labels: Sequence[int] | Array | None = None
) -> NDArray[np.int32]:
    """Fill closed polygons: a pixel belongs to the polygon that its centre lies in.

    Where polygons of one label lie within one another, the inner one is a hole, the next an island
    again. Where polygons of two labels overlap, the higher label wins.

    Parameters
    ----------
    polygons : sequence of ndarray, shape (N, 2)
        Closed: each repeats its first vertex. Vertices are (y, x) in pixels.
    shape : tuple of int
        Of the result, (Y, X); what lies outside is cut off.
    labels : sequence of int, optional
        The label of each polygon; None = 1, 2, 3, ...

    Returns
    -------
    ndarray of int32, shape (Y, X)
        0 = background.

    Raises
    ------
    ValueError
        If a polygon is open, no polygon in a plane or too far away, or the number of labels is
        wrong.

    Examples
    --------
    >>> square = np.array([[0.5, 0.5], [0.5, 2.5], [2.5, 2.5], [2.5, 0.5], [0.5, 0.5]])
    >>> polygons_to_labels([square], (3, 4))
    array([[0, 0, 0, 0],
           [0, 1, 1, 0],
           [0, 1, 1, 0]], dtype=int32)
    """
    lines = [np.asarray(polygon, np.float64) for polygon in polygons]
    for number, line in enumerate(lines):
        _check_closed(line, number)
    ids = np.arange(1, len(lines) + 1) if labels is None else np.asarray(labels)
    if len(ids) != len(lines):
        raise ValueError(f"labels has {len(ids)} entries for {len(lines)} polygons; pass one each")
    result = np.zeros(shape, np.int32)
    order = np.argsort(ids, kind="stable")
    if len(order):
        starts = np.cumsum([0, *(len(lines[k]) for k in order)])
        _fill(np.concatenate([lines[k] for k in order]), starts, ids[order], result)
    return result


def _check_closed(line: Array, number: int) -> None:
    if line.ndim != 2 or line.shape[1] != 2 or not np.isfinite(line).all():
        raise ValueError(
            f"polygons[{number}] has shape {line.shape}; pass finite vertices (y, x), shape (N, 2)"
        )
    if np.abs(line).max(initial=0) > FARTHEST:
        raise ValueError(
            f"polygons[{number}] has a vertex at {np.abs(line).max():g}; pass pixels, which lie "
            f"within {FARTHEST:g}"
        )
    if len(line) < 2 or (line[0] != line[-1]).any():
        raise ValueError(
            f"polygons[{number}] is open: its first vertex and its last are not the same; leave it "
            "out, or repeat the first vertex at the end"
        )


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _fill(vertices: Any, starts: Any, ids: Any, result: Any) -> None:
    """Fill polygons, sorted by id, by parity: toggle at each crossing, then sum along the rows."""
    rows, columns = result.shape
    first = 0
    while first < ids.size:
        last = first
        while last < ids.size and ids[last] == ids[first]:
            last += 1
        part = vertices[starts[first] : starts[last]]
        top, left = max(0, int(np.ceil(part[:, 0].min()))), int(np.ceil(part[:, 1].min()))
        left = min(max(0, left), columns)
        height = max(0, min(rows - 1, int(np.floor(part[:, 0].max()))) - top + 1)
        width = max(0, min(columns, int(np.ceil(part[:, 1].max()))) - left) + 1
        # whether each polygon fills a pixel is a matter of its centre alone, so that outlines
        # filled again are the labels they came from. `skimage.draw.polygon`, polygon by polygon,
        # took 2.7 s where this takes 22 ms (4260 outlines in 2048 x 2048), and gave 12 000 pixels
        # to another label
        toggles = np.zeros((height, width), np.bool_)
        for k in range(first, last):
            _cross(vertices[starts[k] : starts[k + 1]], top, left, toggles)
        for y in range(height):
            inside = False
            for x in range(width - 1):
                inside ^= toggles[y, x]
                if inside:
                    result[top + y, left + x] = ids[first]
        first = last


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _cross(line: Any, top: int, left: int, toggles: Any) -> None:
    """Toggle the first pixel behind each crossing of the line with a row of pixel centres."""
    height, width = toggles.shape
    for i in range(len(line) - 1):
        a, b = (i, i + 1) if line[i, 0] < line[i + 1, 0] else (i + 1, i)
        # rows from the upper vertex on, the lower one not included: vertices count once
        low = max(int(np.ceil(line[a, 0])), top)
        high = min(int(np.ceil(line[b, 0])), top + height)
        for y in range(low, high):
            share = (y - line[a, 0]) / (line[b, 0] - line[a, 0])
            x = int(np.ceil(line[a, 1] + share * (line[b, 1] - line[a, 1]))) - left
            toggles[y - top, min(max(x, 0), width - 1)] ^= True
