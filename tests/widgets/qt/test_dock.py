"""Forms are tabs of one another, the newest in front, and nothing else is moved."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDockWidget, QLabel, QWidget

from napari_tessera.widgets.plugin.menu import open_form
from napari_tessera.widgets.qt.dock import FormDocks, enclosing_dock, keep_entitled

from ..conftest import wait

pytestmark = pytest.mark.on_screen


def beside(viewer, dock):
    return set(viewer.window._qt_window.tabifiedDockWidgets(dock))


def in_front(form):
    return not form.visibleRegion().isEmpty()


def opened(viewer, *names):
    """Open forms and return them with their docks, the last in front."""
    forms = [open_form(viewer, name) for name in names]
    wait(lambda: in_front(forms[-1]))
    return [(form, enclosing_dock(form)) for form in forms]


def test_forms_are_tabs_and_the_newest_is_in_front(viewer):
    (one, first), (two, second), (three, third) = opened(
        viewer, "threshold", "fill_holes", "measure"
    )
    assert beside(viewer, third) == {first, second}
    assert [in_front(each) for each in (one, two, three)] == [False, False, True]


def test_closing_and_hiding_go_back_to_the_one_that_was_in_front_before(viewer):
    (one, first), (two, second), (three, third) = opened(viewer, "threshold", "expand", "measure")
    first.raise_()
    wait(lambda: in_front(one))
    third.raise_()
    wait(lambda: in_front(three))
    viewer.window.remove_dock_widget(three)
    wait(lambda: in_front(one))
    second.raise_()
    wait(lambda: in_front(two))
    second.close()
    wait(lambda: in_front(one))
    second.show()
    wait(lambda: in_front(two))


def test_the_menu_shows_a_form_that_lies_behind(viewer):
    (one, first), (two, _) = opened(viewer, "threshold", "expand")
    first.setVisible(not first.isVisible())  # what napari's menu does to a form that is open
    wait(lambda: in_front(one))
    assert not in_front(two)


def test_what_was_floated_or_put_elsewhere_stays_there(viewer):
    (_, first), (_, second) = opened(viewer, "threshold", "expand")
    first.setFloating(True)
    window = viewer.window._qt_window
    window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, second)
    QTest.qWait(50)
    ((_, third),) = opened(viewer, "measure")
    assert beside(viewer, third) == set()
    assert first.isFloating()
    assert window.dockWidgetArea(second) == Qt.DockWidgetArea.LeftDockWidgetArea


def test_docks_of_others_are_left_alone(viewer):
    theirs = viewer.window.add_dock_widget(QWidget(), name="theirs")
    QTest.qWait(50)
    ((_, own),) = opened(viewer, "threshold")
    assert beside(viewer, own) == set()
    assert theirs.windowTitle() == "theirs"
    window = viewer.window._qt_window
    assert FormDocks.of(window) is FormDocks.of(window)


def bar(dock):
    return [label.text() for label in dock.titleBarWidget().findChildren(QLabel) if label.text()]


def test_titles_are_short_and_napari_still_knows_the_name(viewer):
    ((_, dock),) = opened(viewer, "fill_holes")
    assert (dock.windowTitle(), bar(dock)) == ("Fill holes", ["Fill holes"])
    assert dock.toggleViewAction().text() == "Fill holes"
    assert "Fill holes (Tessera)" in viewer.window.dock_widgets
    for floating in (True, False):
        dock.setFloating(floating)
        QTest.qWait(20)
        assert bar(dock) == ["Fill holes"]
    viewer.window.remove_dock_widget(dock)
    assert "Fill holes (Tessera)" not in viewer.window.dock_widgets


def test_a_dock_without_a_bar_of_its_own_gets_the_title(qapp):
    dock = QDockWidget("a long name")
    inside = QWidget()
    dock.setWidget(inside)
    keep_entitled(dock, "short")
    assert dock.windowTitle() == "short"
    assert enclosing_dock(inside) is dock
    assert enclosing_dock(dock) is None
