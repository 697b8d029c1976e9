"""A model with weights of 16 bits; the rest of it is tested with the library."""

import torch

from napari_tessera.deep.models.folder import Folder
from napari_tessera.deep.models.model import read_model
from napari_tessera.deep.models.shipped.publish import in_half_precision

from .described import described, made


def test_weights_of_16_bits_become_those_of_32(tmp_path):
    network = made(tmp_path, "whole")
    halves = in_half_precision(network.state_dict())
    folder = Folder(tmp_path / "half")
    folder.create(described())
    folder.write_weights(halves, described())
    model = read_model(tmp_path / "half")
    found = model.load_network().state_dict()
    for name, each in network.state_dict().items():
        assert found[name].dtype == each.dtype
        assert torch.equal(found[name], halves[name].to(each.dtype))
    sizes = [(tmp_path / name / "weights.safetensors").stat().st_size for name in ("whole", "half")]
    assert sizes[1] < 0.6 * sizes[0]
    assert not model.is_shipped
