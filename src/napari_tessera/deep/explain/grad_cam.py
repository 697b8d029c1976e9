"""Class activation maps: where the features of a layer speak for what a network is asked about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch.nn import functional

from napari_tessera.deep.explain.layers import Layer, begun, find_layer, seen
from napari_tessera.deep.inference.tile_plan import TileNumber, TilePlan, cut_tile
from napari_tessera.deep.inference.tiling import TileRun, evaluating
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from napari_tessera.deep.inference.predictor import Predictor

Place = tuple[int, TileNumber]
"""The number of a plane or volume, and that of a tile along each axis."""

CamTarget = Callable[[torch.Tensor], torch.Tensor]
"""Images (1, C, *tile + margins) -> the one number (without axes) whose reasons are wanted."""

Tensors = list[torch.Tensor]
ChannelWeights = Literal["mean", "each place"]

_LEAST, _ROUNDING = 1e-3, 1e-5


class Blend:
    """A map put together from tiles that overlap; towards their sides they count less.

    Parameters
    ----------
    tiles : TilePlan

    Examples
    --------
    >>> blend = Blend(TilePlan((3,), (2,), (1,), ((0, 1),), 0))
    >>> blend.share((0,)).round(2), blend.share((1,)).round(2)
    (array([1. , 0.5], dtype=float32), array([0.5, 1. ], dtype=float32))
    """

    def __init__(self, tiles: TilePlan) -> None:
        self._tiles = tiles
        axes = [np.ones(side) if tiles.margin else _bell(side) for side in tiles.tile]
        self._bell = reduce(np.multiply.outer, axes).astype(np.float32)
        self._total = np.zeros(tiles.shape, np.float32)
        for number in tiles.numbers:
            self._total[self.place(number)] += self._bell[self.inside(number)]

    def place(self, number: TileNumber) -> tuple[slice, ...]:
        """Return where in the image a tile lies."""
        starts = [own[each] for own, each in zip(self._tiles.starts, number, strict=True)]
        return tuple(
            slice(start, min(start + side, length))
            for start, side, length in zip(starts, self._tiles.tile, self._tiles.shape, strict=True)
        )

    def inside(self, number: TileNumber) -> tuple[slice, ...]:
        """Return the part of a tile that lies in the image."""
        return tuple(slice(part.stop - part.start) for part in self.place(number))

    def share(self, number: TileNumber) -> Array:
        """Return how much a tile counts, where it lies in the image; all together count 1."""
        share = self._bell[self.inside(number)] / self._total[self.place(number)]
        return np.asarray(share, np.float32)


def heat_map(
    predictor: Predictor,
    image: Array,
    targets: Callable[[TileRun], Mapping[Place, CamTarget]],
    *,
    layer: str,
    weights: ChannelWeights = "mean",
    report: Reporter,
) -> Array:
    """Return how much each pixel of an image speaks for what is asked, 0 or more.

    Parameters
    ----------
    predictor : Predictor
    image : ndarray of float32, shape (C, *P)
        As the network takes it; a volume is looked at plane by plane if need be.
    targets : callable
        The network at work on tiles -> what is asked of these.
    layer : str
        As for `napari_tessera.deep.explain.layers.find_layer`.
    weights : {"mean", "each place"}
        As for `heat`.
    report : Reporter

    Returns
    -------
    ndarray of float32, shape P
    """
    config = predictor.model.config
    flat = config.axes < image.ndim - 1
    images = list(np.moveaxis(image, 1, 0)) if flat else [image]  # of (C, *P)
    run = predictor.tile_run(images[0].shape[1:])
    found = find_layer(
        run.network, layer, sizes=predictor.sizes, in_channels=config.in_channels, axes=config.axes
    )
    whole = heat(images, run, found, targets(run), weights=weights, report=report)
    return whole if flat else whole[0]


def heat(
    images: Sequence[Array],
    run: TileRun,
    layer: Layer,
    targets: Mapping[Place, CamTarget],
    *,
    weights: ChannelWeights = "mean",
    report: Reporter,
) -> Array:
    """Return how much the features at each pixel speak for what is asked, 0 or more.

    Parameters
    ----------
    images : sequence of ndarray of float32, shape (C, *P)
        Planes, or one volume.
    run : TileRun
        Of a network on the tiles of each image.
    layer : Layer
    targets : mapping
        Place of a tile -> what is asked there; their sum is what is explained. It may be missing.
    weights : {"mean", "each place"}
        Each channel of the features counts as much as its mean gradient over all tiles that are
        asked (Grad-CAM); or each feature counts with its own gradient.
    report : Reporter

    Returns
    -------
    ndarray of float32, shape (images, *P)

    Raises
    ------
    ValueError
        If what is asked does not depend on the layer.
    """
    network, tiles = run.network, run.tiles
    blend, result = Blend(tiles), np.zeros((len(images), *tiles.shape), np.float32)

    def patch(place: Place) -> torch.Tensor:
        tile = cut_tile(images[place[0]], tiles, place[1])[None]
        return torch.from_numpy(np.ascontiguousarray(tile)).to(
            run.device
        )  # (1, C, *tile + margins)

    def add(place: Place, features: Tensors, by: Tensors, share: Array | float) -> None:
        found = _speaking(features, by, layer, tiles)[blend.inside(place[1])]
        result[place[0]][blend.place(place[1])] += share * found

    every = [(image, number) for image in range(len(images)) for number in tiles.numbers]
    steps = len(targets) + (len(every) if weights == "mean" else 0)
    total: Tensors = []
    with evaluating(network):
        for done, place in enumerate(targets, 1):
            features, gradients = _gradients(network, layer, targets[place], patch(place))
            if weights == "each place":  # of what several tiles are asked, each has its share
                add(place, features, gradients, 1)
            else:
                means = [each.mean(tuple(range(2, each.ndim)), True) for each in gradients]
                total = [a + b for a, b in zip(total, means, strict=True)] if total else means
            report(Progress(done, steps))
        for done, place in enumerate(every if total else [], len(targets) + 1):
            with torch.no_grad(), seen(network, layer) as features:
                network(patch(place))
            add(place, features, total, blend.share(place[1]))
            report(Progress(done, steps))
    return result


def _gradients(
    network: torch.nn.Module, layer: Layer, target: CamTarget, images: torch.Tensor
) -> tuple[Tensors, Tensors]:
    """Return features (1, F, *f) of a layer, and how what is asked changes with them."""
    with torch.no_grad(), begun(network, layer) as features:
        said = target(images)
    found: Sequence[torch.Tensor | None] = [None] * len(features)
    if said.requires_grad:
        found = torch.autograd.grad(said, features, allow_unused=True)
    if all(each is None for each in found):
        raise ValueError(
            f"layer is {layer.name!r}, on which what is asked does not depend; choose one that "
            "lies between the image and it"
        )
    pairs = zip(features, found, strict=True)
    return (
        [own.detach() for own in features],
        [torch.zeros_like(own) if each is None else each for own, each in pairs],
    )


def _speaking(
    features: list[torch.Tensor], weights: list[torch.Tensor], layer: Layer, tiles: TilePlan
) -> Array:
    """Return how much the features (1, F, *f) of a tile speak for it, at its pixels (*tile)."""
    sides = [side + 2 * tiles.margin for side in tiles.tile]
    total = np.zeros(sides, np.float32)
    for own, by, strides in zip(features, weights, layer.strides, strict=True):
        each = own * by  # (1, F, *f)
        found = each.sum(1, keepdim=True).relu()  # (1, 1, *f)
        # what cancels out but for rounding would be stretched to a map of noise
        found[found < _ROUNDING * each.abs().sum(1, keepdim=True)] = 0
        total += interpolated(found.cpu(), strides, sides)[0, 0].numpy()
    return total[tuple(slice(tiles.margin, tiles.margin + side) for side in tiles.tile)]


def interpolated(
    found: torch.Tensor, strides: Sequence[float], sides: Sequence[int]
) -> torch.Tensor:
    """Return a map with a pixel for each pixel of an image, by linear interpolation.

    Convolutions without a frame lose, and those with a wide one gain, as much on all sides: the
    middle of the map lies on that of the image.

    Parameters
    ----------
    found : Tensor, shape (B, C, *f)
    strides : sequence of float
        Pixels per place along each axis.
    sides : sequence of int
        Of the image.

    Returns
    -------
    Tensor, shape (B, C, *sides)

    Examples
    --------
    >>> interpolated(torch.tensor([[[[0.0, 4.0]]]]), (2, 2), (1, 6))[0, 0]
    tensor([[0., 0., 1., 3., 4., 4.]])
    """
    scale = [
        side / (stride * places)
        for side, stride, places in zip(sides, strides, found.shape[2:], strict=True)
    ]
    # x comes first there
    across = torch.diag(torch.tensor(scale[::-1], dtype=found.dtype, device=found.device))
    matrix = functional.pad(across, (0, 1))[None].expand(len(found), -1, -1)  # (B, N, N + 1)
    grid = functional.affine_grid(matrix, [*found.shape[:2], *sides], align_corners=False)
    return functional.grid_sample(found, grid, padding_mode="border", align_corners=False)


def _bell(side: int) -> Array:
    offsets = np.arange(side) - (side - 1) / 2
    return np.maximum(np.exp(-0.5 * (8 * offsets / side) ** 2), _LEAST)
