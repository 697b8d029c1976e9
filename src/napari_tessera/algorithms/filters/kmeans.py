"""Moving centres to the means of their values: the heart of k-means."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array

_ROUNDS = 300


def lloyd(values: Array, centres: Array, report: Reporter | None = None) -> tuple[Array, float]:
    """Move centres to the means of their values until nothing changes.

    Parameters
    ----------
    values : ndarray, shape (N, features)
    centres : ndarray, shape (clusters, features)
    report : Reporter, optional
        Asked after each round.

    Returns
    -------
    centres : ndarray of float64
        A centre that lost all its values stays where it was.
    inertia : float
        Sum of the squared distances to the nearest centre, before the last move.
    """
    values, centres = np.ascontiguousarray(values, np.float64), centres.astype(np.float64)
    report, inertia = Reporter.of(report), np.inf
    for number in range(_ROUNDS):
        report(Progress(number, _ROUNDS))
        sums, counts = np.zeros_like(centres), np.zeros(len(centres))
        before, inertia = inertia, _round(values, centres, sums, counts)
        # empty clusters keep their centres: means of nothing are NaN
        filled = counts > 0
        centres[filled] = sums[filled] / counts[filled, np.newaxis]
        # it falls with each round until nothing changes: by rounding it may rise in the last
        if inertia >= before:
            break
    return centres, float(inertia)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _round(values: Any, centres: Any, sums: Any, counts: Any) -> float:
    """Add each value to the sum of its nearest centre; return the sum of squared distances."""
    inertia = 0.0
    for row in range(values.shape[0]):
        best, least = 0, np.inf
        for cluster in range(centres.shape[0]):
            distance = 0.0
            for column in range(values.shape[1]):
                distance += (values[row, column] - centres[cluster, column]) ** 2
            if distance < least:
                best, least = cluster, distance
        inertia += least
        counts[best] += 1
        for column in range(values.shape[1]):
            sums[best, column] += values[row, column]
    return inertia


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def nearest_centre(values: Any, centres: Any, result: Any) -> None:
    """Write the number of the nearest centre of each row."""
    for row in range(values.shape[0]):
        best, least = 0, np.float32(np.inf)
        for cluster in range(centres.shape[0]):
            distance = np.float32(0)
            for column in range(values.shape[1]):
                distance += (values[row, column] - centres[cluster, column]) ** 2
            if distance < least:
                best, least = cluster, distance
        result[row] = best
