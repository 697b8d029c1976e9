"""What each network can be asked for; no torch here, so that forms and files can read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from napari_tessera.types import Word

ENCODER = "tu-tf_efficientnet_lite0"
"""The encoder of choice: small, fast on a CPU, and its ImageNet weights are at hand offline."""

TRANSFORMER = "tu-vit_tiny_patch16_224.augreg_in21k"
"""The smallest of the usual vision transformers."""

Normalisation = Literal["batch", "instance", "none"]

OWN_WEIGHTS = Word(when=("encoder", (None,)))
"""Marks what has no meaning with an encoder, which has its own."""


@dataclass(frozen=True)
class Sizes:
    """Which image sizes a network takes, per axis, and how far it looks beyond what it labels.

    Attributes
    ----------
    multiple : int
        What is labelled is `multiple * k + offset` pixels long, for a whole `k`.
    offset : int
        See `multiple`.
    margin : int
        Pixels by which the input is larger than the output, on every side.
    smallest : int
        The shortest output that makes sense for training, in pixels.
    """

    multiple: int = 1
    offset: int = 0
    margin: int = 0
    smallest: int = 32


def scaled(channels: int, width: float) -> int:
    """Return a number of channels times `width`, at least 1.

    Examples
    --------
    >>> scaled(64, 0.125)
    8
    """
    return max(1, round(channels * width))


@dataclass(frozen=True)
class FCNConfig:
    """A fully convolutional network.

    Attributes
    ----------
    stride : int
        Pixels per score before the last enlargement: 32 (coarse), 16 or 8 (fine).
    width : float
        Factor for all numbers of channels of VGG16, 1/64 to 2; 1 is the paper's 134 million.
    dropout : float
        Share of the features that training leaves out in the last two layers of VGG16, 0 to 0.95.
    encoder : str, optional
        A network of segmentation_models_pytorch or timm ("tu-...") in place of VGG16.
    allow_noncommercial : bool
        Whether encoders may be used whose licence excludes commercial use.
    """

    stride: int = 8
    width: Annotated[float, OWN_WEIGHTS] = 1.0
    dropout: Annotated[float, OWN_WEIGHTS] = 0.5
    encoder: str | None = None
    allow_noncommercial: bool = False

    def __post_init__(self) -> None:
        _among(self, "stride", 8, 16, 32)
        _within(self, "width", 1 / 64, 2)
        _within(self, "dropout", 0, 0.95)
        _unused_with_encoder(self, width=1.0, dropout=0.5)

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes: any with VGG16, otherwise multiples of 32."""
        return Sizes(multiple=32, smallest=64) if self.encoder else Sizes()


@dataclass(frozen=True)
class UNetConfig:
    """A U-Net with padded convolutions, in 2-D or 3-D.

    Attributes
    ----------
    depth : int
        How often the image is halved, 1 to 6.
    width : float
        Factor for all numbers of channels, 1/64 to 2; 1 begins with 64.
    axes : int
        Spatial axes: 2 for planes (Y, X), 3 for volumes (Z, Y, X).
    normalisation : str
        "batch" for batches of several images, "instance" for batches of one or two, or "none".
    dropout : float
        Share of the features that training leaves out in the two deepest levels, 0 to 0.95.
    encoder : str, optional
        A network of segmentation_models_pytorch or timm ("tu-...") as the contracting path.
    allow_noncommercial : bool
        Whether encoders may be used whose licence excludes commercial use.
    """

    depth: Annotated[int, OWN_WEIGHTS] = 4
    width: Annotated[float, OWN_WEIGHTS] = 1.0
    axes: Annotated[int, OWN_WEIGHTS] = 2
    normalisation: Annotated[Normalisation, OWN_WEIGHTS] = "batch"
    dropout: Annotated[float, OWN_WEIGHTS] = 0.0
    encoder: str | None = None
    allow_noncommercial: bool = False

    def __post_init__(self) -> None:
        _among(self, "depth", *range(1, 7))
        _within(self, "width", 1 / 64, 2)
        _among(self, "axes", 2, 3)
        _among(self, "normalisation", "batch", "instance", "none")
        _within(self, "dropout", 0, 0.95)
        _unused_with_encoder(self, depth=4, width=1.0, axes=2, normalisation="batch", dropout=0.0)

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes: multiples of 2 to the power of `depth`."""
        multiple = 32 if self.encoder else 2**self.depth
        return Sizes(multiple=multiple, smallest=2 * multiple)


@dataclass(frozen=True)
class UNet2015Config:
    """The U-Net of 2015.

    Attributes
    ----------
    width : float
        Factor for all numbers of channels, 1/64 to 2; 1 begins with 64, as in the paper.
    dropout : float
        Share of the features that training leaves out in the two deepest levels, 0 to 0.95.
    """

    width: float = 1.0
    dropout: float = 0.5

    def __post_init__(self) -> None:
        _within(self, "width", 1 / 64, 2)
        _within(self, "dropout", 0, 0.95)

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes: 16 k + 124, of which the inner 16 k - 60 are labelled."""
        return Sizes(multiple=16, offset=4, margin=92, smallest=4)


@dataclass(frozen=True)
class SegNetConfig:
    """SegNet or SegNet-Basic.

    Attributes
    ----------
    width : float
        Factor for all numbers of channels, 1/64 to 2; 1 begins with 64, as in the paper.
    """

    width: float = 1.0

    def __post_init__(self) -> None:
        _within(self, "width", 1 / 64, 2)

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes: all."""
        return Sizes(smallest=64)


@dataclass(frozen=True)
class DeepLabConfig:
    """DeepLabV3+.

    Attributes
    ----------
    encoder : str
        A network of segmentation_models_pytorch or timm ("tu-...") that can be dilated.
    output_stride : int
        Pixels per deepest feature: 16 (fast) or 8 (fine, four times the work).
    width : float
        Factor for the numbers of channels behind the encoder, 1/64 to 2; 1 is the paper's 256.
    separable : bool
        Whether 3 x 3 convolutions behind the encoder are split into depth and channels.
    dropout : float
        Share of the context features that training leaves out, 0 to 0.95.
    allow_noncommercial : bool
        Whether encoders may be used whose licence excludes commercial use.
    """

    encoder: str = ENCODER
    output_stride: int = 16
    width: float = 1.0
    separable: bool = False
    dropout: float = 0.1
    allow_noncommercial: bool = False

    def __post_init__(self) -> None:
        _among(self, "output_stride", 8, 16)
        _within(self, "width", 1 / 64, 2)
        _among(self, "separable", False, True)
        _within(self, "dropout", 0, 0.95)

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes: multiples of 16, for which no encoder rounds."""
        return Sizes(multiple=16, smallest=64)


@dataclass(frozen=True)
class EncoderConfig:
    """An architecture of segmentation_models_pytorch.

    Attributes
    ----------
    encoder : str
        A network of segmentation_models_pytorch or timm ("tu-...").
    allow_noncommercial : bool
        Whether encoders may be used whose licence excludes commercial use.
    """

    encoder: str = ENCODER
    allow_noncommercial: bool = False

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes: multiples of 32."""
        return Sizes(multiple=32, smallest=64)


@dataclass(frozen=True)
class PANConfig:
    """The pyramid attention network, which halves the deepest features three times more.

    Attributes
    ----------
    encoder : str
        A network of segmentation_models_pytorch or timm ("tu-...") that can be dilated.
    allow_noncommercial : bool
        Whether encoders may be used whose licence excludes commercial use.
    """

    encoder: str = ENCODER
    allow_noncommercial: bool = False

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes: multiples of 128."""
        return Sizes(multiple=128, smallest=128)


@dataclass(frozen=True)
class DPTConfig:
    """A dense prediction transformer.

    Attributes
    ----------
    encoder : str
        A vision transformer of timm ("tu-vit_...") with patches of 8, 16 or 32 pixels.
    width : float
        Factor for the numbers of channels behind the encoder, 1/64 to 2; 1 is the paper's 256.
    allow_noncommercial : bool
        Whether encoders may be used whose licence excludes commercial use.
    """

    encoder: str = TRANSFORMER
    width: float = 0.25
    allow_noncommercial: bool = False

    def __post_init__(self) -> None:
        _within(self, "width", 1 / 64, 2)

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes: multiples of 32."""
        return Sizes(multiple=32, smallest=64)


Config = (
    FCNConfig
    | UNetConfig
    | UNet2015Config
    | SegNetConfig
    | DeepLabConfig
    | EncoderConfig
    | PANConfig
    | DPTConfig
)


def _within(config: Config, name: str, low: float, high: float) -> None:
    value = getattr(config, name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}; pass a number")
    if not low <= value <= high:
        raise ValueError(f"{name} is {value!r}; it must be from {low:g} to {high:g}")


def _among(config: Config, name: str, *choices: int | str) -> None:
    value = getattr(config, name)
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; choose one of {', '.join(map(str, choices))}")


def _unused_with_encoder(config: FCNConfig | UNetConfig, **defaults: float | str) -> None:
    for name, default in defaults.items():
        value = getattr(config, name)
        if config.encoder is not None and value != default:
            raise ValueError(
                f"{name} is {value!r}, but an encoder ({config.encoder}) has its own; "
                f"leave out {name} or encoder"
            )
