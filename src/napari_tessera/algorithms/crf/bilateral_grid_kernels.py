"""Kernels of the bilateral grid, for one chunk of rows or nodes each; they let other threads run.

Pixels are (N0, N1, N2): planes have N1 = 1. Grids of the appearance kernel are (G0, G1, G2, GZ, C),
the last axis but one being intensity; those of the smoothness kernel are (H0, H1, H2, C).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

FIRST, AGAIN, LAST = 0, 1, 2
"""What a sweep does: begin with the unary term, pass a message on, or return the logits."""

ONE = np.float32(1)
"""A plain 1 would turn single into double precision."""

BLOCK = 4096
"""Numbers of a line that are blurred at once."""


@njit(nogil=True, fastmath=True, inline="always", cache=True)  # type: ignore[untyped-decorator]
def exponential(value: Any) -> Any:
    """Return exp(value) of a float32 of at most 0, to 2e-7; unlike `exp` it is vectorised."""
    # exp(v) = 2^n e^r: n whole, |r| <= log(2) / 2. Below 2^-126 there are no normal numbers
    power = max(value * np.float32(1.44269504), np.float32(-126))
    whole = np.floor(power + np.float32(0.5))
    rest = (power - whole) * np.float32(0.693147181)
    series = np.float32(1) + rest * (
        np.float32(1)
        + rest
        * (
            np.float32(0.5)
            + rest
            * (
                np.float32(1 / 6)
                + rest
                * (np.float32(1 / 24) + rest * (np.float32(1 / 120) + rest * np.float32(1 / 720)))
            )
        )
    )
    # n as the exponent bits of a float32, whose bias is 127
    return series * np.int32((np.int32(whole) + 127) << 23).view(np.float32)


@njit(nogil=True, fastmath=True, inline="always", cache=True)  # type: ignore[untyped-decorator]
def contrasts(logits: Any, found: Any) -> None:
    """Write by how much each label is more probable than the last one, whose logit is 0."""
    count = logits.size
    if count == 1:
        value = logits[0]
        # tanh(v / 2), of the negative magnitude so that nothing overflows
        small = exponential(-abs(value))
        ratio = (np.float32(1) - small) / (np.float32(1) + small)
        found[0] = ratio if value >= 0 else -ratio
        return
    # softmax with the largest logit taken away; the last label has the logit 0
    highest = np.float32(0)
    for c in range(count):
        highest = max(highest, logits[c])
    last = exponential(-highest)
    total = last
    for c in range(count):
        found[c] = exponential(logits[c] - highest)
    for c in range(count):
        total += found[c]
    for c in range(count):
        found[c] = (found[c] - last) / total


@njit(nogil=True, fastmath=True, inline="always", cache=True)  # type: ignore[untyped-decorator]
def _add(weight: Any, values: Any, sums: Any) -> None:
    for k in range(values.size):
        sums[k] += weight * values[k]


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
    smoothness norm along each axis. The sums begin at the first node of the first row.
    """
    first, stop = rows
    (i0, t0), (i1, t1), (i2, t2) = wide
    (j0, s0), (j1, s1), (j2, s2) = tight
    n0, n1, n2 = norms
    wide_weight, tight_weight = weights
    count = logits.shape[3]
    # interpolation axis by axis: what all pixels of a row share is mixed once for the row (slab),
    # once for the line (plane), so that a pixel reads 4 nodes of one grid and 2 of the other, not
    # 16 and 8
    slab, sheet = np.zeros_like(appearance[0]), np.zeros_like(smoothness[0])
    slab_sums, sheet_sums = np.zeros_like(slab), np.zeros_like(sheet)
    plane, line = np.zeros_like(slab[0]), np.zeros_like(sheet[0])
    plane_sums, line_sums = np.zeros_like(plane), np.zeros_like(line)
    own, found = np.empty(count, np.float32), np.empty(count, np.float32)
    for y in range(first, stop):
        slab_sums[:] = 0
        sheet_sums[:] = 0
        if mode != FIRST:
            _mix(appearance, i0[y], t0[y], slab)
            _mix(smoothness, j0[y], s0[y], sheet)
        for m in range(logits.shape[1]):
            if mode != FIRST:
                _mix(slab, i1[m], t1[m], plane)
                _mix(sheet, j1[m], s1[m], line)
            plane_sums[:] = 0
            line_sums[:] = 0
            for x in range(logits.shape[2]):
                # the 4 nodes around the pixel along x and in intensity, and its shares of them
                g, z, j = i2[x], places[y, m, x], j2[x]
                tx, tz, sx = t2[x], shares[y, m, x], s2[x]
                a, b = (ONE - tx) * (ONE - tz), (ONE - tx) * tz
                c, d = tx * (ONE - tz), tx * tz
                far = norm[y, m, x]
                # D^-1/2 of the smoothness kernel is a product, since that kernel is one
                near = n0[y] * n1[m] * n2[x]
                before = logits[y, m, x]
                for k in range(count):
                    own[k] = before[k]
                if mode != FIRST:
                    e, f = tight_weight * near * (ONE - sx), tight_weight * near * sx
                    far_own = wide_weight * far
                    # views before indices: otherwise the loop is not vectorised
                    p, q, r, s = plane[g, z], plane[g, z + 1], plane[g + 1, z], plane[g + 1, z + 1]
                    u, v = line[j], line[j + 1]
                    for k in range(count):
                        wider = a * p[k] + b * q[k] + c * r[k] + d * s[k]
                        own[k] += far_own * wider + e * u[k] + f * v[k]
                if mode == LAST:
                    for k in range(count):
                        result[y, m, x, k] = own[k]
                    continue
                contrasts(own, found)
                a, b, c, d = a * far, b * far, c * far, d * far
                p, q = plane_sums[g, z], plane_sums[g, z + 1]
                r, s = plane_sums[g + 1, z], plane_sums[g + 1, z + 1]
                u, v = line_sums[j], line_sums[j + 1]
                e, f = near * (ONE - sx), near * sx
                # one loop each: stores through several views are not vectorised
                _add(a, found, p)
                _add(b, found, q)
                _add(c, found, r)
                _add(d, found, s)
                _add(e, found, u)
                _add(f, found, v)
            if mode != LAST:
                _share(plane_sums, i1[m], t1[m], slab_sums)
                _share(line_sums, j1[m], s1[m], sheet_sums)
        if mode != LAST:
            _share(slab_sums, i0[y] - i0[first], t0[y], wide_sums)
            _share(sheet_sums, j0[y] - j0[first], s0[y], tight_sums)


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def sweep_two(
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
    """Do what `sweep` does, for two labels: one number per pixel, and flat planes of nodes.

    A row is gone through several times, so that what needs no node of the grid is vectorised.
    """
    first, stop = rows
    (i0, t0), (i1, t1), (i2, t2) = wide
    (j0, s0), (j1, s1), (j2, s2) = tight
    n0, n1, n2 = norms
    wide_weight, tight_weight = weights
    slab, sheet = np.zeros_like(appearance[0]), np.zeros_like(smoothness[0])
    slab_sums, sheet_sums = np.zeros_like(slab), np.zeros_like(sheet)
    plane, line = np.zeros_like(slab[0]), np.zeros_like(sheet[0])
    plane_sums, line_sums = np.zeros_like(plane), np.zeros_like(line)
    flat, flat_sums = plane.reshape(-1), plane_sums.reshape(-1)
    near_flat, near_sums = line.reshape(-1), line_sums.reshape(-1)
    # unsigned indices: signed ones are checked for being negative at each access
    step, one = np.uint64(plane.shape[1]), np.uint64(1)
    values = np.empty(logits.shape[2], np.float32)
    for y in range(first, stop):
        slab_sums[:] = 0
        sheet_sums[:] = 0
        if mode != FIRST:
            _mix(appearance, i0[y], t0[y], slab)
            _mix(smoothness, j0[y], s0[y], sheet)
        for m in range(logits.shape[1]):
            where, share, scale = places[y, m], shares[y, m], norm[y, m]
            here = n0[y] * n1[m]
            # gathering from the grid, the exponentials and the scattering each in a loop of their
            # own: the one in the middle has no indirect access, and is vectorised
            values[:] = logits[y, m, :, 0]
            if mode != FIRST:
                _mix(slab, i1[m], t1[m], plane)
                _mix(sheet, j1[m], s1[m], line)
                for x in range(values.size):
                    node = np.uint64(i2[x]) * step + np.uint64(where[x])
                    below, right = node + step, np.uint64(j2[x])
                    p = flat[node] + share[x] * (flat[node + one] - flat[node])
                    q = flat[below] + share[x] * (flat[below + one] - flat[below])
                    u, v = near_flat[right], near_flat[right + one]
                    values[x] += wide_weight * scale[x] * (p + t2[x] * (q - p))
                    values[x] += tight_weight * here * n2[x] * (u + s2[x] * (v - u))
            if mode == LAST:
                result[y, m, :, 0] = values
                continue
            for x in range(values.size):
                small = exponential(-abs(values[x]))
                values[x] = np.copysign((ONE - small) / (ONE + small), values[x])
            plane_sums[:] = 0
            line_sums[:] = 0
            for x in range(values.size):
                node = np.uint64(i2[x]) * step + np.uint64(where[x])
                below = node + step
                own = values[x] * scale[x]
                lower = t2[x] * own
                upper = own - lower
                flat_sums[node] += upper - share[x] * upper
                flat_sums[node + one] += share[x] * upper
                flat_sums[below] += lower - share[x] * lower
                flat_sums[below + one] += share[x] * lower
            for x in range(values.size):
                right, own = np.uint64(j2[x]), here * n2[x] * values[x]
                near_sums[right] += own - s2[x] * own
                near_sums[right + one] += s2[x] * own
            _share(plane_sums, i1[m], t1[m], slab_sums)
            _share(line_sums, j1[m], s1[m], sheet_sums)
        if mode != LAST:
            _share(slab_sums, i0[y] - i0[first], t0[y], wide_sums)
            _share(sheet_sums, j0[y] - j0[first], s0[y], tight_sums)


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def _mix(grid: Any, i: Any, t: Any, mixed: Any) -> None:
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
def _share(values: Any, i: Any, t: Any, grid: Any) -> None:
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
            _share(plane, i1[m], t1[m], slab)
        _share(slab, i0[y] - i0[first], t0[y], sums)


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def slice_nodes(rows: Any, grid: Any, wide: Any, places: Any, shares: Any, result: Any) -> None:
    """Write what pixels take from a grid of one channel."""
    first, stop = rows
    (i0, t0), (i1, t1), (i2, t2) = wide
    slab = np.zeros_like(grid[0])
    plane = np.zeros_like(slab[0])
    for y in range(first, stop):
        _mix(grid, i0[y], t0[y], slab)
        for m in range(places.shape[1]):
            _mix(slab, i1[m], t1[m], plane)
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
            _share(line, j1[m], s1[m], sheet)
        _share(sheet, j0[y] - j0[first], s0[y], sums)


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def take_lines(rows: Any, grid: Any, tight: Any, norms: Any, weight: Any, result: Any) -> None:
    """Write the messages of the smoothness kernel."""
    first, stop = rows
    (j0, s0), (j1, s1), (j2, s2) = tight
    n0, n1, n2 = norms
    sheet = np.zeros_like(grid[0])
    line = np.zeros_like(sheet[0])
    for y in range(first, stop):
        _mix(grid, j0[y], s0[y], sheet)
        for m in range(result.shape[1]):
            _mix(sheet, j1[m], s1[m], line)
            for x in range(result.shape[2]):
                j, sx = j2[x], s2[x]
                near = weight * n0[y] * n1[m] * n2[x]
                for k in range(result.shape[3]):
                    result[y, m, x, k] = near * ((ONE - sx) * line[j, k] + sx * line[j + 1, k])


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
                    _add(taps[k + reach], source, result[line, start:stop])


@njit(nogil=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def softmax(logits: Any, found: Any) -> None:
    """Write the probabilities (L, N) of logits (N, L - 1), that of the last label being 0."""
    count = logits.shape[1]
    if count == 1:
        for i in range(logits.shape[0]):
            small = exponential(-abs(logits[i, 0]))
            less = small / (ONE + small)
            found[0, i] = less if logits[i, 0] < 0 else ONE - less
            found[1, i] = ONE - found[0, i]
        return
    own = np.empty(count, np.float32)
    for i in range(logits.shape[0]):
        highest = np.float32(0)
        for k in range(count):
            highest = max(highest, logits[i, k])
        last = exponential(-highest)
        total = last
        for k in range(count):
            own[k] = exponential(logits[i, k] - highest)
        for k in range(count):
            total += own[k]
        for k in range(count):
            found[k, i] = own[k] / total
        found[count, i] = last / total
