"""Objects that a network finds one by one in planes of any size, tile by tile.

Each tile gives `Detections` (boxes, classes, confidence, masks) in its own pixels; `detected` puts
them together in pixels of the plane, as `PlaneDetections`, which `pasting` makes labels of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import torch

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.deep import devices
from napari_tessera.deep.inference.tile_plan import TilePlan
from napari_tessera.deep.inference.tiling import TileRun
from napari_tessera.deep.models.config import ModelConfig
from napari_tessera.deep.networks.instances import GRID, Detections
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array, Report

CONFIDENCE = 0.05
"""Objects less sure than this are never shown, whatever is asked for."""

OVERLAP = 0.7
"""Intersection over union of boxes up to which a network tells two objects apart."""

NEAR = 1 / 64
"""Share of a tile within which an object counts as touching its border."""


@dataclass(frozen=True)
class PlaneDetections:
    """What a network finds in a plane; tiles that overlap may have found the same.

    Attributes
    ----------
    shape : tuple of int
        Of the plane.
    boxes : ndarray of float32, shape (N, 4)
        x0, y0, x1, y1 in pixels; parts may lie outside.
    classes : ndarray of int64, shape (N,)
        0 for the first class.
    confidence : ndarray of float32, shape (N,)
    masks : ndarray of uint8, shape (N, G, G)
        Probability of the object in the cells of its box, 0 to 255.
    tiles : ndarray of int64, shape (N,)
        Which tile has seen it.
    cut : ndarray of bool, shape (N,)
        Whether it touches a border of its tile inside of the image.
    places : ndarray of float32, shape (T, 4)
        Of the tiles.
    """

    shape: tuple[int, int]
    boxes: Array
    classes: Array
    confidence: Array
    masks: Array
    tiles: Array
    cut: Array
    places: Array

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        return sum(each.nbytes for each in vars(self).values() if isinstance(each, np.ndarray))

    def surer(self, confidence: float) -> PlaneDetections:
        """Return those of at least this confidence, the surest first."""
        order = np.argsort(-self.confidence, kind="stable")
        order = order[self.confidence[order] >= confidence]
        names = ("boxes", "classes", "confidence", "masks", "tiles", "cut")
        return replace(self, **{name: getattr(self, name)[order] for name in names})

    def within(self, box: Box, shape: Sequence[int]) -> PlaneDetections:
        """Return the same in a plane of which this one is a box."""
        top, left = (each.start or 0 for each in box)
        moved = np.array([left, top, left, top], np.float32)
        height, width = shape
        return replace(
            self, shape=(height, width), boxes=self.boxes + moved, places=self.places + moved
        )

    def resized(self, shape: Sequence[int]) -> PlaneDetections:
        """Return the same in a plane with another number of pixels."""
        height, width = shape
        factors = np.array([width / self.shape[1], height / self.shape[0]] * 2, np.float32)
        boxes, places = self.boxes * factors, self.places * factors
        return replace(self, shape=(height, width), boxes=boxes, places=places)


def detected(image: Array, run: TileRun, *, limit: int, report: Report = None) -> PlaneDetections:
    """Return what a network finds in a plane.

    Parameters
    ----------
    image : ndarray of float32, shape (C, Y, X)
    run : TileRun
        Of a network with `detect`, see `napari_tessera.deep.networks.instances`.
    limit : int
        Most objects per tile.
    report : callable, optional
        Takes `Progress` after each batch.

    Returns
    -------
    PlaneDetections
    """
    report, splitting = Reporter.of(report), devices.SplitBatches(run.device)
    every: list[Detections] = []
    for chosen, patches in run.batches(image):

        def detect(places: slice, patches: torch.Tensor = patches) -> list[Detections]:
            own = patches[places].to(run.device, memory_format=torch.channels_last)  # (B, C, Y, X)
            with run.inference():
                found: list[Detections] = run.network.detect(
                    own, confidence=CONFIDENCE, overlap=OVERLAP, limit=limit
                )
            return found

        every += chain.from_iterable(splitting.run(detect, len(chosen)))
        report(Progress(len(every), run.tiles.count))
    return _gathered(every, run.tiles)


def _gathered(every: Sequence[Detections], tiles: TilePlan) -> PlaneDetections:
    """Return what all tiles have found, in pixels of the plane."""
    pairs = zip(every, tiles.numbers, strict=True)
    own = [_of_tile(found, tiles, number) for found, number in pairs]
    boxes, classes, confidence, masks, cuts, places = zip(*own, strict=True)
    which = np.repeat(np.arange(len(own)), [len(each) for each in boxes])
    return PlaneDetections(
        (tiles.shape[0], tiles.shape[1]),
        np.concatenate(boxes),
        np.concatenate(classes),
        np.concatenate(confidence),
        np.concatenate(masks),
        which,
        np.concatenate(cuts),
        np.stack(places),
    )


def _of_tile(found: Detections, tiles: TilePlan, number: tuple[int, ...]) -> tuple[Array, ...]:
    """Return boxes, classes, confidence, masks, cuts and the place of a tile."""
    (top, left), (height, width) = (
        [starts[each] for starts, each in zip(tiles.starts, number, strict=True)],
        tiles.tile,
    )
    boxes = found.boxes.float().cpu().numpy().reshape(-1, 4)
    place = np.array([0, 0, width, height], np.float32)
    ends = np.array([left, top, left, top], np.float32)
    right, bottom = left + width < tiles.shape[1], top + height < tiles.shape[0]
    within = np.array([left > 0, top > 0, right, bottom])  # borders that other tiles lie beyond
    near = np.abs(boxes - place) <= NEAR * np.array([width, height] * 2)
    masks = (found.masks.float().cpu().numpy() * 255).round().astype(np.uint8)
    boxes = boxes + ends
    kept = _shown(boxes, tiles.shape)
    return (
        boxes[kept],
        found.classes.cpu().numpy()[kept],
        found.confidence.float().cpu().numpy()[kept],
        masks.reshape(-1, GRID, GRID)[kept],
        (near & within).any(axis=1)[kept],
        place + ends,
    )


def _shown(boxes: Array, shape: tuple[int, ...]) -> Array:
    """Tell which boxes lie in the image.

    Beyond, tiles are mirrored: of an object in a corner, a quarter of the box lies within.
    """
    inner = np.clip(boxes, 0, np.array([shape[1], shape[0]] * 2))
    areas = [(each[:, 2:] - each[:, :2]).clip(min=0).prod(axis=1) for each in (inner, boxes)]
    return np.asarray((areas[0] > 0) & (5 * areas[0] >= areas[1]))


def detection_limit(config: ModelConfig, tile: Sequence[int]) -> int:
    """Return how many objects are looked for in a tile: twice as many as were ever seen there.

    Parameters
    ----------
    config : ModelConfig
    tile : sequence of int
        Its size in pixels.
    """
    own = math.ceil(2 * config.crowd * math.prod(tile) / config.patch**2)
    return max(int(config.options.get("detections", 100)), own)
