"""What each network can be asked for; no torch here, so that forms and files can read it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from napari_tessera.signature.schema import shown
from napari_tessera.signature.words import Word

ENCODER = "tu-tf_efficientnet_lite0"
"""The encoder of choice: small, fast on a CPU, and its ImageNet weights are at hand offline."""

TRANSFORMER = "tu-vit_tiny_patch16_224.augreg_in21k"
"""The smallest of the usual vision transformers."""

Normalisation = Literal["batch", "instance", "none"]

YOLOSize = Literal["n", "s", "m", "l", "x"]

LONGEST_ANCHOR = 1 << 16
"""Longest side of a box from which proposals start, in pixels."""

Anchors = tuple[tuple[float, float], ...]
"""Widths and heights of boxes, in pixels."""

Scenes = Literal[
    "deeplabv3_mobilenet_v3_large",
    "deeplabv3_resnet50",
    "deeplabv3_resnet101",
    "fcn_resnet50",
    "fcn_resnet101",
]
"""Networks for scenes, as torchvision spells them."""

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


@dataclass(frozen=True)
class Config:
    """What a network can be asked for: a frozen dataclass of its own, with plain values."""

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes; any, if a network says nothing else."""
        return Sizes()


def scaled(channels: int, width: float) -> int:
    """Return a number of channels times `width`, at least 1.

    Examples
    --------
    >>> scaled(64, 0.125)
    8
    """
    return max(1, round(channels * width))


@dataclass(frozen=True)
class FCNConfig(Config):
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
        _check_encoder(self)
        _among(self, "stride", 8, 16, 32)
        _within(self, "width", 1 / 64, 2)
        _within(self, "dropout", 0, 0.95)
        _unused_with_encoder(self, width=1.0, dropout=0.5)

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes: any with VGG16, otherwise multiples of 32."""
        return Sizes(multiple=32, smallest=64) if self.encoder else Sizes()


@dataclass(frozen=True)
class UNetConfig(Config):
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
    stages : int
        How often an encoder halves the image, 3 to 5: fewer are smaller and faster, and see less
        around a pixel.
    decoder : float
        Factor for the numbers of channels on the way back from an encoder, 1/16 to 2; 1 is 256
        to 16.
    allow_noncommercial : bool
        Whether encoders may be used whose licence excludes commercial use.
    """

    depth: Annotated[int, OWN_WEIGHTS] = 4
    width: Annotated[float, OWN_WEIGHTS] = 1.0
    axes: Annotated[int, OWN_WEIGHTS] = 2
    normalisation: Annotated[Normalisation, OWN_WEIGHTS] = "batch"
    dropout: Annotated[float, OWN_WEIGHTS] = 0.0
    encoder: str | None = None
    stages: int = 5
    decoder: float = 1.0
    allow_noncommercial: bool = False

    def __post_init__(self) -> None:
        _check_encoder(self)
        _among(self, "stages", 3, 4, 5)
        _within(self, "decoder", 1 / 16, 2)
        _among(self, "depth", *range(1, 7))
        _within(self, "width", 1 / 64, 2)
        _among(self, "axes", 2, 3)
        _among(self, "normalisation", "batch", "instance", "none")
        _within(self, "dropout", 0, 0.95)
        _unused_with_encoder(self, depth=4, width=1.0, axes=2, normalisation="batch", dropout=0.0)
        _unused_without_encoder(self, stages=5, decoder=1.0)

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes: multiples of 2 to the power of `depth`, or of `stages`."""
        multiple = 2 ** (self.stages if self.encoder else self.depth)
        return Sizes(multiple=multiple, smallest=2 * multiple)


@dataclass(frozen=True)
class UNet2015Config(Config):
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
class SegNetConfig(Config):
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
class DeepLabConfig(Config):
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
        _check_encoder(self)
        _among(self, "output_stride", 8, 16)
        _within(self, "width", 1 / 64, 2)
        _among(self, "separable", False, True)
        _within(self, "dropout", 0, 0.95)

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes: multiples of 16, for which no encoder rounds."""
        return Sizes(multiple=16, smallest=64)


@dataclass(frozen=True)
class EncoderConfig(Config):
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

    def __post_init__(self) -> None:
        _check_encoder(self)

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes: multiples of 32."""
        return Sizes(multiple=32, smallest=64)


@dataclass(frozen=True)
class PANConfig(Config):
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

    def __post_init__(self) -> None:
        _check_encoder(self)

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes: multiples of 128."""
        return Sizes(multiple=128, smallest=128)


@dataclass(frozen=True)
class DPTConfig(Config):
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
        _check_encoder(self)
        _within(self, "width", 1 / 64, 2)

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes: multiples of 32."""
        return Sizes(multiple=32, smallest=64)


@dataclass(frozen=True)
class MaskRCNNConfig(Config):
    """Mask R-CNN, which finds objects one by one.

    Attributes
    ----------
    encoder : str
        A network of segmentation_models_pytorch or timm ("tu-...") below the feature pyramid.
    version : int
        1 as published, or 2 with batch normalisation and more convolutions behind the encoder.
    width : float
        Factor for the numbers of channels behind the encoder, 1/64 to 2; 1 is the paper's 256.
    anchors : tuple of float, optional
        Sides of the boxes from which proposals start, in pixels, one for each of the strides 4, 8,
        16, 32 and 64; None = the published 32, 64, 128, 256 and 512.
    detections : int
        Most objects per image, 1 to 10 000.
    proposals : int
        Boxes per image that are looked at closely, 10 to 10 000; at least twice as many as the
        objects asked for. Training takes twice as many.
    samples : int
        Boxes per image from which a training step learns, 8 to 2048.
    standardise : bool
        Whether red, green and blue from 0 to 1 are first given mean 0 and standard deviation 1, as
        published weights expect.
    allow_noncommercial : bool
        Whether encoders may be used whose licence excludes commercial use.
    """

    encoder: str = ENCODER
    version: int = 1
    width: float = 1.0
    anchors: tuple[float, ...] | None = None
    detections: int = 100
    proposals: int = 1000
    samples: int = 512
    standardise: bool = False
    allow_noncommercial: bool = False

    def __post_init__(self) -> None:
        _check_encoder(self)
        _among(self, "version", 1, 2)
        _within(self, "width", 1 / 64, 2)
        _whole(self, "detections", 1, 10_000)
        _whole(self, "proposals", 10, 10_000)
        _whole(self, "samples", 8, 2048)
        _among(self, "standardise", False, True)
        if self.anchors is not None:
            object.__setattr__(self, "anchors", _sides(self.anchors))  # a list when read as JSON

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes: multiples of 32."""
        return Sizes(multiple=32, smallest=64)


@dataclass(frozen=True)
class ScenesConfig(Config):
    """A network of torchvision for scenes.

    Attributes
    ----------
    architecture : str
        DeepLabV3 or FCN, and the encoder below it.
    standardise : bool
        Whether red, green and blue from 0 to 1 are first given mean 0 and standard deviation 1, as
        published weights expect.
    """

    architecture: Scenes = "deeplabv3_mobilenet_v3_large"
    standardise: bool = False

    def __post_init__(self) -> None:
        _among(self, "architecture", *get_args(Scenes))
        _among(self, "standardise", False, True)

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes: multiples of 16, for which no encoder rounds."""
        return Sizes(multiple=16, smallest=64)


@dataclass(frozen=True)
class YOLOConfig(Config):
    """YOLOv5-seg, which finds objects in one look.

    Attributes
    ----------
    size : str
        "n", "s", "m", "l" or "x": 2 to 89 million parameters.
    anchors : tuple of (float, float), optional
        Widths and heights of boxes, in pixels, from which those of objects are stretched: three for
        stride 8, then 16, then 32; None = the published ones, for everyday photographs.
    masks : int
        Prototypes of which each mask is a mixture, 1 to 256.
    width : float
        Factor for all numbers of channels of this `size`, 1/64 to 2; 1 is as published.
    """

    size: YOLOSize = "n"
    anchors: Anchors | None = None
    masks: int = 32
    width: float = 1.0

    def __post_init__(self) -> None:
        _among(self, "size", *get_args(YOLOSize))
        _whole(self, "masks", 1, 256)
        _within(self, "width", 1 / 64, 2)
        if self.anchors is not None:
            object.__setattr__(self, "anchors", _boxes(self.anchors))  # lists when read as JSON

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes: multiples of 32; fewer than 16 cells are ill normalised."""
        return Sizes(multiple=32, smallest=128)


WithEncoder = (
    FCNConfig | UNetConfig | DeepLabConfig | EncoderConfig | PANConfig | DPTConfig | MaskRCNNConfig
)

_NAME = re.compile(r"[A-Za-z0-9_.+-]{1,100}")


def _check_encoder(config: WithEncoder) -> None:
    """Raise an error if an encoder has no name, but a path, an address or anything else.

    timm takes "hf-hub:..." and "local-dir:..." for places to fetch from. Whether there is one of
    that name is known where networks are made, see `encoders.check_encoder`.
    """
    name = config.encoder
    if name is not None and not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise ValueError(
            f"encoder is {shown(name)}; pass a name from segmentation_models_pytorch, or 'tu-' and "
            f"a name from timm, such as {ENCODER!r}"
        )
    if name is None and not isinstance(config, FCNConfig | UNetConfig):
        raise ValueError(f"encoder is None; pass a name, such as {ENCODER!r}")
    _among(config, "allow_noncommercial", False, True)


def _within(config: Config, name: str, low: float, high: float) -> None:
    value = getattr(config, name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{name} is {shown(value)}; pass a number")
    if not low <= value <= high:
        raise ValueError(f"{name} is {shown(value)}; it must be from {low:g} to {high:g}")


def _whole(config: Config, name: str, low: int, high: int) -> None:
    _within(config, name, low, high)
    value = getattr(config, name)
    if not isinstance(value, int):
        raise TypeError(f"{name} is {value!r}; pass a whole number")


def _sides(anchors: Any) -> tuple[float, ...]:
    """Return the sides of anchors as numbers, or raise an error."""
    wanted = "pass five positive numbers of pixels, the smallest first"
    numbers = isinstance(anchors, list | tuple) and all(
        isinstance(side, int | float) and not isinstance(side, bool) for side in anchors
    )
    if not numbers:
        raise TypeError(f"anchors is {shown(anchors)}; {wanted}")
    allowed = len(anchors) == 5 and all(0 < side <= LONGEST_ANCHOR for side in anchors)
    if not allowed or list(anchors) != sorted(anchors):
        raise ValueError(f"anchors is {shown(anchors)}; {wanted}")
    return tuple(float(side) for side in anchors)


def _boxes(anchors: Any) -> Anchors:
    """Return the sizes of anchors as numbers, or raise an error."""
    try:
        found = tuple((float(width), float(height)) for width, height in anchors)
    except (TypeError, ValueError, OverflowError):
        found = ()
    if len(found) != 9 or not all(0 < side <= LONGEST_ANCHOR for pair in found for side in pair):
        raise ValueError(
            f"anchors is {shown(anchors)}; pass nine pairs (width, height) of positive numbers of "
            "pixels, the smallest first"
        )
    return found


def _among(config: Config, name: str, *choices: int | str) -> None:
    value = getattr(config, name)
    # True and 1.0 are 1 elsewhere, and no depth or version
    if not any(type(value) is type(each) and value == each for each in choices):
        raise ValueError(f"{name} is {shown(value)}; choose one of {', '.join(map(str, choices))}")


def _unused_without_encoder(config: UNetConfig, **defaults: float) -> None:
    for name, default in defaults.items():
        value = getattr(config, name)
        if config.encoder is None and value != default:
            raise ValueError(
                f"{name} is {value!r}, but there is no encoder; choose one, such as {ENCODER!r}, "
                f"or leave out {name}"
            )


def _unused_with_encoder(config: FCNConfig | UNetConfig, **defaults: float | str) -> None:
    for name, default in defaults.items():
        value = getattr(config, name)
        if config.encoder is not None and value != default:
            raise ValueError(
                f"{name} is {value!r}, but an encoder ({config.encoder}) has its own; "
                f"leave out {name} or encoder"
            )
