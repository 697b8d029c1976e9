"""Lines along which an image is steepest: the heart of Canny's edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.filters.gradient import Smoothed, relative
from napari_tessera.algorithms.parallel import in_order, parallel_for, slabs
from napari_tessera.signature.progress import NothingToSeparate, Reporter
from napari_tessera.signature.words import Array

_SHIFT = 10  # magnitudes are counted by the first 22 bits of their float32: 1/8192 apart
_INFINITE = 0x7F800000  # the bits of infinity; those of NaN are higher
STRONG = 2
"""The mark of pixels that start a line."""

_WEAK, _JOINED = 1, 3


def magnitudes(
    smoothed: Smoothed, inside: Array | None = None, report: Reporter | None = None
) -> Iterator[Array]:
    """Yield how steep a plane is, some rows at a time, within a mask if there is one."""

    def steepness(rows: tuple[int, int]) -> Array:
        found = smoothed.rows(*rows).magnitude
        return found if inside is None else found[inside[slice(*rows)]]

    return in_order(steepness, slabs(*smoothed.image.shape), report)


def quantiles(magnitudes: Iterable[Array], shares: tuple[float, float]) -> tuple[float, float]:
    """Return the magnitudes below which these shares of all pixels lie, up to 1/8192 too low."""
    counts = np.zeros((_INFINITE >> _SHIFT) + 1, np.int64)
    for each in magnitudes:
        _count(each.reshape(-1).view(np.int32), counts)
    bins = np.flatnonzero(counts)
    if not bins.any():
        raise NothingToSeparate("image is constant; there is no edge to find")
    total = np.cumsum(counts[bins])
    # a level at the lower end of its bin: magnitudes that are equal stay on one side of it
    values = (bins << _SHIFT).astype(np.int32).view(np.float32)
    low, high = (float(values[np.searchsorted(total, share * total[-1])]) for share in shares)
    return low, high


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _count(bits: Any, counts: Any) -> None:
    """Count magnitudes by the leading bits, which are in the order of the numbers."""
    for each in bits:
        if each <= _INFINITE:
            counts[each >> _SHIFT] += 1


def ridges(
    smoothed: Smoothed,
    levels: tuple[float, float],
    inside: Array | None = None,
    report: Reporter | None = None,
) -> Array:
    """Mark lines of pixels that are steepest along their gradient, with hysteresis.

    Parameters
    ----------
    smoothed, levels, inside, report
        As for `steepest`.

    Returns
    -------
    ndarray of uint8, shape (Y, X)
    """
    result = steepest(smoothed, levels, inside, report)
    _connect(result.reshape(-1), result.shape[1], np.empty(np.count_nonzero(result), np.int64))
    np.equal(result, _JOINED, out=result.view(bool))
    return result


def steepest(
    smoothed: Smoothed,
    levels: tuple[float, float],
    inside: Array | None = None,
    report: Reporter | None = None,
) -> Array:
    """Mark pixels that are steepest along their gradient.

    Parameters
    ----------
    smoothed : Smoothed
    levels : tuple of float
        Magnitude from which a line goes on, and magnitude that starts one.
    inside : ndarray of bool, optional
        Where lines may be; None = everywhere.
    report : Reporter, optional

    Returns
    -------
    ndarray of uint8, shape (Y, X)
        1 where a line goes on, `STRONG` where one starts.
    """
    result: Array = np.zeros(smoothed.image.shape, np.uint8)
    settings = (*relative(smoothed.voxel), *levels)

    def suppress(rows: tuple[int, int]) -> None:
        # each row is compared with the ones before and behind it; the outermost are no ridges
        first, stop = max(rows[0], 1), min(rows[1], len(result) - 1)
        if first < stop:
            _suppress(smoothed.rows(first - 1, stop + 1), settings, result[first - 1 : stop + 1])

    parallel_for(suppress, slabs(*result.shape), Reporter.of(report))
    if inside is not None:
        result[~inside] = 0
    return result


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _suppress(slopes: Any, settings: Any, result: Any) -> None:
    """Mark what is steepest in all rows but the first and the last."""
    magnitude, dy, dx = slopes
    tall, wide, low, high = settings
    rows, columns = magnitude.shape
    for y in range(1, rows - 1):
        for x in range(1, columns - 1):
            slope = magnitude[y, x]
            if not (slope >= low and slope > 0):
                continue
            # the way uphill in pixels: where pixels are tall, fewer of them
            v, u = dy[y, x] / tall, dx[y, x] / wide
            down = 1 if v >= 0 else -1
            right = 1 if u >= 0 else -1
            if abs(v) > abs(u):
                slant = abs(u) / abs(v)
                above, below = magnitude[y + down, x], magnitude[y - down, x]
            else:
                slant = abs(v) / abs(u)
                above, below = magnitude[y, x + right], magnitude[y, x - right]
            above += slant * (magnitude[y + down, x + right] - above)
            below += slant * (magnitude[y - down, x - right] - below)
            if slope > above and slope >= below:  # of two equals one; none beside NaN
                result[y, x] = STRONG if slope >= high else _WEAK


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _connect(ridges: Any, columns: int, stack: Any) -> None:
    """Mark as joined what strong pixels reach over weak ones; the outermost pixels are 0."""
    for start in range(ridges.size):
        if ridges[start] != STRONG:
            continue
        ridges[start] = _JOINED
        stack[0] = start
        top = 1
        while top:
            top -= 1
            pixel = stack[top]
            for row in (-columns, 0, columns):
                for near in range(pixel + row - 1, pixel + row + 2):
                    if ridges[near] == _WEAK or ridges[near] == STRONG:
                        ridges[near] = _JOINED
                        stack[top] = near
                        top += 1
