"""Convolutions of single channels, which CPUs do faster in 32 bits than in 16."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

LEAST = 5
"""Side of the kernels that gain; the conversion takes what 3 x 3 would."""


class _InFullPrecision(nn.Conv2d):
    """A convolution that autocast leaves in 32 bits on CPUs; what it gives has the type it got."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        if features.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return super().forward(features)
        with torch.autocast("cpu", enabled=False):
            return super().forward(features.float()).to(features.dtype)


def keep_depthwise_precise(network: nn.Module) -> None:
    """Let large depthwise convolutions compute in 32 bits on CPUs, also under autocast.

    PyTorch 2.14 has no fast path for them in bfloat16: to go back through 5 x 5 of 240 channels
    took five times as long as in float32, 41 ms and 8.5 (Xeon with AMX), and a training step of
    EfficientNet-Lite0 was a third longer by it.

    Parameters
    ----------
    network : torch.nn.Module
        Its weights and their names stay.

    Examples
    --------
    >>> layer = nn.Conv2d(4, 4, 5, groups=4)
    >>> keep_depthwise_precise(layer)
    >>> with torch.autocast("cpu", dtype=torch.bfloat16):
    ...     layer(torch.ones(1, 4, 5, 5)).dtype
    torch.float32
    """
    for layer in network.modules():
        if not isinstance(layer, nn.Conv2d) or isinstance(layer, _InFullPrecision):
            continue
        if 1 < layer.groups == layer.in_channels and min(layer.kernel_size) >= LEAST:
            # not wrapped, which would change the names of the weights
            layer.__class__ = _precise(type(layer))


def _precise(kind: type) -> Any:
    """Return a kind of convolution, with its own padding, that stays in 32 bits."""
    return type(kind.__name__, (_InFullPrecision, kind), {})
