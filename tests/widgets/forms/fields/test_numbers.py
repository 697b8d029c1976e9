import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_tessera.widgets.forms.fields.numbers import (
    ChoiceField,
    LengthField,
    NumberField,
    OptionalField,
    WholeField,
    YesNoField,
)

from .parameters import parameter


def test_an_optional_number_is_none_until_its_box_is_ticked(qapp):
    field = OptionalField(parameter("predict", "threshold"))
    assert field.value is None
    field._check.click()
    assert field.value == 0.5  # not 0, at which all is foreground
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
    classes = WholeField(parameter("threshold", "classes"))
    low = classes.parameter.word.low
    with pytest.raises(ValueError, match=f"{low - 1}"):
        classes.value = low - 1


def test_a_yes_or_no_is_a_box(qapp):
    field, heard = YesNoField(parameter("watershed", "lines")), []
    field.changed.connect(lambda: heard.append(field.value))
    assert field.value is False
    field._check.click()
    field.value = False
    assert heard == [True, False]


def test_a_choice_offers_the_words_of_its_type_and_no_others(qapp):
    field, heard = ChoiceField(parameter("threshold", "objects")), []
    field.changed.connect(lambda: heard.append(field.value))
    assert [field.native.itemText(i) for i in range(field.native.count())] == ["bright", "dark"]
    field.value = "dark"
    assert (field.value, heard) == ("dark", ["dark"])
    with pytest.raises(ValueError, match="objects is 'red'; choose one of bright, dark"):
        field.value = "red"


def test_whole_numbers_are_larger_than_those_of_qt(qapp):
    field = WholeField(parameter("kmeans", "seed"))
    field.value = 10**9
    assert field.value == 10**9


def pressed_up(field):
    QTest.keyClick(field._box, Qt.Key.Key_Up)
    return field.value


@pytest.mark.parametrize(
    ("before", "after"),
    [("0 px", "1 px"), ("5 px", "6 px"), ("250 px", "260 px"), ("0 um", "0.1 um")],
)
def test_a_length_steps_by_a_pixel_or_a_tenth_of_its_unit(qapp, before, after):
    field = LengthField(parameter("threshold", "smoothing"))
    field.value = before
    assert pressed_up(field) == after
    field._box.stepBy(-1)
    assert field.value == before


def test_a_number_steps_away_from_0_and_finely_where_it_is_small(qapp):
    field = NumberField(parameter("kmeans", "position_weight"))
    field.value = 0
    assert pressed_up(field) == 0.1
    field.value = 0.002
    assert pressed_up(field) == pytest.approx(0.0021)
