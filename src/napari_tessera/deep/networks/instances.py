"""Objects of one image: as a network is taught them, and as it finds them.

A network that finds objects one by one has, for images (B, C, Y, X):

- `loss(images, objects)`: a dict of what is to become small, for the true `Instances` of each;
- `detect(images, *, confidence, overlap, limit)`: the `Detections` in each;
- `sureness(images, boxes, kind)`: of one image, how sure it is of the class and the masks of boxes
  (N, 4), as one number with a gradient; the class `kind`, or for None the likeliest of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

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


def inner_mean(masks: torch.Tensor) -> torch.Tensor:
    """Return the sum of the mean scores inside of masks (N, Y, X); an empty one counts 0."""
    inside = (masks.detach() > 0).to(masks.dtype)
    return ((masks * inside).sum((1, 2)) / inside.sum((1, 2)).clamp(min=1)).sum()
