"""What Mask R-CNN is made of: a feature pyramid, anchors, and torchvision's layers behind them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import (
    FastRCNNConvFCHead,
    FastRCNNPredictor,
    TwoMLPHead,
)
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from napari_tessera.deep.networks.anchors import PUBLISHED_SIDES
from napari_tessera.deep.networks.encoders import encoder
from napari_tessera.deep.networks.options import MaskRCNNConfig, scaled

LEVELS = ("0", "1", "2", "3")
"""Names of the features at strides 4, 8, 16 and 32, from which boxes are cut."""

RATIOS = (0.5, 1.0, 2.0)
"""Height / width of the anchors."""

Features = dict[str, torch.Tensor]


class FeaturePyramid(nn.Module):
    """Features of an encoder at strides 4 to 64, coarse ones added to the fine ones.

    Parameters
    ----------
    config : MaskRCNNConfig
    in_channels : int
    """

    def __init__(self, config: MaskRCNNConfig, in_channels: int) -> None:
        super().__init__()
        self.encoder = encoder(
            config.encoder,
            in_channels=in_channels,
            allow_noncommercial=config.allow_noncommercial,
        )
        channels = self.encoder.out_channels[2:]
        if len(channels) != len(LEVELS) or min(channels) < 1:
            raise ValueError(
                f"encoder is {config.encoder!r}, which has no features at each of the strides 4, "
                "8, 16 and 32; choose another, such as 'tu-tf_efficientnet_lite0' or 'resnet18'"
            )
        self.fpn = FeaturePyramidNetwork(
            channels,
            scaled(256, config.width),
            extra_blocks=LastLevelMaxPool(),
            norm_layer=nn.BatchNorm2d if config.version == 2 else None,
        )

    def forward(self, image: torch.Tensor) -> Features:
        """Return (B, F, Y/4 .. Y/64, X/4 .. X/64) by name for `image` (B, C, Y, X)."""
        features = self.encoder(image)[2:]  # (B, C2 .. C5, Y/4 .. Y/32, X/4 .. X/32)
        pyramid: Features = self.fpn(dict(zip(LEVELS, features, strict=True)))
        return pyramid


class ExactAnchors(AnchorGenerator):
    """Anchors of exactly the sizes asked for; torchvision rounds them, which small ones feel."""

    def generate_anchors(
        self,
        scales: Sequence[float],
        aspect_ratios: Sequence[float],
        dtype: torch.dtype = torch.float32,
        device: torch.device | None = None,
    ) -> torch.Tensor:
        """Return boxes (R, 4) around 0, one for each ratio of height to width."""
        ratios = torch.tensor(aspect_ratios, dtype=dtype, device=device or "cpu").sqrt()  # (R,)
        half = torch.stack([scales[0] / ratios, scales[0] * ratios], dim=1) / 2  # (R, 2)
        return torch.cat([-half, half], dim=1)  # (R, 4)


class FloatRPNHead(RPNHead):
    """Scores and moves of anchors as float32, also under autocast."""

    def forward(
        self, features: list[torch.Tensor]
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Return scores (B, A, Y, X) and moves (B, 4 A, Y, X) for features (B, F, Y, X)."""
        scores, moves = super().forward(features)
        return [each.float() for each in scores], [each.float() for each in moves]


def proposer(config: MaskRCNNConfig) -> RegionProposalNetwork:
    """Return what proposes boxes."""
    kind = AnchorGenerator if config.anchors is None else ExactAnchors
    sizes = tuple((side,) for side in config.anchors or PUBLISHED_SIDES)
    depth = 2 if config.version == 2 else 1
    counts = {"training": 2 * config.proposals, "testing": config.proposals}
    return RegionProposalNetwork(
        kind(sizes, (RATIOS,) * len(sizes)),
        FloatRPNHead(scaled(256, config.width), len(RATIOS), conv_depth=depth),
        fg_iou_thresh=0.7,
        bg_iou_thresh=0.3,
        batch_size_per_image=256,
        positive_fraction=0.5,
        pre_nms_top_n=counts,
        post_nms_top_n=counts,
        nms_thresh=0.7,
    )


def heads(config: MaskRCNNConfig, classes: int) -> RoIHeads:
    """Return what looks at boxes closely; `classes` counts the background."""
    channels, dense = scaled(256, config.width), scaled(1024, config.width)
    masks = [channels] * 4
    if config.version == 2:
        normal = nn.BatchNorm2d
        box_head = FastRCNNConvFCHead((channels, 7, 7), masks, [dense], norm_layer=normal)
        mask_head = MaskRCNNHeads(channels, masks, 1, norm_layer=normal)
    else:
        box_head = TwoMLPHead(channels * 7 * 7, dense)
        mask_head = MaskRCNNHeads(channels, masks, 1)
    return RoIHeads(
        box_roi_pool=MultiScaleRoIAlign(list(LEVELS), output_size=7, sampling_ratio=2),
        box_head=box_head,
        box_predictor=FastRCNNPredictor(dense, classes),
        fg_iou_thresh=0.5,
        bg_iou_thresh=0.5,
        batch_size_per_image=config.samples,
        positive_fraction=0.25,
        bbox_reg_weights=None,
        score_thresh=0.05,
        nms_thresh=0.5,
        detections_per_img=config.detections,
        mask_roi_pool=MultiScaleRoIAlign(list(LEVELS), output_size=14, sampling_ratio=2),
        mask_head=mask_head,
        mask_predictor=MaskRCNNPredictor(channels, channels, classes),
    )
