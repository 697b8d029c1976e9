"""Every field and button of every form has a tool tip and a name that can be read aloud."""

from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QScrollBar,
    QTabBar,
    QTabWidget,
    QTextEdit,
)

from napari_tessera.widgets.plugin.menu import open_form

from ..conftest import ALL_FORMS, unfolded

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
    for name in ALL_FORMS:
        form = unfolded(open_form(viewer, name))
        for widget in (e for kind in ASKED for e in form.findChildren(kind)):
            arrow = isinstance(widget.parentWidget(), QTabBar)
            inner = arrow or widget.objectName().startswith("qt_") or isinstance(widget, QScrollBar)
            popup = widget.window() is not form.window()
            if not (inner or popup or all(described(widget, form))):
                silent.append((name, type(widget).__name__, *described(widget, form)))
        viewer.window.remove_dock_widget(form)
    assert silent == []
