"""DeepLabV3+: context by dilated convolutions, borders by early features."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from napari_tessera.deep.networks.encoders import encoder
from napari_tessera.deep.networks.layers import he_normal
from napari_tessera.deep.networks.options import DeepLabConfig, scaled

RATES = {16: (6, 12, 18), 8: (12, 24, 36)}
"""Output stride -> how far apart the dilated convolutions look, in features."""


class DeepLabV3Plus(nn.Module):
    """DeepLabV3+ on an encoder of segmentation_models_pytorch.

    Context comes from 1 x 1 convolution, three dilated ones and the mean of the image, 256 channels
    each; early features at stride 4 are reduced to 48 channels; two 3 x 3 convolutions join both.
    The decoder is written here, because the library's has one separable convolution and other
    rates. Sizes are best a multiple of 16, but all are taken.

    Parameters
    ----------
    config : DeepLabConfig
    in_channels, classes : int

    References
    ----------
    L.-C. Chen, Y. Zhu, G. Papandreou, F. Schroff, H. Adam, "Encoder-decoder with atrous separable
    convolution for semantic image segmentation", ECCV 2018.

    Examples
    --------
    >>> network = DeepLabV3Plus(DeepLabConfig(width=1 / 16), in_channels=3, classes=2).eval()
    >>> network(torch.zeros(1, 3, 32, 48)).shape
    torch.Size([1, 2, 32, 48])
    """

    def __init__(self, config: DeepLabConfig, *, in_channels: int, classes: int) -> None:
        super().__init__()
        width, split = scaled(256, config.width), config.separable
        near = scaled(48, config.width)
        self.encoder = encoder(
            config.encoder,
            in_channels=in_channels,
            output_stride=config.output_stride,
            allow_noncommercial=config.allow_noncommercial,
        )
        channels, rates = self.encoder.out_channels, RATES[config.output_stride]
        decoder = nn.ModuleDict(
            {
                "context": Context(channels[-1], width, rates, split=split, dropout=config.dropout),
                "reduce": _convolution(channels[2], near, 1),
                "refine": nn.Sequential(
                    _convolution(width + near, width, 3, split=split),
                    _convolution(width, width, 3, split=split),
                ),
                "classify": nn.Conv2d(width, classes, 1),
            }
        )
        he_normal(decoder)
        self.decoder = decoder

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return scores (B, K, Y, X) for `image` (B, C, Y, X)."""
        features = self.encoder(image)
        near = self.decoder["reduce"](features[2])  # (B, 48, Y/4, X/4)
        context = self.decoder["context"](features[-1])  # (B, 256, Y/16, X/16)
        context = _resize(context, near)  # (B, 256, Y/4, X/4)
        joined = self.decoder["refine"](torch.cat([context, near], 1))  # (B, 256, Y/4, X/4)
        scores = self.decoder["classify"](joined)  # (B, K, Y/4, X/4)
        return _resize(scores, image)  # (B, K, Y, X)


class Context(nn.Module):
    """Atrous spatial pyramid pooling.

    Parameters
    ----------
    before, after : int
        Channels.
    rates : tuple of int
        Of the dilated 3 x 3 convolutions.
    split : bool
        Whether they are separable.
    dropout : float
    """

    def __init__(
        self, before: int, after: int, rates: tuple[int, ...], *, split: bool, dropout: float
    ) -> None:
        super().__init__()
        dilated = [_convolution(before, after, 3, rate=rate, split=split) for rate in rates]
        self.branches = nn.ModuleList(
            [_convolution(before, after, 1), *dilated, ImageMean(before, after)]
        )
        self.project = nn.Sequential(
            _convolution(len(self.branches) * after, after, 1), nn.Dropout(dropout)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return (B, 256, Y, X) for `features` (B, C, Y, X)."""
        found = [branch(features) for branch in self.branches]  # 5 of (B, 256, Y, X)
        return self.project(torch.cat(found, 1))  # (B, 256, Y, X)


class ImageMean(nn.Module):
    """The mean of the whole image as a feature of every pixel.

    Parameters
    ----------
    before, after : int
        Channels.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(before, after, 1, bias=False)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return (B, 256, Y, X) for `features` (B, C, Y, X)."""
        mean = features.mean((2, 3), keepdim=True)  # (B, C, 1, 1)
        mean = self._normalise(self.convolution(mean)).relu()  # (B, 256, 1, 1)
        return mean.expand(-1, -1, *features.shape[2:])  # (B, 256, Y, X)

    def _normalise(self, mean: torch.Tensor) -> torch.Tensor:
        if len(mean) > 1 or not self.training:
            return self.norm(mean)  # (B, 256, 1, 1)
        # a batch of one has no variance here: what earlier batches had stands in for it
        norm = self.norm
        return functional.batch_norm(
            mean, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )  # (1, 256, 1, 1)


def _convolution(
    before: int, after: int, size: int, *, rate: int = 1, split: bool = False
) -> nn.Sequential:
    """Return a convolution with batch normalisation and ReLU, in two such steps if `split`."""
    padding = rate * (size // 2)
    if not split:
        layer = nn.Conv2d(before, after, size, padding=padding, dilation=rate, bias=False)
        return nn.Sequential(layer, nn.BatchNorm2d(after), nn.ReLU())
    depth = nn.Conv2d(
        before, before, size, padding=padding, dilation=rate, groups=before, bias=False
    )
    return nn.Sequential(depth, nn.BatchNorm2d(before), nn.ReLU(), *_convolution(before, after, 1))


def _resize(scores: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(scores, like.shape[2:], mode="bilinear", align_corners=True)
