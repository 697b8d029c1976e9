import numpy as np
import pytest
from napari.layers import Image

from napari_tessera.widgets.forms.channels import Channels


def offered(choice):
    return [choice.itemText(i) for i in range(choice.count())]


@pytest.fixture
def channels(qapp):
    return Channels(together=False)


def test_a_plane_has_no_channels(channels):
    channels.fill(Image(np.zeros((4, 5))), [])
    assert offered(channels.axis) == ["none"]
    assert offered(channels.one) == []
    assert channels.chosen == (None, None)


def test_colours_have_a_luminance_and_names(channels):
    channels.fill(Image(np.zeros((4, 5, 3)), rgb=True), [])
    assert offered(channels.one) == ["luminance", "red", "green", "blue"]


def test_an_axis_that_says_so_holds_channels(channels):
    layer = Image(np.arange(2 * 3 * 4.0).reshape(2, 3, 4), axis_labels=("c", "y", "x"))
    channels.fill(layer, [])
    assert channels.axis.chosen == 0
    assert offered(channels.one) == ["mean of all", "0", "1"]
    channels.one.choose(1)
    source = channels.source(layer)
    assert (source.channel_axis, source.channel, source.shape) == (0, 1, (3, 4))
    channels.reset()
    assert channels.one.chosen is None


def test_other_layers_of_the_same_shape_are_channels(channels):
    layer, same, other = (
        Image(np.full(shape, 1.0), name=name)
        for name, shape in (("a", (3, 4)), ("b", (3, 4)), ("c", (4, 4)))
    )
    channels.fill(layer, [layer, same, other])
    assert channels.others.offered == 1
    channels.others.tick(same)
    channels.fill_one(layer)
    assert offered(channels.one) == ["mean of all", "a", "b"]
    assert channels.source(layer).parts == ("a", "b")


def test_a_method_of_all_channels_takes_them_together(qapp):
    own = Channels(together=True)
    own.fill(Image(np.zeros((4, 5, 3)), rgb=True), [])
    assert own.one.itemText(0) == "all together"
