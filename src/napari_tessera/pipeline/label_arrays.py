"""Arrays that labels are written into piece by piece, and what becomes of them in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_tessera.algorithms.halo_tiles import tiled
from napari_tessera.algorithms.labels.ids import renumbered, sizes, smallest_dtype
from napari_tessera.algorithms.parallel import WORKERS, in_order
from napari_tessera.signature.progress import Progress
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from napari_tessera.pipeline.collectors import Whole
    from napari_tessera.pipeline.result import Labelled


class LabelArray(Protocol):
    """Labels that are written piece by piece."""

    def write(self, box: Any, labels: Array) -> None:
        """Put labels where `box` indexes."""

    def finished(self) -> tuple[Any, int | None]:
        """Return all of them, and how many different ones there are if that is known."""


def label_array(kind: type[Labelled], whole: Whole, *, renumbers: bool) -> LabelArray:
    """Return an array for labels; `renumbers`: their numbers are known in the end only."""
    if whole.sink is None:
        return GrowingLabels(kind, whole)
    if renumbers and whole.dtype is None:
        return ScratchLabels(kind, whole)
    return WrittenLabels(kind, whole)


class GrowingLabels:
    """Labels in memory, in a type that becomes wider when it must."""

    def __init__(self, kind: type[Labelled], whole: Whole) -> None:
        self._kind, self._asked = kind.kind, whole.dtype
        self._array = np.zeros(whole.shape, whole.dtype or smallest_dtype(kind.kind, 0))

    def write(self, box: Any, labels: Array) -> None:  # noqa: D102
        self._widen(int(labels.max(initial=0)))
        self._array[box] = labels

    def _widen(self, highest: int) -> None:
        """Make room for the highest label; a dtype that was asked for stays while it suffices."""
        if self._asked is not None and highest <= np.iinfo(self._array.dtype).max:
            return
        dtype = smallest_dtype(self._kind, highest)
        if dtype.itemsize > self._array.dtype.itemsize:
            self._array = self._array.astype(dtype)

    def finished(self) -> tuple[Array, None]:  # noqa: D102
        return self._array, None


class WrittenLabels:
    """Labels of a type that is known, written where they stay."""

    def __init__(self, kind: type[Labelled], whole: Whole) -> None:
        self._array = whole.array((), whole.dtype or smallest_dtype(kind.kind, 0))
        self._there: set[int] = set()

    def write(self, box: Any, labels: Array) -> None:  # noqa: D102
        found = sizes(labels)
        most = np.iinfo(self._array.dtype).max
        if max(found) > most:
            raise ValueError(
                f"a block has the label {max(found)}, but labels of {self._array.dtype} go up to "
                f"{most}; leave out blocks"
            )
        self._there.update(found)
        self._array[box] = labels

    def finished(self) -> tuple[Any, int]:  # noqa: D102
        return self._array, len(self._there - {0})


class ScratchLabels:
    """Labels that get their final numbers, and with these their type, when all are known."""

    def __init__(self, kind: type[Labelled], whole: Whole) -> None:
        if whole.sink is None:
            raise ValueError("labels that are numbered in the end need a sink")
        self._kind, self._whole = kind.kind, whole
        self._scratch = whole.sink.scratch(whole.shape, np.uint32, whole.block)
        self._there: set[int] = set()
        self._highest = 0

    def write(self, box: Any, labels: Array) -> None:  # noqa: D102
        self._highest = max(self._highest, int(labels.max(initial=0)))
        self._scratch[box] = labels

    def read(self, box: Any) -> Array:
        """Return what has been written to a box."""
        return np.asarray(self._scratch[box])

    def finished(self, numbers: Array | None = None) -> tuple[Any, int]:
        """Return the labels, and how many there are.

        Parameters
        ----------
        numbers : ndarray, shape (highest label + 1,), optional
            What becomes of each label; None = they stay.
        """
        highest = self._highest if numbers is None else int(numbers.max(initial=0))
        dtype, shape = smallest_dtype(self._kind, highest), self._whole.shape
        result = self._whole.array((), dtype)
        table = None if numbers is None else numbers.astype(dtype)

        def final(box: Any) -> tuple[Any, Array, set[int]]:
            labels = self.read(box)
            if table is not None:
                return box, renumbered(labels, table), set()
            return box, labels.astype(dtype), set(sizes(labels))

        boxes = [tile.core for tile in tiled(shape, (0,) * len(shape), self._whole.block)]
        for done, (box, labels, ids) in enumerate(in_order(final, boxes, workers=WORKERS), 1):
            result[box] = labels
            self._there |= ids
            self._whole.report(Progress(done, len(boxes)))
        return result, len(self._there - {0}) if table is None else highest
