import numpy as np
from napari.components import LayerList
from napari.layers import Image, Labels

from napari_tessera.widgets.forms.fields.choose import field_for
from napari_tessera.widgets.forms.fields.layer import LayerField

from .parameters import parameter


def test_layers_are_those_that_fit_and_another_one_is_chosen_where_it_must(qapp):
    layers = LayerList([Image(np.zeros((3, 4)), name="a"), Labels(np.ones((3, 4), int), name="b")])
    own = parameter("watershed", "markers")
    field = field_for(own, layers)
    assert type(field) is LayerField
    assert field.value is None
    field.value = layers["b"]
    assert field.value is layers["b"]
    layers.remove("b")
    field.refresh()
    assert field.value is None
    needed = LayerField(parameter("crf", "image"), layers, lambda layer: isinstance(layer, Image))
    layers.append(Image(np.zeros((3, 4)), name="c"))
    needed.refresh()
    needed.value = layers["c"]
    needed.avoid(layers["c"])
    assert needed.value is layers["a"]
