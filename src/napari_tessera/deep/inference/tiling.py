"""Predict images of any size, in tiles that overlap.

An image (C, *P) is covered by tiles (`plan_tiles`), which go through the network a batch at a time
(`TileRun`); their probabilities, weighted, are summed up band by band (`bands`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial, reduce
from itertools import chain, product
from typing import Any

import numpy as np
import torch

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.algorithms.parallel import cores_given
from napari_tessera.deep import devices
from napari_tessera.deep.networks.options import Sizes
from napari_tessera.signature.parts import PartOfWhole
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array, Report

Forward = Callable[[torch.Tensor], torch.Tensor]
TileNumber = tuple[int, ...]

_LEAST = 1e-3
"""Smallest weight of a pixel along an axis of a tile, where its middle has 1."""

_MIRRORS = ((-1,), (-2,), (-2, -1))
"""Axes along which tiles are mirrored: X, Y and both."""


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


@dataclass(frozen=True)
class TileRun:
    """A network at work on the tiles of an image.

    Attributes
    ----------
    network : callable
        Maps tensors (B, C, *tile + margins) to scores (B, K, *tile) before the softmax, or has
        `detect`, see `napari_tessera.deep.networks.instances`. A module is used in evaluation mode
        and left in the mode it was in.
    tiles : TilePlan
        Of an image of the shape it works on.
    device : torch.device
        Where the network is.
    batch : int
        Tiles at once; fewer where memory does not suffice.
    mixed : bool
        Compute in 16 bits where the device gains by it.
    """

    network: Any
    tiles: TilePlan
    device: torch.device
    batch: int = 1
    mixed: bool = True

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"batch is {self.batch!r}; pass a whole number from 1")

    @contextmanager
    def inference(self) -> Iterator[None]:
        """Let the network predict for a while, without gradients and on the cores of this thread.

        In 16 bits where wanted.
        """
        short = devices.autocast(self.device, enabled=self.mixed)
        threads = devices.threads(cores_given())
        with threads, torch.inference_mode(), evaluating(self.network), short:
            yield

    def batches(self, image: Array) -> Iterator[tuple[list[TileNumber], torch.Tensor]]:
        """Yield the numbers of some tiles of `image`, and these, (B, C, *tile + margins)."""
        numbers = self.tiles.numbers
        for done in range(0, len(numbers), self.batch):
            chosen = numbers[done : done + self.batch]
            cut = np.stack([cut_tile(image, self.tiles, each) for each in chosen])
            yield chosen, torch.from_numpy(cut)


def bands(
    image: Array, run: TileRun, *, classes: int, flips: bool = False, report: Report = None
) -> Iterator[tuple[slice, Array]]:
    """Yield the probabilities of an image from its first row to its last, band by band.

    Where tiles overlap their probabilities are averaged, with weights that fall from the middle
    of a tile to its sides. No more than one row of tiles is in memory.

    Parameters
    ----------
    image : ndarray of float32, shape (C, *P)
    run : TileRun
        Of a network that scores pixels.
    classes : int
        Scores per pixel, K.
    flips : bool
        Average over the tile and its mirror images along Y, X and both.
    report : callable, optional
        Takes `Progress` after each batch, and once a value "note" if memory does not suffice.

    Yields
    ------
    rows : slice
        Of the first spatial axis.
    ndarray of float32, shape (K, rows, ...)

    Raises
    ------
    ValueError
        If the image is not the plan's, or the network gives other shapes than these.
    MemoryError
        If memory does not suffice for one tile.
    """
    tiles = run.tiles
    axes, is_box = len(tiles.shape), bool(tiles.box)
    if image.ndim != axes + 1 or (not is_box and image.shape[1:] != tiles.shape):
        raise ValueError(f"image has shape {image.shape}; tiles were planned for {tiles.shape}")
    report, done = Reporter.of(report), 0

    def note(sentence: str) -> None:
        report(Progress(done, tiles.count, {"note": sentence}))

    forward = _Forward(run, classes, flips=flips)
    splitting = devices.SplitBatches(run.device, note=note)
    row, last = _Row(tiles, classes), tiles.numbers[-1]
    for chosen, patches in run.batches(image):
        found = splitting.run(partial(forward, patches), len(chosen))
        done += len(chosen)
        report(Progress(done, tiles.count))
        for number, probabilities in zip(chosen, chain.from_iterable(found), strict=True):
            row.add(number, probabilities)
            if number[1:] == last[1:]:
                yield row.finished()


def tiled_scores(
    image: Array, run: TileRun, *, classes: int, flips: bool = False, report: Report = None
) -> Array:
    """Return the probabilities of an image.

    Parameters
    ----------
    image, run, classes, flips, report
        As for `bands`.

    Returns
    -------
    ndarray of float32, shape (K, *P)
        Where no tile is planned, all is background.

    Examples
    --------
    >>> image = np.array([[[0, 0, 9], [0, 9, 9]]], np.float32)
    >>> run = TileRun(
    ...     lambda patches: torch.cat([5 - patches, patches], dim=1),
    ...     plan_tiles((2, 3), Sizes(smallest=1), tile=2),
    ...     torch.device("cpu"),
    ... )
    >>> tiled_scores(image, run, classes=2)[1].round().astype(int)
    array([[0, 0, 1],
           [0, 1, 1]])
    """
    result = np.empty((classes, *image.shape[1:]), np.float32)
    if run.tiles.box:
        result[:] = np.eye(classes, 1, dtype=np.float32).reshape(-1, *(1,) * (image.ndim - 1))
    labelled = result[(slice(None), *run.tiles.box)]
    for rows, band in bands(image, run, classes=classes, flips=flips, report=report):
        labelled[:, rows] = band
    return result


def resized(image: Array, shape: tuple[int, ...]) -> Array:
    """Return channels (C, *P) with another number of pixels, by linear interpolation."""
    if image.shape[1:] == shape:
        return image
    given = torch.from_numpy(np.ascontiguousarray(image))
    smooth = {"antialias": True} if len(shape) == 2 else {}
    if len(shape) == 3 and shape[0] == image.shape[1]:  # planes of a volume, each by itself
        planes = given.transpose(0, 1)
        found = torch.nn.functional.interpolate(
            planes, shape[1:], mode="bilinear", antialias=True
        ).transpose(0, 1)
    else:
        mode = "bilinear" if len(shape) == 2 else "trilinear"
        found = torch.nn.functional.interpolate(given[None], shape, mode=mode, **smooth)[0]
    return np.ascontiguousarray(found.numpy())


@dataclass(frozen=True)
class _Forward:
    """What a network makes of tiles: probabilities."""

    run: TileRun
    classes: int
    flips: bool

    def __call__(self, patches: torch.Tensor, places: slice) -> Array:
        """Return probabilities (B, K, *tile) of some `patches` (B, C, *tile + margins)."""
        order = torch.channels_last if patches.ndim == 4 else torch.contiguous_format
        some = patches[places].to(self.run.device, memory_format=order)  # (B, C, *tile + margins)
        with self.run.inference():
            total = self._probabilities(some)  # (B, K, *tile)
            if self.flips:
                for axes in _MIRRORS:
                    total += self._probabilities(some.flip(axes)).flip(axes)
                total /= 1 + len(_MIRRORS)
        return total.cpu().numpy()

    def _probabilities(self, patches: torch.Tensor) -> torch.Tensor:
        found = self.run.network(patches)  # (B, K, *tile)
        wanted = (len(patches), self.classes, *self.run.tiles.tile)
        if found.shape != wanted:
            raise ValueError(f"network gives shape {tuple(found.shape)}; {wanted} was planned for")
        return found.float().softmax(dim=1)  # (B, K, *tile)


class _Row:
    """A row of tiles as it is summed up, from the first row of the image to the last."""

    def __init__(self, tiles: TilePlan, classes: int) -> None:
        self._tiles, self._number = tiles, 0
        self._weights = [_weights(tiles, axis) for axis in range(len(tiles.shape))]
        self._sum = np.zeros((classes, tiles.tile[0], *tiles.shape[1:]), np.float32)

    def add(self, number: tuple[int, ...], probabilities: Array) -> None:
        """Add the probabilities (K, *tile) of a tile, by its number along each axis."""
        tiles = self._tiles
        # the weights of an image are products of those along its axes, so one line per axis is kept
        weights = [own[each] for own, each in zip(self._weights, number, strict=True)]
        starts = [own[each] for own, each in zip(tiles.starts, number, strict=True)]
        lengths = [
            min(side, length - start)
            for side, length, start in zip(tiles.tile, tiles.shape, starts, strict=True)
        ]
        inside: tuple[Any, ...] = tuple(map(slice, lengths))
        target = zip((0, *starts[1:]), lengths, strict=True)  # the sum begins at the row
        place: tuple[Any, ...] = tuple(slice(start, start + side) for start, side in target)
        weight = reduce(np.multiply.outer, weights)[inside]
        self._sum[(..., *place)] += probabilities[(..., *inside)] * weight

    def finished(self) -> tuple[slice, Array]:
        """Return the rows that no later tile touches, and go on to the next row of tiles."""
        starts = (*self._tiles.starts[0], self._tiles.shape[0])
        rows = slice(*starts[self._number : self._number + 2])
        length = rows.stop - rows.start
        # `_sum` (K, tile height, *P[1:]) begins at the row where this row of tiles begins: what the
        # next one does not reach is final, the rest moves up
        band = self._sum[:, :length].copy()
        self._sum[:, :-length] = self._sum[:, length:]
        self._sum[:, -length:] = 0
        self._number += 1
        return rows, band


@contextmanager
def evaluating(network: Forward) -> Iterator[None]:
    """Switch what networks do in training only off, for a while."""
    if not isinstance(network, torch.nn.Module):
        yield
        return
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:  # parts of a network may differ
            module.training = training


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


def _weights(tiles: TilePlan, axis: int) -> list[Array]:
    """Return the weights of each tile along an axis; over all tiles they sum up to 1.

    They are a Gaussian of an eighth of the tile, or alike for networks with a margin. Tiles being
    on a grid, products of these sum up to 1 in the image too.
    """
    side, starts, length = tiles.tile[axis], tiles.starts[axis], tiles.shape[axis]
    offsets = np.arange(side) - (side - 1) / 2
    # exp(-x^2 / 2 sigma^2) with sigma = side / 8
    bell = np.maximum(np.exp(-0.5 * (8 * offsets / side) ** 2), _LEAST)
    own = np.ones(side) if tiles.margin else bell
    total = np.zeros(max(length, starts[-1] + side))
    for start in starts:
        total[start : start + side] += own
    return [(own / total[start : start + side]).astype(np.float32) for start in starts]
