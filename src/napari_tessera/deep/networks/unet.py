"""U-Net: a contracting path, an expanding path, and skips between levels of the same size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn

from napari_tessera.deep.networks.layers import centre, he_normal
from napari_tessera.deep.networks.options import (
    Normalisation,
    UNet2015Config,
    UNetConfig,
    scaled,
)

CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}
UP_CONVOLUTION = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
MAXIMUM = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
BATCH = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
INSTANCE = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}


class UNet2015(nn.Module):
    """The U-Net of 2015: five levels, convolutions without padding, no normalisation.

    It labels the middle of what it sees, with a margin of 92 pixels on every side: neighbouring
    tiles agree exactly. Inputs are 16 k + 124 pixels wide and high (188, ... 572) and give
    16 k - 60 (4, ... 388). Weights begin by `he_normal`; the two deepest levels have dropout.

    Parameters
    ----------
    config : UNet2015Config
    in_channels, classes : int

    References
    ----------
    O. Ronneberger, P. Fischer, T. Brox, "U-Net: convolutional networks for biomedical image
    segmentation", MICCAI 2015.

    Examples
    --------
    >>> network = UNet2015(UNet2015Config(width=1 / 32), in_channels=1, classes=2)
    >>> network(torch.zeros(1, 1, 188, 204)).shape
    torch.Size([1, 2, 4, 20])
    """

    margin = 92

    def __init__(self, config: UNet2015Config, *, in_channels: int, classes: int) -> None:
        super().__init__()
        widths = _widths(4, config.width)
        plain = Style(padding=0, normalisation="none", dropout=config.dropout)
        self.contracting = Contracting(in_channels, widths, plain)
        self.expanding = Expanding(widths, plain)
        self.classify = nn.Conv2d(widths[0], classes, 1)
        he_normal(self)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return scores (B, K, Y - 184, X - 184) for `image` (B, C, Y, X)."""
        for length in image.shape[-2:]:
            self.output_size(length)
        levels = self.contracting(image)  # (B, 64 .. 1024, Y .., X ..)
        features = self.expanding(levels)  # (B, 64, Y - 184, X - 184)
        return self.classify(features)  # (B, K, Y - 184, X - 184)

    @classmethod
    def output_size(cls, length: int) -> int:
        """Return how many pixels are labelled along an axis of `length` pixels.

        Raises
        ------
        ValueError
            If a level could not be halved.

        Examples
        --------
        >>> UNet2015.output_size(572)
        388
        """
        if length < 188 or (length - 124) % 16:
            above = max(188, length + (124 - length) % 16)
            raise ValueError(
                f"image is {length} pixels long along an axis; pass 16 k + 124 with k >= 4, "
                f"here {above}, or wrap the network in Padded"
            )
        return length - 2 * cls.margin


class UNet(nn.Module):
    """A U-Net as it is used today: padded convolutions, normalisation, any depth, 2-D or 3-D.

    Output and input have the same size, a multiple of 2 to the power of the depth.

    Parameters
    ----------
    config : UNetConfig
        Without an encoder.
    in_channels, classes : int

    References
    ----------
    As `UNet2015`; in 3-D Ö. Çiçek et al., "3D U-Net", MICCAI 2016, and for batch normalisation
    S. Ioffe, C. Szegedy, ICML 2015.

    Examples
    --------
    >>> config = UNetConfig(depth=2, width=1 / 16, axes=3)
    >>> UNet(config, in_channels=1, classes=3)(torch.zeros(1, 1, 4, 8, 12)).shape
    torch.Size([1, 3, 4, 8, 12])
    """

    def __init__(self, config: UNetConfig, *, in_channels: int, classes: int) -> None:
        super().__init__()
        widths = _widths(config.depth, config.width)
        style = Style(1, config.normalisation, config.dropout, config.axes)
        self.multiple = 2**config.depth
        self.contracting = Contracting(in_channels, widths, style)
        self.expanding = Expanding(widths, style)
        self.classify = CONVOLUTION[config.axes](widths[0], classes, 1)
        he_normal(self)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return scores (B, K, Y, X) for `image` (B, C, Y, X), or with Z."""
        if any(length % self.multiple for length in image.shape[2:]):
            raise ValueError(
                f"image has spatial shape {tuple(image.shape[2:])}; pass multiples of "
                f"{self.multiple}, or wrap the network in Padded"
            )
        levels = self.contracting(image)  # (B, 64 .. 1024, Y .. Y/16, X .. X/16)
        features = self.expanding(levels)  # (B, 64, Y, X)
        return self.classify(features)  # (B, K, Y, X)


def unet(config: UNetConfig, *, in_channels: int, classes: int) -> nn.Module:
    """Return a `UNet`, or with an encoder the U-Net of segmentation_models_pytorch."""
    if config.encoder is None:
        return UNet(config, in_channels=in_channels, classes=classes)
    from napari_tessera.deep.networks.smp import unet_on_encoder

    return unet_on_encoder(config, in_channels=in_channels, classes=classes)


@dataclass(frozen=True)
class Style:
    """How the convolutions of a level are made.

    Attributes
    ----------
    padding : int
        0 (a level loses 4 pixels) or 1.
    normalisation : str
        "batch", "instance" or "none".
    dropout : float
        In the two deepest levels.
    axes : int
        2 or 3.
    """

    padding: int
    normalisation: Normalisation
    dropout: float
    axes: int = 2

    def twice(self, before: int, after: int) -> nn.Sequential:
        """Return two 3 x 3 convolutions with their ReLUs."""
        return nn.Sequential(*self._once(before, after), *self._once(after, after))

    def _once(self, before: int, after: int) -> list[nn.Module]:
        convolution = CONVOLUTION[self.axes](before, after, 3, padding=self.padding)
        return [convolution, *self._normalise(after), nn.ReLU()]

    def _normalise(self, channels: int) -> list[nn.Module]:
        if self.normalisation == "none":
            return []
        if self.normalisation == "instance":
            return [INSTANCE[self.axes](channels, affine=True)]
        return [BATCH[self.axes](channels)]


class Contracting(nn.Module):
    """The path down: two convolutions per level, maxima of 2 x 2 in between.

    Parameters
    ----------
    in_channels : int
    widths : sequence of int
        Channels per level, the finest first.
    style : Style
    """

    def __init__(self, in_channels: int, widths: Sequence[int], style: Style) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            style.twice(before, after) for before, after in pairwise([in_channels, *widths])
        )
        for level in self.levels[-2:]:
            level.append(nn.Dropout(style.dropout))
        self.halve = MAXIMUM[style.axes](2)

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Return the features of all levels, the finest first."""
        found = [self.levels[0](image)]  # (B, 64, Y, X)
        for level in self.levels[1:]:
            found.append(level(self.halve(found[-1])))  # (B, 128 .., Y/2 .., X/2 ..)
        return found


class Expanding(nn.Module):
    """The path up: an up-convolution that halves the channels, the skip, two convolutions.

    Parameters
    ----------
    widths : sequence of int
        Channels per level, the finest first.
    style : Style
    """

    def __init__(self, widths: Sequence[int], style: Style) -> None:
        super().__init__()
        steps = list(pairwise(reversed(widths)))
        self.crops = not style.padding
        up = UP_CONVOLUTION[style.axes]
        self.enlarge = nn.ModuleList(up(deep, fine, 2, stride=2) for deep, fine in steps)
        self.merge = nn.ModuleList(style.twice(2 * fine, fine) for _, fine in steps)

    def forward(self, levels: list[torch.Tensor]) -> torch.Tensor:
        """Return features of the finest level, as large as the deepest allows."""
        *skips, features = levels  # (B, 1024, Y/16, X/16)
        for enlarge, merge, skip in zip(self.enlarge, self.merge, reversed(skips), strict=True):
            features = enlarge(features)  # (B, 512 .. 64, Y/8 .. Y, X/8 .. X)
            # with padding nothing is to be cropped, and without a crop any size can be exported
            near = centre(skip, features.shape[2:]) if self.crops else skip  # (B, 512 .. 64, ..)
            features = merge(torch.cat([near, features], 1))  # (B, 512 .. 64, Y/8 .., X/8 ..)
        return features


def _widths(depth: int, width: float) -> list[int]:
    return [scaled(64 * 2**level, width) for level in range(depth + 1)]
