"""How sure networks that find objects one by one are of a given object, as gradients need it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torchvision.ops import box_iou

from napari_tessera.deep.explain.grad_cam import Blend, CamTarget, Place, numbers
from napari_tessera.deep.inference.tiling import TilePlan
from napari_tessera.deep.networks.anchors import STRIDES
from napari_tessera.deep.networks.mask_rcnn import MaskRCNN
from napari_tessera.deep.networks.yolo.cells import BOX, FIRST_CLASS, SURENESS, boxes_meant
from napari_tessera.deep.networks.yolo.masks import MASK_STRIDE
from napari_tessera.deep.networks.yolo.model import YOLO
from napari_tessera.signature.words import Array

NEAR, LEAST = 0.3, 0.1
"""Intersection over union with a box from which a cell of YOLO means this object, surely and at
least: the mask of an object may fill little of its box."""


def objects_asked(
    network: Any, tiles: TilePlan, boxes: list[tuple[int, Array]], kind: int | None
) -> dict[Place, CamTarget]:
    """Return what is asked of tiles: how sure a network is of the class and mask of objects.

    Each object is asked about in the tile whose middle is nearest.

    Parameters
    ----------
    network : MaskRCNN or YOLO
    tiles : TilePlan
    boxes : list of (int, ndarray of shape (4,))
        The number of the plane, and x0, y0, x1, y1 in its pixels.
    kind : int, optional
        The class, 0 for the first; None = the likeliest of each object.
    """
    blend, every = Blend(tiles), numbers(tiles)
    starts = np.array([[part.start for part in blend.place(each)] for each in every], float)
    middles = starts + np.array(tiles.tile) / 2  # (tiles, 2) y, x
    asked: dict[Place, list[Array]] = {}
    for plane, box in boxes:
        middle = np.array([box[1] + box[3], box[0] + box[2]]) / 2
        nearest = int(((middles - middle) ** 2).sum(1).argmin())
        own = box - np.tile(starts[nearest][::-1], 2)
        asked.setdefault((plane, every[nearest]), []).append(own)
    say = _sure_rcnn if isinstance(network, MaskRCNN) else _sure_yolo
    return {place: _Sure(say, network, np.stack(own), kind) for place, own in asked.items()}


class _Sure:
    """How sure a network is of some objects of a tile."""

    def __init__(self, say: Any, network: Any, boxes: Array, kind: int | None) -> None:
        self._say, self._network, self._kind = say, network, kind
        self._boxes = torch.from_numpy(boxes.astype(np.float32))

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        height, width = images.shape[2:]
        limits = torch.tensor([width, height, width, height], dtype=torch.float32)
        boxes = self._boxes.clamp(min=0).minimum(limits).to(images.device)  # (N, 4)
        found: torch.Tensor = self._say(self._network, images, boxes, self._kind)
        return found


def _sure_rcnn(
    network: MaskRCNN, images: torch.Tensor, boxes: torch.Tensor, kind: int | None
) -> torch.Tensor:
    """Return the score of the class of boxes (N, 4), and the mean of their masks, before sigmoids.

    The network looks at the boxes themselves, whatever it would have proposed.
    """
    features = {
        level: each.float() for level, each in network.backbone(network.standardise(images)).items()
    }
    shapes, parts = [(images.shape[2], images.shape[3])], network.roi_heads
    scores, _ = parts.box_predictor(parts.box_head(parts.box_roi_pool(features, [boxes], shapes)))
    kinds = scores[:, 1:].argmax(1) if kind is None else scores.new_full((len(boxes),), kind).long()
    every = torch.arange(len(boxes), device=scores.device)
    cut = parts.mask_roi_pool(features, [boxes], shapes)  # (N, F, 14, 14)
    masks = parts.mask_predictor(parts.mask_head(cut))[every, kinds + 1]  # (N, 28, 28)
    return scores[every, kinds + 1].sum() + _inner_mean(masks)


def _sure_yolo(
    network: YOLO, images: torch.Tensor, boxes: torch.Tensor, kind: int | None
) -> torch.Tensor:
    """Return how sure the cells that mean boxes (N, 4) are, before sigmoids, and of their masks.

    Of several cells that mean the same object, the surest one answers.
    """
    *levels, prototypes = network(images)
    meant, said = _meant(levels, network.anchors)  # (A, 4), (A, 5 + K + P)
    count = prototypes.shape[1]
    classes = said[:, FIRST_CLASS:-count]  # (A, K)
    chosen = classes.amax(1) if kind is None else classes[:, kind]  # (A,)
    sure = said[:, SURENESS] + (chosen if classes.shape[1] > 1 else 0)
    common = box_iou(boxes, meant)  # (N, A)
    best = common.amax(1, keepdim=True)
    near = common >= (0.8 * best).clamp(max=NEAR)
    if (best < LEAST).any():
        raise ValueError(
            "labels has an object where the network finds none; choose one that 'detect' shows, "
            "or another network"
        )
    total = sure.new_zeros(())
    for box, own in zip(boxes, near, strict=True):
        cell = sure.detach().where(own, -torch.inf).argmax()
        logits = torch.einsum("p,pyx->yx", said[cell, -count:], prototypes[0])  # (Y/4, X/4)
        total = total + sure[cell] + _inner_mean(_inside(logits, box)[None])
    return total


def _meant(levels: list[torch.Tensor], anchors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the boxes (A, 4) that all cells mean, and what they say (A, 5 + K + P)."""
    boxes, said = [], []
    for level, sizes, stride in zip(levels, anchors, STRIDES, strict=True):
        each = torch.ones(level.shape[1:4], device=level.device).nonzero()  # (A, 3)
        anchor, rows, columns = each.unbind(1)
        own = level[0, anchor, rows, columns]  # (A, 5 + K + P)
        means = boxes_meant(own[:, BOX].detach(), rows, columns, sizes[anchor], stride=stride)
        boxes.append(means)
        said.append(own)
    return torch.cat(boxes), torch.cat(said)


def _inside(logits: torch.Tensor, box: torch.Tensor) -> torch.Tensor:
    """Return the pixels (Y, X) of a mask at stride 4 that a box touches."""
    x0, y0, x1, y1 = (float(each) / MASK_STRIDE for each in box)
    rows = slice(min(int(y0), len(logits) - 1), max(int(y0) + 1, int(np.ceil(y1))))
    columns = slice(min(int(x0), logits.shape[1] - 1), max(int(x0) + 1, int(np.ceil(x1))))
    return logits[rows, columns]


def _inner_mean(masks: torch.Tensor) -> torch.Tensor:
    """Return the sum of the mean scores inside of masks (N, Y, X); an empty one counts 0."""
    inside = (masks.detach() > 0).to(masks.dtype)
    return ((masks * inside).sum((1, 2)) / inside.sum((1, 2)).clamp(min=1)).sum()
