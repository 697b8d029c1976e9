"""How sure YOLO is of given objects, as a number with a gradient."""

from __future__ import annotations

import math

import torch
from torchvision.ops import box_iou

from napari_tessera.deep.networks.anchors import STRIDES
from napari_tessera.deep.networks.instances import inner_mean
from napari_tessera.deep.networks.yolo.cells import BOX, FIRST_CLASS, SURENESS, boxes_meant
from napari_tessera.deep.networks.yolo.masks import MASK_STRIDE

NEAR, LEAST = 0.3, 0.1
"""Intersection over union with a box from which a cell of YOLO means this object, surely and at
least: the mask of an object may fill little of its box."""


def sureness_of_boxes(
    said: tuple[list[torch.Tensor], torch.Tensor],
    anchors: torch.Tensor,
    boxes: torch.Tensor,
    kind: int | None,
) -> torch.Tensor:
    """Return how sure the cells that mean boxes are, before sigmoids, and of their masks.

    Of several cells that mean the same object, the surest one answers.

    Parameters
    ----------
    said : tuple
        What cells say of one image, (1, 3, Y/s, X/s, 5 + K + P) at each stride s, and prototypes
        (1, P, Y/4, X/4).
    anchors : Tensor, shape (3, 3, 2)
    boxes : Tensor, shape (N, 4)
    kind : int, optional
        Their class; None = the likeliest of each.

    Raises
    ------
    ValueError
        If no cell means one of the boxes.
    """
    levels, prototypes = said
    meant, cells = _meant(levels, anchors)  # (A, 4), (A, 5 + K + P)
    count = prototypes.shape[1]
    classes = cells[:, FIRST_CLASS:-count]  # (A, K)
    chosen = classes.amax(1) if kind is None else classes[:, kind]  # (A,)
    sure = cells[:, SURENESS] + (chosen if classes.shape[1] > 1 else 0)
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
        logits = torch.einsum("p,pyx->yx", cells[cell, -count:], prototypes[0])  # (Y/4, X/4)
        total = total + sure[cell] + inner_mean(_inside(logits, box)[None])
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
    rows = slice(min(int(y0), len(logits) - 1), max(int(y0) + 1, math.ceil(y1)))
    columns = slice(min(int(x0), logits.shape[1] - 1), max(int(x0) + 1, math.ceil(x1)))
    return logits[rows, columns]
