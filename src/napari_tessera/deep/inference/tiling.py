"""Predict images of any size, in tiles that overlap.

An image (C, *P) is covered by tiles (`tile_plan`), which go through the network a batch at a time
(`TileRun`); their probabilities, weighted, are summed up band by band (`bands`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, reduce
from itertools import chain
from typing import Any

import numpy as np
import torch

from napari_tessera.algorithms.parallel import cores_given
from napari_tessera.deep import devices
from napari_tessera.deep.inference.tile_plan import TileNumber, TilePlan, cut_tile
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array, Report

Forward = Callable[[torch.Tensor], torch.Tensor]

_LEAST = 1e-3
"""Smallest weight of a pixel along an axis of a tile, where its middle has 1."""

_MIRRORS = ((-1,), (-2,), (-2, -1))
"""Axes along which tiles are mirrored: X, Y and both."""


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
    >>> from napari_tessera.deep.inference.tile_plan import plan_tiles
    >>> from napari_tessera.deep.networks.options import Sizes
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
