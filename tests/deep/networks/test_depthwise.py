import copy

import pytest
import torch
from torch import nn

from napari_tessera.deep.networks.depthwise import keep_depthwise_precise
from napari_tessera.deep.networks.registry import build


@pytest.mark.parametrize(("side", "groups", "kept"), [(5, 6, True), (3, 6, False), (5, 1, False)])
def test_only_large_depthwise_kernels_stay_in_32_bits(side, groups, kept):
    torch.manual_seed(0)
    layer, seen = nn.Conv2d(6, 6, side, groups=groups), []
    exact = layer(image := torch.rand(1, 6, 9, 9).bfloat16().float())
    keep_depthwise_precise(layer)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        seen = layer(image)
    assert seen.dtype == (torch.float32 if kept else torch.bfloat16)
    assert torch.equal(seen, exact) == kept


def test_what_comes_in_16_bits_goes_on_so():
    layer = nn.Conv2d(4, 4, 5, groups=4)
    keep_depthwise_precise(layer)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(torch.rand(1, 4, 9, 9).bfloat16()).dtype == torch.bfloat16


def test_weights_keep_their_names_and_copies_their_own():
    """The running average of the weights is a copy of the network, with weights of its own."""
    network = build("unet", in_channels=1, classes=3, encoder="tu-tf_efficientnet_lite0")
    keep_depthwise_precise(network)  # twice is as once
    kinds = {type(each).__mro__[1].__name__ for each in network.modules() if "Conv2d" in str(each)}
    assert "_InFullPrecision" in kinds
    assert "encoder.model.blocks.1.0.conv_dw.weight" in network.state_dict()
    other = copy.deepcopy(network).eval()
    image = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        before = other(image)
        for weights in network.parameters():
            weights.zero_()
        assert torch.equal(other(image), before)
