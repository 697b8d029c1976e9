import pytest
import torch
from torch import nn

from napari_tessera.deep.weights.tensors import copy_fitting, is_vgg16, renamed_vgg16


def network(channels=1, classes=2):
    return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, classes, 1))


def test_tensors_of_another_shape_stay_as_they_are():
    own, stored = network(classes=2), network(classes=5).state_dict()
    head = own[2].weight.clone()
    assert copy_fitting(own, stored, in_channels=1) == (6, 8)
    torch.testing.assert_close(own[0].weight, stored["0.weight"])
    torch.testing.assert_close(own[2].weight, head)


def test_the_first_convolution_of_colours_is_adapted_to_grey():
    own, stored = network(channels=1), network(channels=3).state_dict()
    copy_fitting(own, stored, in_channels=1)
    torch.testing.assert_close(own[0].weight, stored["0.weight"].sum(1, keepdim=True))


def test_tensors_are_found_under_other_beginnings():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = network()

    own = Model()
    stored = {f"model.stem.{name}": each for name, each in network().state_dict().items()}
    assert copy_fitting(own, stored, in_channels=1) == (8, 8)
    torch.testing.assert_close(own.encoder[0].weight, stored["model.stem.0.weight"])


def test_biases_alone_are_nothing():
    assert copy_fitting(nn.Conv2d(4, 4, 3), {"bias": torch.ones(4)}, in_channels=4) == (0, 2)


def vgg16(*, norms=False):
    """Return tensors of VGG16's names, very small."""
    stored = {}
    for number in range(13):
        place = (3 if norms else 2) * number
        stored[f"features.{place}.weight"] = torch.full((1, 1, 3, 3), float(number))
        if norms:
            stored[f"features.{place + 1}.running_mean"] = torch.full((1,), float(number))
    stored["classifier.0.weight"] = torch.arange(18.0).reshape(2, 9)
    return stored


def test_vgg16_is_known_by_its_names():
    assert is_vgg16(vgg16())
    assert not is_vgg16(network().state_dict())
    assert not is_vgg16({f"x.{name}": each for name, each in vgg16().items()})


def test_layers_take_the_tensors_in_order_and_matrices_become_convolutions():
    layers = {f"layer {n}": nn.Conv2d(1, 1, 3, bias=False) for n in range(13)}
    layers["full"] = nn.Conv2d(1, 2, 3, bias=False)
    found = renamed_vgg16(vgg16(), layers, title="FCN")
    assert [found[f"layer {n}.weight"][0, 0, 0, 0].item() for n in range(13)] == list(range(13))
    assert found["full.weight"].shape == (2, 1, 3, 3)
    assert found["full.weight"].flatten().tolist() == list(range(18))


def test_weights_that_rely_on_normalisation_are_refused_where_there_is_none():
    with pytest.raises(ValueError, match="which FCN has not"):
        renamed_vgg16(vgg16(norms=True), {"a": nn.Conv2d(1, 1, 3)}, title="FCN")
