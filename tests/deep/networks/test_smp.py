import pytest
import torch

pytest.importorskip("segmentation_models_pytorch")

from napari_tessera.deep.networks import smp
from napari_tessera.deep.networks.options import EncoderConfig


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
        smp.unet(EncoderConfig("resnet1812"), in_channels=1, classes=2)
