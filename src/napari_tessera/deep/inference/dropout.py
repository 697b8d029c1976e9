"""Networks whose dropout stays on when they predict."""

from __future__ import annotations

import copy

import torch
from torch import nn


def has_dropout(network: nn.Module) -> bool:
    """Return whether a network leaves out features at random when it learns."""
    return any(isinstance(each, nn.Dropout) and each.p > 0 for each in network.modules())


def with_dropout(network: nn.Module, seed: int) -> nn.Module:
    """Return a network that leaves out features at random when it predicts, too.

    It shares the weights of the network, which stays as it is.

    Parameters
    ----------
    network : torch.nn.Module
    seed : int
        The same seed gives the same predictions.

    References
    ----------
    Y. Gal, Z. Ghahramani, "Dropout as a Bayesian approximation: representing model uncertainty in
    deep learning", ICML 2016.

    Examples
    --------
    >>> network = nn.Sequential(nn.Dropout(0.5)).eval()
    >>> network(torch.ones(4)), with_dropout(network, 1)(torch.ones(4))
    (tensor([1., 1., 1., 1.]), tensor([2., 0., 0., 2.]))
    """
    shared = [*network.parameters(), *network.buffers()]
    copied = copy.deepcopy(network, {id(each): each for each in shared})
    # of its own, so that what else runs neither changes what is left out nor is changed by it
    random = torch.Generator().manual_seed(seed)
    for module in list(copied.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Dropout):
                setattr(module, name, _Sampling(child.p, random))
    return copied


class _Sampling(nn.Module):
    """Leaves out a share of the features, in evaluation mode too."""

    def __init__(self, share: float, random: torch.Generator) -> None:
        super().__init__()
        self._share, self._random = share, random

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        kept = torch.rand(features.shape, generator=self._random) >= self._share
        return features * kept.to(features.device) / (1 - self._share)
