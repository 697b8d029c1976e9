"""What a network knows before it sees the first example, and which part of it keeps that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from napari_tessera.deep.networks.parts import first_there
from napari_tessera.deep.networks.registry import entry_of
from napari_tessera.deep.weights.tensors import copy_fitting, is_vgg16, renamed_vgg16
from napari_tessera.signature.progress import Progress, Reporter

FILES = (".safetensors", ".pt", ".pth")
"""How names of files of weights end."""


def start(
    network: nn.Module,
    weights: str,
    *,
    in_channels: int,
    report: Callable[[Progress], None] | None = None,
) -> str:
    """Give a network, in place, what it is to know before the first example.

    From models and files, every tensor is taken that the network has by the same name and shape;
    names may lie deeper in one than in the other, so that an encoder goes into another network. The
    first convolution is adapted to other numbers of channels.

    Parameters
    ----------
    network : torch.nn.Module
        As `napari_tessera.deep.networks.registry.build` makes it.
    weights : str
        "none" (what it begins with), "imagenet" (for its encoder), the name or folder of a model,
        or a file (.safetensors, .pt, .pth). FCN and SegNet take torchvision's VGG16 too.
    in_channels : int
        Channels of the images.
    report : callable, optional
        Takes `Progress`, with a note, before something may have to be downloaded.

    Returns
    -------
    str
        A sentence that says what was done.

    Raises
    ------
    ValueError
        If there are no such weights, or none of them fits.
    OSError
        If a file is not there, or a download fails.

    Examples
    --------
    >>> from napari_tessera.deep.networks.registry import build
    >>> network = build("unet2015", in_channels=1, classes=2, width=1 / 32)
    >>> start(network, "imagenet", in_channels=1)
    'U-Net (2015) has no ImageNet weights; it starts from random ones.'
    """
    title = network_title(network)
    if weights == "none":
        return f"{title} starts from random weights."
    if weights == "imagenet":
        return _from_imagenet(network, title, in_channels, Reporter.of(report))
    stored = weights_of(weights)
    layers = _vgg16(network)
    if layers and is_vgg16(stored):
        stored = renamed_vgg16(stored, layers, title=title)
    taken, total = copy_fitting(network, stored, in_channels=in_channels)
    if not taken:
        raise ValueError(
            f"weights is {weights!r}, but none of its {len(stored)} tensors fits {title} by name "
            "and shape; choose a model with the same network, width or encoder"
        )
    rest = "" if taken == total else "; the others start from random ones"
    return f"{title} takes {taken} of its {total} tensors from {weights!r}{rest}."


def network_title(network: nn.Module) -> str:
    """Return a network's name for people.

    Examples
    --------
    >>> from napari_tessera.deep.networks.registry import build
    >>> network_title(build("segnet_basic", in_channels=1, classes=2))
    'SegNet-Basic'
    """
    entry = entry_of(network)
    return type(network).__name__ if entry is None else entry.title


def _from_imagenet(network: nn.Module, title: str, in_channels: int, report: Reporter) -> str:
    encoder = encoder_of(network)
    if not hasattr(encoder, "origin"):
        return f"{title} has no ImageNet weights; it starts from random ones."
    from napari_tessera.deep.weights.imagenet import imagenet

    name = encoder.origin.name
    report(Progress(0, 1, {"note": f"Looking for the ImageNet weights of {name}"}))
    taken, total = copy_fitting(encoder, imagenet(encoder), in_channels=in_channels)
    if taken < total:
        raise ValueError(
            f"weights is 'imagenet', but only {taken} of the {total} tensors of the encoder "
            f"{name!r} are among those published; choose another encoder, or weights 'none'"
        )
    return f"The encoder of {title}, {name}, starts from its ImageNet weights."


def _vgg16(network: nn.Module) -> dict[str, nn.Module]:
    """Return the layers of the VGG16 in a network that have weights, in order, or nothing."""
    place = _encoder_place(network)
    entry = entry_of(network)
    if entry is None or place != entry.parts.vgg16:
        return {}
    return {
        f"{place}.{name}": layer
        for name, layer in network.get_submodule(place).named_modules()
        if isinstance(layer, nn.Conv2d | nn.BatchNorm2d)
    }


def weights_of(weights: str) -> dict[str, torch.Tensor]:
    """Return the tensors of a model or a file; nothing but tensors is ever unpickled.

    Parameters
    ----------
    weights : str
        A file, or what `napari_tessera.deep.models.library.find` finds.

    Raises
    ------
    ValueError
        If it holds something else.
    FileNotFoundError
        If there is no such file.
    """
    path = Path(weights).expanduser()
    if path.suffix.lower() not in FILES or path.is_dir():
        from napari_tessera.deep.models.library import find_model

        path = find_model(weights).path / "weights.safetensors"
    if not path.is_file():
        raise FileNotFoundError(f"weights is {weights!r}, but there is no file {path}")
    stored = _unwrapped(_loaded(path))
    if not stored:
        raise ValueError(f"weights is {weights!r}, but {path.name} holds no tensors by name")
    return stored


def _loaded(path: Path) -> Any:
    """Return what is in a file of weights."""
    from pickle import UnpicklingError

    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix.lower() == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(
            f"weights is {str(path)!r}, which is damaged or holds more than tensors, and was not "
            "read; pass a file that safetensors or torch.save has made of a state_dict"
        ) from error


def _unwrapped(stored: Any) -> dict[str, torch.Tensor]:
    """Return the tensors by name, which some trainings keep beside other things."""
    if not isinstance(stored, Mapping):
        return {}
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(stored.get(key), Mapping):
            stored = stored[key]
    return {key: value for key, value in stored.items() if isinstance(value, torch.Tensor)}


def encoder_of(network: nn.Module) -> nn.Module:
    """Return the part of a network that finds features, which can be frozen.

    It is the encoder of those that have one, the contracting path of U-Nets, the VGG16 of FCN and
    the way down of SegNet.

    Parameters
    ----------
    network : torch.nn.Module
        As `napari_tessera.deep.networks.registry.build` makes it.

    Raises
    ------
    ValueError
        If it is another network.

    Examples
    --------
    >>> from napari_tessera.deep.networks.registry import build
    >>> type(encoder_of(build("unet", in_channels=1, classes=2, width=1 / 32))).__name__
    'Contracting'
    """
    return network.get_submodule(_encoder_place(network))


def _encoder_place(network: nn.Module) -> str:
    """Return the name of the encoder among the modules of a network."""
    entry = entry_of(network)
    place = "" if entry is None else first_there(network, entry.parts.encoder)
    if not place:
        raise ValueError(f"network is a {type(network).__name__}, of which no encoder is known")
    return place


def freeze(network: nn.Module, frozen: bool) -> None:
    """Let a network's encoder keep its weights, or learn.

    Parameters
    ----------
    network : torch.nn.Module
    frozen : bool
        Whether it keeps them; see `train_mode` for its batch normalisation.
    """
    for weights in encoder_of(network).parameters():
        weights.requires_grad_(not frozen)
        if frozen:
            weights.grad = None  # the optimiser leaves out what has no gradient


def train_mode(network: nn.Module, frozen: bool) -> None:
    """Switch a network to training; a frozen encoder keeps predicting.

    Its batch normalisation goes on with the statistics it has, and its dropout is off.

    Parameters
    ----------
    network : torch.nn.Module
    frozen : bool
        Whether the encoder is frozen.
    """
    network.train()
    if frozen:
        encoder_of(network).eval()
