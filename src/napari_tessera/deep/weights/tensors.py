"""Which stored tensors belong where in a network, by their names and shapes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import torch
from torch import nn

Weights = Mapping[str, torch.Tensor]


def copy_fitting(network: nn.Module, stored: Weights, *, in_channels: int) -> tuple[int, int]:
    """Copy into a network the tensors that fit.

    Parameters
    ----------
    network : torch.nn.Module
    stored : mapping of str to Tensor
    in_channels : int
        Channels of the images, to which the first convolution is adapted.

    Returns
    -------
    tuple of int
        How many tensors were taken, and how many the network has; counters do not count. 0 if no
        more than biases would fit.

    Examples
    --------
    >>> network, other = nn.Conv2d(1, 4, 3), nn.Conv2d(3, 4, 3)
    >>> copy_fitting(network, other.state_dict(), in_channels=1)
    (2, 2)
    """
    from napari_tessera.deep.weights.imagenet import for_channels

    wanted = network.state_dict()
    first = _first_convolution(wanted)
    fitting: dict[str, torch.Tensor] = {}
    for names in _namings(wanted, stored):
        found = {
            name: weights
            for name, weights in names.items()
            if name in wanted and _fits(weights, wanted[name], first=name == first)
        }
        if _matrices(found) > _matrices(fitting):
            fitting = found
    with torch.no_grad():
        for name, weights in fitting.items():
            adapted = for_channels(weights, in_channels) if name == first else weights
            wanted[name].copy_(adapted)  # the state shares its memory with the network
    return _floating(fitting), _floating(wanted)


def _first_convolution(weights: Weights) -> str:
    return next((name for name, each in weights.items() if each.ndim > 3), "")


def _namings(wanted: Weights, stored: Weights) -> Iterator[Weights]:
    """Yield what is stored under its own names, and under others for its first convolution.

    The others are those under which a stored convolution becomes the first one wanted: its name
    ends alike, and its shape fits.
    """
    yield stored
    first = _first_convolution(wanted)
    parts = first.split(".")
    flat = {_flattened(name): each for name, each in stored.items()}
    for start in range(len(parts) - 1):
        before, ending = "".join(f"{part}." for part in parts[:start]), ".".join(parts[start:])
        for names in (stored, flat):
            for name, each in names.items():
                if f".{name}".endswith(f".{ending}") and _fits(each, wanted[first], first=True):
                    yield _moved(names, name.removesuffix(ending), before)


def _moved(names: Weights, cut: str, before: str) -> Weights:
    """Return tensors under names that begin otherwise, without those that never began with `cut`.

    Examples
    --------
    >>> one = torch.ones(1)
    >>> list(_moved({"model.stem.weight": one, "head.bias": one}, "model.", "encoder."))
    ['encoder.stem.weight']
    """
    return {
        before + name.removeprefix(cut): weights
        for name, weights in names.items()
        if name.startswith(cut)
    }


def _flattened(name: str) -> str:
    """Return the name that timm gives to a stage of an encoder.

    Examples
    --------
    >>> _flattened("stages.0.blocks.1.norm.weight")
    'stages_0.blocks.1.norm.weight'
    """
    return re.sub(r"^([a-z]+)\.(\d+)\.", r"\1_\2.", name)


def _fits(weights: torch.Tensor, wanted: torch.Tensor, *, first: bool) -> bool:
    """Tell whether shapes agree; for the first convolution, but for the channels of the image."""
    if first and weights.ndim == wanted.ndim:
        return weights.shape[:1] + weights.shape[2:] == wanted.shape[:1] + wanted.shape[2:]
    return weights.shape == wanted.shape


def _matrices(weights: Weights) -> int:
    return sum(each.ndim > 1 for each in weights.values())


def _floating(weights: Weights) -> int:
    return sum(each.is_floating_point() for each in weights.values())


def is_vgg16(stored: Weights) -> bool:
    """Tell whether these are the weights of VGG16 as torchvision names them."""
    convolutions = [name for name, each in stored.items() if each.ndim == 4]
    return len(convolutions) == 13 and all(
        re.fullmatch(r"features\.\d+\.weight", name) for name in convolutions
    )


def renamed_vgg16(
    stored: Weights, layers: Mapping[str, nn.Module], *, title: str
) -> dict[str, torch.Tensor]:
    """Return torchvision's VGG16 under the names of a network's layers.

    Its first two fully connected layers become convolutions, where there are any left to take them.

    Parameters
    ----------
    stored : mapping of str to Tensor
        VGG16, with or without batch normalisation.
    layers : mapping of str to Module
        Name -> convolution or batch normalisation of the network, in order.
    title : str
        Of the network, for errors.

    Raises
    ------
    ValueError
        If the network has no batch normalisation, but these weights rely on it.
    """
    numbers = sorted({int(name.split(".")[1]) for name in stored if name.startswith("features.")})
    given = [f"features.{number}" for number in numbers] + ["classifier.0", "classifier.3"]
    norms = [name for name in given if f"{name}.running_mean" in stored]
    own = [name for name, layer in layers.items() if isinstance(layer, nn.BatchNorm2d)]
    if norms and not own:
        raise ValueError(
            f"weights are those of VGG16 with batch normalisation, which {title} has not; "
            "pass those of VGG16 without"
        )
    pairs = list(zip(norms, own, strict=False))
    convolutions = [name for name in layers if name not in own]
    pairs += zip([name for name in given if name not in norms], convolutions, strict=False)
    return {
        f"{new}.{kind}": _as_convolution(stored[f"{old}.{kind}"], wanted)
        for old, new in pairs
        for kind, wanted in layers[new].state_dict().items()
        if f"{old}.{kind}" in stored
    }


def _as_convolution(weights: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Return a fully connected layer (O, C Y X) as the convolution (O, C, Y, X) that it is."""
    same = weights.ndim == 2 and weights.numel() == wanted.numel()
    return weights.reshape(wanted.shape) if same else weights
