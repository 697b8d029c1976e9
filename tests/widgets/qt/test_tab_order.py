"""The Tab key goes through forms as they are read."""

from itertools import pairwise

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QFormLayout, QLineEdit, QScrollArea, QWidget

from napari_tessera.widgets.plugin.menu import FORMS
from napari_tessera.widgets.qt.tab_order import set_tab_order

from ..conftest import unfolded


def chain(form):
    """Return what the Tab key stops at in a form, in its order."""
    found, widget = [], form.nextInFocusChain()
    while widget is not form:
        stops = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.focusProxy() is None
        if form.isAncestorOf(widget) and stops and widget.isVisible() and widget.isEnabled():
            found.append(widget)
        widget = widget.nextInFocusChain()
    return found


def block(widget, other):
    """Return the largest part that scrolls with a widget in it and without the other, if any."""
    found = around = widget
    while not (around := around.parentWidget()).isAncestorOf(other):
        found = around if isinstance(around, QScrollArea) else found
    return found


def above(one, other, form):
    """Return True if a widget lies wholly above another, or in one line with it and before it."""
    one, other = block(one, other), block(other, one)
    a, b = (each.mapTo(form, QPoint(0, 0)) for each in (one, other))
    overlap = b.y() + other.height() > a.y()
    return a.y() + one.height() <= b.y() or (overlap and a.x() <= b.x())


@pytest.fixture
def alone(viewer):
    """Return a function that shows a form as a window, whose focus chain is its own."""
    forms = []

    def make(name):
        forms.append(unfolded(FORMS[name].load()(viewer)))
        forms[-1].show()
        return forms[-1]

    yield make
    for form in forms:
        form.release()
        form.close()


@pytest.mark.parametrize("name", ["crf", "train_unet", "explorer", "explore_table", "surgery"])
def test_tab_goes_through_a_form_as_it_is_read(coins, alone, name):
    form = alone(name)
    QApplication.processEvents()
    wrong = [
        (a.accessibleName(), b.accessibleName())
        for a, b in pairwise(chain(form))
        if not above(a, b, form)
    ]
    assert wrong == []
    assert len(chain(form)) > 1


def test_rows_put_between_others_are_reached_between_them(qtbot):
    form, fields = QWidget(), [QLineEdit(f"{i}") for i in range(3)]
    qtbot.addWidget(form)
    rows = QFormLayout(form)
    for place, field in zip((0, 1, 1), fields, strict=True):
        rows.insertRow(place, "title", field)
    form.show()
    set_tab_order(form)
    assert chain(form) == [fields[0], fields[2], fields[1]]
