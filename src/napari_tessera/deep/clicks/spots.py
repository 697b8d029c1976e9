"""What marks say for sure of an object: each of a spot around it, and a box of all outside."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from napari_tessera.algorithms.picking.marks import OFF, ON
from napari_tessera.algorithms.picking.picked import BoxMask
from napari_tessera.deep.clicks.windows import SIDE, Window, discs
from napari_tessera.signature.words import Array

SHARE = 0.8
"""How far a mark is sure, of its distance to the outline that it mends."""

_ONE = 0.71  # samples: that nearest to a mark is always as the mark says


@dataclass(frozen=True)
class Spot:
    """A disc around a mark that lies on the object, or beside it.

    Attributes
    ----------
    sign : int
        `ON` or `OFF`.
    point : ndarray, shape (2,)
        In pixels.
    radius : float
        In the finest pixels.
    """

    sign: int
    point: Array
    radius: float = 0.0

    def within(self, window: Window) -> Array:
        """Return which samples of a window lie in it."""
        at = window.samples(self.point)[0]
        rows, columns = np.ogrid[:SIDE, :SIDE]
        reach = max(self.radius / window.pixel, _ONE)
        return np.asarray((rows - at[0]) ** 2 + (columns - at[1]) ** 2 <= reach**2)


@dataclass(frozen=True)
class Spots:
    """All that marks say of an object.

    Attributes
    ----------
    spots : tuple of Spot
        In the order of the marks.
    box : ndarray, shape (2, 2), optional
        The first and the last corner of a box around it.
    """

    spots: tuple[Spot, ...] = ()
    box: Array | None = None

    def points(self, sign: int) -> Array:
        """Return the marks on the object or beside it, shape (N, 2)."""
        own = [spot.point for spot in self.spots if spot.sign == sign]
        return np.reshape(own, (-1, 2))

    def mended(self, sign: int, point: Array, before: BoxMask, steps: Array) -> Spots:
        """Return them with a mark more, that says that an answer is wrong there.

        Who mends clicks into the middle of what is wrong: it is nearly as wide as the mark is far
        from the outline. So wide is the spot, if no mark of the other kind is near.
        """
        wrong = before if sign == ON else _outside(before)
        others = np.linalg.norm((self.points(-sign) - point) / steps, axis=1)
        reach = min(SHARE * wrong.distance(point, steps), 0.5 * others.min(initial=np.inf))
        return replace(self, spots=(*self.spots, Spot(sign, point, reach)))

    def shown(self, window: Window) -> tuple[Array, Array]:
        """Return what the network sees of marks on the object and beside it, (SIDE, SIDE) both."""
        on, beside = (discs(window.samples(self.points(sign))) for sign in (ON, OFF))
        return on, np.maximum(beside, self.outside_box(window))

    def outside_box(self, window: Window) -> Array:
        """Return which samples lie outside the box; none without one."""
        if self.box is None:
            return np.zeros((SIDE, SIDE), bool)
        at = window.places
        low, high = (np.reshape(corner, (2, 1, 1)) for corner in self.box)
        return np.asarray(((at < low - 0.5) | (at > high + 0.5)).any(axis=0))

    def put_right(self, found: Array, window: Window) -> None:
        """Make a mask in a window, in place, what marks say of it; the newest count."""
        found[self.outside_box(window)] = False
        for spot in self.spots:
            found[spot.within(window)] = spot.sign == ON


def _outside(mask: BoxMask) -> BoxMask:
    """Return what lies around a mask, as far as its box reaches and a pixel more."""
    box = tuple(slice(side.start - 1, side.stop + 1) for side in mask.box)
    return BoxMask(box, ~np.pad(mask.values, 1))
