"""Patches cut from the pieces of annotated images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_tessera.deep.data.pieces import Piece
from napari_tessera.deep.data.preparation import Census, Data
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from napari_tessera.deep.settings import Augmentation


@dataclass(frozen=True)
class Patch:
    """What is cut from a piece for a training step.

    Attributes
    ----------
    image : ndarray of float32, shape (C, *P)
    labels : ndarray of int, shape P
        Smaller by the margin.
    piece : Piece
        Where it is from.
    beyond : bool
        Whether it shows what lies beyond the border of the image, where that is mirrored.
    """

    image: Array
    labels: Array
    piece: Piece
    beyond: bool


@dataclass(frozen=True)
class Patches:
    """Varied patches of the training pieces, repeatable: patch i of step n is always the same.

    Attributes
    ----------
    data : Data
    side : tuple of int
        Pixels of a patch along each axis, as far as it is labelled.
    margin : int
        Pixels by which the image of a patch is larger, on every side.
    augmentation : Augmentation
    everywhere : bool
        Whether half of the patches lie anywhere; otherwise all are centred on annotated pixels.
    """

    data: Data
    side: tuple[int, ...]
    margin: int
    augmentation: Augmentation
    everywhere: bool

    def one(self, random: np.random.Generator) -> tuple[Array, Array]:
        """Return a patch: image (C, *P) float32 and labels P, smaller by the margin."""
        found = self.cut(random)
        return found.image, found.labels

    def cut(self, random: np.random.Generator) -> Patch:
        """Return a patch, and where it is from."""
        from napari_tessera.deep.data.warp import (
            box_of,
            mirrored,
            places,
            sampled,
            sampled_labels,
            without_aliases,
        )

        # large images are seen more often than small ones, but not as often as they have pixels
        sizes = np.sqrt([math.prod(piece.shape) for piece in self.data.training])
        number = int(random.choice(len(sizes), p=sizes / sizes.sum()))
        piece = self.data.training[number]
        centre = self._centre(piece, self.data.censuses[number], random)
        side = tuple(length + 2 * self.margin for length in self.side)
        middle = np.reshape(centre, (-1,) + (1,) * len(side))
        # where in the piece each pixel of the patch lies, (D, *side)
        grid = places(side, centre, self.augmentation, random)
        if piece.zoom != 1:
            grid = (middle + (grid - middle) / piece.zoom).astype(np.float32)
        beyond = any(
            own.min() < -0.5 or own.max() > length - 0.5
            for own, length in zip(grid, piece.shape, strict=True)
        )
        grid = mirrored(grid, piece.shape)
        box = box_of(grid, piece.shape)  # what is read: no more than the patch needs
        grid -= np.reshape([part.start for part in box], (-1,) + (1,) * len(self.side))
        inner = (slice(None), *(slice(self.margin, length - self.margin) for length in side))
        labels = sampled_labels(piece.labels_at(box), grid[inner])
        seen = without_aliases(piece.image_at(box), piece.zoom)
        return Patch(sampled(seen, grid), labels, piece, beyond)

    def _centre(self, piece: Piece, found: Census, random: np.random.Generator) -> Array:
        """Return where a patch is centred: anywhere, or on a pixel of any annotated class."""
        own = [label for label in found.places if label != 0]
        if not own or (self.everywhere and random.random() < 0.5):
            low = [
                min(side, length) / 2 for side, length in zip(self.side, piece.shape, strict=True)
            ]
            high = [length - a for length, a in zip(piece.shape, low, strict=True)]
            centre = random.uniform(low, high)
        else:
            spots = found.places[int(random.choice(own))]
            centre = spots[random.integers(len(spots))].astype(float)
            room = np.array(self.side) / 2
            centre = centre + random.uniform(-room / 2, room / 2)
        # whole patches without turning fall on whole pixels
        half = (np.array(self.side) - 1) / 2
        return np.rint(centre - half) + half
