"""Architectures of segmentation_models_pytorch, by name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import segmentation_models_pytorch as models

from napari_tessera.deep.networks.encoders import check_licence
from napari_tessera.deep.networks.options import EncoderConfig, PANConfig

if TYPE_CHECKING:
    from torch import nn


def architecture(
    name: str, config: EncoderConfig | PANConfig, *, in_channels: int, classes: int
) -> nn.Module:
    """Return an architecture with random weights; nothing is downloaded.

    Parameters
    ----------
    name : str
        As the library spells it: "Unet", "FPN", ...
    config : EncoderConfig or PANConfig
    in_channels, classes : int

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
    check_licence(config.encoder, allow_noncommercial=config.allow_noncommercial)
    try:
        network: nn.Module = getattr(models, name)(
            config.encoder, encoder_weights=None, in_channels=in_channels, classes=classes
        )
    except (KeyError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"encoder is {config.encoder!r}, which {name} cannot use ({error}); "
            "choose another, such as 'tu-tf_efficientnet_lite0' or 'resnet18'"
        ) from error
    return network


unet = partial(architecture, "Unet")
unetplusplus = partial(architecture, "UnetPlusPlus")
fpn = partial(architecture, "FPN")
pspnet = partial(architecture, "PSPNet")
manet = partial(architecture, "MAnet")
linknet = partial(architecture, "Linknet")
pan = partial(architecture, "PAN")
upernet = partial(architecture, "UPerNet")
segformer = partial(architecture, "Segformer")
