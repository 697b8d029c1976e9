import pytest
import torch

pytest.importorskip("segmentation_models_pytorch")

from napari_tessera.deep.networks import smp
from napari_tessera.deep.networks.options import ENCODER, EncoderConfig, UNetConfig
from napari_tessera.deep.networks.registry import build
from napari_tessera.deep.training.transfer import start


def test_an_architecture_gives_a_score_per_class_and_pixel():
    network = smp.linknet(EncoderConfig(), in_channels=2, classes=3).eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 2, 64, 96)).shape == (1, 3, 64, 96)


def test_weights_are_random():
    one, other = (smp.linknet(EncoderConfig(), in_channels=1, classes=2) for _ in range(2))
    first, second = (next(network.parameters()) for network in (one, other))
    assert not torch.equal(first, second)


def test_an_encoder_that_there_is_not_is_named():
    with pytest.raises(ValueError, match="resnet1812"):
        smp.fpn(EncoderConfig("resnet1812"), in_channels=1, classes=2)


# 4 stages by hand: the first convolution 352, five blocks 896 + 13 968 + 39 712 + 198 480 + 446 784;
# back by two convolutions each to 128, 64, 32 and 16 channels, with the skips of 40, 24 and 16:
# 323 072 + 124 672 + 32 384 + 6 976; scores 435
@pytest.mark.parametrize(("stages", "count"), [(5, 5_197_875), (4, 1_187_731), (3, 168_707)])
def test_blocks_that_nothing_reads_are_left_out(stages, count):
    network = build("unet", in_channels=1, classes=3, encoder=ENCODER, stages=stages)
    assert sum(weights.numel() for weights in network.parameters()) == count
    network(torch.zeros(1, 1, 64, 64)).sum().backward()
    assert all(weights.grad is not None for weights in network.parameters())


def test_fewer_stages_give_the_features_of_more():
    deep, flat = (
        build("unet", in_channels=3, classes=2, encoder=ENCODER, stages=n).eval() for n in (5, 4)
    )
    for each in (deep, flat):
        start(each, "imagenet", in_channels=3)
    image = torch.rand(1, 3, 64, 96)
    for one, other in zip(deep.encoder(image), flat.encoder(image), strict=False):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"stages": 4}, "stages is 4, but there is no encoder"),
        ({"decoder": 0.5}, "decoder is 0.5, but there is no encoder"),
        ({"encoder": ENCODER, "stages": 6}, "stages is 6"),
        ({"encoder": ENCODER, "decoder": 3.0}, "decoder is 3.0"),
    ],
)
def test_stages_and_widths_that_mean_nothing_are_refused(options, named):
    with pytest.raises(ValueError, match=named):
        UNetConfig(**options)


@pytest.mark.parametrize("stages", [3, 4, 5])
def test_sizes_are_multiples_of_the_stride(stages):
    config = UNetConfig(encoder="resnet18", stages=stages)
    assert config.sizes.multiple == 2**stages
    side = 2 ** (stages + 1)
    network = build("unet", in_channels=1, classes=2, encoder="resnet18", stages=stages)
    assert network(torch.zeros(2, 1, side, 3 * side)).shape == (2, 2, side, 3 * side)
