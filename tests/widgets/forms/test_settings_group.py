from dataclasses import dataclass, fields
from typing import Annotated, Literal

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QComboBox, QLineEdit, QToolButton

from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.deep.settings import (
    NO_AUGMENTATION,
    Augmentation,
    Examples,
    Objective,
    Optimisation,
    Transfer,
)
from napari_tessera.signature.words import Word
from napari_tessera.widgets.forms.settings_group import Group
from napari_tessera.widgets.qt.rows import Rows

SETTINGS = (Augmentation, Examples, Objective, Optimisation, Transfer)
CONFIGS = sorted({network.config for network in NETWORKS.values()}, key=lambda c: c.__name__)
LOSSES = ("dice + cross_entropy", "focal")


@dataclass(frozen=True)
class Few:
    """What is not in other groups.

    Attributes
    ----------
    limit : int, optional
        A whole number or none.
    speed : {"slow", "fast"}
        A choice.
    steps : int
        For fast.
    """

    limit: Annotated[int | None, Word(low=1)] = None
    speed: Literal["slow", "fast"] = "slow"
    steps: Annotated[int, Word(low=1, when=("speed", ("fast",)))] = 3


@pytest.fixture(autouse=True)
def application(qapp):
    return qapp


@pytest.fixture
def rows(qtbot):
    widget = Rows()
    qtbot.addWidget(widget)
    return widget


def heard(group):
    """Return a list that grows with each signal of the group."""
    signals = []
    group.changed.connect(lambda: signals.append(group.value))
    group.heard = signals  # the connection is weak otherwise
    return signals


@pytest.mark.parametrize("settings", [*SETTINGS, *CONFIGS])
def test_every_setting_has_a_field_with_its_default_and_help(settings):
    group = Group(settings)
    assert list(group.fields) == [each.name for each in fields(settings)]
    assert group.value == settings()
    assert type(group.value) is settings
    assert group.changed_values() == {}
    for name, field in group.fields.items():
        assert field.parameter.help in field.native.toolTip()
        assert field.parameter.help, name


@pytest.mark.parametrize(
    "wanted",
    [
        NO_AUGMENTATION,
        Examples(patch=64, validation=0.0, unlabelled="ignore", ignore=255, normalise="mean"),
        Objective("0.5 dice + 2 focal", "median", 10.0, 0.1),
        Optimisation(minutes=2.5, learning_rate=1e-9, averaging=0.99999, mixed_precision=False),
        Transfer("my cells 3", "first", 7),
        NETWORKS["unet"].config(encoder="tu-resnet18"),
        NETWORKS["segnet"].config(width=1 / 64),
    ],
)
def test_what_is_set_is_what_is_read(wanted):
    group = Group(type(wanted), suggestions={"loss": LOSSES})
    signals = heard(group)
    group.value = wanted
    assert group.value == wanted
    assert signals == [wanted]  # one signal for all of them
    group.value = wanted
    assert len(signals) == 1  # nothing is another
    default = type(wanted)()
    assert group.changed_values() == {
        name: value for name, value in vars(wanted).items() if value != getattr(default, name)
    }


def test_the_settings_of_another_group_are_refused():
    group = Group(Transfer)
    with pytest.raises(TypeError, match=r"pass an instance of Transfer"):
        group.value = Examples()
    assert group.value == Transfer()


def test_a_change_is_told():
    group = Group(Optimisation)
    signals = heard(group)
    group.fields["epochs"].value = 3
    assert signals == [Optimisation(epochs=3)]


def test_settings_that_do_not_fit_one_another_are_refused_by_the_settings():
    group = Group(Examples)
    group.fields["low"].value = 99.9
    with pytest.raises(ValueError, match=r"low is 99\.9 and high is 99\.8; low must be lower"):
        group.value  # noqa: B018
    group = Group(Objective, suggestions={"loss": LOSSES})
    group.fields["loss"].value = "dice + nonsense"
    with pytest.raises(ValueError, match="'nonsense' is no loss"):
        group.value  # noqa: B018


def test_numbers_stay_within_their_bounds():
    group = Group(Augmentation)
    group.fields["hue"].value = 7
    assert group.value.hue == 0.5


def test_settings_left_out_keep_their_values(rows):
    group = Group(Transfer, leave_out=("freeze",))
    assert list(group.fields) == ["weights", "freeze_epochs", "encoder_rate"]
    group.value = Transfer(freeze="first")
    group.fields["weights"].value = "none"
    assert group.value == Transfer("none", "first")
    group.add_to(rows, "Start")
    assert group.fields["freeze_epochs"].native.isVisibleTo(rows.widget()) is False  # folded
    open_all(rows)
    assert group.fields["freeze_epochs"].native.isVisibleTo(rows.widget())


def test_remembered_values_are_filled_in_as_far_as_they_are_allowed():
    group = Group(Optimisation)
    signals = heard(group)
    group.fill(
        {
            "epochs": 7,
            "minutes": 5.0,
            "schedule": "poly",
            "batch": 0,
            "clip": "much",
            "learning_rate": None,
            "weight_decay": 7.0,
            "of_yesterday": 1,
        }
    )
    expected = Optimisation(epochs=7, minutes=5.0, schedule="poly")
    assert signals == [expected]
    assert group.value == expected


def test_fill_takes_what_a_group_gives():
    wanted = Augmentation(flips=False, noise=0.5)
    group = Group(Augmentation)
    group.fill(vars(wanted))
    assert group.value == wanted


@pytest.mark.parametrize("limit", [None, 1, 250])
def test_optional_whole_numbers_are_whole(limit):
    group = Group(Few)
    group.value = Few(limit=limit)
    assert group.value.limit == limit
    assert group.value.limit is None or type(group.value.limit) is int


# ------------------------------------------------------------------ text


def test_text_can_be_picked_from_suggestions_or_written():
    group = Group(Objective, suggestions={"loss": LOSSES, "of_another_group": ("a",)})
    combo = group.fields["loss"].native
    assert isinstance(combo, QComboBox)
    assert [combo.itemText(i) for i in range(combo.count())] == list(LOSSES)
    signals = heard(group)
    combo.setCurrentIndex(1)
    assert group.value.loss == "focal"
    combo.setEditText("2 dice + iou")
    QTest.keyClick(combo, Qt.Key.Key_Return)
    assert group.value.loss == "2 dice + iou"
    assert [each.loss for each in signals] == ["focal", "2 dice + iou"]
    assert combo.count() == 2  # what was written is not offered
    assert combo.toolTip().startswith("2 dice + iou\n\nA loss or a sum")


def test_text_without_suggestions_is_a_line():
    group = Group(Transfer)
    line = group.fields["weights"].native
    assert isinstance(line, QLineEdit)
    line.setText("  cells ")
    assert group.value.weights == "cells"


def test_no_text_is_none_where_that_is_allowed():
    group = Group(NETWORKS["unet"].config)
    group.fields["encoder"].value = "tu-resnet18"
    assert group.changed_values() == {"encoder": "tu-resnet18"}
    group.fields["encoder"].native.setText(" ")
    assert group.value.encoder is None
    group = Group(Transfer)
    group.fields["weights"].value = ""
    assert group.value.weights == ""


# ------------------------------------------------------------------ rows


def open_all(rows):
    for button in rows.findChildren(QToolButton):
        if button.isCheckable():
            button.setChecked(True)


def test_rows_that_have_no_meaning_are_hidden(rows):
    group = Group(Few)
    group.show_what_applies()  # before it is in a form there is nothing to hide
    group.add_to(rows, "Few")
    open_all(rows)
    steps = group.fields["steps"].native
    assert not steps.isVisibleTo(rows)
    group.fields["speed"].value = "fast"
    group.show_what_applies()
    assert steps.isVisibleTo(rows)
    group.value = Few()
    assert not steps.isVisibleTo(rows)
    assert group.fields["limit"].native.isVisibleTo(rows)


def test_a_section_is_folded_away_at_first(rows):
    group = Group(Objective)
    group.add_to(rows, "Loss")
    titles = [each.text() for each in rows.findChildren(QToolButton) if each.isCheckable()]
    assert titles == ["Loss"]
    assert not group.fields["loss"].native.isVisibleTo(rows)
    open_all(rows)
    assert group.fields["loss"].native.isVisibleTo(rows)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_all_groups_fit_into_a_narrow_dock(viewer, theme):
    viewer.theme = theme
    rows = Rows()
    groups = [Group(settings, suggestions={"loss": LOSSES}) for settings in (*SETTINGS, *CONFIGS)]
    for number, group in enumerate(groups):
        group.add_to(rows, f"Group {number}")
    viewer.window.add_dock_widget(rows)
    open_all(rows)
    rows.fit_width()
    assert rows.minimumWidth() <= 300
