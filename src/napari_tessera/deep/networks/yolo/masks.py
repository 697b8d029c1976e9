"""Masks of YOLOv5-seg: mixtures of prototypes, looked at inside boxes only."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn import functional
from torchvision.ops import roi_align

from napari_tessera.deep.networks.instances import GRID, Instances

MASK_STRIDE = 4
"""Pixels per pixel of the prototypes."""

AT_ONCE = 128
"""Objects whose masks are mixed together, so that memory does not grow with their number."""


def masks_in(
    prototypes: torch.Tensor, coefficients: torch.Tensor, boxes: torch.Tensor
) -> torch.Tensor:
    """Return the probability of each object in the cells of its box.

    Parameters
    ----------
    prototypes : Tensor, shape (P, Y/4, X/4)
    coefficients : Tensor, shape (N, P)
    boxes : Tensor, shape (N, 4)
        x0, y0, x1, y1 in pixels.

    Returns
    -------
    Tensor, shape (N, GRID, GRID)
    """
    found = [boxes.new_zeros(0, 1, GRID, GRID)]
    for mixture, some in zip(coefficients.split(AT_ONCE), boxes.split(AT_ONCE), strict=True):
        logits = torch.einsum("np,pyx->nyx", mixture, prototypes)[:, None]  # (N, 1, Y/4, X/4)
        each = torch.arange(len(some), device=boxes.device)[:, None]
        regions = torch.cat([each, some], 1)  # (N, 5)
        found.append(roi_align(logits, regions, GRID, 1 / MASK_STRIDE, aligned=True))
    return torch.cat(found)[:, 0].sigmoid()  # (N, GRID, GRID)


def mask_errors(
    prototypes: torch.Tensor, coefficients: torch.Tensor, numbers: torch.Tensor, truth: Instances
) -> torch.Tensor:
    """Return how wrong the masks of one image are: cross-entropy, mean over the true box.

    Where the mask's border cuts through a pixel of the prototypes, the truth is a share of it.

    Parameters
    ----------
    prototypes : Tensor, shape (P, Y/4, X/4)
    coefficients : Tensor, shape (A, P)
        What cells say.
    numbers : Tensor, int64, shape (A,)
        Of the object each is about.
    truth : Instances

    Returns
    -------
    Tensor, shape (A,)
    """
    order = numbers.argsort()
    # several cells answer for one object: its pixels are collected once
    chosen, answers = numbers[order].unique_consecutive(return_counts=True)
    owners, rows, columns = _windows(truth.boxes[chosen], prototypes.shape[1:])
    areas = owners.bincount(minlength=len(chosen)).tolist()
    # (Q, P) for the Q pixels of all boxes
    pixels = prototypes.flatten(1).t()[rows * prototypes.shape[2] + columns]
    shares = _shares(truth.masks, chosen[owners], rows, columns)  # (Q,)
    mixtures = coefficients[order].split(answers.tolist())
    parts = zip(pixels.split(areas), mixtures, shares.split(areas), strict=True)
    return torch.cat(list(_each(parts)))[order.argsort()]


def _each(
    parts: Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]],
) -> Iterator[torch.Tensor]:
    """Give the errors (a,) of each object from its pixels (q, P), coefficients (a, P), shares."""
    for pixels, mixtures, shares in parts:
        logits = mixtures @ pixels.t()  # (a, q)
        wanted = shares.expand_as(logits)
        error = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        yield error.mean(1)


def _windows(
    boxes: torch.Tensor, shape: torch.Size
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the pixels of the prototypes that boxes touch: number of the box, row, column."""
    ends = torch.tensor([shape[1], shape[0]], device=boxes.device)
    first = (boxes[:, :2] / MASK_STRIDE).floor().long().clamp(min=0).minimum(ends - 1)  # (N, 2)
    last = (boxes[:, 2:] / MASK_STRIDE).ceil().long().minimum(ends).maximum(first + 1)
    width, height = (last - first).unbind(1)
    numbers = torch.arange(len(boxes), device=boxes.device)
    owners = numbers.repeat_interleave(width * height)  # (Q,)
    before = (width * height).cumsum(0) - width * height
    place = torch.arange(len(owners), device=boxes.device) - before[owners]
    rows = first[owners, 1] + place // width[owners]
    return owners, rows, first[owners, 0] + place % width[owners]


def _shares(
    masks: torch.Tensor, numbers: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
) -> torch.Tensor:
    """Return which share of pixels of the prototypes lies in masks (N, Y, X), shape (Q,)."""
    count, height, width = masks.shape
    blocks = masks.view(
        count, height // MASK_STRIDE, MASK_STRIDE, width // MASK_STRIDE, MASK_STRIDE
    )
    return blocks[numbers, rows, :, columns].float().mean((1, 2))
