"""Classification networks without their last layer, as givers of features at several strides."""

from __future__ import annotations

from dataclasses import dataclass

import segmentation_models_pytorch as models
import timm
import torch
from torch import nn


def encoder(
    name: str, *, in_channels: int, output_stride: int = 32, allow_noncommercial: bool = False
) -> nn.Module:
    """Return an encoder of segmentation_models_pytorch with random weights.

    Parameters
    ----------
    name : str
        One of its encoders ("resnet34", ...), or "tu-" and one of timm's models.
    in_channels : int
    output_stride : int
        Pixels per deepest feature: 32, or 16 or 8 for encoders that can be dilated.
    allow_noncommercial : bool
        See `check_encoder`.

    Returns
    -------
    torch.nn.Module
        It maps (B, C, Y, X) to features at strides 1, 2, 4, 8, 16 and 32, at most `output_stride`;
        `out_channels` are their channels.

    Raises
    ------
    ValueError
        If there is no such encoder, or it cannot be dilated.

    Examples
    --------
    >>> encoder("resnet18", in_channels=1).out_channels
    [1, 64, 64, 128, 256, 512]
    """
    check_encoder(name, allow_noncommercial=allow_noncommercial)
    try:
        found: nn.Module = models.encoders.get_encoder(
            name, in_channels=in_channels, weights=None, output_stride=output_stride
        )
    except (KeyError, RuntimeError, ValueError, NotImplementedError) as error:
        raise ValueError(_refusal(name, output_stride)) from error
    note_origin(found, name, allow_noncommercial=allow_noncommercial)
    return found


@dataclass(frozen=True)
class Origin:
    """What an encoder was asked for as, so that weights for it can be found.

    Attributes
    ----------
    name : str
    allow_noncommercial : bool
        See `check_encoder`; weights have licences too.
    """

    name: str
    allow_noncommercial: bool


def note_origin(encoder: nn.Module, name: str, *, allow_noncommercial: bool) -> None:
    """Give an encoder its `origin`."""
    encoder.origin = Origin(name, allow_noncommercial)


def is_encoder(name: str) -> bool:
    """Tell whether segmentation_models_pytorch or timm have an encoder of this name.

    timm alone would take "hf-hub:..." and "local-dir:...", and fetch what lies there.
    """
    if name in models.encoders.encoders:
        return True
    # the library still takes "timm-" for "tu-", and adds "tf_" to some
    own = name.removeprefix("timm-") if name.startswith("timm-") else name.removeprefix("tu-")
    return own != name and ":" not in own and (timm.is_model(own) or timm.is_model(f"tf_{own}"))


def check_encoder(name: str, *, allow_noncommercial: bool) -> None:
    """Raise an error if there is no such encoder, or its licence excludes commercial use.

    Nothing is built, opened or asked for over the network to know this.

    Examples
    --------
    >>> check_encoder("mit_b0", allow_noncommercial=False)
    Traceback (most recent call last):
        ...
    ValueError: encoder is 'mit_b0', whose licence (NVIDIA) excludes commercial use; choose \
another, or pass allow_noncommercial=True if that suits you
    """
    if not is_encoder(name):
        raise ValueError(_refusal(name, 32))
    if name.removeprefix("tu-").startswith("mit_") and not allow_noncommercial:
        raise ValueError(
            f"encoder is {name!r}, whose licence (NVIDIA) excludes commercial use; choose another, "
            "or pass allow_noncommercial=True if that suits you"
        )


class Pyramid(nn.Module):
    """The features of an encoder at strides 8, 16 and 32.

    Parameters
    ----------
    name : str
    in_channels : int
    allow_noncommercial : bool
        See `encoder`.
    """

    def __init__(self, name: str, *, in_channels: int, allow_noncommercial: bool) -> None:
        super().__init__()
        self.encoder = encoder(
            name, in_channels=in_channels, allow_noncommercial=allow_noncommercial
        )
        self.channels = tuple(self.encoder.out_channels[3:])

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Return (B, C3 .. C5, Y/8 .. Y/32, X/8 .. X/32) for `image` (B, C, Y, X)."""
        if any(length % 32 for length in image.shape[2:]):
            raise ValueError(
                f"image has spatial shape {tuple(image.shape[2:])}; pass multiples of 32, "
                "or wrap the network in Padded"
            )
        features: list[torch.Tensor] = self.encoder(image)
        return features[3:]  # (B, C3 .. C5, Y/8 .. Y/32, X/8 .. X/32)


def _refusal(name: str, output_stride: int) -> str:
    wanted = "a name from segmentation_models_pytorch, or 'tu-' and a name from timm"
    if output_stride != 32:
        wanted += f", that can be dilated to stride {output_stride}"
    return f"encoder is {name!r}; pass {wanted}, such as 'tu-tf_efficientnet_lite0' or 'resnet18'"
