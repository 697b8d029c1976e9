from collections import OrderedDict

import pytest

nn = pytest.importorskip("torch").nn

from napari_tessera.deep.networks.parts import Parts, first_there  # noqa: E402


@pytest.fixture
def network():
    encoder = nn.Sequential(nn.Identity(), nn.Identity(), nn.Identity())
    return nn.Sequential(OrderedDict(encoder=encoder, decoder=nn.Identity()))


@pytest.mark.parametrize(
    ("parts", "bottleneck", "last"),
    [
        (Parts(), "encoder", "decoder"),
        (Parts(bottleneck=("encoder.-1",)), "encoder.2", "decoder"),
        (Parts(bottleneck=("body.-1", "encoder.-2")), "encoder.1", "decoder"),
        (Parts(bottleneck=("encoder.-4", "encoder.0"), last=("head",)), "encoder.0", ""),
        (Parts(encoder=("body", "decoder"), last=("head", "encoder")), "decoder", "encoder"),
    ],
)
def test_layers_are_the_first_that_a_network_has(network, parts, bottleneck, last):
    assert parts.layer(network, "bottleneck") == bottleneck
    assert parts.layer(network, "last") == last


def test_what_a_network_does_not_have_has_no_name(network):
    assert first_there(network, ("head", "encoder.3")) == ""
    assert first_there(network, ()) == ""
