"""Histograms gathered piece by piece, and the levels that automatic thresholds choose from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from napari_tessera.algorithms.parallel import FEW, in_order, map_pieces, slabs
from napari_tessera.signature.arrays import native
from napari_tessera.signature.progress import NothingToSeparate
from napari_tessera.signature.words import Array

BINS = 1 << 16
"""One bin per value up to this many values; wider data get this many bins of equal width."""

_COARSE = 2048


class Histogram(NamedTuple):
    """How often each intensity occurs.

    Attributes
    ----------
    values : ndarray of float64
        The intensities that occur, lowest first; with more than 65 536 of them, the upper edges of
        bins of equal width.
    counts : ndarray of int64
        Number of pixels of each.
    whole : bool
        True if the image has whole numbers.
    """

    values: Array
    counts: Array
    whole: bool


def histogram(pieces: Iterable[Array]) -> Histogram:
    """Count the intensities of an image given in pieces.

    Exact for whole numbers (up to 2^53) that span up to 65 536 values or take as many different
    ones, and for images of up to 65 536 pixels; otherwise with 65 536 bins of equal width.

    Parameters
    ----------
    pieces : iterable of ndarray
        Read twice; NaN and infinity do not count.

    Raises
    ------
    ValueError
        If no pixel has a value.

    Examples
    --------
    >>> histogram([np.array([3, 3]), np.array([7])]).counts
    array([2, 1])
    """
    low, high, size, whole, counts = _range(pieces)
    if counts is not None:
        return _occurring(np.arange(counts.size), counts, whole)
    if low == high:
        return Histogram(np.array([float(low)]), np.array([size]), whole)
    if whole and high - low < BINS:
        counts = _total(pieces, _Whole(low, high - low + 1))
        return _occurring(float(low) + np.arange(counts.size), counts, whole)
    exact = _count_distinct(pieces) if whole or size <= BINS else None
    if exact is not None:
        return Histogram(*exact, whole)
    width = (high - low) / BINS
    counts = _total(pieces, _Bins(low, width))
    return _occurring(low + width * np.arange(1, BINS + 1), counts, whole)


def _occurring(values: Array, counts: Array, whole: bool) -> Histogram:
    some = counts > 0
    return Histogram(values[some].astype(np.float64), counts[some], whole)


class _Range(NamedTuple):
    """What is known of an image when it has been read once.

    Attributes
    ----------
    low, high : number
        The lowest and the highest value.
    size : int
        Number of pixels.
    whole : bool
        Whether all values are whole numbers.
    counts : ndarray, optional
        How often 0, 1, 2, ... occur, of types that have a place for each number in a table.
    """

    low: Any
    high: Any
    size: int
    whole: bool
    counts: Array | None


def _range(pieces: Iterable[Array]) -> _Range:
    """Read an image once."""
    low: Any = None
    high, size, whole, known = low, 0, True, True
    counts = np.zeros(0, np.int64)
    for one in map_pieces(_look, pieces):
        if one.size:
            low = one.low if low is None else min(low, one.low)
            high = one.high if high is None else max(high, one.high)
            size += one.size
            whole &= one.whole
            known &= one.counts is not None
            counts = counts if one.counts is None else _sum(counts, one.counts)
    if size == 0:
        raise NothingToSeparate("image has no pixel with a finite value to find a threshold from")
    return _Range(low, high, size, whole, counts if known else None)


def _sum(counts: Array, more: Array) -> Array:
    long, short = (counts, more) if counts.size >= more.size else (more, counts)
    total = long.copy()
    total[: short.size] += short
    return total


def _look(piece: Array) -> _Range:
    """Return what is known of a piece, read once."""
    kind = piece.dtype
    if kind.name in ("uint8", "uint16"):
        most = int(np.iinfo(kind).max)
        return _Range(0, most, piece.size, True, _Whole(0, most + 1)(piece))
    low: Any = None
    high, size = low, 0
    for lowest, highest, count in in_order(_ends, _chunks(piece)):
        if count:
            low = lowest if low is None else min(low, lowest)
            high = highest if high is None else max(high, highest)
            size += count
    return _Range(low, high, size, kind.kind != "f", None)


def _ends(values: Array) -> tuple[Any, Any, int]:
    """Return lowest and highest value, and number of pixels."""
    if not values.size:
        return None, None, 0
    # .item(): large integers stay exact as Python's own
    low, high = values.min().item(), values.max().item()
    if math.isfinite(low) and math.isfinite(high):
        return low, high, values.size
    # where there is NaN, both are; a copy, made only where there are gaps
    return _ends(values[np.isfinite(values)])


@dataclass(frozen=True)
class _Whole:
    """Counts each of so many whole numbers."""

    low: int
    size: int

    def __call__(self, piece: Array) -> Array:
        if piece.size <= FEW:
            wide = np.uint64 if piece.dtype.kind == "u" else np.int64
            above = (piece.reshape(-1).astype(wide) - wide(self.low)).astype(np.int64)
            return np.bincount(above, minlength=self.size)
        from napari_tessera.algorithms.filters.histogram_kernels import count_whole

        return _counted(piece, self.size, lambda v, t: count_whole(v, v.dtype.type(self.low), t))


@dataclass(frozen=True)
class _Bins:
    """Counts in bins of equal width."""

    low: float
    width: float

    def __call__(self, piece: Array) -> Array:
        if piece.size <= FEW:
            return self._of_few(piece.reshape(-1))
        from napari_tessera.algorithms.filters.histogram_kernels import count_bins

        return _counted(piece, BINS, lambda v, t: count_bins(v, self.low, self.width, t))

    def _of_few(self, values: Array) -> Array:
        """Count as `count_bins` does, in arithmetic of the same order: the counts are the same."""
        places = (values.astype(np.float64) - self.low) / self.width
        places = places[(places >= 0) & (places <= BINS + 1)]  # not so for NaN and infinity
        return np.bincount(np.minimum(places, BINS - 1).astype(np.int64), minlength=BINS)


def _counted(piece: Array, size: int, add: Callable[[Array, Array], None]) -> Array:
    """Count on all cores, each in tables of its own."""
    from napari_tessera.algorithms.filters.histogram_kernels import TABLES

    def count(values: Array) -> Array:
        tables = np.zeros((TABLES, size), np.uint32)
        add(values, tables)
        return np.asarray(tables.sum(0, dtype=np.int64))

    return np.asarray(sum(in_order(count, _chunks(piece)), start=np.zeros(1, np.int64)))


def _total(pieces: Iterable[Array], count: Callable[[Array], Array]) -> Array:
    return np.asarray(sum(map_pieces(count, pieces), start=np.zeros(1, np.int64)))


def _chunks(piece: Array) -> Iterator[Array]:
    """Cut a piece into what one thread counts at a time."""
    flat = np.ascontiguousarray(native(piece)).reshape(-1)
    for ends in slabs(flat.size, 1):
        yield flat[slice(*ends)]


def _count_distinct(pieces: Iterable[Array]) -> tuple[Array, Array] | None:
    values, counts = np.empty(0), np.empty(0, np.int64)
    for piece in pieces:
        own, times = np.unique(piece[np.isfinite(piece)], return_counts=True)
        merged, where = np.unique(np.concatenate([values, own]), return_inverse=True)
        if merged.size > BINS:
            return None
        total = np.bincount(where, np.concatenate([counts, times]), merged.size)
        values, counts = merged, total.astype(np.int64)
    return values, counts


def otsu(found: Histogram, classes: int = 2) -> tuple[float, ...]:
    """Return the levels that maximise the variance between classes.

    Exact for two classes, and for more while at most 2048 different values occur; above that the
    best levels of a histogram of 2048 bins are improved one at a time until none can be.

    References
    ----------
    N. Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. Systems, Man
    and Cybernetics 9(1), 1979. P.-S. Liao, T.-S. Chen and P.-C. Chung, "A fast algorithm for
    multilevel thresholding", J. Information Science and Engineering 17, 2001.
    """
    values, counts, _ = found
    if values.size < classes:
        raise NothingToSeparate(
            f"classes is {classes}, but the image has only {values.size} different values; "
            "choose fewer classes"
        )
    weight = np.concatenate([[0.0], np.cumsum(counts, dtype=np.float64)])
    total = np.concatenate([[0.0], np.cumsum((values - values[0]) * counts)])
    if values.size <= _COARSE or classes == 2:
        cuts = _cuts(weight, total, np.arange(values.size + 1), classes)
    else:
        edges = np.linspace(values[0], values[-1], _COARSE + 1)
        coarse = np.unique(np.searchsorted(values, edges, side="right"))
        coarse = np.unique(np.concatenate([[0], coarse]))
        cuts = _improved(weight, total, _cuts(weight, total, coarse, classes))
    return tuple(float(values[cut - 1]) for cut in cuts)


def _spread(weight: Array, total: Array, start: Any, stop: Any) -> Array:
    """Sum squared over weight of the values from index `start` to `stop`: large = compact class."""
    w = weight[stop] - weight[start]
    return np.asarray(
        np.where(w > 0, (total[stop] - total[start]) ** 2 / np.where(w > 0, w, 1), -1)
    )


def _cuts(weight: Array, total: Array, places: Array, classes: int) -> list[int]:
    """Choose the best `classes` - 1 of `places` by dynamic programming."""
    if classes == 2:
        inner = places[1:-1]
        both = _spread(weight, total, 0, inner) + _spread(weight, total, inner, places[-1])
        return [int(inner[np.argmax(both)])]
    best = _spread(weight, total, 0, places)
    chosen = []
    for _ in range(classes - 1):
        step = np.empty(places.size)
        back = np.zeros(places.size, np.int64)
        step[0] = -np.inf
        for j in range(1, places.size):
            sums = best[:j] + _spread(weight, total, places[:j], places[j])
            back[j] = np.argmax(sums)
            step[j] = sums[back[j]]
        best = step
        chosen.append(back)
    cuts, j = [], places.size - 1
    for back in reversed(chosen):
        j = int(back[j])
        cuts.append(int(places[j]))
    return cuts[::-1]


def _improved(weight: Array, total: Array, cuts: list[int]) -> list[int]:
    """Move one cut at a time to its best place between its neighbours until none moves."""
    while True:
        old = list(cuts)
        for k in range(len(cuts)):
            low = cuts[k - 1] if k else 0
            high = cuts[k + 1] if k + 1 < len(cuts) else weight.size - 1
            cuts[k] = _cuts(weight, total, np.arange(low, high + 1), 2)[0]
        if cuts == old:
            return cuts


def hysteresis(found: Histogram, objects: str = "bright") -> tuple[float, float]:
    """Return Otsu's level and the middle between it and the mean of the background, lower first.

    Examples
    --------
    >>> hysteresis(histogram([np.array([0, 0, 2, 2, 9, 9])]))
    (1.5, 2.0)
    """
    strong = otsu(found)[0]
    bright = found.values > strong
    background = ~bright if objects == "bright" else bright
    mean = float(np.average(found.values[background], weights=found.counts[background]))
    weak = (strong + mean) / 2
    return min(weak, strong), max(weak, strong)


def li(found: Histogram) -> float:
    """Return the level of least cross-entropy.

    References
    ----------
    C. H. Li and P. K. S. Tam, "An iterative algorithm for minimum cross entropy thresholding",
    Pattern Recognition Letters 19(8), 1998.
    """
    values, counts, _ = found
    shifted = values - values[0]
    tolerance = np.diff(values).min() / 2
    level, old = float(np.average(shifted, weights=counts)), -2 * tolerance
    while abs(level - old) > tolerance:
        bright = shifted > level
        above = np.average(shifted[bright], weights=counts[bright])
        below = np.average(shifted[~bright], weights=counts[~bright])
        if below == 0:
            break
        old, level = level, (below - above) / (np.log(below) - np.log(above))
    return float(level + values[0])


def triangle(found: Histogram) -> float:
    """Return the level furthest below the line from the histogram's peak to its far end.

    References
    ----------
    G. W. Zack, W. E. Rogers and S. A. Latt, "Automatic measurement of sister chromatid exchange
    frequency", J. Histochemistry and Cytochemistry 25(7), 1977.
    """
    counts, centres = _dense(found, 256)
    peak, last = int(counts.argmax()), counts.size - 1
    flip = peak < last - peak
    if flip:
        counts, peak = counts[::-1], last - peak
    height, side = counts[peak], np.arange(peak)
    norm = np.hypot(height, peak)
    distance = height / norm * side - peak / norm * counts[:peak]
    level = int(distance.argmax())
    return float(centres[last - level if flip else level])


def _dense(found: Histogram, most: int = BINS) -> tuple[Array, Array]:
    """Return counts and centres of bins without holes: one per whole number, else 256."""
    values, counts, whole = found
    if whole and values[-1] - values[0] < most:
        centres = np.arange(values[0], values[-1] + 1)
        dense = np.zeros(centres.size, np.int64)
        dense[(values - values[0]).astype(np.int64)] = counts
        return dense, centres
    dense, edges = np.histogram(values, 256, weights=counts)
    return dense.astype(np.int64), (edges[:-1] + edges[1:]) / 2


def mean(found: Histogram) -> float:
    """Return the mean intensity."""
    return float(np.average(found.values, weights=found.counts))


def yen(found: Histogram) -> float:
    """Return the level of Yen et al., which balances how well classes fit and how many they are."""
    from skimage import filters  # slow to load, and the methods above do not need it

    return float(filters.threshold_yen(hist=_dense(found)))


def isodata(found: Histogram) -> float:
    """Return the level that is halfway between the means below and above it."""
    from skimage import filters

    return float(filters.threshold_isodata(hist=_dense(found)))


def minimum(found: Histogram) -> float:
    """Return the valley of the histogram, smoothed until it has two peaks.

    Raises
    ------
    ValueError
        If it never has.
    """
    from skimage import filters

    try:
        return float(filters.threshold_minimum(hist=_dense(found, 256)))
    except RuntimeError:
        raise ValueError(
            "method is 'minimum', but the histogram has no two peaks with a valley between them; "
            "choose 'otsu' or 'triangle', or smooth less"
        ) from None


LEVELS: Mapping[str, Callable[[Histogram], float]] = MappingProxyType(
    {
        "otsu": lambda found: otsu(found)[0],
        "li": li,
        "triangle": triangle,
        "mean": mean,
        "yen": yen,
        "isodata": isodata,
        "minimum": minimum,
    }
)
"""What finds the level between two classes, by the name of the method in `threshold`."""


def level(found: Histogram, method: str) -> float:
    """Return the level that `method`, a key of `LEVELS`, chooses between two classes."""
    if found.values.size < 2:
        raise NothingToSeparate(
            f"image is constant (every pixel is {found.values[0]:g}); there is nothing to separate"
        )
    return LEVELS[method](found)
