"""Architectures of segmentation_models_pytorch, by name."""

from __future__ import annotations

from functools import partial
from typing import Any

import segmentation_models_pytorch as models
import timm
import torch
from torch import nn

from napari_tessera.deep.networks.encoders import check_encoder, is_encoder, note_origin
from napari_tessera.deep.networks.options import (
    ENCODER,
    TRANSFORMER,
    DPTConfig,
    EncoderConfig,
    PANConfig,
    UNetConfig,
    scaled,
)

WIDTHS = (256, 128, 64, 32, 16)
"""Channels on the way back of a U-Net, the deepest first."""


def architecture(
    name: str, config: EncoderConfig | PANConfig, *, in_channels: int, classes: int, **parts: Any
) -> nn.Module:
    """Return an architecture with random weights; nothing is downloaded.

    Parameters
    ----------
    name : str
        As the library spells it: "Unet", "FPN", ...
    config : EncoderConfig or PANConfig
    in_channels, classes : int
    **parts
        What else the library takes.

    Returns
    -------
    torch.nn.Module
        It maps (B, C, Y, X), multiples of 32 (PAN: 128), to scores (B, K, Y, X).

    Raises
    ------
    ValueError
        If there is no such encoder, or the architecture cannot use it.

    Examples
    --------
    >>> network = architecture("FPN", EncoderConfig(), in_channels=1, classes=2)
    >>> sum(weights.numel() for weights in network.parameters())
    4710338
    """
    check_encoder(config.encoder, allow_noncommercial=config.allow_noncommercial)
    try:
        network: nn.Module = getattr(models, name)(
            config.encoder, encoder_weights=None, in_channels=in_channels, classes=classes, **parts
        )
    except (KeyError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"encoder is {config.encoder!r}, which {name} cannot use ({error}); "
            "choose another, such as 'tu-tf_efficientnet_lite0' or 'resnet18'"
        ) from error
    note_origin(network.encoder, config.encoder, allow_noncommercial=config.allow_noncommercial)
    return network


def unet_on_encoder(config: UNetConfig, *, in_channels: int, classes: int) -> nn.Module:
    """Return the U-Net of the library, with as many stages and as wide a way back as asked for.

    Examples
    --------
    >>> from napari_tessera.deep.networks.options import UNetConfig
    >>> config = UNetConfig(encoder=ENCODER, stages=4, decoder=0.5)
    >>> network = unet_on_encoder(config, in_channels=1, classes=3)
    >>> sum(weights.numel() for weights in network.parameters())
    870811
    """
    options = EncoderConfig(config.encoder or ENCODER, config.allow_noncommercial)
    widths = [scaled(channels, config.decoder) for channels in WIDTHS[-config.stages :]]
    parts = {"encoder_depth": config.stages, "decoder_channels": widths}
    network = architecture("Unet", options, in_channels=in_channels, classes=classes, **parts)
    _leave_out_unused(network.encoder)
    return network


def _leave_out_unused(encoder: nn.Module) -> None:
    """Remove the blocks behind the deepest features, which some networks of timm keep and run."""
    model: Any = getattr(encoder, "model", None)
    given = getattr(model, "_stage_out_idx", None)  # number of a block, from 1 -> of its features
    if isinstance(given, dict) and isinstance(model.blocks, nn.Sequential):
        model.blocks = model.blocks[: max(given)]


def dpt(config: DPTConfig, *, in_channels: int, classes: int) -> nn.Module:
    """Return a dense prediction transformer with random weights; nothing is downloaded.

    What the transformer has for classification, and the library never runs, is left out.

    Parameters
    ----------
    config : DPTConfig
    in_channels, classes : int

    Returns
    -------
    torch.nn.Module
        It maps (B, C, Y, X), multiples of 32, to scores (B, K, Y, X).

    Raises
    ------
    ValueError
        If there is no such encoder, or it takes images of one size only, or its patches do not
        go into 32 pixels.

    References
    ----------
    R. Ranftl, A. Bochkovskiy, V. Koltun, "Vision transformers for dense prediction", ICCV 2021.

    Examples
    --------
    >>> network = dpt(DPTConfig(width=1 / 16), in_channels=1, classes=2).eval()
    >>> network(torch.zeros(1, 1, 64, 32)).shape
    torch.Size([1, 2, 64, 32])
    """
    name = config.encoder
    if not is_encoder(name):
        raise ValueError(_no_transformer(name, "there is none of that name"))
    check_encoder(name, allow_noncommercial=config.allow_noncommercial)
    try:
        network: nn.Module = models.DPT(
            name,
            encoder_weights=None,
            decoder_readout="cat" if _has_tokens(name.removeprefix("tu-")) else "ignore",
            decoder_intermediate_channels=[scaled(n, config.width) for n in (256, 512, 1024, 1024)],
            decoder_fusion_channels=scaled(256, config.width),
            in_channels=in_channels,
            classes=classes,
            dynamic_img_size=True,
        )
        network.encoder.model.prune_intermediate_layers(1, prune_norm=True, prune_head=True)
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(_no_transformer(name, str(error))) from error
    strides = network.encoder.output_strides
    if any(32 % stride for stride in strides):
        raise ValueError(_no_transformer(name, f"patches of {strides[0]} pixels"))
    note_origin(network.encoder, name, allow_noncommercial=config.allow_noncommercial)
    return network


def _has_tokens(name: str) -> bool:
    """Tell whether a model of timm has tokens for the whole image; this takes no memory."""
    with torch.device("meta"):
        model = timm.create_model(name, dynamic_img_size=True)
    return getattr(model, "num_prefix_tokens", 0) > 0


def _no_transformer(name: str, reason: str) -> str:
    return (
        f"encoder is {name!r}, which DPT cannot use ({reason}); pass 'tu-' and a vision "
        f"transformer of timm with patches of 8, 16 or 32 pixels, such as {TRANSFORMER!r}"
    )


unetplusplus = partial(architecture, "UnetPlusPlus")
fpn = partial(architecture, "FPN")
pspnet = partial(architecture, "PSPNet")
manet = partial(architecture, "MAnet")
linknet = partial(architecture, "Linknet")
pan = partial(architecture, "PAN")
upernet = partial(architecture, "UPerNet")
segformer = partial(architecture, "Segformer")
