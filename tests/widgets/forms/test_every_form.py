"""What holds for every form: it fits the screen, says what each field is, and is read in order."""

from itertools import pairwise

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFormLayout,
    QLineEdit,
    QScrollArea,
    QScrollBar,
    QTabBar,
    QTabWidget,
    QTextEdit,
    QToolButton,
    QWidget,
)

from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.widgets.forms.rows import Section
from napari_tessera.widgets.forms.scrolled import LOWEST, WIDTH
from napari_tessera.widgets.forms.side_by_side import SideBySide
from napari_tessera.widgets.forms.tab_order import set_tab_order
from napari_tessera.widgets.plugin.menu import FORMS, open_form

from ..conftest import wait

# the forms of networks differ in one choice
NAMES = [n for n in FORMS if n == "train_unet" or n.removeprefix("train_") not in NETWORKS]

ASKED = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QTextEdit,
)
"""What a person sets, presses or reads."""


@pytest.mark.on_screen
def test_no_form_makes_the_window_outgrow_the_screen(viewer, coins):
    window = viewer.window._qt_window
    window.resize(800, 600)
    QApplication.processEvents()
    before, least = window.size(), window.minimumSizeHint()
    for name in NAMES:
        form = open_form(viewer, name)
        QApplication.processEvents()
        hint = form.minimumSizeHint()
        assert hint.height() <= LOWEST and hint.width() <= WIDTH, name
        assert form.sizeHint().width() == WIDTH, name
    wait(lambda: not form.visibleRegion().isEmpty())
    assert (window.size(), window.minimumSizeHint().height()) == (before, least.height())


def unfolded(form):
    """Open all sections and pages of a form, at a usual size, and return it."""
    form.resize(WIDTH, 900)
    for section in form.findChildren(Section):
        section.findChild(QToolButton).setChecked(True)
    for tabs in form.findChildren(QTabWidget):
        for page in range(tabs.count()):
            load = getattr(tabs.widget(page), "load", None)
            if load is not None:
                load()
    return form


def described(widget, form):
    """Return the tool tip and the accessible name of a widget, or of what it is a part of."""
    tip, name = widget.toolTip(), widget.accessibleName()
    if isinstance(widget, QAbstractButton):
        name = name or widget.text()
    around = widget.parentWidget()
    while around is not form and not (tip and name) and not isinstance(around, QTabWidget):
        tip, name = tip or around.toolTip(), name or around.accessibleName()
        around = around.parentWidget()
    return bool(tip), bool(name)


def test_every_field_and_button_says_what_it_is(viewer, coins):
    silent = []
    for name in NAMES:
        form = unfolded(open_form(viewer, name))
        for widget in (e for kind in ASKED for e in form.findChildren(kind)):
            arrow = isinstance(widget.parentWidget(), QTabBar)
            inner = arrow or widget.objectName().startswith("qt_") or isinstance(widget, QScrollBar)
            popup = widget.window() is not form.window()
            if not (inner or popup or all(described(widget, form))):
                silent.append((name, type(widget).__name__, *described(widget, form)))
        viewer.window.remove_dock_widget(form)
    assert silent == []


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


def test_buttons_wrap_where_there_is_no_room_and_fill_each_line(qtbot):
    form, buttons = QWidget(), [QToolButton() for _ in range(3)]
    qtbot.addWidget(form)
    for button in buttons:
        button.setFixedHeight(20)
        button.setMinimumWidth(60)
    row = SideBySide(*buttons)
    row.setSpacing(4)
    form.setLayout(row)
    assert row.minimumSize().width() == 60
    assert [row.heightForWidth(width) for width in (188, 187, 123)] == [20, 44, 68]
    buttons[0].hide()
    assert row.heightForWidth(124) == 20
