"""What is asked of each tile for a heat map: one number, whose gradient says what speaks for it.

Of pixels it is their mean score of a class; of objects found one by one, how sure the network is of
their class and their masks.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from napari_tessera.deep.data.object_sizes import boxes_and_sizes
from napari_tessera.deep.explain.grad_cam import Blend, CamTarget, Place
from napari_tessera.deep.inference.objects import DetectedObjects
from napari_tessera.deep.inference.scores import PixelScores
from napari_tessera.deep.inference.tiling import TileRun
from napari_tessera.signature.words import Array


@singledispatch
def cam_targets(
    said: Any, pixels: Array, channel: int | None, shape: tuple[int, ...], run: TileRun
) -> dict[Place, CamTarget]:
    """Return what is asked of each tile of an image that has another shape than the labels.

    Parameters
    ----------
    said : PixelScores or DetectedObjects
        What the network says of the image.
    pixels : ndarray of int, shape P
        Labels of what is asked about, 0 elsewhere.
    channel : int, optional
        The place of its class.
    shape : tuple of int
        Of the image as the network sees it.
    run : TileRun
    """
    raise TypeError(f"said is a {type(said).__name__}; pass what a `Predictor` answers")


@cam_targets.register
def _(
    said: PixelScores, pixels: Array, channel: int | None, shape: tuple[int, ...], run: TileRun
) -> dict[Place, CamTarget]:
    counts = shrunk(pixels > 0, shape)
    counts = counts if len(run.tiles.shape) < len(shape) else counts[None]  # (images, *P)
    return pixel_cam_targets(run, counts, int(channel or 0))


@cam_targets.register
def _(
    said: DetectedObjects, pixels: Array, channel: int | None, shape: tuple[int, ...], run: TileRun
) -> dict[Place, CamTarget]:
    planes = pixels if pixels.ndim == 3 else pixels[None]
    factors = np.array([shape[-1] / pixels.shape[-1], shape[-2] / pixels.shape[-2]] * 2)
    boxes = [
        (z, box * factors) for z, plane in enumerate(planes) for box in boxes_and_sizes(plane).boxes
    ]
    return object_cam_targets(run, boxes, channel)


def pixel_cam_targets(run: TileRun, pixels: Array, channel: int) -> dict[Place, CamTarget]:
    """Return what is asked of tiles: the mean score of a class, before the softmax, over pixels.

    Parameters
    ----------
    run : TileRun
        Of a network that maps (B, C, *tile + margins) to scores (B, K, *tile).
    pixels : ndarray of float32, shape (images, *P)
        How much each pixel counts.
    channel : int
        Of the scores.
    """
    blend, whole = Blend(run.tiles), float(pixels.sum())
    targets: dict[Place, CamTarget] = {}
    for image, own in enumerate(pixels):
        for number in run.tiles.numbers:
            counts = own[blend.place(number)] * blend.share(number) / whole
            if counts.any():
                targets[image, number] = _Mean(run.network, channel, counts, blend.inside(number))
    return targets


class _Mean:
    """The mean score of a class over pixels of a tile, which count differently."""

    def __init__(
        self, network: torch.nn.Module, channel: int, counts: Array, inside: tuple[slice, ...]
    ) -> None:
        self._network, self._channel = network, channel
        self._counts, self._inside = torch.from_numpy(counts), inside

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        scores = self._network(images)[0, self._channel]  # (*tile)
        return (scores[self._inside] * self._counts.to(scores.device)).sum()


def object_cam_targets(
    run: TileRun, boxes: list[tuple[int, Array]], kind: int | None
) -> dict[Place, CamTarget]:
    """Return what is asked of tiles: how sure a network is of the class and mask of objects.

    Each object is asked about in the tile whose middle is nearest.

    Parameters
    ----------
    run : TileRun
        Of a network with `sureness`, see `napari_tessera.deep.networks.instances`.
    boxes : list of (int, ndarray of shape (4,))
        The number of the plane, and x0, y0, x1, y1 in its pixels.
    kind : int, optional
        The class, 0 for the first; None = the likeliest of each object.
    """
    tiles = run.tiles
    blend, every = Blend(tiles), tiles.numbers
    starts = np.array([[part.start for part in blend.place(each)] for each in every], float)
    middles = starts + np.array(tiles.tile) / 2  # (tiles, 2) y, x
    within: dict[Place, list[Array]] = {}
    for plane, box in boxes:
        middle = np.array([box[1] + box[3], box[0] + box[2]]) / 2
        nearest = int(((middles - middle) ** 2).sum(1).argmin())
        own = box - np.tile(starts[nearest][::-1], 2)
        within.setdefault((plane, every[nearest]), []).append(own)
    return {place: _Sure(run.network, np.stack(own), kind) for place, own in within.items()}


class _Sure:
    """How sure a network is of some objects of a tile."""

    def __init__(self, network: Any, boxes: Array, kind: int | None) -> None:
        self._network, self._kind = network, kind
        self._boxes = torch.from_numpy(boxes.astype(np.float32))

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        height, width = images.shape[2:]
        limits = torch.tensor([width, height, width, height], dtype=torch.float32)
        boxes = self._boxes.clamp(min=0).minimum(limits).to(images.device)  # (N, 4)
        found: torch.Tensor = self._network.sureness(images, boxes, self._kind)
        return found


def shrunk(pixels: Array, shape: Sequence[int]) -> Array:
    """Return how much of each pixel of another grid is chosen; none is lost between the pixels.

    Parameters
    ----------
    pixels : ndarray of bool, shape P
    shape : sequence of int
        Of the other grid.

    Examples
    --------
    >>> shrunk(np.array([[True, False, False, False]]), (1, 2))
    array([[0.5, 0. ]], dtype=float32)
    """
    given: Any = torch.from_numpy(pixels.astype(np.float32))[None, None]  # (1, 1, *P)
    pool = functional.adaptive_avg_pool2d if pixels.ndim == 2 else functional.adaptive_avg_pool3d
    return np.asarray(pool(given, tuple(shape))[0, 0].numpy())
