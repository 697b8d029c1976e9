"""What a network is to make small: a weighted sum of losses, for class ids and for soft targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch.nn import functional

from napari_tessera.deep.data.targets import IGNORE, distances_from_boundary
from napari_tessera.deep.networks.instances import Instances
from napari_tessera.deep.training.losses import OF_DISTANCES, TERMS


class Loss(torch.nn.Module):
    """A weighted sum of losses.

    Parameters
    ----------
    terms : mapping of str to float
        Name in `TERMS` -> its weight, such as {"dice": 1, "cross_entropy": 1};
        `napari_tessera.deep.settings.parse` reads it from text.
    class_weights : sequence of float, optional
        How much each class counts in "cross_entropy" and "focal"; None = all alike. With one score
        per pixel they are those of background and foreground.

    Examples
    --------
    >>> scores = torch.tensor([[[[4.0, -4.0]], [[-4.0, 4.0]]]])
    >>> target = torch.tensor([[[0, 1]]])
    >>> round(float(Loss({"dice": 1, "cross_entropy": 1})(scores, target)), 4)
    0.0007
    """

    class_weights: torch.Tensor | None

    def __init__(
        self, terms: Mapping[str, float], class_weights: list[float] | None = None
    ) -> None:
        super().__init__()
        for name, weight in terms.items():
            if name not in TERMS:
                raise ValueError(f"loss is {name!r}; choose one of {', '.join(TERMS)}")
            if weight <= 0:
                raise ValueError(f"the weight of loss {name!r} is {weight}; pass a positive number")
        if not terms:
            raise ValueError(f"loss is empty; choose from {', '.join(TERMS)}")
        self.terms = dict(terms)
        given = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        self.register_buffer("class_weights", given)

    def forward(
        self, scores: torch.Tensor, target: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return the loss, one number; 0 where every pixel is to be ignored.

        Parameters
        ----------
        scores : Tensor, shape (B, K, ...)
            Before the softmax; with K = 1, before the sigmoid.
        target : Tensor, shape (B, ...) or (B, K, ...)
            Class ids, `IGNORE` where unknown; or the share of each class, as mixing makes it,
            all 0 where unknown. With one score per pixel its share is that of the foreground.
        weights : Tensor, shape (B, ...), optional
            How much each pixel counts in "cross_entropy" and "focal", which become weighted
            means; the others, which compare whole regions, count every pixel alike.

        Raises
        ------
        ValueError
            If shapes, classes or the number of class weights do not go together.
        """
        logarithms, truth, known = flattened(scores, target)
        if truth.shape[1] == 0:
            return scores.sum() * 0
        counting = self._counting(truth, known, weights)
        total = scores.new_zeros(())
        for name, weight in self.terms.items():
            term = TERMS[name]
            if term in OF_DISTANCES:
                total = total + weight * term(
                    logarithms, truth, _distances(target, known, len(truth))
                )
            else:
                total = total + weight * term(logarithms, truth, counting)
        return total

    def _counting(
        self, truth: torch.Tensor, known: torch.Tensor, weights: torch.Tensor | None
    ) -> torch.Tensor:
        """Return how much each class counts at each pixel, (K, N) or (K, 1)."""
        counting = truth.new_ones(len(truth), 1)  # (K, 1)
        if self.class_weights is not None:
            if len(self.class_weights) != len(truth):
                raise ValueError(
                    f"class_weights has {len(self.class_weights)} numbers for {len(truth)} classes"
                )
            counting = self.class_weights[:, None]  # (K, 1)
        if weights is None:
            return counting
        if weights.shape != known.shape:
            raise ValueError(
                f"weights has shape {tuple(weights.shape)}; pass one number for each of the "
                f"{tuple(known.shape)} pixels of target"
            )
        return counting * weights[known].float()  # (K, N)


class OwnLosses(torch.nn.Module):
    """The sum of the losses that a network has of its own, as something with a gradient.

    Parameters
    ----------
    network : torch.nn.Module
        With `loss`, see `napari_tessera.deep.networks.instances`.
    """

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor, objects: Sequence[Instances]) -> torch.Tensor:
        """Return one number for images (B, C, Y, X) and the objects in each."""
        return torch.stack(list(self.network.loss(images, objects).values())).sum()


def flattened(
    scores: torch.Tensor, target: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return log-probabilities and shares of the classes at the N pixels that count, (K, N) each.

    The third result, (B, ...), says which pixels these are.

    Parameters
    ----------
    scores, target : Tensor
        As for `Loss`. One score becomes two, of background and foreground.
    """
    if scores.shape[1] == 1:
        scores = torch.cat([torch.zeros_like(scores), scores], dim=1)  # (B, 2, ...)
    logarithms = functional.log_softmax(scores.float(), dim=1)  # (B, K, ...)
    if target.ndim == scores.ndim:
        shares = target.float()  # (B, K, ...)
        if shares.shape[1] == 1:
            shares = torch.cat([1 - shares, shares], dim=1)  # (B, 2, ...)
        known = shares.sum(dim=1) > 0  # (B, ...)
        return _at(known, logarithms), _at(known, shares), known
    known = target != IGNORE  # (B, ...)
    ids = target[known].long()  # (N,)
    return _at(known, logarithms), _one_hot(ids, scores.shape[1]), known


def _distances(target: torch.Tensor, known: torch.Tensor, classes: int) -> torch.Tensor:
    """Return how far each of the N pixels is from the boundary of each class, (K, N).

    Of shares, a class is where most of a pixel is its.
    """
    if target.ndim == known.ndim:
        inside = torch.stack([target == number for number in range(classes)], dim=1)
    else:
        inside = target >= 0.5  # (B, K, *P)
        if inside.shape[1] == 1:
            inside = torch.cat([~inside, inside], dim=1)  # (B, 2, *P)
    counted = known.cpu().numpy()
    far = [
        [distances_from_boundary(one, own) for one in every]
        for every, own in zip(inside.cpu().numpy(), counted, strict=True)
    ]
    return _at(known, torch.from_numpy(np.array(far)).to(known.device))


def _at(known: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Return `values` (B, K, ...) at the N pixels where `known` (B, ...), (K, N)."""
    flat = values.transpose(0, 1).flatten(1)  # (K, B ...)
    return flat if known.all() else flat[:, known.flatten()]  # choosing takes four times as long


def _one_hot(ids: torch.Tensor, classes: int) -> torch.Tensor:
    """Return 1 for the class of each pixel and 0 for the others, (K, N)."""
    wrong = ids[(ids < 0) | (ids >= classes)]
    if len(wrong):
        raise ValueError(
            f"target has class {int(wrong[0])}, but scores are of {classes} classes; number "
            f"classes from 0, and use {IGNORE} for pixels to ignore"
        )
    return functional.one_hot(ids, classes).T.float()
