import numpy as np
import pytest
from napari.components import LayerList
from napari.layers import Image, Labels

from napari_tessera import METHODS
from napari_tessera.widgets.forms.fields import (
    LayerField,
    LengthField,
    LevelsField,
    NumberField,
    OptionalField,
    PlainField,
    TextField,
    field_for,
)


def parameter(method, name):
    return next(p for p in METHODS[method].options if p.name == name)


KINDS = [
    ("threshold", "classes", PlainField, 3),
    ("threshold", "method", PlainField, "li"),
    ("threshold", "smoothing", LengthField, "2.5 px"),
    ("threshold", "levels", LevelsField, (0.25, 0.75)),
    ("kmeans", "position_weight", NumberField, 30.0),
    ("grad_cam", "object_ids", TextField, "3 7"),
    ("predict", "threshold", OptionalField, 0.25),
]


@pytest.mark.parametrize(("method", "name", "kind", "value"), KINDS)
def test_each_kind_of_parameter_has_a_field_that_holds_its_values(qapp, method, name, kind, value):
    own = parameter(method, name)
    field, told = field_for(own), []
    assert type(field) is kind
    assert field.native.toolTip() == own.help
    if own.default is not None:
        assert field.value in (own.default, f"{own.default} px")
    field.changed.connect(lambda: told.append(field.value))
    field.value = value
    assert field.value == value
    assert told[-1] == value


def test_an_optional_number_is_none_until_its_box_is_ticked(qapp):
    field = field_for(parameter("predict", "threshold"))
    assert field.value is None
    field._check.click()
    assert isinstance(field.value, float)
    field.value = None
    assert field.value is None


def test_a_length_offers_the_unit_of_the_image(qapp):
    field = field_for(parameter("threshold", "smoothing"))
    units = [field._unit.itemText(i) for i in range(field._unit.count())]
    field.fit("micrometer", None)
    more = [field._unit.itemText(i) for i in range(field._unit.count())]
    assert (units, more) == (["px"], ["px", "um"])
    field.value = "3 nm"
    assert field.value == "3 nm"


def test_levels_follow_the_image_until_the_user_has_placed_them(qapp):
    field = field_for(parameter("threshold", "levels"))
    values = np.repeat(np.array([10, 200], np.uint8), 50)
    field.handles(1, "bright")
    field.fit("pixel", values)
    (level,) = field.value
    assert 10 <= level < 200
    assert field.kept is None
    field.value = (150,)
    field.fit("pixel", values)
    assert field.value == (150,)
    assert field.kept == (150,)
    field.fit("pixel", (values // 10).astype(np.uint8))  # where 150 is not
    assert field.value[0] < 20


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
