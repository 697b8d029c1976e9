"""Kernels of the bilateral grid, for one chunk of rows or nodes each; they let other threads run.

Pixels are (N0, N1, N2): planes have N1 = 1. Grids of the appearance kernel are (G0, G1, G2, GZ, C),
the last axis but one being intensity; those of the smoothness kernel are (H0, H1, H2, C).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

ONE = np.float32(1)
"""A plain 1 would turn single into double precision."""

BLOCK = 4096
"""Numbers of a line that are blurred at once."""


@njit(nogil=True, fastmath=True, inline="always", cache=True)  # type: ignore[untyped-decorator]
def add_weighted(weight: Any, values: Any, sums: Any) -> None:
    """Add values, times a weight, to sums."""
    for k in range(values.size):
        sums[k] += weight * values[k]


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def mix_nodes(grid: Any, i: Any, t: Any, mixed: Any) -> None:
    """Write what lies between two nodes of the first axis."""
    one, flat = grid[i].reshape(-1), mixed.reshape(-1)
    # on a node: there may be none after it
    if t == 0:
        flat[:] = one
        return
    other = grid[i + 1].reshape(-1)
    for n in range(flat.size):
        flat[n] = one[n] + t * (other[n] - one[n])


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def share_to_nodes(values: Any, i: Any, t: Any, grid: Any) -> None:
    """Give values to two nodes of the first axis."""
    flat, one = values.reshape(-1), grid[i].reshape(-1)
    for n in range(flat.size):
        one[n] += (ONE - t) * flat[n]
    if t > 0:
        other = grid[i + 1].reshape(-1)
        for n in range(flat.size):
            other[n] += t * flat[n]


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def count_pixels(rows: Any, seen: Any, wide: Any, places: Any, shares: Any, sums: Any) -> None:
    """Put a 1 for each pixel that is seen into the grid of the appearance kernel."""
    first, stop = rows
    (i0, t0), (i1, t1), (i2, t2) = wide
    slab = np.zeros_like(sums[0])
    plane = np.zeros_like(slab[0])
    for y in range(first, stop):
        slab[:] = 0
        for m in range(places.shape[1]):
            plane[:] = 0
            for x in range(places.shape[2]):
                if not seen[y, m, x]:
                    continue
                g, z, tx, tz = i2[x], places[y, m, x], t2[x], shares[y, m, x]
                plane[g, z, 0] += (ONE - tx) * (ONE - tz)
                plane[g, z + 1, 0] += (ONE - tx) * tz
                plane[g + 1, z, 0] += tx * (ONE - tz)
                plane[g + 1, z + 1, 0] += tx * tz
            share_to_nodes(plane, i1[m], t1[m], slab)
        share_to_nodes(slab, i0[y] - i0[first], t0[y], sums)


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def slice_nodes(rows: Any, grid: Any, wide: Any, places: Any, shares: Any, result: Any) -> None:
    """Write what pixels take from a grid of one channel."""
    first, stop = rows
    (i0, t0), (i1, t1), (i2, t2) = wide
    slab = np.zeros_like(grid[0])
    plane = np.zeros_like(slab[0])
    for y in range(first, stop):
        mix_nodes(grid, i0[y], t0[y], slab)
        for m in range(places.shape[1]):
            mix_nodes(slab, i1[m], t1[m], plane)
            for x in range(places.shape[2]):
                g, z, tx, tz = i2[x], places[y, m, x], t2[x], shares[y, m, x]
                result[y, m, x] = (ONE - tx) * (
                    (ONE - tz) * plane[g, z, 0] + tz * plane[g, z + 1, 0]
                ) + tx * ((ONE - tz) * plane[g + 1, z, 0] + tz * plane[g + 1, z + 1, 0])


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def put_lines(rows: Any, values: Any, tight: Any, norms: Any, sums: Any) -> None:
    """Put values of pixels, times their norm, into the grid of the smoothness kernel."""
    first, stop = rows
    (j0, s0), (j1, s1), (j2, s2) = tight
    n0, n1, n2 = norms
    sheet = np.zeros_like(sums[0])
    line = np.zeros_like(sheet[0])
    for y in range(first, stop):
        sheet[:] = 0
        for m in range(values.shape[1]):
            line[:] = 0
            for x in range(values.shape[2]):
                j, sx = j2[x], s2[x]
                near = n0[y] * n1[m] * n2[x]
                for k in range(values.shape[3]):
                    value = values[y, m, x, k] * near
                    line[j, k] += (ONE - sx) * value
                    line[j + 1, k] += sx * value
            share_to_nodes(line, j1[m], s1[m], sheet)
        share_to_nodes(sheet, j0[y] - j0[first], s0[y], sums)


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def take_lines(rows: Any, grid: Any, tight: Any, norms: Any, weight: Any, result: Any) -> None:
    """Write the messages of the smoothness kernel."""
    first, stop = rows
    (j0, s0), (j1, s1), (j2, s2) = tight
    n0, n1, n2 = norms
    sheet = np.zeros_like(grid[0])
    line = np.zeros_like(sheet[0])
    for y in range(first, stop):
        mix_nodes(grid, j0[y], s0[y], sheet)
        for m in range(result.shape[1]):
            mix_nodes(sheet, j1[m], s1[m], line)
            for x in range(result.shape[2]):
                j, sx = j2[x], s2[x]
                near = weight * n0[y] * n1[m] * n2[x]
                for k in range(result.shape[3]):
                    result[y, m, x, k] = near * ((ONE - sx) * line[j, k] + sx * line[j + 1, k])


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def blur_nodes(lines: Any, nodes: Any, taps: Any, low: Any, high: Any, result: Any) -> None:
    """Convolve the lines (L, nodes x inner) from `low` to `high` along their nodes."""
    size = lines.shape[1]
    inner, reach = size // nodes, taps.size // 2
    for line in range(low, high):
        # a block of the result stays at hand while all taps are added
        for begin in range(0, size, BLOCK):
            end = min(begin + BLOCK, size)
            result[line, begin:end] = 0
            for k in range(-reach, reach + 1):
                shift = k * inner
                # beyond the ends of the line nothing lies; the norms make up for it
                start, stop = max(begin, -shift), min(end, size - shift)
                if start < stop:
                    source = lines[line, start + shift : stop + shift]
                    add_weighted(taps[k + reach], source, result[line, start:stop])
