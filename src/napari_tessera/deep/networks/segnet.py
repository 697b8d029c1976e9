"""SegNet: the places of the maxima on the way down lead the way up."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from napari_tessera.deep.networks.fcn import VGG16
from napari_tessera.deep.networks.layers import he_normal
from napari_tessera.deep.networks.options import SegNetConfig, scaled

DECODER = ((512, 512, 512), (512, 512, 256), (256, 256, 128), (128, 64), (64,))
"""Channels of the convolutions on the way up, the deepest stage first."""


class SegNet(nn.Module):
    """SegNet: VGG16 with batch normalisation, and its mirror image.

    Images of any size: maxima of the last row or column stand alone where it is odd. Weights begin
    by `he_normal`.

    Parameters
    ----------
    config : SegNetConfig
    in_channels, classes : int

    References
    ----------
    V. Badrinarayanan, A. Kendall, R. Cipolla, "SegNet: a deep convolutional encoder-decoder
    architecture for image segmentation", PAMI 39, 2017; layers: github.com/alexgkendall/
    SegNet-Tutorial.

    Examples
    --------
    >>> network = SegNet(SegNetConfig(width=1 / 16), in_channels=3, classes=11)
    >>> network(torch.zeros(2, 3, 45, 60)).shape
    torch.Size([2, 11, 45, 60])
    """

    def __init__(self, config: SegNetConfig, *, in_channels: int, classes: int) -> None:
        super().__init__()
        down = [[scaled(count, config.width) for count in stage] for stage in VGG16]
        up = [[scaled(count, config.width) for count in stage] for stage in DECODER]
        starts = [in_channels, *(stage[-1] for stage in down)]
        self.down = nn.ModuleList(
            _stage(start, stage) for start, stage in zip(starts, down, strict=False)
        )
        starts = [down[-1][-1], *(stage[-1] for stage in up)]
        self.up = nn.ModuleList(
            _stage(start, stage) for start, stage in zip(starts, up, strict=False)
        )
        self.classify = nn.Conv2d(starts[-1], classes, 3, padding=1)
        he_normal(self)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return scores (B, K, Y, X) for `image` (B, C, Y, X)."""
        features = _there_and_back(image, self.down, self.up)  # (B, 64, Y, X)
        return self.classify(features)  # (B, K, Y, X)


class SegNetBasic(nn.Module):
    """SegNet-Basic: four levels of 7 x 7 convolutions, 64 channels throughout.

    Colours are first divided by their local energy; on the way up there is no ReLU.

    Parameters
    ----------
    config : SegNetConfig
    in_channels, classes : int

    References
    ----------
    As `SegNet`.

    Examples
    --------
    >>> network = SegNetBasic(SegNetConfig(width=1 / 16), in_channels=3, classes=11)
    >>> network(torch.zeros(2, 3, 45, 60)).shape
    torch.Size([2, 11, 45, 60])
    """

    def __init__(self, config: SegNetConfig, *, in_channels: int, classes: int) -> None:
        super().__init__()
        width = scaled(64, config.width)
        self.normalise = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)
        self.down = nn.ModuleList(
            nn.Sequential(*_layer(before, width, 7), nn.ReLU())
            for before in (in_channels, width, width, width)
        )
        self.up = nn.ModuleList(nn.Sequential(*_layer(width, width, 7)) for _ in range(4))
        self.classify = nn.Conv2d(width, classes, 1)
        he_normal(self)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return scores (B, K, Y, X) for `image` (B, C, Y, X)."""
        image = self.normalise(image)  # (B, C, Y, X)
        features = _there_and_back(image, self.down, self.up)  # (B, 64, Y, X)
        return self.classify(features)  # (B, K, Y, X)


def _there_and_back(image: torch.Tensor, down: nn.ModuleList, up: nn.ModuleList) -> torch.Tensor:
    features, passed = image, []  # (B, C, Y, X)
    for stage in down:
        features = stage(features)  # (B, 64 .. 512, Y .. Y/16, X .. X/16)
        size = features.shape[2:]
        features, places = halve(features)  # (B, 64 .. 512, Y/2 .. Y/32, X/2 .. X/32)
        passed.append((places, size))
    for stage in up:
        features = unpooled(features, *passed.pop())  # (B, 512 .. 64, Y/16 .. Y, X/16 .. X)
        features = stage(features)  # (B, 512 .. 64, Y/16 .. Y, X/16 .. X)
    return features


def halve(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the maxima of 2 x 2 and their places, (B, C, Y/2, X/2) rounded up.

    Examples
    --------
    >>> maxima, places = halve(torch.tensor([[[[1.0, 5, 2], [3, 4, 6]]]]))
    >>> maxima.tolist(), places.tolist()
    ([[[[5.0, 6.0]]]], [[[[1, 5]]]])
    """
    return functional.max_pool2d(features, 2, ceil_mode=True, return_indices=True)


def unpooled(maxima: torch.Tensor, places: torch.Tensor, size: torch.Size) -> torch.Tensor:
    """Return (B, C, Y, X) of spatial `size` with the maxima at their places and 0 elsewhere."""
    # kernel, stride and padding only serve to guess a size, which is known here
    return functional.max_unpool2d(maxima, places, 2, output_size=size)


def _stage(start: int, channels: list[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise([start, *channels]):
        layers += [*_layer(before, after, 3), nn.ReLU()]
    return nn.Sequential(*layers)


def _layer(before: int, after: int, size: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, size, padding=size // 2), nn.BatchNorm2d(after)]
