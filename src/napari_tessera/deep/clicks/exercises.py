"""What the click network learns: objects in windows, clicked on again and again.

An exercise begins with a click near the middle of an object, or a box around it. After each answer
the next click lies in the middle of what that has got wrong, and the answer is given back with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.algorithms.picking.marks import ON
from napari_tessera.deep.clicks.simulated import next_click
from napari_tessera.deep.clicks.windows import (
    SIDE,
    HalvedImages,
    discs,
    network_input,
    normalised_window,
)
from napari_tessera.deep.data.augmentation import vary
from napari_tessera.deep.data.warp import places, sampled_labels
from napari_tessera.deep.settings import Augmentation
from napari_tessera.signature.words import Array

WIDTHS = (0.9, 5.0)
"""How many times as wide as its object a window may be."""

BOXED = 0.15
"""Share of the exercises that begin with a box in place of a click."""

FURTHER = 4
"""Most clicks after the first one."""

_DEEP = 0.5  # of the depth of an error, from which on it is clicked on
_SMALLEST = 20  # pixels of objects that are learnt, at least


@dataclass(frozen=True)
class PracticeImage:
    """An image whose objects are known.

    Attributes
    ----------
    levels : HalvedImages
    labels : ndarray of int, shape (Y, X)
    boxes : dict of int to tuple of slice
        Of the objects.
    """

    levels: HalvedImages
    labels: Array
    boxes: dict[int, Box]

    @classmethod
    def of(cls, image: Array, labels: Array) -> PracticeImage:
        """Return a grey image with those of its objects that are large enough to be clicked on."""
        sizes = np.bincount(labels.ravel())
        found = enumerate(ndimage.find_objects(labels), 1)
        boxes = {n: box for n, box in found if box is not None and sizes[n] >= _SMALLEST}
        return cls(HalvedImages.of(image, None), labels, boxes)


@dataclass(frozen=True)
class Exercise:
    """An object in a window, and what is marked of it so far.

    Attributes
    ----------
    grey, on, beside, present : ndarray of float32, shape (SIDE, SIDE)
        See `napari_tessera.deep.clicks.windows.network_input`.
    truth : ndarray of bool, shape (SIDE, SIDE)
    left : int
        How many clicks are still to come.
    """

    grey: Array
    truth: Array
    on: Array
    beside: Array
    present: Array
    left: int

    @property
    def seen(self) -> Array:
        """What the network sees of it, shape (CHANNELS, SIDE, SIDE)."""
        return network_input(self.grey, self.on, self.beside, self.present)

    def answered(self, present: Array, random: np.random.Generator) -> Exercise | None:
        """Return the exercise after an answer, with a click more; None if it is over."""
        click = next_click(self.truth, present > 0.5, random, depth=_DEEP) if self.left else None
        if click is None:
            return None
        sign, place = click
        name = "on" if sign == ON else "beside"
        marked = np.maximum(getattr(self, name), discs(place[None]))
        return replace(self, present=present, left=self.left - 1, **{name: marked})


def exercise(
    image: PracticeImage, number: int, augmentation: Augmentation, random: np.random.Generator
) -> Exercise:
    """Return an object of an image in a window of random width, varied, and marked once."""
    box = image.boxes[number]
    low, high = (np.array([getattr(side, end) for side in box]) for end in ("start", "stop"))
    width = float((high - low).max())
    boxed = random.random() < BOXED
    most = 2.5 if boxed else WIDTHS[1]
    step = width / SIDE * math.exp(random.uniform(math.log(WIDTHS[0]), math.log(most)))
    middle = (low + high - 1) / 2
    if not boxed:
        middle = _clicked_place(image, number, random)
    shaken = middle + random.normal(0, 0.08 * width, 2)
    at = shaken.reshape(2, 1, 1) + step * places((SIDE, SIDE), np.zeros(2), augmentation, random)
    last = np.reshape(image.labels.shape, (2, 1, 1)) - 1
    truth = sampled_labels(image.labels, np.clip(at, 0, last)) == number
    truth &= (inside := image.levels.inside(at))
    if not truth.any():  # a thin one that no sample meets
        return exercise(image, number, augmentation, random)
    grey = normalised_window(image.levels.seen(at, step), inside)
    grey = normalised_window(vary(grey[None], augmentation, random, rgb=False), inside)
    nothing = np.zeros((SIDE, SIDE), np.float32)
    begun = Exercise(grey, truth, nothing, nothing, nothing, int(random.integers(FURTHER + 1)))
    if boxed:
        return replace(begun, beside=_outside(truth, random))
    first = replace(begun, left=1).answered(nothing, random)
    return begun if first is None else replace(first, left=begun.left)


def _clicked_place(image: PracticeImage, number: int, random: np.random.Generator) -> Array:
    """Return the middle of the object's box, or any of its pixels."""
    box = image.boxes[number]
    start = np.array([side.start for side in box])
    own = np.argwhere(image.labels[box] == number) + start
    if random.random() < 0.5:
        return np.asarray((own.min(axis=0) + own.max(axis=0)) / 2)
    return np.asarray(random.choice(own))


def _outside(truth: Array, random: np.random.Generator) -> Array:
    """Return 1 outside a box around the object as a hand draws it."""
    found = np.ones(truth.shape, np.float32)
    rows, columns = (np.flatnonzero(truth.any(axis=axis)) for axis in (1, 0))
    sides = []
    for own in (rows, columns):
        loose = random.uniform(-0.02, 0.08, 2) * len(own)
        sides.append(slice(max(0, round(own[0] - loose[0])), round(own[-1] + 1 + loose[1])))
    found[tuple(sides)] = 0
    return found


class Exercises:
    """Exercises without end: as soon as one is over, another one begins.

    Parameters
    ----------
    images : sequence of (share, sequence of PracticeImage)
        Sets of images, and the shares of the exercises that are of them.
    count : int
        How many go on at a time.
    augmentation : Augmentation
    random : Generator
    """

    def __init__(
        self,
        images: Sequence[tuple[float, Sequence[PracticeImage]]],
        count: int,
        augmentation: Augmentation,
        random: np.random.Generator,
    ) -> None:
        self._sets, self._augmentation, self._random = images, augmentation, random
        shares = np.array([share for share, _ in images])
        self._shares = shares / shares.sum()
        # an image with many objects is drawn more often, but not as many times as they are many
        weights = [np.sqrt([len(each.boxes) for each in own]) for _, own in images]
        self._weights = [each / each.sum() for each in weights]
        self.present = [self._fresh() for _ in range(count)]

    def _fresh(self) -> Exercise:
        chosen = self._random.choice(len(self._sets), p=self._shares)
        images = self._sets[chosen][1]
        image = images[self._random.choice(len(images), p=self._weights[chosen])]
        number = int(self._random.choice(list(image.boxes)))
        return exercise(image, number, self._augmentation, self._random)

    def answered(self, answers: Array) -> None:
        """Take the answers to the present exercises, shape (count, SIDE, SIDE), and go on."""
        for place, (own, answer) in enumerate(zip(self.present, answers, strict=True)):
            self.present[place] = own.answered(answer, self._random) or self._fresh()
