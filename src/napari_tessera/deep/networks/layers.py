"""Random weights that keep the spread of the features the same from layer to layer."""

from __future__ import annotations

import torch
from torch import nn


def he_normal(network: nn.Module) -> None:
    """Draw the weights of all convolutions from N(0, sqrt(2 / N)); biases become 0.

    N is how many numbers a neuron sums, also for convolutions that enlarge without overlap.

    Parameters
    ----------
    network : torch.nn.Module

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> layer = nn.Conv2d(64, 64, 3)
    >>> he_normal(layer)
    >>> round(layer.weight.std().item() * (576 / 2) ** 0.5, 1)
    1.0
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        elif isinstance(layer, nn.ConvTranspose2d | nn.ConvTranspose3d):
            nn.init.normal_(layer.weight, std=(2 / layer.in_channels) ** 0.5)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def centre(features: torch.Tensor, size: torch.Size) -> torch.Tensor:
    """Return the middle of `features` (B, C, ...), `size` pixels along its spatial axes."""
    for axis, length in enumerate(size, start=2):
        features = features.narrow(axis, (features.shape[axis] - length) // 2, length)
    return features
