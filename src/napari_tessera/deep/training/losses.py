"""The losses that can be asked for: a new one is a function, named in one of three lists.

Of the N pixels that count, in 2-D or 3-D, each takes log-probabilities of the classes (K, N), the
true shares of the classes (K, N), and how much each class counts at each pixel, (K, N) or (K, 1):
as it is weighted, or by its distance from the boundary of the class. No torch is imported here,
so that forms and commands can read the names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    Term = Callable[[Tensor, Tensor, Tensor], Tensor]


def cross_entropy(logarithms: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Return the mean logarithm of the true class's probability, weighted by class and pixel."""
    # -sum_n w_n sum_k t_kn log p_kn / sum_n w_n sum_k t_kn
    shares = truth * weights  # (K, N)
    return -(shares * logarithms).sum() / shares.sum().clamp_min(1e-12)


def focal(logarithms: Tensor, truth: Tensor, weights: Tensor, gamma: float = 2.0) -> Tensor:
    """Return the cross entropy with easy pixels played down (Lin et al., ICCV 2017)."""
    # equation 4 there: -(1 - p)^gamma log p, with gamma 2
    shares = truth * weights  # (K, N)
    hard = (1 - logarithms.exp()) ** gamma  # (K, N)
    return -(shares * hard * logarithms).sum() / shares.sum().clamp_min(1e-12)


def _overlaps(logarithms: Tensor, truth: Tensor) -> tuple[Tensor, ...]:
    """Return common, predicted and true mass of the classes that are there, (K,) each."""
    there = truth.sum(dim=1) > 0
    found, truth = logarithms[there].exp(), truth[there]
    return (found * truth).sum(dim=1), found.sum(dim=1), truth.sum(dim=1)


def dice(logarithms: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Return 1 - the mean Dice coefficient of the classes that are there (Milletari et al. 2016).

    All images of the batch count as one.
    """
    # 2 sum p t / (sum p + sum t); the paper has p^2 and t^2 in the denominator
    common, found, true = _overlaps(logarithms, truth)  # (K,) each
    return 1 - (2 * common / (found + true)).mean()


def iou(logarithms: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Return 1 - the mean intersection over union of the classes that are there."""
    common, found, true = _overlaps(logarithms, truth)
    return 1 - (common / (found + true - common)).mean()


def tversky(logarithms: Tensor, truth: Tensor, weights: Tensor, missed: float = 0.7) -> Tensor:
    """Return a Dice loss in which what is missed counts more than what is spurious.

    S. Salehi, D. Erdogmus and A. Gholipour, "Tversky loss function for image segmentation using 3D
    fully convolutional deep networks", MLMI 2017.
    """
    # equation 2: |PG| / (|PG| + alpha |P \ G| + beta |G \ P|), beta = `missed`, alpha = 1 - beta
    common, found, true = _overlaps(logarithms, truth)  # (K,) each
    wrong = missed * (true - common) + (1 - missed) * (found - common)
    return 1 - (common / (common + wrong)).mean()


def lovasz(logarithms: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Return the Lovasz-softmax loss: the mean IoU's own convex extension.

    M. Berman, A. Triki and M. Blaschko, "The Lovasz-softmax loss", CVPR 2018.
    """
    import torch

    there = truth.sum(dim=1) > 0
    losses = []
    for found, true in zip(logarithms[there].exp(), truth[there], strict=True):
        # algorithm 1: the gradient of the Jaccard loss as pixels are added, the worst first
        errors, order = (true - found).abs().sort(descending=True)  # (N,)
        sorted_truth = true[order]  # (N,)
        missing = sorted_truth.sum() - sorted_truth.cumsum(0)
        union = sorted_truth.sum() + (1 - sorted_truth).cumsum(0)
        jaccard = 1 - missing / union  # (N,)
        losses.append((errors * torch.diff(jaccard, prepend=jaccard.new_zeros(1))).sum())
    return torch.stack(losses).mean()


def boundary(logarithms: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Return the mean error of the probabilities, weighted by the distance to the boundary.

    Each class's boundary lies half a pixel before its first pixel, and the loss is 1 where all is
    wrong; classes that are nowhere, or everywhere, do not count. It says how far outlines are off,
    however few pixels a class has, but little where nothing is found yet: add it to another.

    H. Kervadec et al., "Boundary loss for highly unbalanced segmentation", MIDL 2019.
    """
    # sum_q phi(q) p(q) there, phi the distance, negative inside; less what the truth itself gives,
    # sum_q phi(q) t(q), it is sum_q |phi(q)| |p(q) - t(q)|: the same gradient, 0 where all is right
    errors = (logarithms.exp() - truth).abs()  # (K, N)
    return (weights * errors).sum() / weights.sum().clamp_min(1e-12)


OF_PIXELS: tuple[Term, ...] = (cross_entropy, focal)
"""Means over the pixels, in which each counts as much as `weights` says."""

OF_REGIONS: tuple[Term, ...] = (dice, iou, tversky, lovasz)
"""Overlaps of the classes as wholes; pixels have no weights there."""

OF_DISTANCES: tuple[Term, ...] = (boundary,)
"""Means over the pixels, in which each counts as much as it is far from a class's boundary."""

TERMS: Mapping[str, Term] = MappingProxyType(
    {term.__name__: term for term in (*OF_PIXELS, *OF_REGIONS, *OF_DISTANCES)}
)
"""Losses that can be summed, by name."""


def suggested_losses() -> tuple[str, ...]:
    """Return what forms suggest: each loss in a sum with the first of the other kind.

    Overlaps say little where nothing overlaps yet, and means over pixels little of small classes.

    Examples
    --------
    >>> suggested_losses()[:2], suggested_losses()[-2:]
    (('dice + cross_entropy', 'iou + cross_entropy'), ('cross_entropy', 'dice'))
    """
    pixels, regions, distances = (
        [term.__name__ for term in some] for some in (OF_PIXELS, OF_REGIONS, OF_DISTANCES)
    )
    return (
        *(f"{each} + {pixels[0]}" for each in regions),
        *(f"{regions[0]} + {each}" for each in (*pixels[1:], *distances)),
        pixels[0],
        regions[0],
    )


OTHER_NAMES = MappingProxyType({"ce": "cross_entropy", "bce": "cross_entropy", "jaccard": "iou"})
"""What some of them are called too."""
