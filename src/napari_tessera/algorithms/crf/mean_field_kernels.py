"""Kernels of the mean field, for one chunk of rows or pixels each; they let other threads run.

Pixels are (N0, N1, N2): planes have N1 = 1. Grids of the appearance kernel are (G0, G1, G2, GZ, C),
the last axis but one being intensity; those of the smoothness kernel are (H0, H1, H2, C).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.crf.bilateral_grid_kernels import (
    ONE,
    add_weighted,
    mix_nodes,
    share_to_nodes,
)
from napari_tessera.algorithms.crf.softmax_kernels import contrasts, exponential

FIRST, AGAIN, LAST = 0, 1, 2
"""What a sweep does: begin with the unary term, pass a message on, or return the logits."""


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def sweep(
    mode: Any,
    rows: Any,
    logits: Any,
    wide: Any,
    places: Any,
    shares: Any,
    norm: Any,
    tight: Any,
    norms: Any,
    weights: Any,
    appearance: Any,
    smoothness: Any,
    wide_sums: Any,
    tight_sums: Any,
    result: Any,
) -> None:
    """Take messages from both grids, find the marginals, and put them into the next grids.

    `wide` and `tight` hold index and share along each axis for both grids; `places`, `shares` and
    `norm` are those of intensity and the appearance norm of each pixel; `norms` the factors of the
    smoothness norm along each axis. The sums begin at the first node of the first row; `logits`
    and `result` hold the rows alone.
    """
    (i0, t0), (i1, t1), (i2, t2) = wide
    (j0, s0), (j1, s1), (j2, s2) = tight
    along, step = (i2, t2, j2, s2, norms[2]), np.uint64(appearance.shape[3])
    # interpolation axis by axis: what all pixels of a row share is mixed once for the row (slab),
    # once for the line (nodes), so that a pixel reads 4 nodes of one grid and 2 of the other, not
    # 16 and 8
    slab, sheet = np.zeros_like(appearance[0]), np.zeros_like(smoothness[0])
    slab_sums, sheet_sums = np.zeros_like(slab), np.zeros_like(sheet)
    nodes = np.zeros_like(slab[0]), np.zeros_like(sheet[0])
    sums = np.zeros_like(nodes[0]), np.zeros_like(nodes[1])
    values = np.empty(logits.shape[2:], np.float32)
    # flat views are made once: to make them for each line cost up to 40 % in lines of 96 pixels
    flat_nodes = nodes[0].reshape(-1), nodes[1].reshape(-1)
    flat_sums = sums[0].reshape(-1), sums[1].reshape(-1)
    flat = values.reshape(-1)
    before = logits.reshape(logits.shape[0], logits.shape[1], flat.size)
    after = result.reshape(result.shape[0], result.shape[1], -1)
    for y in range(rows[0], rows[1]):
        slab_sums[:] = 0
        sheet_sums[:] = 0
        if mode != FIRST:
            mix_nodes(appearance, i0[y], t0[y], slab)
            mix_nodes(smoothness, j0[y], s0[y], sheet)
        for m in range(logits.shape[1]):
            z, tz, far = places[y, m], shares[y, m], norm[y, m]
            # D^-1/2 of the smoothness kernel is a product, since that kernel is one
            near = norms[0][y] * norms[1][m]
            flat[:] = before[y - rows[0], m]
            if mode != FIRST:
                mix_nodes(slab, i1[m], t1[m], nodes[0])
                mix_nodes(sheet, j1[m], s1[m], nodes[1])
                if values.shape[1] == 1:
                    _slice_two(flat_nodes, step, along, z, tz, far, near, weights, flat)
                else:
                    _slice(nodes, along, z, tz, far, near, weights, values)
            if mode == LAST:
                after[y - rows[0], m] = flat
                continue
            flat_sums[0][:] = 0
            flat_sums[1][:] = 0
            if values.shape[1] == 1:
                _splat_two(flat, along, z, tz, far, near, step, flat_sums)
            else:
                _splat(values, along, z, tz, far, near, sums)
            share_to_nodes(sums[0], i1[m], t1[m], slab_sums)
            share_to_nodes(sums[1], j1[m], s1[m], sheet_sums)
        if mode != LAST:
            share_to_nodes(slab_sums, i0[y] - i0[rows[0]], t0[y], wide_sums)
            share_to_nodes(sheet_sums, j0[y] - j0[rows[0]], s0[y], tight_sums)


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def _slice(
    nodes: Any,
    along: Any,
    places: Any,
    shares: Any,
    norm: Any,
    here: Any,
    weights: Any,
    values: Any,
) -> None:
    """Add to the logits of a line of pixels what both grids have for them.

    `along` holds index and share along the line for both grids, and the factors of the smoothness
    norm; `here` is the product of its other factors.
    """
    i2, t2, j2, s2, n2 = along
    plane, line = nodes
    for x in range(values.shape[0]):
        # the 4 nodes around the pixel along x and in intensity, and its shares of them
        g, z, j = i2[x], places[x], j2[x]
        tx, tz, sx = t2[x], shares[x], s2[x]
        a, b = (ONE - tx) * (ONE - tz), (ONE - tx) * tz
        c, d = tx * (ONE - tz), tx * tz
        near = here * n2[x]
        e, f = weights[1] * near * (ONE - sx), weights[1] * near * sx
        far = weights[0] * norm[x]
        # views before indices: otherwise the loop is not vectorised
        p, q, r, s = plane[g, z], plane[g, z + 1], plane[g + 1, z], plane[g + 1, z + 1]
        u, v, own = line[j], line[j + 1], values[x]
        for k in range(own.size):
            wider = a * p[k] + b * q[k] + c * r[k] + d * s[k]
            own[k] += far * wider + e * u[k] + f * v[k]


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def _splat(
    values: Any,
    along: Any,
    places: Any,
    shares: Any,
    norm: Any,
    here: Any,
    sums: Any,
) -> None:
    """Put the contrasts of the logits of a line of pixels into both grids."""
    i2, t2, j2, s2, n2 = along
    plane, line = sums
    found = np.empty(values.shape[1], np.float32)
    for x in range(values.shape[0]):
        g, z, j = i2[x], places[x], j2[x]
        tx, tz, sx = t2[x], shares[x], s2[x]
        a, b = (ONE - tx) * (ONE - tz), (ONE - tx) * tz
        c, d = tx * (ONE - tz), tx * tz
        far, near = norm[x], here * n2[x]
        contrasts(values[x], found)
        # one loop each: stores through several views are not vectorised
        add_weighted(a * far, found, plane[g, z])
        add_weighted(b * far, found, plane[g, z + 1])
        add_weighted(c * far, found, plane[g + 1, z])
        add_weighted(d * far, found, plane[g + 1, z + 1])
        add_weighted(near * (ONE - sx), found, line[j])
        add_weighted(near * sx, found, line[j + 1])


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def _slice_two(
    nodes: Any,
    step: Any,
    along: Any,
    places: Any,
    shares: Any,
    norm: Any,
    here: Any,
    weights: Any,
    values: Any,
) -> None:
    """Do what `_slice` does, for two labels: one number per pixel, and flat planes of nodes."""
    i2, t2, j2, s2, n2 = along
    plane, line = nodes
    # unsigned indices: signed ones are checked for being negative at each access
    one = np.uint64(1)
    for x in range(values.size):
        node = np.uint64(i2[x]) * step + np.uint64(places[x])
        below, right = node + step, np.uint64(j2[x])
        p = plane[node] + shares[x] * (plane[node + one] - plane[node])
        q = plane[below] + shares[x] * (plane[below + one] - plane[below])
        u, v = line[right], line[right + one]
        values[x] += weights[0] * norm[x] * (p + t2[x] * (q - p))
        values[x] += weights[1] * here * n2[x] * (u + s2[x] * (v - u))


@njit(nogil=True, fastmath=True, inline="always", cache=True)  # type: ignore[untyped-decorator]
def _splat_two(
    values: Any,
    along: Any,
    places: Any,
    shares: Any,
    norm: Any,
    here: Any,
    step: Any,
    sums: Any,
) -> None:
    """Do what `_splat` does, for two labels; inlined: a call took 6 % more in short lines."""
    i2, t2, j2, s2, n2 = along
    plane, line = sums
    one = np.uint64(1)
    # the exponentials and the scattering each in a loop of their own: the first has no indirect
    # access, and is vectorised
    for x in range(values.size):
        small = exponential(-abs(values[x]))
        values[x] = np.copysign((ONE - small) / (ONE + small), values[x])
    for x in range(values.size):
        node = np.uint64(i2[x]) * step + np.uint64(places[x])
        below = node + step
        own = values[x] * norm[x]
        lower = t2[x] * own
        upper = own - lower
        plane[node] += upper - shares[x] * upper
        plane[node + one] += shares[x] * upper
        plane[below] += lower - shares[x] * lower
        plane[below + one] += shares[x] * lower
    for x in range(values.size):
        right, own = np.uint64(j2[x]), here * n2[x] * values[x]
        line[right] += own - s2[x] * own
        line[right + one] += s2[x] * own


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def update(logits: Any, near: Any, norm: Any, weight: Any, values: Any) -> None:
    """Turn sums of the appearance kernel into values to be summed next; contrasts into `near`."""
    own = np.empty(logits.shape[1], np.float32)
    found = np.empty(logits.shape[1], np.float32)
    for i in range(logits.shape[0]):
        far = weight * norm[i]
        for k in range(own.size):
            own[k] = logits[i, k] + near[i, k] + far * values[i, k]
        contrasts(own, found)
        for k in range(own.size):
            near[i, k] = found[k]
            values[i, k] = found[k] * norm[i]
