"""The compiled sums that `gaussian` is made of, along the rows of a plane and down its columns."""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_tessera.signature.words import Array

# Sums of products may be fused, which is faster and more exact, but never put in another order:
# each pixel of a flat image must get the same value.
_FUSED = {"contract"}

LINES = 64
"""Lines that are gone through side by side."""


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def weighted_plane(
    plane: Array, down: Array, across: Array, part: tuple[int, int, int, int], out: Array
) -> None:
    """Sum the pixels around each of a part, down and across, with symmetric weights.

    Each row is read once, into a ring of as many rows as are summed: these stay in the cache. It
    may be read from `out` itself if all rows are worked on, since the ring holds what is needed of
    those that have been written over.

    Parameters
    ----------
    plane : ndarray, shape (Y, X)
        Mirrored at its borders, the pixels there included.
    down, across : ndarray of float, shape (R + 1,)
        From the centre outwards; R of `down` is at most Y, that of `across` at most X.
    part : tuple of int
        First row, first column, last row and last column, these exclusive. Columns are whole if
        more than one pixel is summed across.
    out : ndarray of float, shape (Y, X)
    """
    first, left, last, right = part
    reach, wide, width = down.size - 1, across.size - 1, right - left
    ring = np.empty((2 * reach + 1) * width, out.dtype)
    padded = np.empty(width + 2 * wide, out.dtype)
    summed = padded[wide : wide + width]
    for y in range(first - reach, first + reach):
        _read(plane, y, left, ring, width)
    for y in range(first, last):
        _read(plane, y + reach, left, ring, width)
        _sum(ring, width, y, down, summed)
        for x in range(wide):
            padded[wide - 1 - x] = summed[x]
            padded[wide + width + x] = summed[width - 1 - x]
        # a plain 1 would be a type of its own, and `_sum` compiled once more for it
        _sum(padded, np.int64(1), wide, across, out[y, left:right])


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _read(plane: Array, y: int, left: int, ring: Array, width: int) -> None:
    """Put a row, mirrored at the borders, from a column on in its place in the ring."""
    height, size = plane.shape[0], ring.size // width
    place = _row(ring, width, y % size, width)
    if y < height:
        row = plane[y if y >= 0 else -1 - y, left : left + width]
        for x in range(width):
            place[x] = row[x]
    else:
        row = _row(ring, width, (2 * height - 1 - y) % size, width)
        for x in range(width):
            place[x] = row[x]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _sum(values: Array, step: int, centre: int, weights: Array, out: Array) -> None:
    """Sum what lies around each number of a row: rows in a ring, or the row itself, shifted.

    Four pairs are added at a time: so often is the sum written and read.

    Parameters
    ----------
    values : ndarray of float, shape (N,)
    step : int
        From one row to the next among the values; 1 for a row that is shifted.
    centre : int
        Which of the rows is in the middle, counted round and round.
    weights : ndarray of float, shape (R + 1,)
        From the centre outwards; there are 2 R + 1 rows.
    out : ndarray of float, shape (width,)
    """
    reach, size, width = weights.size - 1, 2 * weights.size - 1, out.size
    weight, row = weights[0], _row(values, step, centre % size, width)
    for x in range(width):
        out[x] = weight * row[x]
    k = 1
    while k + 3 <= reach:
        _add_four(
            out,
            weights[k : k + 4],
            _row(values, step, (centre - k) % size, width),
            _row(values, step, (centre + k) % size, width),
            _row(values, step, (centre - k - 1) % size, width),
            _row(values, step, (centre + k + 1) % size, width),
            _row(values, step, (centre - k - 2) % size, width),
            _row(values, step, (centre + k + 2) % size, width),
            _row(values, step, (centre - k - 3) % size, width),
            _row(values, step, (centre + k + 3) % size, width),
        )
        k += 4
    while k <= reach:
        before = _row(values, step, (centre - k) % size, width)
        after = _row(values, step, (centre + k) % size, width)
        weight = weights[k]
        for x in range(width):
            out[x] += weight * (before[x] + after[x])
        k += 1


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _row(values: Array, step: int, place: int, width: int) -> Array:
    """Return one of the rows; a function of its own, as each slice takes long to compile."""
    return values[place * step :][:width]


@njit(nogil=True, cache=True, fastmath=_FUSED)  # type: ignore[untyped-decorator]
def _add_four(
    out: Array,
    weights: Array,
    a: Array,
    b: Array,
    c: Array,
    d: Array,
    e: Array,
    f: Array,
    g: Array,
    h: Array,
) -> None:
    first, second, third, fourth = weights[0], weights[1], weights[2], weights[3]
    for x in range(out.size):
        out[x] += (
            first * (a[x] + b[x])
            + second * (c[x] + d[x])
            + third * (e[x] + f[x])
            + fourth * (g[x] + h[x])
        )


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def sliding_columns(
    plane: Array, series: Array, cosines: Array, first: int, last: int, out: Array
) -> None:
    """Sum the pixels above and below each of some columns, weighted by a series of cosines.

    Parameters
    ----------
    plane : ndarray, shape (Y, X)
        Mirrored at its borders as often as needed; may be `out` itself.
    series : ndarray of float64, shape (P,)
        The weights of the cosines.
    cosines : ndarray of float64, shape (P, R + 2)
        Of w k, for w = 0, pi / R, ..., and k up to one more than the R pixels that are summed up
        and down.
    first, last : int
        The columns, the last one exclusive.
    out : ndarray of float, shape (Y, X)
    """
    height, reach = plane.shape[0], cosines.shape[1] - 2
    lines = np.empty((height + 2 * reach + 2, LINES))
    for start in range(first, last, LINES):
        count = min(LINES, last - start)
        for n in range(lines.shape[0]):
            _copy(plane[mirror_index(n - reach - 1, height), start : start + count], lines[n])
        _slide(lines, series, cosines)
        for y in range(height):
            _copy(lines[y, :count], out[y, start : start + count])


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def sliding_rows(
    plane: Array, series: Array, cosines: Array, first: int, last: int, out: Array
) -> None:
    """Sum the pixels beside each of some rows, as `sliding_columns` does down the columns."""
    width, reach = plane.shape[1], cosines.shape[1] - 2
    lines = np.empty((width + 2 * reach + 2, LINES))
    for start in range(first, last, LINES):
        count = min(LINES, last - start)
        for i in range(count):
            _copy(plane[start + i], lines[reach + 1 :, i])
        for n in range(reach + 1):
            lines[n] = lines[reach + 1 + mirror_index(n - reach - 1, width)]
            lines[width + reach + 1 + n] = lines[reach + 1 + mirror_index(width + n, width)]
        _slide(lines, series, cosines)
        for i in range(count):
            _copy(lines[:width, i], out[start + i])


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _copy(source: Array, out: Array) -> None:
    for i in range(source.size):
        out[i] = source[i]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def mirror_index(place: int, size: int) -> int:
    """Return the pixel that stands at a place beyond the borders of a line, however far."""
    place %= 2 * size
    return place if place < size else 2 * size - 1 - place


@njit(nogil=True, cache=True, fastmath=_FUSED)  # type: ignore[untyped-decorator]
def _slide(lines: Array, series: Array, cosines: Array) -> None:
    """Replace lines by their weighted sums, which are moved to the beginning.

    The sum with the weights cos(w k), |k| <= R, follows from the two sums before it:
    c(n + 1) = 2 cos(w) c(n) - c(n - 1) + cos(wR) (x(n + R + 1) + x(n - R - 1))
    - cos(w(R + 1)) (x(n + R) + x(n - R)).
    A line begins with as much of itself mirrored as is summed, so that c(-1) is c(0).
    """
    orders, count, reach = series.size, lines.shape[1], cosines.shape[1] - 2
    length = lines.shape[0] - 2 * reach - 2
    sums = np.zeros((2, orders, count))
    for p in range(orders):
        for k in range(2 * reach + 1):
            _add(sums[0, p], cosines[p, abs(k - reach)], lines[k + 1])
        _copy(sums[0, p], sums[1, p])
    ends, beside = np.empty(count), np.empty(count)
    for n in range(length):
        outer, inner = lines[n + 2 * reach + 2], lines[n + 2 * reach + 1]
        back, behind = lines[n], lines[n + 1]
        now, before = sums[n % 2], sums[1 - n % 2]
        for i in range(count):
            ends[i], beside[i] = outer[i] + back[i], inner[i] + behind[i]
            back[i] = series[0] * now[0, i]
            before[0, i] = now[0, i] + outer[i] - behind[i]
        for p in range(1, orders):
            step, far, near = cosines[p, 1], cosines[p, reach], cosines[p, reach + 1]
            _turn(now[p], before[p], ends, beside, (2 * step, far, near))
            _add(back, series[p], now[p])


@njit(nogil=True, cache=True, fastmath=_FUSED)  # type: ignore[untyped-decorator]
def _add(out: Array, weight: float, row: Array) -> None:
    for i in range(out.size):
        out[i] += weight * row[i]


@njit(nogil=True, cache=True, fastmath=_FUSED)  # type: ignore[untyped-decorator]
def _turn(
    now: Array, before: Array, ends: Array, beside: Array, factors: tuple[float, float, float]
) -> None:
    """Put the sum that follows in the place of the one before."""
    twice, far, near = factors
    for i in range(now.size):
        before[i] = twice * now[i] - before[i] + far * ends[i] - near * beside[i]
