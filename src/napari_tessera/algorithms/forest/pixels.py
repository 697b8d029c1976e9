"""Pixels as rows of numbers: marked ones to learn from, and to which class each other belongs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from napari_tessera.algorithms.forest.forest import Forest
from napari_tessera.algorithms.halo_tiles import Box, covering, extent
from napari_tessera.algorithms.parallel import parallel_for
from napari_tessera.algorithms.scrambled import scrambled
from napari_tessera.signature.parts import PartOfWhole
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array

EXAMPLES = 1 << 13
"""Pixels of a class that are learnt from at most; of more, so many are drawn at random."""

TILE = 1 << 16
"""Pixels of a tile: what describes them stays in the cache of a core."""

Describe = Callable[[Box], Array]
"""Takes a box of an image, and returns the numbers that describe its pixels, shape (..., F)."""


class MarkedPixels:
    """Marked pixels of any number of images, each with the numbers that describe it.

    Which of many are kept depends on where they lie alone, and not on the parts that an image is
    cut into.

    Parameters
    ----------
    seed : int
        Of the random numbers.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        # of each class: a random number for each pixel, and what describes it
        self._kept: dict[int, tuple[Array, Array]] = {}

    def add(self, marks: Array, describe: Describe, part: PartOfWhole, number: int = 0) -> None:
        """Take the marked pixels of a part of a plane or volume.

        Parameters
        ----------
        marks : ndarray of int
            The class of each pixel of what is seen of the part; 0 = none.
        describe : callable
        part : PartOfWhole
        number : int
            Of the plane or volume.
        """
        boxes = _marked_boxes(marks, part.inner)
        described = parallel_for(lambda box: describe(box)[marks[box] > 0], boxes)
        for box, rows in zip(boxes, described, strict=True):
            places = np.nonzero(marks[box])
            starts = [a + each.start for a, each in zip(part.start, box, strict=True)]
            whole = tuple(own + a for own, a in zip(places, starts, strict=True))
            flat = np.ravel_multi_index(whole, part.whole) + number * math.prod(part.whole)
            self.keep(marks[box][places], rows, scrambled(np.asarray(flat), self._seed))

    def keep(self, labels: Array, rows: Array, drawn: Array) -> None:
        """Take pixels by their classes, what describes them and a random number for each."""
        for label in np.unique(labels).tolist():
            own = labels == label
            numbers, mine = drawn[own], rows[own]
            if label in self._kept:
                before = self._kept[label]
                numbers, mine = np.r_[before[0], numbers], np.r_[before[1], mine]
            if len(numbers) > EXAMPLES:
                lowest = np.argpartition(numbers, EXAMPLES - 1)[:EXAMPLES]
                numbers, mine = numbers[lowest], mine[lowest]
            self._kept[label] = numbers, mine

    def copy(self) -> MarkedPixels:
        """Return another one of the same pixels, which may take more."""
        other = MarkedPixels(self._seed)
        other._kept = dict(self._kept)
        return other

    @property
    def count(self) -> int:
        """How many pixels there are."""
        return sum(len(drawn) for drawn, _ in self._kept.values())

    @property
    def classes(self) -> tuple[int, ...]:
        """The classes of which there are some, rising."""
        return tuple(sorted(self._kept))

    @property
    def rows(self) -> Array:
        """What describes all pixels, class after class, shape (N, F)."""
        return np.concatenate([self._kept[each][1] for each in self.classes])

    @property
    def labels(self) -> Array:
        """The class of each of them."""
        return np.repeat(self.classes, [len(self._kept[each][0]) for each in self.classes])

    @property
    def drawn(self) -> Array:
        """The random number of each of them."""
        return np.concatenate([self._kept[each][0] for each in self.classes])


def _marked_boxes(marks: Array, inner: Box) -> list[Box]:
    """Return boxes within one that hold all that is marked there, and little else."""
    shape, found = tuple(each.stop - each.start for each in inner), []
    for tile in covering(shape, (0,) * len(shape), TILE):
        box = _moved(tile.core, inner)
        if marks[box].any():
            found.append(_moved(extent(marks[box]), box))
    return found


def _moved(box: Box, outer: Box) -> Box:
    """Return a box that counts from the start of another one as that one does."""
    return tuple(
        slice(own.start + out.start, own.stop + out.start)
        for own, out in zip(box, outer, strict=True)
    )


def pixel_probabilities(
    shape: Sequence[int], describe: Describe, forest: Forest, report: Reporter | None = None
) -> Array:
    """Return how likely each pixel belongs to each class, tile by tile on all cores.

    Parameters
    ----------
    shape : sequence of int
        Of the image, without channels.
    describe : callable
    forest : Forest
    report : Reporter, optional

    Returns
    -------
    ndarray of float32, shape (classes, ...)
    """
    result = np.empty((len(forest.classes), *shape), np.float32)

    def fill(box: Box) -> None:
        found = _led_down(describe(box), forest)
        result[(slice(None), *box)] = np.moveaxis(found, -1, 0)

    parallel_for(fill, _tiles(shape), report)
    return result


def likely_classes(
    shape: Sequence[int], describe: Describe, forest: Forest, report: Reporter | None = None
) -> Array:
    """Return the class that each pixel belongs to most likely; arguments as above.

    Returns
    -------
    ndarray of uint8
    """
    result, classes = np.empty(shape, np.uint8), np.array(forest.classes, np.uint8)

    def fill(box: Box) -> None:
        result[box] = classes[_led_down(describe(box), forest).argmax(axis=-1)]

    parallel_for(fill, _tiles(shape), report)
    return result


def _led_down(described: Array, forest: Forest) -> Array:
    rows = described.reshape(-1, described.shape[-1])
    return forest.probabilities(rows).reshape(*described.shape[:-1], -1)


def _tiles(shape: Sequence[int]) -> list[Box]:
    return [tile.core for tile in covering(shape, (0,) * len(shape), TILE)]
