import pytest
from qtpy.QtWidgets import QLineEdit

from napari_tessera.widgets.forms.fields.field import Field

from .parameters import parameter


def test_every_field_is_named_and_explained_for_eyes_and_screen_readers(qapp):
    own, native = parameter("threshold", "smoothing"), QLineEdit()
    field = Field(own, native)
    assert field.native is native
    assert native.toolTip() == own.help
    assert native.accessibleName() == own.title


def test_a_field_without_a_value_of_its_own_has_none(qapp):
    field = Field(parameter("threshold", "smoothing"), QLineEdit())
    with pytest.raises(NotImplementedError):
        _ = field.kept
    with pytest.raises(NotImplementedError):
        field.value = 3
    assert field.fit("um", None) is None
