"""Where to label next: the regions in which a network is least sure."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from napari_tessera.pipeline.source import Region
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array, Report


class Next(NamedTuple):
    """A region that is worth labelling.

    Attributes
    ----------
    region : Region
    uncertainty : float
        The mean in it.
    """

    region: Region
    uncertainty: float


def label_next(
    uncertainty: Any,
    *,
    side: int = 128,
    count: int = 8,
    axes: int = 2,
    done: Any = None,
    report: Report = None,
) -> list[Next]:
    """Return the regions of an image that are most worth labelling, the least sure first.

    They are squares (cubes) that do not overlap. Each is the one of the highest mean among those
    that are left, as far as no plane has more than its `count` best.

    Parameters
    ----------
    uncertainty : array, shape (..., Y, X)
        What `napari_tessera.uncertainty` gives, or any other map that is high where labels are
        needed; NaN counts as 0. Lazily loaded arrays are read plane by plane.
    side : int
        Of a region in pixels, from 1; shorter axes are taken whole.
    count : int
        How many regions at most, from 1.
    axes : int
        2 for squares in planes, 3 for cubes in volumes.
    done : array, shape (..., Y, X), optional
        What is not 0 is labelled already; regions that touch it are left out.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    list of Next
        Fewer than `count` if there is no room for more.

    Raises
    ------
    ValueError
        If a number does not fit, or `done` has another shape.

    References
    ----------
    B. Settles, "Active learning literature survey", University of Wisconsin-Madison, 2009
    (uncertainty sampling).

    Examples
    --------
    >>> doubt = np.array([[0, 0, 0, 0, 0, 0], [0, 0.9, 0.3, 0, 0, 0.5]])
    >>> for region, mean in label_next(doubt, side=2, count=2):
    ...     print(region.start, region.stop, round(mean, 3))
    (0, 1) (2, 3) 0.3
    (0, 4) (2, 6) 0.125
    """
    _check(uncertainty, side, count, axes, done)
    reporter, found = Reporter.of(report), []
    lead = tuple(uncertainty.shape[: uncertainty.ndim - axes])
    for number, index in enumerate(np.ndindex(lead), start=1):
        known = None if done is None else np.asarray(done[index]) != 0
        for corner, mean, lengths in _best(np.asarray(uncertainty[index]), side, count, known):
            start = (*index, *corner)
            stop = tuple(a + n for a, n in zip(start, (*(1 for _ in lead), *lengths), strict=True))
            found.append(Next(Region(start, stop), mean))
        reporter(Progress(number, max(1, int(np.prod(lead)))))
    return sorted(found, key=lambda each: -each.uncertainty)[:count]


def _check(uncertainty: Any, side: int, count: int, axes: int, done: Any) -> None:
    if axes not in (2, 3):
        raise ValueError(f"axes is {axes!r}; choose 2 (planes) or 3 (volumes)")
    if uncertainty.ndim < axes:
        raise ValueError(
            f"uncertainty has shape {tuple(uncertainty.shape)}; pass at least {axes} axes"
        )
    for name, value in (("side", side), ("count", count)):
        if value < 1:
            raise ValueError(f"{name} is {value!r}; choose at least 1")
    if done is not None and tuple(done.shape) != tuple(uncertainty.shape):
        raise ValueError(
            f"done has shape {tuple(done.shape)} but uncertainty has {tuple(uncertainty.shape)}; "
            "pass arrays of one shape"
        )


def _best(
    doubt: Array, side: int, count: int, known: Array | None
) -> list[tuple[tuple[int, ...], float, tuple[int, ...]]]:
    """Return corner, mean and lengths of the best regions of a plane or volume, best first."""
    lengths = tuple(min(side, length) for length in doubt.shape)
    means = window_sums(np.nan_to_num(doubt, nan=0.0), lengths) / np.prod(lengths)
    if known is not None:
        means[window_sums(known, lengths) > 0] = -np.inf
    found: list[tuple[tuple[int, ...], float, tuple[int, ...]]] = []
    while len(found) < count:
        corner = tuple(int(i) for i in np.unravel_index(means.argmax(), means.shape))
        if means[corner] == -np.inf:
            break
        found.append((corner, float(means[corner]), lengths))
        near = (slice(max(0, c - n + 1), c + n) for c, n in zip(corner, lengths, strict=True))
        means[tuple(near)] = -np.inf
    return found


def window_sums(values: Array, lengths: tuple[int, ...]) -> Array:
    """Return the sums over all windows of some lengths, by the corner of the window.

    Examples
    --------
    >>> window_sums(np.array([[1, 2, 3], [4, 5, 6]]), (2, 2))
    array([[12., 16.]])
    """
    sums = np.asarray(values, np.float64)
    for axis, length in enumerate(lengths):
        whole = np.moveaxis(np.cumsum(sums, axis=axis), axis, 0)
        inner = whole[length - 1 :].copy()
        inner[1:] -= whole[:-length]
        sums = np.moveaxis(inner, 0, axis)
    return sums
