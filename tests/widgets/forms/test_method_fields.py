import numpy as np
import pytest
from napari.components import LayerList
from napari.layers import Labels

from napari_tessera import METHODS
from napari_tessera.widgets.forms.method_fields import MethodFields
from napari_tessera.widgets.qt.rows import Rows


@pytest.fixture
def fields(qtbot):
    return MethodFields(METHODS["threshold"], LayerList())


def test_there_is_a_field_for_each_option_that_is_asked_for(fields):
    assert list(fields) == [p.name for p in METHODS["threshold"].asked]
    assert [field.parameter.name for field in fields.layers] == ["mask"]


def test_only_values_that_have_a_meaning_are_chosen(fields):
    fields["method"].value = "sauvola"
    assert {"window", "sensitivity", "contrast"} <= fields.chosen().keys()
    assert not {"offset", "classes", "levels"} & fields.chosen().keys()
    fields["method"].value = "otsu"
    assert fields.chosen()["classes"] == 2
    assert "window" not in fields.chosen()


def test_rows_without_a_meaning_are_hidden(fields, qtbot):
    rows = Rows()
    qtbot.addWidget(rows)
    for name, field in fields.items():
        rows.add(name, field.native)
    fields["method"].value = "gaussian"
    fields.show_what_applies(rows)
    assert not fields["offset"].native.isHidden()
    assert fields["classes"].native.isHidden()


def test_what_is_no_longer_allowed_is_passed_over(fields):
    fields.fill({"method": "gone", "classes": 3, "of another version": 1})
    assert fields["method"].value == "otsu"
    assert fields["classes"].value == 3


def test_layers_and_what_labels_are_are_not_remembered(qtbot):
    layers = LayerList([Labels(np.eye(3, dtype=int))])
    fields = MethodFields(METHODS["fill_holes"], layers)
    assert "labels_are" in fields
    assert fields.to_remember().keys() == fields.keys() - {"labels_are"}
