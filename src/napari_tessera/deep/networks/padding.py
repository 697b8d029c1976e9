"""Any image size for networks that take only some."""

from __future__ import annotations

import torch
from torch import nn


class Padded(nn.Module):
    """A network that takes images of every size from 1 pixel, in 2-D and 3-D.

    The image is continued by reflection up to the next size the network takes, and the scores are
    cropped to the image.

    Parameters
    ----------
    network : torch.nn.Module
        Maps (B, C, ...) to (B, K, ...).
    multiple, offset : int
        It labels `multiple * k + offset` pixels per axis.
    margin : int
        Pixels by which its input is larger than its output, on every side.

    Examples
    --------
    >>> sizes = Padded(nn.AvgPool2d(4), 4).padded_size
    >>> [sizes(length) for length in (1, 4, 5)]
    [4, 4, 8]
    """

    def __init__(
        self, network: nn.Module, multiple: int, *, offset: int = 0, margin: int = 0
    ) -> None:
        super().__init__()
        if multiple < 1:
            raise ValueError(f"multiple is {multiple!r}; pass a whole number from 1")
        self.network = network
        self.multiple, self.offset, self.margin = multiple, offset, margin

    def padded_size(self, length: int) -> int:
        """Return the next size the network labels, at least `length` pixels."""
        return length + (self.offset - length) % self.multiple

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return scores (B, K, Y, X) for `image` (B, C, Y, X), or with Z."""
        padded, size = image, image.shape[2:]
        for axis, length in enumerate(size, start=2):
            after = self.padded_size(length) - length + self.margin
            padded = continued(padded, axis, self.margin, after)  # (B, C, Y + .., X + ..)
        scores = self.network(padded)  # (B, K, Y + .., X + ..)
        return scores[(..., *(slice(length) for length in size))]  # (B, K, Y, X)


def continued(image: torch.Tensor, axis: int, before: int, after: int) -> torch.Tensor:
    """Return `image` with reflected pixels along `axis`, as often as it takes.

    Examples
    --------
    >>> continued(torch.arange(3), 0, 1, 5).tolist()
    [1, 0, 1, 2, 1, 0, 1, 2, 1]
    """
    if not before and not after:
        return image
    last = image.shape[axis] - 1
    places = torch.arange(-before, last + 1 + after, device=image.device)
    if last == 0:
        return image.index_select(axis, torch.zeros_like(places))
    places = last - (places % (2 * last) - last).abs()  # there and back
    return image.index_select(axis, places)
