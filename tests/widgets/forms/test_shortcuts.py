import numpy as np
import pytest
from napari._qt.widgets.qt_keyboard_settings import ShortcutEditor
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractItemView, QTableWidget

from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.forms.shortcuts import ACTIONS, keys_of, press_run

from ..conftest import wait

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def test_keys_press_the_buttons_of_the_form_in_front(viewer, coins, form_of):
    behind, front = form_of("canny"), form_of("threshold")
    wait(lambda: front.isVisibleTo(front.window()))
    window = front.window()
    QTest.keyClick(window, Qt.Key.Key_V, CTRL | SHIFT)
    assert (front.show_preview.isChecked(), behind.show_preview.isChecked()) == (True, False)
    QTest.keyClick(window, Qt.Key.Key_V, CTRL | SHIFT)
    QTest.keyClick(window, Qt.Key.Key_Return, CTRL)
    assert front.job is not None
    assert behind.job is None
    wait(lambda: front.job is None)
    np.testing.assert_array_equal(np.unique(front.results.latest.data), (0, 1))
    # from a field of the form, to which napari's keys come by way of its dock
    QTest.keyClick(front.source.native, Qt.Key.Key_Return, CTRL)
    assert front.job is not None
    front.stop()


def test_a_key_goes_to_the_next_row_as_a_click_on_it_would(viewer):
    form, table, seen = Form(viewer), QTableWidget(3, 1), []
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.cellClicked.connect(lambda row, _: seen.append(row))
    form.lay_out(table)
    viewer.window.add_dock_widget(form, name="rows")
    for _ in range(4):
        QTest.keyClick(form.window(), Qt.Key.Key_N, CTRL | SHIFT)
    assert seen == [0, 1, 2]
    form.release()


def test_the_preferences_of_napari_list_them(viewer, form_of, qtbot):
    form = form_of("threshold")
    editor = ShortcutEditor()
    qtbot.addWidget(editor)
    listed = editor.key_bindings_strs[editor.VIEWER_KEYBINDINGS]
    names = [name for name, _ in ACTIONS.values()]
    assert [listed[name].description for name in names] == [
        "Tessera: Run or stop the form in front",
        "Tessera: Show or hide the preview of the form in front",
        "Tessera: Go to the next row of the list in the form in front",
        "Tessera: Proofread: go to the next object",
        "Tessera: Proofread: go to the object before",
        "Tessera: Proofread: accept the object and go to the next one",
        "Tessera: Proofread: take it back that the object is accepted",
    ]
    assert keys_of(press_run) in form.run_button.toolTip()


@pytest.mark.parametrize("keys", [["Ctrl+J"], []])
def test_keys_that_were_chosen_are_those_shown(viewer, keys):
    from napari.settings import get_settings

    settings = get_settings().shortcuts
    settings.shortcuts = {**settings.shortcuts, "napari-tessera:run": keys}
    assert keys_of(press_run) == (" (Ctrl+J)" if keys else "")
