from qtpy.QtWidgets import QComboBox

from napari_tessera.widgets.forms.fields.text import TextField

from .parameters import parameter


def test_empty_text_is_none_and_spaces_around_it_do_not_count(qapp):
    field = TextField(parameter("grad_cam", "object_ids"))
    assert field.value is None
    field.value = " 3 7 "
    assert field.value == "3 7"
    field.value = None
    assert field.value is None


def test_suggestions_can_be_picked_or_anything_else_be_written(qapp):
    field = TextField(parameter("predict", "device"), ["auto", "cpu", "cuda"])
    assert isinstance(field.native, QComboBox)
    assert [field.native.itemText(i) for i in range(field.native.count())] == [
        "auto",
        "cpu",
        "cuda",
    ]
    assert field.value == "auto"
    field.native.setCurrentIndex(1)
    assert field.value == "cpu"
    field.value = "cuda:1"
    assert field.value == "cuda:1"


def test_a_text_longer_than_its_field_is_read_in_the_tool_tip(qapp):
    field = TextField(parameter("grad_cam", "object_ids"))
    field.value = "3 7 9"
    assert field.native.toolTip() == f"3 7 9\n\n{field.parameter.help}"
