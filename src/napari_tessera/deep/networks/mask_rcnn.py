"""Mask R-CNN: boxes are proposed, looked at closely, and filled with masks."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn import functional
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import fastrcnn_loss
from torchvision.ops import roi_align

from napari_tessera.deep.networks.instances import GRID, Detections, Instances, inner_mean
from napari_tessera.deep.networks.layers import standardiser
from napari_tessera.deep.networks.mask_rcnn_parts import (
    LEVELS,
    FeaturePyramid,
    Features,
    heads,
    proposer,
)
from napari_tessera.deep.networks.options import MaskRCNNConfig

AT_ONCE = 100
"""Boxes whose masks are found together, so that memory does not grow with the objects."""

ImageSizes = list[tuple[int, int]]
BoxTensors = list[torch.Tensor]
M = TypeVar("M", bound=nn.Module)


class MaskRCNN(nn.Module):
    """Mask R-CNN on a feature pyramid, made of torchvision's parts.

    Images are taken as they are: nothing is resized. Class 0 of the layers is the background, so
    that class k of objects is k + 1 there. Masks are cut from the truth exactly at the box.

    Everything behind the convolutions is computed in float32 also under autocast: in bfloat16,
    coordinates from 256 on would be even numbers.

    Parameters
    ----------
    config : MaskRCNNConfig
    in_channels : int
    classes : int
        Without the background.

    References
    ----------
    K. He, G. Gkioxari, P. Dollar, R. Girshick, "Mask R-CNN", ICCV 2017; T.-Y. Lin et al., "Feature
    pyramid networks for object detection", CVPR 2017.

    Examples
    --------
    >>> network = MaskRCNN(MaskRCNNConfig(width=1 / 16), in_channels=1, classes=2).eval()
    >>> found = network.detect(torch.rand(1, 1, 64, 64), confidence=0, overlap=0.5, limit=3)[0]
    >>> found.boxes.shape, found.masks.shape
    (torch.Size([3, 4]), torch.Size([3, 28, 28]))
    """

    def __init__(self, config: MaskRCNNConfig, *, in_channels: int, classes: int) -> None:
        super().__init__()
        self.proposals = config.proposals
        self.standardise = standardiser(config.standardise, in_channels)
        self.backbone = FeaturePyramid(config, in_channels)
        self.rpn = proposer(config)
        self.roi_heads = heads(config, classes + 1)

    def forward(self, images: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Return what the proposer says of each anchor: how sure it is, and how to move it.

        For `images` (B, C, Y, X), per stride s of 4 to 64, they have the shapes (B, 3, Y/s, X/s)
        and (B, 12, Y/s, X/s).
        """
        features, _ = self._features(images)
        return self.rpn.head(list(features.values()))

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
            "objectness" and "proposals" of the boxes proposed, "classes", "boxes" and "masks" of
            those looked at closely.

        Raises
        ------
        ValueError
            If there are not as many `objects` as images, or a box has no area.
        """
        targets = _targets(images, objects)
        features, shapes = self._features(images)
        rpn = _with(self.rpn, training=True)  # its layers keep their own mode
        proposed, first = rpn(ImageList(images, shapes), features, targets)
        boxes, chosen, classes, moves = self.roi_heads.select_training_samples(proposed, targets)
        class_loss, box_loss = fastrcnn_loss(*self._look(features, boxes, shapes), classes, moves)
        return {
            "objectness": first["loss_objectness"],
            "proposals": first["loss_rpn_box_reg"],
            "classes": class_loss,
            "boxes": box_loss,
            "masks": self._mask_loss(features, boxes, chosen, classes, objects, shapes),
        }

    @torch.no_grad()
    def detect(
        self, images: torch.Tensor, *, confidence: float, overlap: float, limit: int
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
        features, shapes = self._features(images)
        count = max(self.proposals, 2 * limit)
        rpn = _with(
            self.rpn,
            training=False,
            pre_nms_top_n=lambda: count,
            post_nms_top_n=lambda: count,
        )
        proposed, _ = rpn(ImageList(images, shapes), features)
        chooser = _with(
            self.roi_heads, score_thresh=confidence, nms_thresh=overlap, detections_per_img=limit
        )
        found = chooser.postprocess_detections(
            *self._look(features, proposed, shapes), proposed, shapes
        )
        return [
            Detections(boxes, classes - 1, sure, self._masks(features, place, boxes, classes))
            for place, (boxes, sure, classes) in enumerate(zip(*found, strict=True))
        ]

    def sureness(self, images: torch.Tensor, boxes: torch.Tensor, kind: int | None) -> torch.Tensor:
        """Return the score of the class of boxes (N, 4) of one image, and the mean of their masks.

        Both are before the softmax or sigmoid. The network looks at the boxes themselves, whatever
        it would have proposed.
        """
        features, shapes = self._features(images)
        scores, _ = self._look(features, [boxes], shapes)  # (N, 1 + K)
        likeliest = scores[:, 1:].argmax(1)  # (N,)
        kinds = 1 + (likeliest if kind is None else torch.full_like(likeliest, kind))
        masks = _of_class(self._mask_logits(features, [boxes], shapes), kinds)  # (N, 28, 28)
        return scores.gather(1, kinds[:, None]).sum() + inner_mean(masks)

    def _features(self, images: torch.Tensor) -> tuple[Features, ImageSizes]:
        """Return the features (B, F, Y/4 .. /64, X/4 .. /64) by level, and the size per image."""
        height, width = images.shape[2:]
        if height % 32 or width % 32:
            raise ValueError(
                f"images has spatial shape {(height, width)}; pass multiples of 32 pixels"
            )
        features = self.backbone(self.standardise(images))
        whole = {level: each.float() for level, each in features.items()}
        return whole, [(height, width)] * len(images)

    def _look(
        self, features: Features, boxes: BoxTensors, shapes: ImageSizes
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return scores (N, K) of all boxes (N, 4), and how to move these (N, 4 K), K with 0."""
        parts = self.roi_heads
        cut = parts.box_roi_pool(features, boxes, shapes)  # (N, F, 7, 7)
        scores, moves = parts.box_predictor(parts.box_head(cut))
        return scores.float(), moves.float()

    def _mask_logits(
        self, features: Features, boxes: BoxTensors, shapes: ImageSizes
    ) -> torch.Tensor:
        """Return a mask for each class (N, K, GRID, GRID) of all boxes (N, 4)."""
        parts = self.roi_heads
        cut = parts.mask_roi_pool(features, boxes, shapes)  # (N, F, 14, 14)
        logits: torch.Tensor = parts.mask_predictor(parts.mask_head(cut))
        return logits.float()

    def _masks(
        self, features: Features, place: int, boxes: torch.Tensor, classes: torch.Tensor
    ) -> torch.Tensor:
        """Return masks (N, GRID, GRID) of the boxes (N, 4) of one image, of their classes (N,)."""
        own = {level: each[place : place + 1] for level, each in features.items()}
        height, width = (4 * length for length in own[LEVELS[0]].shape[2:])
        found = [boxes.new_zeros(0, GRID, GRID)]
        if len(boxes):
            for piece, kinds in zip(boxes.split(AT_ONCE), classes.split(AT_ONCE), strict=True):
                logits = self._mask_logits(own, [piece], [(height, width)])  # (n, K, 28, 28)
                found.append(_of_class(logits, kinds).sigmoid())
        return torch.cat(found)

    def _mask_loss(
        self,
        features: Features,
        boxes: BoxTensors,
        chosen: BoxTensors,
        classes: BoxTensors,
        objects: Sequence[Instances],
        shapes: ImageSizes,
    ) -> torch.Tensor:
        """Return the mean cross-entropy of the masks in boxes that hold an object."""
        inside = [own > 0 for own in classes]
        places = [own[where] for own, where in zip(boxes, inside, strict=True)]
        kinds = torch.cat([own[where] for own, where in zip(classes, inside, strict=True)])
        if not len(kinds):
            return features[LEVELS[0]].sum() * 0
        truth = [
            cut_masks(one.masks, place, index[where])
            for one, place, index, where in zip(objects, places, chosen, inside, strict=True)
        ]
        logits = self._mask_logits(features, places, shapes)  # (N, K, GRID, GRID)
        return functional.binary_cross_entropy_with_logits(
            _of_class(logits, kinds), torch.cat(truth)
        )


def cut_masks(masks: torch.Tensor, boxes: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Return how much of each of `GRID` x `GRID` cells of a box an object covers.

    Parameters
    ----------
    masks : Tensor of bool, shape (N, Y, X)
    boxes : Tensor, shape (M, 4)
    index : Tensor of int, shape (M,)
        The mask of each box.

    Returns
    -------
    Tensor of float32, shape (M, GRID, GRID)

    Examples
    --------
    >>> mask = torch.ones(1, 2, 2, dtype=torch.bool).tril()
    >>> cut = cut_masks(mask, torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([0]))
    >>> cut[0, ::27, ::27]
    tensor([[1., 0.],
            [1., 1.]])
    """
    places = torch.cat([index[:, None].to(boxes.dtype), boxes], dim=1)  # (M, 5)
    # float32 of every mask is needed, but only of those in question
    used, places[:, 0] = torch.unique(index, return_inverse=True)
    cells = roi_align(masks[used, None].to(boxes.dtype), places, GRID, aligned=True)
    return cells[:, 0]  # (M, GRID, GRID)


def _targets(images: torch.Tensor, objects: Sequence[Instances]) -> list[dict[str, torch.Tensor]]:
    """Return boxes and classes as torchvision wants them."""
    if len(objects) != len(images):
        raise ValueError(f"objects is of {len(objects)} images, but images has {len(images)}")
    for number, each in enumerate(objects):
        flat = (each.boxes[:, 2:] <= each.boxes[:, :2]).any(1)
        if flat.any():
            raise ValueError(
                f"objects of image {number} have the box {each.boxes[flat][0].tolist()}, which has "
                "no area; leave such objects out"
            )
    # the masks are cut here, torchvision only looks whether there are any
    return [
        {"boxes": each.boxes.float(), "labels": each.classes + 1, "masks": each.masks}
        for each in objects
    ]


def _of_class(masks: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Return, of masks (N, K, Y, X), those of the classes (N,): (N, Y, X)."""
    return masks[torch.arange(len(classes), device=masks.device), classes]


def _with(module: M, **attributes: Any) -> M:
    """Return a module with other attributes, which shares its layers with the given one."""
    twin = copy(module)
    for name, value in attributes.items():
        setattr(twin, name, value)
    return twin
