"""Fully convolutional networks: VGG16 whose classifier slides over the image, with skips."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from napari_tessera.deep.networks.layers import he_normal
from napari_tessera.deep.networks.options import FCNConfig, scaled

VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of the convolutions of VGG16, stage by stage."""

AT_POOL4, AT_POOL3 = 5, 9
"""Where the doubled scores begin in those of pool4 and pool3."""

OFFSETS = {32: 19, 16: 27, 8: 31}
"""Stride -> where the image begins in the enlarged scores, in pixels."""


class FCN(nn.Module):
    """FCN-32s, FCN-16s or FCN-8s.

    The image is widened by 100 pixels of zeros, scored at stride 32, and the scores are doubled and
    joined with those of pool4 and pool3 before they are enlarged to the image. All enlargements are
    bilinear and fixed. Scores begin at zero; what comes before begins by `he_normal`.

    With an encoder, its features at strides 8, 16 and 32 take the place of pool3, pool4 and fc7,
    and images are a multiple of 32 pixels wide and high.

    Parameters
    ----------
    config : FCNConfig
    in_channels, classes : int

    References
    ----------
    J. Long, E. Shelhamer, T. Darrell, "Fully convolutional networks for semantic segmentation",
    CVPR 2015; code and crops: github.com/shelhamer/fcn.berkeleyvision.org.

    Examples
    --------
    >>> network = FCN(FCNConfig(stride=16, width=1 / 32), in_channels=3, classes=2)
    >>> network(torch.zeros(1, 3, 7, 9)).shape
    torch.Size([1, 2, 7, 9])
    """

    def __init__(self, config: FCNConfig, *, in_channels: int, classes: int) -> None:
        super().__init__()
        self.stride = config.stride
        self.backbone = _backbone(config, in_channels)
        pool3, pool4, deepest = self.backbone.channels
        self.score_fr = _score(deepest, classes)
        if self.stride <= 16:
            self.score_pool4 = _score(pool4, classes)
        if self.stride == 8:
            self.score_pool3 = _score(pool3, classes)
        # VGG16 loses its borders on the way, an encoder does not
        framed = config.encoder is None
        self.offsets = (AT_POOL4, AT_POOL3, OFFSETS[self.stride]) if framed else (0, 0, 0)
        self.twofold = Enlarge(2, centred=not framed)
        self.enlarge = Enlarge(self.stride, centred=not framed)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return scores (B, K, Y, X) for `image` (B, C, Y, X)."""
        at_pool4, at_pool3, at_image = self.offsets
        pool3, pool4, deepest = self.backbone(image)
        scores = self.score_fr(deepest)  # (B, K, Y/32, X/32)
        if self.stride <= 16:
            scores = self.twofold(scores)  # (B, K, Y/16, X/16)
            scores = scores + _crop(self.score_pool4(pool4), at_pool4, scores)
        if self.stride == 8:
            scores = self.twofold(scores)  # (B, K, Y/8, X/8)
            scores = scores + _crop(self.score_pool3(pool3), at_pool3, scores)
        return _crop(self.enlarge(scores), at_image, image)  # (B, K, Y, X)


class SlidingVGG16(nn.Module):
    """VGG16 without its last layer, its fully connected layers written as convolutions.

    Parameters
    ----------
    in_channels : int
    width : float
        Factor for all numbers of channels.
    dropout : float
        After fc6 and fc7.
    """

    def __init__(self, in_channels: int, width: float, dropout: float) -> None:
        super().__init__()
        stages = [[scaled(count, width) for count in stage] for stage in VGG16]
        starts = [in_channels, *(stage[-1] for stage in stages)]
        self.stages = nn.ModuleList(
            _stage(start, stage) for start, stage in zip(starts, stages, strict=False)
        )
        self.stages[0][0].padding = (100, 100)
        full = scaled(4096, width)
        self.fully_connected = nn.Sequential(
            nn.Conv2d(starts[-1], full, 7),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv2d(full, full, 1),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.channels = (starts[3], starts[4], full)
        he_normal(self)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return pool3, pool4 and fc7, at strides 8, 16 and 32."""
        pools, features = [], image  # (B, C, Y, X)
        for stage in self.stages:
            features = stage(features)  # (B, 64 .. 512, (Y + 198) / 2 .. / 32, ...)
            pools.append(features)
        return pools[2], pools[3], self.fully_connected(features)  # (B, 4096, Y/32, X/32)


class Enlarge(nn.Module):
    """Bilinear enlargement as a transposed convolution whose weights do not learn.

    Parameters
    ----------
    factor : int
        2 or more, even.
    centred : bool
        Whether `factor` / 2 pixels are taken off every side, so that sizes grow by `factor`.

    Examples
    --------
    >>> Enlarge(2, centred=True)(torch.ones(1, 1, 3, 3))[0, 0, 2]
    tensor([0.7500, 1.0000, 1.0000, 1.0000, 1.0000, 0.7500])
    """

    kernel: torch.Tensor

    def __init__(self, factor: int, *, centred: bool) -> None:
        super().__init__()
        self.factor, self.padding = factor, factor // 2 if centred else 0
        self.register_buffer("kernel", bilinear(2 * factor)[None, None], persistent=False)

    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        """Enlarge `scores` (B, K, Y, X), each class by itself."""
        classes = scores.shape[1]
        kernels = self.kernel.expand(classes, -1, -1, -1)  # (K, 1, 2 factor, 2 factor)
        return functional.conv_transpose2d(
            scores, kernels, stride=self.factor, padding=self.padding, groups=classes
        )  # (B, K, factor Y, factor X)


def bilinear(size: int) -> torch.Tensor:
    """Return the kernel, shape (size, size), by which a transposed convolution interpolates.

    Examples
    --------
    >>> bilinear(4)[1]
    tensor([0.1875, 0.5625, 0.5625, 0.1875])
    """
    factor = (size + 1) // 2
    middle = factor - 1 if size % 2 else factor - 0.5
    line = 1 - (torch.arange(size, dtype=torch.float32) - middle).abs() / factor
    return line[:, None] * line


def _backbone(config: FCNConfig, in_channels: int) -> nn.Module:
    if config.encoder is None:
        return SlidingVGG16(in_channels, config.width, config.dropout)
    from napari_tessera.deep.networks.encoders import Pyramid

    return Pyramid(
        config.encoder,
        in_channels=in_channels,
        allow_noncommercial=config.allow_noncommercial,
    )


def _stage(start: int, channels: list[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in zip([start, *channels], channels, strict=False):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.MaxPool2d(2, ceil_mode=True))  # Caffe rounds up


def _score(channels: int, classes: int) -> nn.Conv2d:
    layer = nn.Conv2d(channels, classes, 1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _crop(scores: torch.Tensor, offset: int, like: torch.Tensor) -> torch.Tensor:
    height, width = like.shape[-2:]
    return scores[..., offset : offset + height, offset : offset + width]
