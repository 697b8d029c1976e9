"""How an image of any size is covered by tiles that overlap, and one of them cut out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.deep.networks.options import Sizes
from napari_tessera.signature.parts import PartOfWhole
from napari_tessera.signature.words import Array

TileNumber = tuple[int, ...]


@dataclass(frozen=True)
class TilePlan:
    """How an image is covered by tiles of one size.

    Attributes
    ----------
    shape : tuple of int
        Of the image, per spatial axis.
    tile : tuple of int
        Labelled pixels of a tile, per axis.
    overlap : tuple of int
        Pixels that neighbouring tiles have in common, per axis; the last two may share more.
    starts : tuple of tuple of int
        Where tiles begin, per axis. The last one may end outside of the image.
    margin : int
        Pixels on every side that a tile is looked at beyond what is labelled.
    box : tuple of slice
        What is labelled, in the image that is read; empty = all of it.
    """

    shape: tuple[int, ...]
    tile: tuple[int, ...]
    overlap: tuple[int, ...]
    starts: tuple[tuple[int, ...], ...]
    margin: int
    box: Box = ()

    @property
    def count(self) -> int:
        """How many tiles there are."""
        return math.prod(map(len, self.starts))

    @property
    def numbers(self) -> list[TileNumber]:
        """The number along each axis of all tiles, row by row."""
        return list(product(*(range(len(starts)) for starts in self.starts)))

    def of_part(self, part: PartOfWhole, reach: int) -> TilePlan | None:
        """Return those of a whole that label the core of a part of it, or pixels around that.

        There, they say what they say in the whole. None = some of them end outside of the part.

        Parameters
        ----------
        part : PartOfWhole
        reach : int
            How many pixels around the core.

        Examples
        --------
        >>> part = PartOfWhole((90,), (slice(20, 80),), (slice(40, 50),))
        >>> tiles = plan_tiles((90,), Sizes(smallest=1), tile=20).of_part(part, 2)
        >>> tiles.starts, tiles.box
        (((0, 14),), (slice(8, 41, None),))
        """
        places = zip(part.whole, part.seen, part.core, self.tile, self.starts, strict=True)
        boxes, starts = list[slice](), list[tuple[int, ...]]()
        for length, seen, core, side, every in places:
            own = [s for s in every if s + side > core.start - reach and s < core.stop + reach]
            first, stop = own[0], min(own[-1] + side, length)
            if (
                max(first - self.margin, 0) < seen.start
                or min(stop + self.margin, length) > seen.stop
            ):
                return None
            boxes.append(slice(first - seen.start, stop - seen.start))
            starts.append(tuple(each - first for each in own))
        shape = tuple(each.stop - each.start for each in boxes)
        return replace(self, shape=shape, starts=tuple(starts), box=tuple(boxes))


def plan_tiles(
    shape: Sequence[int], sizes: Sizes, *, tile: int | Sequence[int], overlap: float = 0.25
) -> TilePlan:
    """Cover an image with tiles of a size that a network takes.

    All tiles begin at multiples of `sizes.multiple`, so that a network halves every tile at the
    same pixels as it would halve the image. Tiles of a network that looks beyond what it labels
    agree where they meet: they overlap only as far as these multiples ask for.

    Parameters
    ----------
    shape : sequence of int
        Of the image, per spatial axis.
    sizes : Sizes
        What the network takes.
    tile : int or sequence of int
        Most labelled pixels of a tile, for all axes or per axis; made smaller where as many tiles
        cover the image, then rounded up to what the network takes.
    overlap : float
        Least share of a tile, 0 to 0.9, that its neighbour labels too, where the network has no
        margin.

    Returns
    -------
    TilePlan

    Raises
    ------
    ValueError
        If `shape`, `tile` or `overlap` is none that makes sense.

    References
    ----------
    O. Ronneberger, P. Fischer, T. Brox, "U-Net", MICCAI 2015 (the overlap-tile strategy).

    Examples
    --------
    >>> tiles = plan_tiles((300, 90), Sizes(multiple=16), tile=128)
    >>> tiles.tile, tiles.overlap, tiles.starts
    ((128, 96), (32, 0), ((0, 96, 176), (0,)))
    """
    shape = tuple(shape)
    wanted = (tile,) * len(shape) if isinstance(tile, int) else tuple(tile)
    if not shape or min(shape) < 1:
        raise ValueError(f"shape is {shape}; pass at least one pixel along each axis")
    if len(wanted) != len(shape) or min(wanted) < 1:
        raise ValueError(f"tile is {tile!r}; pass a number from 1, or {len(shape)} of them")
    if not 0 <= overlap <= 0.9:
        raise ValueError(f"overlap is {overlap!r}; it must be from 0 to 0.9")
    planar = len(shape) - 2  # volumes may be thin
    least = [sizes.smallest if axis >= planar else 1 for axis in range(len(shape))]
    share = 0.0 if sizes.margin else overlap
    axes = [_along(*each, sizes, share) for each in zip(shape, wanted, least, strict=True)]
    sides, common, starts = zip(*axes, strict=True)
    return TilePlan(shape, sides, common, starts, sizes.margin)


def cut_tile(image: Array, tiles: TilePlan, number: tuple[int, ...]) -> Array:
    """Return a tile with its margins, (C, *tile + margins), mirrored where the image ends."""
    origin = [each.start for each in tiles.box] or [0] * len(tiles.shape)
    places = [
        _mirrored(first + starts[each] - tiles.margin, side + 2 * tiles.margin, length)
        for first, starts, each, side, length in zip(
            origin, tiles.starts, number, tiles.tile, image.shape[1:], strict=True
        )
    ]
    near: tuple[Any, ...] = np.ix_(*places)
    return image[(slice(None), *near)].astype(np.float32, copy=False)


def _mirrored(start: int, length: int, size: int) -> Array:
    """Return the places of `length` pixels in an axis of `size` that goes there and back.

    Examples
    --------
    >>> _mirrored(-1, 9, 3)
    array([1, 0, 1, 2, 1, 0, 1, 2, 1])
    """
    last = size - 1
    places = np.arange(start, start + length)
    return last - abs(places % (2 * last) - last) if last else places * 0


def _along(
    length: int, wanted: int, least: int, sizes: Sizes, overlap: float
) -> tuple[int, int, tuple[int, ...]]:
    """Return side, overlap and starts of the tiles along an axis."""
    multiple = sizes.multiple

    def taken(side: int) -> int:
        side = max(side, least)
        return side + (sizes.offset - side) % multiple

    # as many tiles as that takes, each no larger than they need be: n tiles of side s that share a
    # part o of their side cover s (n - (n - 1) o) pixels
    count = max(1, math.ceil((length - overlap * wanted) / (wanted * (1 - overlap))))
    even = math.ceil(length / (count - (count - 1) * overlap))
    side = min(taken(length), taken(max(even, multiple)))
    step = max(1, side - math.ceil(overlap * side))
    grid = multiple if step >= multiple else 1  # a tile as small as the network takes any
    step -= step % grid
    last = -(-max(0, length - side) // grid) * grid
    starts = (*range(0, last, step), last)
    return side, side - step if last else 0, starts
