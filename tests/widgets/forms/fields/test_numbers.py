import pytest

from napari_tessera.widgets.forms.fields.numbers import (
    LengthField,
    NumberField,
    OptionalField,
    PlainField,
)

from .parameters import parameter


def test_an_optional_number_is_none_until_its_box_is_ticked(qapp):
    field = OptionalField(parameter("predict", "threshold"))
    assert field.value is None
    field._check.click()
    assert isinstance(field.value, float)
    field.value = None
    assert field.value is None


def test_a_length_offers_the_unit_of_the_image(qapp):
    field = LengthField(parameter("threshold", "smoothing"))
    units = [field._unit.itemText(i) for i in range(field._unit.count())]
    field.fit("micrometer", None)
    more = [field._unit.itemText(i) for i in range(field._unit.count())]
    assert (units, more) == (["px"], ["px", "um"])
    field.value = "3 nm"
    assert field.value == "3 nm"


def test_a_length_has_a_number(qapp):
    field = LengthField(parameter("threshold", "smoothing"))
    with pytest.raises(ValueError, match="smoothing is 'wide'"):
        field.value = "wide"


def test_numbers_stay_within_what_the_method_takes(qapp):
    weight = NumberField(parameter("kmeans", "position_weight"))
    weight.value = -3.0
    assert weight.value == 0
    classes = PlainField(parameter("threshold", "classes"))
    low = classes.parameter.word.low
    with pytest.raises(ValueError, match=f"{low - 1}"):
        classes.value = low - 1
