import pytest
import torch
from torch import nn
from torch.nn import functional

from napari_tessera.deep.networks.yolo.layers import (
    Bottleneck,
    Convolution,
    CrossStage,
    PyramidPooling,
    doubled,
)


@pytest.fixture
def features():
    return torch.rand(1, 8, 20, 24, generator=torch.manual_seed(0))


@pytest.mark.parametrize(
    ("kernel", "stride", "size"), [(1, 1, (20, 24)), (3, 2, (10, 12)), (3, 1, (20, 24))]
)
def test_the_size_stays_up_to_the_stride(kernel, stride, size, features):
    assert Convolution(8, 4, kernel, stride=stride)(features).shape == (1, 4, *size)


@pytest.mark.parametrize("added", [True, False])
def test_a_bottleneck_that_finds_nothing_leaves_what_is_added_to(added, features):
    layer = Bottleneck(8, added=added).eval()
    nn.init.zeros_(layer.layers[1][0].weight)
    expected = features if added else torch.zeros_like(features)
    torch.testing.assert_close(layer(features), expected)


def test_maxima_are_those_over_5_9_and_13_pixels(features):
    layer = PyramidPooling(16)
    layer.narrow, layer.joined = nn.Identity(), nn.Identity()
    expected = [functional.max_pool2d(features, k, 1, k // 2) for k in (1, 5, 9, 13)]
    torch.testing.assert_close(layer(features), torch.cat(expected, 1))


def test_half_of_the_channels_pass_beside_the_bottlenecks(features):
    layer = CrossStage(8, 6, 2).eval()
    layer.joined = nn.Identity()
    found = layer(features)
    assert found.shape == (1, 6, 20, 24)
    torch.testing.assert_close(found[:, 3:], layer.beside(features))
    torch.testing.assert_close(found[:, :3], layer.bottlenecks(layer.through(features)))


def test_each_feature_stands_four_times(features):
    torch.testing.assert_close(
        doubled(features), features.repeat_interleave(2, 2).repeat_interleave(2, 3)
    )
