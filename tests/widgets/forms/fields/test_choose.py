import pytest

from napari_tessera.widgets.forms.fields.choose import field_for
from napari_tessera.widgets.forms.fields.levels import LevelsField
from napari_tessera.widgets.forms.fields.numbers import (
    ChoiceField,
    LengthField,
    NumberField,
    OptionalField,
    WholeField,
)
from napari_tessera.widgets.forms.fields.text import TextField

from .parameters import parameter

KINDS = [
    ("threshold", "classes", WholeField, 3),
    ("threshold", "method", ChoiceField, "li"),
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
