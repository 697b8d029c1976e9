"""Every network once, with what a form has to know before torch is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from napari_tessera.deep.networks.options import (
    ENCODER,
    Config,
    DeepLabConfig,
    DPTConfig,
    EncoderConfig,
    FCNConfig,
    MaskRCNNConfig,
    PANConfig,
    ScenesConfig,
    SegNetConfig,
    Sizes,
    UNet2015Config,
    UNetConfig,
    YOLOConfig,
)
from napari_tessera.deep.networks.parts import Parts
from napari_tessera.signature.schema import one_line, shown

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Network:
    """One network and where it is written.

    Attributes
    ----------
    title : str
        Its name for people.
    description : str
        What it is good for, in one line.
    place : str
        "module:name" of what makes it, within this package.
    config : type
        The frozen dataclass of its options.
    smallest_batch : int
        Fewest images per training step; prediction takes one.
    preset : mapping
        Options with which it trains on a laptop.
    one_by_one : bool
        Whether it finds objects one by one (see the module `instances`), instead of scoring pixels.
    anchors : str
        "module:name", within this package, of what makes its option `anchors` of the boxes
        (N, 4) of the objects it is to learn; empty = it has none.
    parts : Parts
        Where it has what others ask it for.
    """

    title: str
    description: str
    place: str
    config: type[Config]
    smallest_batch: int = 1
    preset: Mapping[str, Any] = field(default_factory=dict)
    one_by_one: bool = False
    anchors: str = ""
    parts: Parts = field(default_factory=Parts)

    @property
    def sizes(self) -> Sizes:
        """The image sizes it takes when its options are left alone."""
        return self.config().sizes

    def configure(self, **options: Any) -> Config:
        """Return its options, or raise an error that names those it has."""
        names = [each.name for each in fields(self.config)]
        for name, value in options.items():
            if name not in names:
                raise TypeError(
                    f"{one_line(name)} is {shown(value)}, but {self.title} has no such option; "
                    f"choose from {', '.join(names)}"
                )
        return self.config(**options)


NETWORKS: Mapping[str, Network] = MappingProxyType(
    {
        "unet": Network(
            "U-Net", "The first to try: cells, tissue, few examples, 2-D or 3-D",
            "unet:unet", UNetConfig, preset={"encoder": ENCODER},
            parts=Parts(("contracting", "encoder"), ("expanding", "decoder")),
        ),
        "unet2015": Network(
            "U-Net (2015)", "As published: labels the inner part of each tile, exact at seams",
            "unet:UNet2015", UNet2015Config, preset={"width": 0.25},
            parts=Parts(("contracting",), ("expanding",)),
        ),
        "fcn": Network(
            "FCN", "As published: VGG16 with skips at strides 32, 16 and 8; large, coarse borders",
            "fcn:FCN", FCNConfig, preset={"encoder": ENCODER},
            parts=Parts(("backbone.encoder", "backbone"), ("backbone",), vgg16="backbone"),
        ),
        "segnet": Network(
            "SegNet", "As published: places of maxima lead the way back; scenes",
            "segnet:SegNet", SegNetConfig, preset={"width": 0.25},
            parts=Parts(("down",), ("up.-1",), ("down.-1",), vgg16="down"),
        ),
        "segnet_basic": Network(
            "SegNet-Basic", "As published: four levels of 64 channels, 1.4 million parameters",
            "segnet:SegNetBasic", SegNetConfig, preset={"width": 0.5},
            parts=Parts(("down",), ("up.-1",), ("down.-1",)),
        ),
        "deeplabv3plus": Network(
            "DeepLabV3+", "Wide context by dilated convolutions: scenes, large objects",
            "deeplab:DeepLabV3Plus", DeepLabConfig, preset={"width": 0.5},
            parts=Parts(last=("decoder.refine",)),
        ),
        "unetplusplus": Network(
            "U-Net++", "A U-Net with nested skips",
            "smp:unetplusplus", EncoderConfig,
        ),
        "fpn": Network(
            "FPN", "Feature pyramid: objects of many sizes",
            "smp:fpn", EncoderConfig,
        ),
        "pspnet": Network(
            "PSPNet", "Pooled context at stride 8: scenes, coarse borders",
            "smp:pspnet", EncoderConfig,
        ),
        "manet": Network(
            "MA-Net", "A U-Net with attention",
            "smp:manet", EncoderConfig,
        ),
        "linknet": Network(
            "LinkNet", "A U-Net that adds its skips, with few parameters",
            "smp:linknet", EncoderConfig,
        ),
        "pan": Network(
            "PAN", "Pyramid attention: context for few parameters",
            "smp:pan", PANConfig, smallest_batch=2,
        ),
        "upernet": Network(
            "UPerNet", "Feature pyramid with pooled context: scenes",
            "smp:upernet", EncoderConfig, smallest_batch=2,
        ),
        "segformer": Network(
            "SegFormer head", "Four levels fused by 1 x 1 convolutions: light, coarse borders",
            "smp:segformer", EncoderConfig,
        ),
        "dpt": Network(
            "DPT", "A vision transformer, every pixel sees the whole image: many examples, scenes",
            "smp:dpt", DPTConfig,
        ),
        "torchvision": Network(
            "DeepLabV3 and FCN (torchvision)",
            "As torchvision has them, with weights from COCO: everyday scenes",
            "torchvision_scenes:SceneNetwork", ScenesConfig, smallest_batch=2,
            parts=Parts(("backbone",), ("classifier.-2",)),
        ),
        "mask_rcnn": Network(
            "Mask R-CNN", "Finds objects one by one: crowded, touching or overlapping ones",
            "mask_rcnn:MaskRCNN", MaskRCNNConfig,
            preset={"width": 0.25, "proposals": 300, "samples": 128}, one_by_one=True,
            anchors="anchors:sizes_for", parts=Parts(("backbone.encoder",), ("backbone",)),
        ),
        "yolov5seg": Network(
            "YOLOv5-seg", "Finds objects in one look: fast, many objects, video",
            "yolo.model:YOLO", YOLOConfig, one_by_one=True, anchors="anchors:fitted_anchors",
            parts=Parts(("backbone",), ("neck",)),
        ),
    }
)  # fmt: skip
"""Name -> network, in menu order."""


def build(name: str, *, in_channels: int, classes: int, **options: Any) -> torch.nn.Module:
    """Make a network with random weights.

    It maps images (B, C, Y, X) to scores (B, K, Y, X) before the softmax; volumes have Z too. Sizes
    it does not take are what `napari_tessera.deep.networks.layers.Padded` is for. One that finds
    objects has `loss` and `detect` instead, see `napari_tessera.deep.networks.instances`.

    Parameters
    ----------
    name : str
        A key of `NETWORKS`.
    in_channels : int
        Channels of the image, C >= 1.
    classes : int
        Scores per pixel, or classes of objects, K >= 1.
    **options
        Fields of the network's config.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    ValueError, TypeError
        If there is no such network or option, or a value is none it allows.

    Examples
    --------
    >>> network = build("unet", in_channels=1, classes=2, depth=2, width=0.125)
    >>> sum(weights.numel() for weights in network.parameters())
    29650
    """
    if name not in NETWORKS:
        raise ValueError(f"name is {name!r}; choose one of {', '.join(NETWORKS)}")
    for argument, value in (("in_channels", in_channels), ("classes", classes)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{argument} is {value!r}; pass a whole number from 1")
    entry = NETWORKS[name]
    config = entry.configure(**options)
    make = made_at(entry.place)
    network: torch.nn.Module = make(config, in_channels=in_channels, classes=classes)
    made_at("depthwise:keep_depthwise_precise")(network)
    vars(network)["entry"] = name  # a plain attribute: copies have it, weights do not
    return network


def made_at(place: str) -> Any:
    """Return what an entry names as "module:name", which may load torch."""
    module, name = place.split(":")
    return getattr(import_module(f"napari_tessera.deep.networks.{module}"), name)


def entry_of(network: torch.nn.Module) -> Network | None:
    """Return what is known of a network that `build` has made, None of others."""
    return NETWORKS.get(vars(network).get("entry", ""))
