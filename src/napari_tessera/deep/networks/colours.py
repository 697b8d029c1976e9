"""Colours as networks know them that have learnt from photographs."""

from __future__ import annotations

import torch
from torch import nn

MEAN = (0.485, 0.456, 0.406)
"""Of red, green and blue in ImageNet, from 0 to 1."""

STANDARD_DEVIATION = (0.229, 0.224, 0.225)
"""The same."""


class Standardise(nn.Module):
    """Colours from 0 to 1, given mean 0 and standard deviation 1 over the photographs of ImageNet.

    Parameters
    ----------
    in_channels : int
        Of the images: 3.

    Raises
    ------
    ValueError
        If the images have other channels than red, green and blue.

    Examples
    --------
    >>> Standardise(3)(torch.zeros(1, 3, 1, 1)).flatten()
    tensor([-2.1179, -2.0357, -1.8044])
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        if in_channels != len(MEAN):
            raise ValueError(
                f"standardise is True, but in_channels is {in_channels}; pass red, green and blue, "
                "or leave standardise out"
            )
        for name, numbers in (("mean", MEAN), ("deviation", STANDARD_DEVIATION)):
            self.register_buffer(name, torch.tensor(numbers)[:, None, None], persistent=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return (B, 3, Y, X) for `image` (B, 3, Y, X)."""
        return (image - self.mean) / self.deviation  # (B, 3, Y, X)


def standardiser(wanted: bool, in_channels: int) -> nn.Module:
    """Return a layer that standardises colours, or one that leaves them."""
    return Standardise(in_channels) if wanted else nn.Identity()
