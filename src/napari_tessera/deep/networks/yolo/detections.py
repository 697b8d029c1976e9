"""From what the cells of YOLOv5-seg say to objects, each once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torchvision.ops import batched_nms, clip_boxes_to_image, remove_small_boxes

from napari_tessera.deep.networks.anchors import STRIDES
from napari_tessera.deep.networks.instances import Detections
from napari_tessera.deep.networks.yolo.cells import (
    BOX,
    FIRST_CLASS,
    SURENESS,
    boxes_meant,
)
from napari_tessera.deep.networks.yolo.masks import MASK_STRIDE, masks_in

CANDIDATES = 20
"""How many boxes per object asked for are compared with one another."""

_SMALLEST = 1.0


def decoded_detections(
    levels: Sequence[torch.Tensor],
    prototypes: torch.Tensor,
    anchors: torch.Tensor,
    *,
    confidence: float,
    overlap: float,
    limit: int,
) -> Detections:
    """Return the objects of one image, the surest first.

    Boxes are clipped to the image; those narrower or lower than a pixel are left out.

    Parameters
    ----------
    levels : sequence of Tensor, shape (3, Y/s, X/s, 5 + K + P)
        What the cells say, at strides 8, 16 and 32.
    prototypes : Tensor, shape (P, Y/4, X/4)
    anchors : Tensor, shape (3, 3, 2)
        Widths and heights per level, in pixels.
    confidence, overlap, limit
        See `YOLO.detect`.

    Returns
    -------
    Detections
    """
    count, *shape = prototypes.shape
    each = [
        _candidates(said, sizes, stride, confidence, count)
        for said, sizes, stride in zip(levels, anchors, STRIDES, strict=True)
    ]
    boxes, classes, sure, mixtures = (torch.cat(column) for column in zip(*each, strict=True))
    boxes = clip_boxes_to_image(boxes, [length * MASK_STRIDE for length in shape])
    large = remove_small_boxes(boxes, _SMALLEST)
    best = large[sure[large].argsort(descending=True, stable=True)[: CANDIDATES * limit]]
    kept = best[batched_nms(boxes[best], sure[best], classes[best], overlap)[:limit]]
    masks = masks_in(prototypes, mixtures[kept], boxes[kept])
    return Detections(boxes[kept], classes[kept], sure[kept], masks)


def _candidates(
    said: torch.Tensor, anchors: torch.Tensor, stride: int, confidence: float, prototypes: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return boxes (A, 4), classes (A,), confidence (A,) and coefficients (A, P) of a level."""
    places = (said[..., SURENESS].sigmoid() > confidence).nonzero()  # (A, 3)
    anchor, rows, columns = places.unbind(1)
    chosen = said[anchor, rows, columns]  # (A, 5 + K + P)
    sure, classes = _surest(chosen[:, SURENESS], chosen[:, FIRST_CLASS:-prototypes])
    kept = sure > confidence
    anchor, rows, columns, chosen = anchor[kept], rows[kept], columns[kept], chosen[kept]
    boxes = boxes_meant(chosen[:, BOX], rows, columns, anchors[anchor], stride=stride)
    return boxes, classes[kept], sure[kept], chosen[:, -prototypes:]


def _surest(sureness: torch.Tensor, classes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return confidence (A,) and class (A,) of the likeliest of the classes (A, K)."""
    likeliest, numbers = classes.sigmoid().max(1)
    if classes.shape[1] == 1:  # it was never a question
        likeliest = torch.ones_like(likeliest)
    return sureness.sigmoid() * likeliest, numbers
