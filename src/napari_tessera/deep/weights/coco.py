"""What torchvision's networks have learnt from COCO, for networks of ours that work at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from napari_tessera.deep.networks.registry import NETWORKS, build
from napari_tessera.signature.words import Report

if TYPE_CHECKING:
    import torch

UNUSED = "N/A"
"""How torchvision calls the numbers that COCO left out."""

FROZEN_EPSILON = 1e-5
"""What batch normalisation adds to variances, and published weights do not expect."""


@dataclass(frozen=True)
class Published:
    """Weights that torchvision publishes.

    Attributes
    ----------
    title : str
        The network's name for people.
    place : str
        Where torchvision lists them: "module:enumeration:member" within `torchvision.models`.
    network : str
        A key of `napari_tessera.deep.networks.registry.NETWORKS`.
    options : mapping
        Of the network.
    side : int
        Pixels of the shorter side of the images they were trained on.
    megabytes : int
        Size of the file.
    """

    title: str
    place: str
    network: str
    options: Mapping[str, Any]
    side: int
    megabytes: int


def _objects(title: str, enumeration: str, version: int, megabytes: int) -> Published:
    options = {"encoder": "resnet50", "version": version, "standardise": True}
    place = f"detection:{enumeration}:COCO_V1"
    return Published(title, place, "mask_rcnn", MappingProxyType(options), 800, megabytes)


def _scenes(title: str, architecture: str, enumeration: str, megabytes: int) -> Published:
    options = {"architecture": architecture, "standardise": True}
    place = f"segmentation:{enumeration}:COCO_WITH_VOC_LABELS_V1"
    return Published(title, place, "torchvision", MappingProxyType(options), 520, megabytes)


PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        "maskrcnn_resnet50_fpn": _objects(
            "Mask R-CNN, ResNet-50", "MaskRCNN_ResNet50_FPN_Weights", 1, 170
        ),
        "maskrcnn_resnet50_fpn_v2": _objects(
            "Mask R-CNN 2, ResNet-50", "MaskRCNN_ResNet50_FPN_V2_Weights", 2, 177
        ),
        "deeplabv3_mobilenet_v3_large": _scenes(
            "DeepLabV3, MobileNetV3", "deeplabv3_mobilenet_v3_large",
            "DeepLabV3_MobileNet_V3_Large_Weights", 42,
        ),
        "deeplabv3_resnet50": _scenes(
            "DeepLabV3, ResNet-50", "deeplabv3_resnet50", "DeepLabV3_ResNet50_Weights", 161
        ),
        "deeplabv3_resnet101": _scenes(
            "DeepLabV3, ResNet-101", "deeplabv3_resnet101", "DeepLabV3_ResNet101_Weights", 233
        ),
        "fcn_resnet50": _scenes("FCN, ResNet-50", "fcn_resnet50", "FCN_ResNet50_Weights", 135),
        "fcn_resnet101": _scenes("FCN, ResNet-101", "fcn_resnet101", "FCN_ResNet101_Weights", 208),
    }
)  # fmt: skip
"""Name -> weights, as torchvision spells them; the objects first."""


@dataclass(frozen=True)
class Learnt:
    """A network that has learnt from COCO, and what there is to know of it.

    It takes red, green and blue from 0 to 1, which 0 to 255 become.

    Attributes
    ----------
    name : str
        A key of `PUBLISHED`.
    network : torch.nn.Module
        Ready to predict, on the CPU.
    class_names : tuple of str
        Of its classes; those of scenes begin with the background.
    colours : tuple of str
        "#rrggbb" of each class.
    """

    name: str
    network: torch.nn.Module
    class_names: tuple[str, ...]
    colours: tuple[str, ...]

    @property
    def about(self) -> Published:
        """What is known without the weights."""
        return PUBLISHED[self.name]


def learnt(name: str, *, file: str | Path | None = None, report: Report = None) -> Learnt:
    """Return a network with what it has learnt from COCO.

    Parameters
    ----------
    name : str
        A key of `PUBLISHED`.
    file : str or Path, optional
        The weights (.pth, .pt, .safetensors), as torchvision's `state_dict` names them; None =
        those that PyTorch's server has, kept in its cache.
    report : callable, optional
        Takes `Progress` of the download.

    Returns
    -------
    Learnt

    Raises
    ------
    ValueError
        If there are no such weights, or the file holds others.
    ConnectionError
        If they would have to be downloaded, and cannot; at once, not after a minute.
    FileNotFoundError
        If there is no such file.
    """
    from napari_tessera.deep.training.transfer import weights_of

    about = _about(name)
    categories = _listed(about).meta["categories"]
    path = Path(file) if file is not None else fetched(name, report=report)
    network = _network(about, len(_used(categories)))
    _load(network, weights_of(str(path)), name, path, categories)
    names = classes_learnt(name)
    first = 1 if about.network == "mask_rcnn" else 0
    return Learnt(name, network.eval(), names, palette(len(names) + first)[first:])


def fetched(name: str, *, report: Report = None) -> Path:
    """Return the file of published weights, from PyTorch's cache if it is there.

    Parameters
    ----------
    name : str
        A key of `PUBLISHED`.
    report : callable, optional
        Takes `Progress`; may raise `Stop`, after which nothing is left.

    Raises
    ------
    ConnectionError
        If it is not in the cache and cannot be downloaded.
    """
    from napari_tessera.deep.weights.download import downloaded

    about = _about(name)
    address = _listed(about).url
    return downloaded(address, title=about.title, megabytes=about.megabytes, report=report)


def classes_learnt(name: str) -> tuple[str, ...]:
    """Return the classes that a network knows after `learnt`.

    Parameters
    ----------
    name : str
        A key of `PUBLISHED`.

    Examples
    --------
    >>> classes_learnt("maskrcnn_resnet50_fpn")[:3]
    ('person', 'bicycle', 'car')
    >>> classes_learnt("fcn_resnet50")[:3]
    ('background', 'aeroplane', 'bicycle')
    """
    about = _about(name)
    names = [each.strip("_") for each in _used(_listed(about).meta["categories"])]
    return tuple(names[1:] if about.network == "mask_rcnn" else names)


def palette(count: int) -> tuple[str, ...]:
    """Return the colours of PASCAL VOC, that of the background first.

    Parameters
    ----------
    count : int
        Up to 256.

    Examples
    --------
    >>> palette(4)
    ('#000000', '#800000', '#008000', '#808000')
    """
    return tuple(_colour(number) for number in range(count))


def _colour(number: int) -> str:
    """Return the colour whose bits, from the highest on, are red, green and blue by turns."""
    channels = [
        sum(((number >> (3 * step + channel)) & 1) << (7 - step) for step in range(3))
        for channel in range(3)
    ]
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def _about(name: str) -> Published:
    if name not in PUBLISHED:
        raise ValueError(f"name is {name!r}; choose one of {', '.join(PUBLISHED)}")
    return PUBLISHED[name]


def _listed(about: Published) -> Any:
    """Return what torchvision knows of weights: `url` and `meta`."""
    from torchvision import models

    module, enumeration, member = about.place.split(":")
    return getattr(getattr(models, module), enumeration)[member].value


def _used(categories: Sequence[str]) -> list[str]:
    return [name for name in categories if name != UNUSED]


def _network(about: Published, classes: int) -> torch.nn.Module:
    """Return the network with random weights; `classes` counts the background."""
    own = classes - NETWORKS[about.network].one_by_one  # objects have no background
    return build(about.network, in_channels=3, classes=own, **about.options)


def _load(
    network: torch.nn.Module,
    stored: Mapping[str, torch.Tensor],
    name: str,
    path: Path,
    categories: Sequence[str],
) -> None:
    """Give the network its weights, or raise an error if they are those of another."""
    reason = "some tensors have other shapes"
    try:
        own = converted(stored, categories)
        missing, unknown = network.load_state_dict(own, strict=False)
    except (IndexError, RuntimeError):
        pass
    else:
        # frozen batch normalisation counts nothing
        missing = [each for each in missing if not each.endswith("num_batches_tracked")]
        if not missing and not unknown:
            return
        reason = f"{len(missing)} tensors are missing and {len(unknown)} are unknown"
    published = _listed(PUBLISHED[name]).url.rsplit("/", 1)[-1]
    raise ValueError(
        f"file is {str(path)!r}, which does not hold the weights of {PUBLISHED[name].title} "
        f"({reason}); pass {published}"
    )


def converted(
    stored: Mapping[str, torch.Tensor], categories: Sequence[str]
) -> dict[str, torch.Tensor]:
    """Return weights of torchvision under the names, and for the classes, of our networks.

    The layers of Mask R-CNN give no more scores for numbers that COCO left out; frozen batch
    normalisation becomes one that can learn and gives the same. What helps in training only, and
    our networks have not, is dropped.

    Parameters
    ----------
    stored : mapping of str to Tensor
        A `state_dict` of torchvision.
    categories : sequence of str
        What each score is of, "N/A" for what is left out.
    """
    kept = [place for place, name in enumerate(categories) if name != UNUSED]
    frozen = "backbone.body.bn1.weight" in stored and not any(
        name.endswith("num_batches_tracked") for name in stored
    )
    weights = {}
    for name, each in stored.items():
        if name.startswith("aux_classifier."):
            continue
        own = each
        if frozen and name.startswith("backbone.body.") and _scales(name, stored):
            variance = stored[name.removesuffix("weight") + "running_var"]
            own = each * _widening(variance)
        elif "_predictor." in name:
            own = _of_classes(name, each, kept, len(categories))
        weights[name.replace("backbone.body.", "backbone.encoder.")] = own
    return weights


def _scales(name: str, stored: Mapping[str, torch.Tensor]) -> bool:
    """Tell whether these are the weights of a batch normalisation."""
    return name.endswith("weight") and name.removesuffix("weight") + "running_var" in stored


def _widening(variance: torch.Tensor) -> torch.Tensor:
    """Return the factor that undoes what batch normalisation adds to variances."""
    wider = ((variance + FROZEN_EPSILON) / variance).sqrt()
    return wider.where(variance > 0, 1.0)


def _of_classes(
    name: str, weights: torch.Tensor, kept: Sequence[int], classes: int
) -> torch.Tensor:
    """Return the part of the last layers of Mask R-CNN that belongs to some classes."""
    if name.endswith(("conv5_mask.weight", "conv5_mask.bias")):
        return weights
    groups = weights.unflatten(0, (classes, -1))  # (K, 1, ...), or (K, 4, ...) for boxes
    return groups[list(kept)].flatten(0, 1)
