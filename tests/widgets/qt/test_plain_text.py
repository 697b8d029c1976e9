"""Names of layers and models are shown as they are written, in every form."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QLabel, QMenu, QWidget
from skimage import data

from napari_tessera.widgets.plugin.menu import FORMS, open_form
from napari_tessera.widgets.qt.choice import Several
from napari_tessera.widgets.qt.plain_text import PlainLabel, as_written, menu_text

NAME = "<b>x</b> & $y$ <img src=1>"


@pytest.mark.parametrize("text", [NAME, "a &lt; b", "<br>", "no tag: 1 < 2 > 0", "plain & simple"])
def test_nothing_is_taken_for_html_and_every_sign_stays(qapp, text):
    shown = as_written(text)
    assert not Qt.mightBeRichText(shown)
    assert shown.replace("\u2060", "") == text
    assert Qt.mightBeRichText(text) == (shown != text)


def test_a_label_shows_what_is_written(qapp):
    label, usual = PlainLabel(NAME), QLabel(NAME)
    label.setWordWrap(False)
    assert label.sizeHint().width() >= label.fontMetrics().horizontalAdvance(NAME)
    assert usual.sizeHint().width() < label.sizeHint().width()


def test_ampersands_stand_in_menus_as_they_are(qapp):
    menu = QMenu()
    menu.addAction(menu_text("a & b"))
    assert menu.actions()[0].text() == "a && b"  # as Qt writes an ampersand
    several = Several("Others")
    several.offer([(NAME, 1)])
    several.tick(1)
    assert several.text() == NAME.replace("&", "&&")


def rich(form):
    """Return the widgets of a form that would show the name as something else."""
    labels = [each for each in form.findChildren(QLabel) if "<b>" in each.text()]
    return [
        *(each for each in labels if each.textFormat() != Qt.TextFormat.PlainText),
        *(each for each in form.findChildren(QWidget) if "<b>" in each.toolTip()),
    ]


def test_every_form_shows_the_names_of_layers_and_models_as_they_are(
    viewer, quiet_errors, monkeypatch, tmp_path
):
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path))
    image = viewer.add_image(data.coins()[:60, :60], name=NAME)
    viewer.add_labels((image.data > 120).astype(int), name=NAME)
    offering = 0
    for name in FORMS:
        form = open_form(viewer, name)
        form.say(f"made of {NAME}")
        form.complain(ValueError(f"layer {NAME!r} is no longer there"))
        assert [(name, type(each).__name__) for each in rich(form)] == []
        assert not Qt.mightBeRichText(quiet_errors[-1])
        combos = form.findChildren(QComboBox)
        offering += any(NAME in box.itemText(i) for box in combos for i in range(box.count()))
        viewer.window.remove_dock_widget(form)
    assert offering > len(FORMS) / 2
