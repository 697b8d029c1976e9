"""What YOLOv5-seg is to make small: errors of boxes, sureness, classes and masks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot
from torchvision.ops import complete_box_iou_loss

from napari_tessera.deep.networks.anchors import STRIDES
from napari_tessera.deep.networks.instances import Instances
from napari_tessera.deep.networks.yolo.cells import (
    BOX,
    FIRST_CLASS,
    SURENESS,
    Answers,
    answers,
    boxes_meant,
)
from napari_tessera.deep.networks.yolo.masks import mask_errors

GAINS = {"boxes": 0.05, "objectness": 1.0, "classes": 0.5, "masks": 0.05}
"""How much each error counts."""

BALANCE = (4.0, 1.0, 0.4)
"""How much the sureness of each level counts: there are many more cells at stride 8."""


def losses(
    levels: Sequence[torch.Tensor],
    prototypes: torch.Tensor,
    objects: Sequence[Instances],
    anchors: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """Return the errors of a batch, mean per image.

    Parameters
    ----------
    levels : sequence of Tensor, shape (B, 3, Y/s, X/s, 5 + K + P)
        What the cells say, at strides 8, 16 and 32.
    prototypes : Tensor, shape (B, P, Y/4, X/4)
    objects : sequence of Instances
        The true objects of each image; there may be none.
    anchors : Tensor, shape (3, 3, 2)
        Widths and heights per level, in pixels.

    Returns
    -------
    dict of str to Tensor
        "boxes", "objectness", "masks" and, where there are several, "classes".

    Raises
    ------
    ValueError
        If there are not as many `objects` as images.
    """
    if len(objects) != len(prototypes):
        raise ValueError(
            f"objects has {len(objects)} items for {len(prototypes)} images; pass one per image"
        )
    total = {name: prototypes.new_zeros((), dtype=torch.float32) for name in GAINS}
    boxes, images = _joined(objects, prototypes.device)
    classes = torch.cat([each.classes for each in objects])
    for said, sizes, stride, balance in zip(levels, anchors, STRIDES, BALANCE, strict=True):
        found = answers(boxes, images, sizes, stride=stride, shape=said.shape[2:4])
        chosen = said[found.places].float()  # (A, 5 + K + P)
        box, about_class, mixtures = _parts(chosen, prototypes.shape[1])
        # complete IoU (Zheng et al., AAAI 2020): overlap, distance of centres and aspect ratio; how
        # sure a cell is to be is what it reaches, and is no way for the gradient to the box
        meant = boxes_meant(box, found.rows, found.columns, sizes[found.anchors], stride=stride)
        distances = complete_box_iou_loss(meant, boxes[found.objects])  # (A,)
        wanted = sureness_wanted(1 - distances.detach(), found, said.shape[:4])
        sure = said[..., SURENESS].float()  # (B, 3, Y/s, X/s)
        total["objectness"] += balance * binary_cross_entropy_with_logits(sure, wanted)
        if len(found):
            total["boxes"] += distances.mean()
            # each class is a question by itself
            true_class = one_hot(classes[found.objects], about_class.shape[1]).float()
            total["classes"] += binary_cross_entropy_with_logits(about_class, true_class)
            total["masks"] += _mask_error(prototypes.float(), mixtures, found, objects)
    if levels[0].shape[-1] - FIRST_CLASS - prototypes.shape[1] == 1:
        del total["classes"]  # there is nothing to choose from
    return {name: GAINS[name] * error for name, error in total.items()}


def _joined(
    objects: Sequence[Instances], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the boxes (N, 4) of all images, one after another, and their images (N,)."""
    counts = torch.tensor([len(each) for each in objects], device=device)
    images = torch.arange(len(objects), device=device).repeat_interleave(counts)
    return torch.cat([each.boxes for each in objects]).float(), images


def _parts(said: torch.Tensor, prototypes: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return what is said of the box (A, 4), of the classes (A, K) and of the mask (A, P)."""
    return said[:, BOX], said[:, FIRST_CLASS:-prototypes], said[:, -prototypes:]


def sureness_wanted(overlaps: torch.Tensor, found: Answers, shape: torch.Size) -> torch.Tensor:
    """Return how sure each cell is to be: as its box fits, the best where several meet; else 0.

    Parameters
    ----------
    overlaps : Tensor, shape (A,)
    found : Answers
    shape : Size
        Images, anchors, rows, columns.

    Returns
    -------
    Tensor, of this shape
    """
    wanted = overlaps.new_zeros(shape)  # (B, 3, Y/s, X/s)
    numbers = torch.arange(wanted.numel(), device=wanted.device).view(shape)[found.places]
    wanted.view(-1).scatter_reduce_(0, numbers, overlaps.clamp(min=0), "amax")
    return wanted


def _mask_error(
    prototypes: torch.Tensor, mixtures: torch.Tensor, found: Answers, objects: Sequence[Instances]
) -> torch.Tensor:
    """Return the mean over the answers of each image, mean over the images."""
    total = prototypes.new_zeros(())
    first = 0
    for number, truth in enumerate(objects):
        own = found.images == number  # (A,)
        if own.any():
            numbers = found.objects[own] - first
            total += mask_errors(prototypes[number], mixtures[own], numbers, truth).mean()
        first += len(truth)
    return total / len(objects)
