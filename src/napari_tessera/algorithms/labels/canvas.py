"""Many objects side by side on one canvas, where no two touch: a filter treats them all at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from napari_tessera.algorithms.labels.boxes import Boxes, batches, volume
from napari_tessera.algorithms.parallel import SLAB, in_order
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array


def each(
    labels: Array, boxes: Boxes, function: Callable[[Array], Array], report: Reporter
) -> Array:
    """Return what a filter of masks leaves of each object, as if it were alone.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        0 = background.
    boxes : Boxes
        Of these labels.
    function : callable
        Takes a mask with some objects, at least one pixel apart, and returns one with fewer pixels
        set. It must do the same to an object wherever it lies.
    report : Reporter

    Returns
    -------
    ndarray
        In the dtype of `labels`.
    """
    whole, result = volume(labels), np.zeros(labels.shape, labels.dtype)
    target = volume(result)
    planar = labels.ndim == 2
    low, high = boxes.in_volume()
    # neighbours on a canvas are of similar height, so that little of it is empty
    order = np.lexsort(((high - low)[:, 1], (high - low)[:, 0]))
    ids, low, high = boxes.ids.astype(whole.dtype)[order], low[order], high[order]

    def treated(rows: tuple[int, int]) -> tuple[Array, ...]:
        own = slice(*rows)
        size = high[own] - low[own]
        # one empty column between neighbours: filters see no contact
        starts = np.cumsum(size[:, 2] + 1) - size[:, 2] - 1
        canvas = np.zeros((*size[:, :2].max(axis=0), int(starts[-1] + size[-1, 2])), bool)
        _lay(whole, ids[own], low[own], high[own], starts, canvas)
        left = function(canvas[0])[None] if planar else function(canvas)
        return ids[own], low[own], high[own], starts, left

    jobs = batches(np.prod(high - low, axis=1), SLAB)
    for taken in in_order(treated, jobs, report):
        _take(*taken, target)
    return result


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _lay(whole: Any, ids: Any, low: Any, high: Any, starts: Any, canvas: Any) -> None:
    for row in range(ids.size):
        first = starts[row] - low[row, 2]
        for z in range(low[row, 0], high[row, 0]):
            for y in range(low[row, 1], high[row, 1]):
                for x in range(low[row, 2], high[row, 2]):
                    if whole[z, y, x] == ids[row]:
                        canvas[z - low[row, 0], y - low[row, 1], first + x] = True


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _take(ids: Any, low: Any, high: Any, starts: Any, left: Any, result: Any) -> None:
    for row in range(ids.size):
        first = starts[row] - low[row, 2]
        for z in range(low[row, 0], high[row, 0]):
            for y in range(low[row, 1], high[row, 1]):
                for x in range(low[row, 2], high[row, 2]):
                    if left[z - low[row, 0], y - low[row, 1], first + x]:
                        result[z, y, x] = ids[row]
