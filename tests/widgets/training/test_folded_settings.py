import pytest
from qtpy.QtWidgets import QToolButton, QWidget

from napari_tessera.deep.settings import Examples, Optimisation, Transfer
from napari_tessera.widgets.qt.rows import Rows
from napari_tessera.widgets.training.folded_settings import FoldedSettings


@pytest.fixture
def rows(qapp):
    return Rows()


def fold(rows):
    return rows.findChild(QToolButton)


def test_fields_are_made_when_the_section_is_unfolded(rows):
    own = FoldedSettings(rows, "Optimisation", Optimisation)
    before = len(rows.findChildren(QWidget))
    own.fill({"epochs": 3, "schedule": "no such", "nothing": 1})
    assert (own.is_made, len(rows.findChildren(QWidget))) == (False, before)
    assert own.value == Optimisation(epochs=3)
    assert own.changed_values() == {"epochs": 3}
    fold(rows).click()
    assert own.is_made
    assert own.fields["epochs"].value == 3
    own.fields["steps"].value = 9
    assert own.value == Optimisation(epochs=3, steps=9)
    assert own.changed_values() == {"epochs": 3, "steps": 9}


def test_a_change_is_told_whether_fields_are_made_or_not(rows):
    own, told = FoldedSettings(rows, "Optimisation", Optimisation), []
    own.changed.connect(lambda: told.append(own.value.epochs))
    own.fill({"epochs": 3})
    own.fill({"epochs": 3})
    own.fields["epochs"].value = 4
    assert told == [3, 4]


def test_values_that_contradict_one_another_are_passed_over(rows):
    own = FoldedSettings(rows, "Examples", Examples)
    own.fill({"low": 50.0, "high": 40.0})
    assert own.value == Examples()


def test_rows_without_meaning_and_locked_ones_are_so_when_they_are_made(rows):
    own = FoldedSettings(rows, "Start", Transfer)
    own.show_what_applies(void=("weights",), locked=True)
    shown = {name: not field.native.isHidden() for name, field in own.fields.items()}
    assert shown == {
        "weights": False,
        "freeze": True,
        "freeze_epochs": False,
        "encoder_rate": True,
    }
    assert not own.fields["freeze"].native.isEnabled()
    own.show_what_applies()
    assert own.fields["freeze"].native.isEnabled()
    assert not own.fields["weights"].native.isHidden()
