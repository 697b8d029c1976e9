"""Layers of YOLOv5: convolutions that are normalised and gated, and blocks of them."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class Convolution(nn.Sequential):
    """A convolution, batch normalisation and SiLU.

    Parameters
    ----------
    before, after : int
        Channels.
    kernel, stride : int
    padding : int, optional
        None = the size stays, up to `stride`.

    Examples
    --------
    >>> Convolution(1, 8, 3, stride=2)(torch.zeros(1, 1, 6, 6)).shape
    torch.Size([1, 8, 3, 3])
    """

    def __init__(
        self, before: int, after: int, kernel: int = 1, *, stride: int = 1,
        padding: int | None = None,
    ) -> None:  # fmt: skip
        padding = kernel // 2 if padding is None else padding
        super().__init__(
            nn.Conv2d(before, after, kernel, stride, padding, bias=False),
            nn.BatchNorm2d(after, eps=1e-3, momentum=0.03),
            nn.SiLU(inplace=True),
        )


class Bottleneck(nn.Module):
    """A 1 x 1 and a 3 x 3 convolution, whose result may be added to the features.

    Parameters
    ----------
    channels : int
    added : bool
    """

    def __init__(self, channels: int, *, added: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            Convolution(channels, channels), Convolution(channels, channels, 3)
        )
        self.added = added

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return (B, C, Y, X) for `features` (B, C, Y, X)."""
        found = self.layers(features)
        return features + found if self.added else found  # (B, C, Y, X)


class CrossStage(nn.Module):
    """Half of the channels pass bottlenecks, the other half passes beside them (C3).

    Parameters
    ----------
    before, after : int
        Channels.
    depth : int
        Bottlenecks.
    added : bool
        Whether these add what they find to their features.

    References
    ----------
    C.-Y. Wang et al., "CSPNet: a new backbone that can enhance learning capability of CNN", CVPR
    Workshops 2020.
    """

    def __init__(self, before: int, after: int, depth: int, *, added: bool = True) -> None:
        super().__init__()
        half = after // 2
        self.through, self.beside = Convolution(before, half), Convolution(before, half)
        self.bottlenecks = nn.Sequential(*(Bottleneck(half, added=added) for _ in range(depth)))
        self.joined = Convolution(2 * half, after)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return (B, C', Y, X) for `features` (B, C, Y, X)."""
        through = self.bottlenecks(self.through(features))  # (B, C'/2, Y, X)
        return self.joined(torch.cat([through, self.beside(features)], 1))  # (B, C', Y, X)


class PyramidPooling(nn.Module):
    """Maxima over windows of 5, 9 and 13, beside the features (SPPF).

    Parameters
    ----------
    channels : int
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.narrow = Convolution(channels, half)
        self.joined = Convolution(4 * half, channels)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return (B, C, Y, X) for `features` (B, C, Y, X)."""
        maxima = [self.narrow(features)]  # (B, C/2, Y, X)
        for _ in range(3):  # maxima of maxima are those of larger windows
            maxima.append(functional.max_pool2d(maxima[-1], 5, stride=1, padding=2))
        return self.joined(torch.cat(maxima, 1))  # (B, C, Y, X)


def doubled(features: torch.Tensor) -> torch.Tensor:
    """Return (B, C, 2 Y, 2 X) for `features` (B, C, Y, X), each of them four times."""
    return functional.interpolate(features, scale_factor=2.0, mode="nearest")
