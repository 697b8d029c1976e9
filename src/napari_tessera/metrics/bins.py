"""How well the true objects were found, by groups of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from napari_tessera.signature.words import Array, Table

WITHIN = "boundary within tolerance"
"""Title of the share of an object's boundary near which there is predicted boundary."""


def by_bins(objects: Table, values: Array, count: int) -> Table:
    """Sort true objects into bins of about as many each, and say how well each bin was found.

    Parameters
    ----------
    objects : dict of ndarray
        The table of true objects that `score` gives.
    values : ndarray, shape (N,)
        What they are sorted by; those of NaN are left out.
    count : int
        How many bins at most. Objects of one value are never parted, so there may be fewer.

    Returns
    -------
    dict of ndarray
        One row per bin, lowest values first: index, from and to (least and greatest value),
        objects (how many), recall (share with a partner), iou (mean of those with a partner, NaN
        without any) and, if boundaries were compared, the means of their columns.

    Examples
    --------
    >>> objects = {"partner": np.array([3, 0, 4, 5]), "iou": np.array([0.5, 0.1, 1.0, 0.7])}
    >>> table = by_bins(objects, np.array([10, 2, 9, 3]), 2)
    >>> table["from"].tolist(), table["recall"].tolist(), table["iou"].tolist()
    ([2.0, 9.0], [0.5, 1.0], [0.7, 0.75])
    """
    boundary = [name for name in objects if name.startswith("boundary")]
    rows: list[list[float]] = []
    for some in _bins(np.asarray(values, np.float64), count):
        own = values[some]
        there = objects["partner"][some] != 0
        means = [_mean(objects[name][some]) for name in boundary]
        right = _mean(objects["iou"][some][there])
        rows.append([own.min(), own.max(), own.size, np.mean(there), right, *means])
    columns = np.array(rows).reshape(-1, 5 + len(boundary)).T
    names = ("from", "to", "objects", "recall", "iou", *boundary)
    table = {"index": np.arange(1, len(rows) + 1), **dict(zip(names, columns, strict=True))}
    return table | {"objects": table["objects"].astype(np.int64)}


def _bins(values: Array, count: int) -> Iterator[Array]:
    """Yield the elements of each bin."""
    known = values[np.isfinite(values)]
    if not known.size:
        return
    distinct, times = np.unique(known, return_counts=True)
    ends, start = np.cumsum(times), 0
    for number in range(count):
        done = int(ends[start - 1]) if start else 0
        # its part of what is left: one value of very many takes nothing from the bins after it
        wanted = done + (known.size - done) / (count - number)
        stop = int(np.searchsorted(ends, wanted))
        if stop > start and ends[stop] - wanted > wanted - ends[stop - 1]:
            stop -= 1
        yield np.flatnonzero((values >= distinct[start]) & (values <= distinct[stop]))
        start = stop + 1
        if start == distinct.size:
            return


def _mean(values: Array) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else np.nan
