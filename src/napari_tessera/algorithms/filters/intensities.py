"""Intensities made comparable, so that neither dtype nor contrast decides what a network sees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from napari_tessera.algorithms.filters.histogram import BINS, Histogram, histogram
from napari_tessera.signature.arrays import native
from napari_tessera.signature.words import Array

_CHUNK = 1 << 20
_FINE = BINS // 16


def intensities(
    pieces: Iterable[Array],
    *,
    channels: bool,
    kind: Normalising = "percentiles",
    low: float = 1.0,
    high: float = 99.8,
) -> tuple[tuple[float, float], ...]:
    """Return what becomes 0 and the range that becomes 1, of each channel.

    Percentiles are exact for whole numbers of up to 16 bits, and within 1/65 536 of the range
    otherwise; where a few outliers widen the range, within that of the percentiles. Where both
    percentiles are one value, lowest and highest value take their place.

    Parameters
    ----------
    pieces : iterable of ndarray
        Planes or volumes, the channels last. Read several times; NaN and infinity do not count.
    channels : bool
        Whether the last axis holds channels.
    kind : {"percentiles", "mean", "range"}
        From percentile to percentile, mean and standard deviation, or from 0 to the highest number
        of the type (1 of floats).
    low, high : float
        The percentiles.

    Returns
    -------
    tuple of (zero, range)
        One per channel. The range of a constant channel is 1; one without values has (0, 1).

    Raises
    ------
    TypeError
        If `pieces` can be read only once.
    ValueError
        If there are no pieces, or no such `kind`.

    Examples
    --------
    >>> intensities([np.arange(101)], channels=False, low=10, high=90)
    ((10.0, 80.0),)
    >>> intensities([np.array([[1, 7], [5, 7]])], channels=True, kind="mean")
    ((3.0, 2.0), (7.0, 1.0))
    """
    if kind not in get_args(Normalising):
        raise ValueError(f"kind is {kind!r}; choose one of {', '.join(get_args(Normalising))}")
    if isinstance(pieces, Iterator):
        raise TypeError("pieces can be read only once; pass a list of arrays")
    first = next(iter(pieces), None)
    if first is None:
        raise ValueError("pieces is empty; pass at least one array")
    if kind == "range":
        highest = 1.0 if first.dtype.kind in "bf" else float(np.iinfo(first.dtype).max)
        return ((0.0, highest),) * (first.shape[-1] if channels else 1)
    indices: list[int | None] = list(range(first.shape[-1])) if channels else [None]
    every = [_Channel(pieces, index) for index in indices]
    return tuple(_mean(one) if kind == "mean" else _between(one, low, high) for one in every)


def normalised(
    image: Array, found: Sequence[tuple[float, float]], *, channel_axis: int | None
) -> Array:
    """Return (value - zero) / range, the channels first.

    Parameters
    ----------
    image : ndarray
        A plane or volume.
    found : sequence of (zero, range)
        As `intensities` returns them, one per channel.
    channel_axis : int, optional
        Of `image`; None = there is none.

    Returns
    -------
    ndarray of float32, shape (C, *P)
        NaN and infinity become 0.

    Raises
    ------
    ValueError
        If there are other channels than in `found`.

    Examples
    --------
    >>> normalised(np.array([[10, 50, 90]], np.uint8), [(10.0, 80.0)], channel_axis=None)
    array([[[0. , 0.5, 1. ]]], dtype=float32)
    """
    image = native(image)
    source = image[None] if channel_axis is None else np.moveaxis(image, channel_axis, 0)
    if len(source) != len(found):
        raise ValueError(
            f"image has {len(source)} channels, but intensities are known of {len(found)}; pass "
            "the channels the intensities are of"
        )
    # 24 bits hold whole numbers of 16; wider ones may be small steps on a large value
    dtype = np.float32 if image.dtype.kind in "bui" and image.dtype.itemsize <= 2 else np.float64
    result = np.empty(source.shape, np.float32)  # (C, *P)
    for own, out, (zero, extent) in zip(source, result, found, strict=True):
        np.subtract(own, zero, out=out, dtype=dtype, casting="same_kind")
        np.divide(out, np.float32(extent), out=out)
        if image.dtype.kind == "f" and not np.isfinite(out.sum(dtype=np.float64)):
            out[~np.isfinite(out)] = 0
    return result


@dataclass(frozen=True)
class _Channel:
    """The finite values of one channel, piece by piece, as often as wanted."""

    pieces: Iterable[Array]
    index: int | None

    def __iter__(self) -> Iterator[Array]:
        for piece in self.pieces:
            values = piece if self.index is None else piece[..., self.index]
            values = native(values)
            if values.dtype == bool:
                values = values.view(np.uint8)
            elif values.dtype == np.float16:
                values = values.astype(np.float32)
            if values.dtype.kind == "f" and not np.isfinite(values.sum(dtype=np.float64)):
                values = values[np.isfinite(values)]
            if values.size:
                yield values


@dataclass(frozen=True)
class _Clipped:
    """Values of which those outside a window lie on its edges, so that ranks stay."""

    values: Iterable[Array]
    low: float
    high: float

    def __iter__(self) -> Iterator[Array]:
        for piece in self.values:
            yield np.clip(piece, self.low, self.high)


def _ends(values: Iterable[Array]) -> tuple[float, float] | None:
    found = [(float(piece.min()), float(piece.max())) for piece in values]
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None


def _between(values: Iterable[Array], low: float, high: float) -> tuple[float, float]:
    ends = _ends(values)
    if ends is None:
        return 0.0, 1.0
    first, last = _percentiles(values, ends, low, high)
    if first >= last:  # most pixels have one value, such as the 0 of a mask
        first, last = ends
    return first, (last - first) or 1.0


def _percentiles(
    values: Iterable[Array], ends: tuple[float, float], low: float, high: float, zooms: int = 1
) -> tuple[float, float]:
    """Return two percentiles, looked at more closely where the bins of the first are too wide."""
    lowest, highest = ends
    if lowest == highest:
        return ends
    found = histogram(values)
    first, last = _percentile(found, low), _percentile(found, high)
    step = (highest - lowest) / BINS
    if found.whole or last - first >= _FINE * step or not zooms:
        return first, last
    window = _Clipped(values, first - step, last)
    return _percentiles(window, _ends(window) or ends, low, high, zooms - 1)


def _percentile(found: Histogram, percent: float) -> float:
    """Return the lowest value at which `percent` of the pixels are reached."""
    reached = np.cumsum(found.counts)
    place = int(np.searchsorted(reached, percent / 100 * reached[-1]))
    return float(found.values[min(place, len(reached) - 1)])


def _mean(values: Iterable[Array]) -> tuple[float, float]:
    """Return mean and standard deviation, by the update of Chan, Golub and LeVeque (1979)."""
    ends = _ends(values)
    if ends is None:
        return 0.0, 1.0
    if ends[0] == ends[1]:  # rounding must not make a range of a constant
        return ends[0], 1.0
    count, mean, squares = 0, 0.0, 0.0
    for piece in values:
        flat = piece.reshape(-1)
        for start in range(0, flat.size, _CHUNK):
            own = flat[start : start + _CHUNK].astype(np.float64)
            centre = float(own.mean())
            own -= centre
            shift, total = centre - mean, count + own.size
            squares += float(own @ own) + shift**2 * count * own.size / total
            mean += shift * own.size / total
            count = total
    return mean, float(np.sqrt(squares / count)) or 1.0


Normalising = Literal["percentiles", "mean", "range"]
