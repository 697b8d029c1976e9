"""YOLOv5-seg: objects in one look, each with a box, a class and a mixture of prototype masks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from napari_tessera.deep.networks.anchors import PER_LEVEL, PUBLISHED, STRIDES
from napari_tessera.deep.networks.instances import Detections, Instances
from napari_tessera.deep.networks.options import YOLOConfig
from napari_tessera.deep.networks.yolo.cells import FIRST_CLASS, SURENESS
from napari_tessera.deep.networks.yolo.detections import decoded_detections
from napari_tessera.deep.networks.yolo.layers import (
    Convolution,
    CrossStage,
    PyramidPooling,
    doubled,
)
from napari_tessera.deep.networks.yolo.loss import losses
from napari_tessera.deep.networks.yolo.sureness import sureness_of_boxes

SCALES = {
    "n": (0.33, 0.25), "s": (0.33, 0.5), "m": (0.67, 0.75), "l": (1.0, 1.0), "x": (1.33, 1.25),
}  # fmt: skip
"""Size -> factors for the numbers of bottlenecks and of channels."""

CHANNELS = (64, 128, 256, 512, 1024)
"""Of the backbone at strides 2, 4, 8, 16 and 32."""

DEPTHS = (3, 6, 9, 3)
"""Bottlenecks of the backbone at strides 4, 8, 16 and 32; the neck has 3 everywhere."""

LevelTensors = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class YOLO(nn.Module):
    """YOLOv5-seg, release 7.0.

    Parameters
    ----------
    config : YOLOConfig
    in_channels : int
    classes : int
        Of objects; there is none for the background.

    References
    ----------
    J. Redmon et al., "You only look once", CVPR 2016; D. Bolya et al., "YOLACT: real-time instance
    segmentation", ICCV 2019; S. Liu et al., "Path aggregation network for instance segmentation",
    CVPR 2018; G. Jocher, "YOLOv5 by Ultralytics", version 7.0, 2022, doi:10.5281/zenodo.3908559.

    Examples
    --------
    >>> network = YOLO(YOLOConfig(), in_channels=3, classes=80)
    >>> sum(weights.numel() for weights in network.parameters())
    1991549
    >>> found = network.eval().detect(torch.rand(1, 3, 64, 64), confidence=0, limit=3)[0]
    >>> found.boxes.shape, found.masks.shape
    (torch.Size([3, 4]), torch.Size([3, 28, 28]))
    """

    anchors: torch.Tensor

    def __init__(self, config: YOLOConfig, *, in_channels: int, classes: int) -> None:
        super().__init__()
        sizes = torch.tensor(config.anchors or PUBLISHED)
        self.register_buffer("anchors", sizes.view(len(STRIDES), PER_LEVEL, 2), persistent=False)
        self.backbone = Backbone(config, in_channels)
        self.neck = Neck(config)
        channels = widened(config)[2:]
        self.prototypes = prototypes(channels[0], channels[0], config.masks)
        count = FIRST_CLASS + classes + config.masks
        self.cells = nn.ModuleList(nn.Conv2d(each, PER_LEVEL * count, 1) for each in channels)
        for layer, stride in zip(self.cells, STRIDES, strict=True):
            expect_little(layer, stride, classes)

    def forward(
        self, images: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return what cells say (B, 3, Y/s, X/s, 5 + K + P) at strides 8, 16, 32, and prototypes.

        The prototypes have the shape (B, P, Y/4, X/4).
        """
        if any(length % STRIDES[-1] for length in images.shape[2:]):
            raise ValueError(
                f"images has spatial shape {tuple(images.shape[2:])}; pass multiples of 32"
            )
        levels = self.neck(self.backbone(images))
        fine, middle, coarse = (
            self._by_anchor(layer(features))
            for layer, features in zip(self.cells, levels, strict=True)
        )
        return fine, middle, coarse, self.prototypes(levels[0])

    def loss(self, images: torch.Tensor, objects: Sequence[Instances]) -> dict[str, torch.Tensor]:
        """Return what is to become small, mean per image.

        Parameters
        ----------
        images : Tensor, shape (B, C, Y, X)
        objects : sequence of Instances
            The true objects of each image; there may be none.

        Returns
        -------
        dict of str to Tensor
            "boxes", "objectness", "masks" and, where there are several, "classes".

        Raises
        ------
        ValueError
            If there are not as many `objects` as images.
        """
        *levels, prototypes = self(images)
        return losses(levels, prototypes, objects, self.anchors)

    @torch.no_grad()
    def detect(
        self,
        images: torch.Tensor,
        *,
        confidence: float = 0.25,
        overlap: float = 0.45,
        limit: int = 300,
    ) -> list[Detections]:
        """Return the objects in each image, the surest first.

        Parameters
        ----------
        images : Tensor, shape (B, C, Y, X)
        confidence : float
            Objects must be surer than this, 0 to 1.
        overlap : float
            Largest intersection over union of the boxes of two objects of one class, 0 to 1.
        limit : int
            Most objects per image.

        Returns
        -------
        list of Detections
        """
        *levels, prototypes = (each.float() for each in self(images))
        return [
            decoded_detections(
                [said[number] for said in levels], prototypes[number], self.anchors,
                confidence=confidence, overlap=overlap, limit=limit,
            )
            for number in range(len(images))
        ]  # fmt: skip

    def sureness(self, images: torch.Tensor, boxes: torch.Tensor, kind: int | None) -> torch.Tensor:
        """Return how sure the network is of boxes (N, 4) of one image, and of their masks."""
        *levels, prototypes = self(images)
        return sureness_of_boxes((levels, prototypes), self.anchors, boxes, kind)

    def _by_anchor(self, said: torch.Tensor) -> torch.Tensor:
        count, _, rows, columns = said.shape
        each = said.view(count, PER_LEVEL, -1, rows, columns)  # (B, 3, 5 + K + P, Y/s, X/s)
        return each.permute(0, 1, 3, 4, 2)  # (B, 3, Y/s, X/s, 5 + K + P)


class Backbone(nn.Module):
    """Features of an image at strides 8, 16 and 32.

    Parameters
    ----------
    config : YOLOConfig
    in_channels : int
    """

    def __init__(self, config: YOLOConfig, in_channels: int) -> None:
        super().__init__()
        channels = widened(config)
        self.stem = Convolution(in_channels, channels[0], 6, stride=2, padding=2)
        self.stages = nn.ModuleList(
            nn.Sequential(
                Convolution(before, after, 3, stride=2),
                CrossStage(after, after, deepened(config, depth)),
            )
            for before, after, depth in zip(channels[:-1], channels[1:], DEPTHS, strict=True)
        )
        self.stages[-1].append(PyramidPooling(channels[-1]))

    def forward(self, images: torch.Tensor) -> LevelTensors:
        """Return (B, C3 .. C5, Y/8 .. Y/32, X/8 .. X/32) for `images` (B, C, Y, X)."""
        quarter = self.stages[0](self.stem(images))  # (B, C2, Y/4, X/4)
        fine = self.stages[1](quarter)
        middle = self.stages[2](fine)
        return fine, middle, self.stages[3](middle)


class Neck(nn.Module):
    """What each level knows is carried to the finer ones, and back to the coarser ones (PANet).

    Parameters
    ----------
    config : YOLOConfig
    """

    def __init__(self, config: YOLOConfig) -> None:
        super().__init__()
        fine, middle, coarse = widened(config)[2:]
        depth = deepened(config, 3)
        self.narrow_coarse = Convolution(coarse, middle)
        self.join_up = CrossStage(2 * middle, middle, depth, added=False)
        self.narrow_middle = Convolution(middle, fine)
        self.join_fine = CrossStage(2 * fine, fine, depth, added=False)
        self.halve_fine = Convolution(fine, fine, 3, stride=2)
        self.join_middle = CrossStage(2 * fine, middle, depth, added=False)
        self.halve_middle = Convolution(middle, middle, 3, stride=2)
        self.join_coarse = CrossStage(2 * middle, coarse, depth, added=False)

    def forward(self, levels: LevelTensors) -> LevelTensors:
        """Return features of the same shapes as `levels`."""
        fine, middle, coarse = levels  # (B, C3 .. C5, Y/8 .. Y/32, X/8 .. X/32)
        coarse = self.narrow_coarse(coarse)  # (B, C4, Y/32, X/32)
        middle = self.join_up(torch.cat([doubled(coarse), middle], 1))
        middle = self.narrow_middle(middle)  # (B, C3, Y/16, X/16)
        fine = self.join_fine(torch.cat([doubled(middle), fine], 1))  # (B, C3, Y/8, X/8)
        middle = self.join_middle(torch.cat([self.halve_fine(fine), middle], 1))
        coarse = self.join_coarse(torch.cat([self.halve_middle(middle), coarse], 1))
        return fine, middle, coarse


def prototypes(before: int, between: int, count: int) -> nn.Sequential:
    """Return layers that make prototypes (B, P, Y/4, X/4) of features (B, C3, Y/8, X/8)."""
    return nn.Sequential(
        Convolution(before, between, 3),
        nn.Upsample(scale_factor=2.0, mode="nearest"),
        Convolution(between, between, 3),
        Convolution(between, count),
    )


def widened(config: YOLOConfig) -> tuple[int, ...]:
    """Return the channels of a network at strides 2, 4, 8, 16 and 32: multiples of 8.

    Examples
    --------
    >>> widened(YOLOConfig("n"))
    (16, 32, 64, 128, 256)
    """
    factor = SCALES[config.size][1] * config.width
    return tuple(8 * math.ceil(count * factor / 8) for count in CHANNELS)


def deepened(config: YOLOConfig, depth: int) -> int:
    """Return how many bottlenecks take the place of `depth`.

    Examples
    --------
    >>> [deepened(YOLOConfig(size), 9) for size in "nsmlx"]
    [3, 3, 6, 9, 12]
    """
    return max(1, round(depth * SCALES[config.size][0]))


def expect_little(layer: nn.Conv2d, stride: int, classes: int) -> None:
    """Let cells begin with the belief that an image of 640 pixels has 8 objects per level.

    Otherwise the first steps would be spent on learning that most cells see nothing. Of the
    classes, none is likelier than the others.
    """
    bias = layer.bias.detach().view(PER_LEVEL, -1)  # (3, 5 + K + P)
    bias[:, SURENESS] += math.log(8 / (640 / stride) ** 2)
    bias[:, FIRST_CLASS : FIRST_CLASS + classes] += math.log(0.6 / (classes - 0.99999))
