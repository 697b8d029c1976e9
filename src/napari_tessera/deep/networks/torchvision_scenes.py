"""Networks of torchvision for scenes, whose weights from COCO are published."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn
from torch.nn import functional
from torchvision.models import segmentation

from napari_tessera.deep.networks.layers import standardiser
from napari_tessera.deep.networks.options import ScenesConfig


class SceneNetwork(nn.Module):
    """DeepLabV3 or FCN on a dilated ResNet or MobileNet, with random weights.

    Weights have the names that torchvision gives them.

    Parameters
    ----------
    config : ScenesConfig
    in_channels, classes : int

    References
    ----------
    L.-C. Chen et al., "Rethinking atrous convolution for semantic image segmentation", 2017,
    arXiv:1706.05587.

    Examples
    --------
    >>> network = SceneNetwork(ScenesConfig(), in_channels=1, classes=2).eval()
    >>> network(torch.zeros(1, 1, 64, 48)).shape
    torch.Size([1, 2, 64, 48])
    """

    def __init__(self, config: ScenesConfig, *, in_channels: int, classes: int) -> None:
        super().__init__()
        make = getattr(segmentation, config.architecture)
        parts = make(weights=None, weights_backbone=None, num_classes=classes, aux_loss=False)
        self.standardise = standardiser(config.standardise, in_channels)
        self.backbone, self.classifier = parts.backbone, parts.classifier
        if in_channels != 3:
            _widen(self.backbone, in_channels)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return scores (B, K, Y, X) for `image` (B, C, Y, X)."""
        features = self.backbone(self.standardise(image))["out"]  # (B, F, Y/8 or /16, X/..)
        scores = self.classifier(features)  # (B, K, Y/8 or /16, X/..)
        return functional.interpolate(scores, image.shape[2:], mode="bilinear")  # (B, K, Y, X)


def _widen(backbone: nn.Module, in_channels: int) -> None:
    """Give a backbone another first convolution, for so many channels."""
    name, first = next(
        (name, layer) for name, layer in backbone.named_modules() if isinstance(layer, nn.Conv2d)
    )
    layer = nn.Conv2d(
        in_channels,
        first.out_channels,
        cast("tuple[int, int]", first.kernel_size),
        cast("tuple[int, int]", first.stride),
        cast("tuple[int, int]", first.padding),
        bias=first.bias is not None,
    )
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    backbone.set_submodule(name, layer)
