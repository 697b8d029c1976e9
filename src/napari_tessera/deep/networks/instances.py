"""Objects of one image: as a network is taught them, and as it finds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from napari_tessera.deep.data.object_sizes import SMALLEST, outlines
from napari_tessera.signature.words import Array

GRID = 28
"""Samples of a mask along each side of its box."""


@dataclass(frozen=True)
class Instances:
    """The true objects of one image.

    Attributes
    ----------
    boxes : Tensor, float32, shape (N, 4)
        x0, y0, x1, y1 in pixels: the pixels from x0 up to, but without, x1 belong to the box.
    classes : Tensor, int64, shape (N,)
        0 for the first class; there is no class for the background.
    masks : Tensor, bool, shape (N, Y, X)
        The pixels of each object.
    """

    boxes: torch.Tensor
    classes: torch.Tensor
    masks: torch.Tensor

    def __len__(self) -> int:
        return len(self.boxes)

    def to(self, device: torch.device) -> Instances:
        """Return them on a device."""
        return Instances(self.boxes.to(device), self.classes.to(device), self.masks.to(device))


@dataclass(frozen=True)
class Detections:
    """The objects that a network finds in one image, the surest first.

    Attributes
    ----------
    boxes : Tensor, float32, shape (N, 4)
        x0, y0, x1, y1 in pixels.
    classes : Tensor, int64, shape (N,)
        0 for the first class.
    confidence : Tensor, float32, shape (N,)
        0 to 1.
    masks : Tensor, float32, shape (N, GRID, GRID)
        The probability of the object in `GRID` x `GRID` equal cells of its box, rows first.
    """

    boxes: torch.Tensor
    classes: torch.Tensor
    confidence: torch.Tensor
    masks: torch.Tensor

    def __len__(self) -> int:
        return len(self.boxes)

    def only(self, chosen: torch.Tensor) -> Detections:
        """Return some of them: indices, or True for those to keep."""
        return Detections(
            self.boxes[chosen], self.classes[chosen], self.confidence[chosen], self.masks[chosen]
        )


def instances_of(
    labels: Array, classes: Mapping[int, int] | None = None, *, smallest: int = SMALLEST
) -> tuple[Instances, int]:
    """Return the objects of a plane, and how many are left out for being too small.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Ids of objects; 0 is background.
    classes : mapping of int to int, optional
        Id -> class, 0 for the first; None = all are of one.
    smallest : int
        Pixels that an object needs.

    Returns
    -------
    Instances
        In the order of their ids.
    int

    Examples
    --------
    >>> labels = np.array([[0, 7, 7], [3, 7, 7]])
    >>> found, dropped = instances_of(labels, {3: 0, 7: 1})
    >>> found.boxes, found.classes, dropped
    (tensor([[1., 0., 3., 2.]]), tensor([1]), 1)
    """
    found = outlines(labels)
    large = found.pixels >= smallest
    ids = found.ids[large]
    kinds = [0 if classes is None else classes[int(each)] for each in ids]
    masks = labels[None] == ids[:, None, None].astype(labels.dtype)
    return Instances(
        torch.from_numpy(found.boxes[large].astype(np.float32)),
        torch.tensor(kinds, dtype=torch.int64),
        torch.from_numpy(masks),
    ), int(np.count_nonzero(~large))
