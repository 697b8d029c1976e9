"""The components that touch a box, and those near them: all that matters of a wide halo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box, extent, with_halo
from napari_tessera.algorithms.labels.components import components
from napari_tessera.signature.words import Array


@dataclass(frozen=True)
class Touching:
    """The components that touch a box, and those near them, cut to where they lie.

    Attributes
    ----------
    box : tuple of slice
        Where they lie in the array, with some pixels around.
    own : ndarray of bool, optional
        The components that touch, within `box`; None = everything is one that does.
    near : ndarray of bool, optional
        These and the ones near them, all of them whole.
    complete : bool
        Whether all components are near.
    """

    box: Box
    own: Array | None
    near: Array | None
    complete: bool = False

    @classmethod
    def of(cls, mask: Array, core: Box, near: Sequence[int], more: Sequence[int]) -> Touching:
        """Return the components of a mask that touch a box.

        Parameters
        ----------
        mask : ndarray of bool
            Pixels hang together at corners too.
        core : tuple of slice
        near : sequence of int
            Components within so many pixels of them, along each axis, are near; some that lie a
            little further away are taken for near as well.
        more : sequence of int
            Pixels around all of them, along each axis.

        Examples
        --------
        >>> mask = np.array([[1, 1, 0, 1, 0, 0, 0, 0, 0, 1]]) > 0
        >>> found = Touching.of(mask, (slice(0, 1), slice(0, 2)), (1, 2), (1, 1))
        >>> found.box[1], found.own.astype(int), found.near.astype(int)
        (slice(0, 5, None), array([[1, 1, 0, 0, 0]]), array([[1, 1, 0, 1, 0]]))
        """
        own, numbers = _touching(mask, core)
        if not own.any():
            return cls(core, own[core], own[core])
        chosen = np.zeros(int(numbers.max()) + 1, bool)
        # plane by plane: what is picked out is a copy
        for plane, part in zip(numbers, _cells_near(own, near), strict=True):
            chosen[plane[part]] = True
        chosen[0] = False
        both = chosen[numbers]
        box = with_halo(extent(both), mask.shape, more).seen
        return cls(box, own[box], both[box])

    @classmethod
    def among_all(cls, mask: Array, core: Box) -> Touching:
        """Return the components of a mask that touch a box, all others near them."""
        box = tuple(slice(0, n) for n in mask.shape)
        return cls(box, _touching(mask, core)[0], mask, complete=True)


def _touching(mask: Array, core: Box) -> tuple[Array, Array]:
    """Return the components that touch a box, and the numbers of all."""
    numbers = components(mask)
    touch = np.zeros(int(numbers.max(initial=0)) + 1, bool)
    touch[numbers[core]] = True
    touch[0] = False
    return np.asarray(touch[numbers]), numbers


def _cells_near(mask: Array, near: Sequence[int]) -> Array:
    """Return the cells of a coarse grid, as pixels, that are near those with a pixel of a mask."""
    from scipy import ndimage

    sides, coarse = [max(1, width) for width in near], mask
    for axis, (side, n) in enumerate(zip(sides, mask.shape, strict=True)):
        coarse = np.logical_or.reduceat(coarse, np.arange(0, n, side), axis=axis)
    fine = ndimage.binary_dilation(coarse, np.ones((3,) * mask.ndim))
    for axis, (side, n) in enumerate(zip(sides, mask.shape, strict=True)):
        fine = np.repeat(fine, side, axis=axis).take(np.arange(n), axis=axis)
    return np.asarray(fine)
