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
            padded = reflected(padded, axis, self.margin, after)  # (B, C, Y + .., X + ..)
        scores = self.network(padded)  # (B, K, Y + .., X + ..)
        return scores[(..., *(slice(length) for length in size))]  # (B, K, Y, X)


def reflected(image: torch.Tensor, axis: int, before: int, after: int) -> torch.Tensor:
    """Return `image` with reflected pixels along `axis`, as often as it takes.

    Examples
    --------
    >>> reflected(torch.arange(3), 0, 1, 5).tolist()
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
