"""The docks of our forms: behind one another as tabs, with short titles.

napari puts docks below one another, where three forms leave no room for any. However napari was
asked to dock a form, it becomes a tab of those that lie in the same area. Docks of napari and of
others are left alone, and so are forms that the user has floated or put elsewhere.
"""

from __future__ import annotations

import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from qtpy.QtCore import QObject, QSignalBlocker, Qt, QTimer
from qtpy.QtWidgets import QApplication, QDockWidget, QLabel, QMainWindow, QTabBar, QWidget

if TYPE_CHECKING:
    from collections.abc import Iterator


class FormDocks(QObject):
    """The docks that hold our forms in one window, in the order in which they were in front.

    Parameters
    ----------
    window : QMainWindow
    """

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._order = list[weakref.ref[QDockWidget]]()

    @classmethod
    def of(cls, window: QMainWindow) -> FormDocks:
        """Return those of a window."""
        return window.findChild(cls) or cls(window)

    @property
    def _window(self) -> QMainWindow:
        return cast("QMainWindow", self.parent())

    @property
    def front(self) -> QDockWidget | None:
        """The dock that has the focus, otherwise the one that came to the front last."""
        known = (each() for each in reversed(self._order))
        shown = [each for each in known if each is not None and not _is_hidden(each)]
        focus = QApplication.focusWidget()
        return next((each for each in shown if each.isAncestorOf(focus)), next(iter(shown), None))

    def put(self, dock: QDockWidget, area: Qt.DockWidgetArea) -> None:
        """Make a new dock the tab in front of those in its area."""
        front = next(self._shown_in(area), None)
        if front is not None:
            # where it is has been told already; napari writes its settings each time
            blocker = QSignalBlocker(dock)
            self._window.tabifyDockWidget(front, dock)
            blocker.unblock()
        self._note(dock)
        _bring_soon(dock)
        own = weakref.ref(dock)
        dock.visibilityChanged.connect(lambda on: self._changed(own(), on))

    def shown(self, dock: QDockWidget) -> None:
        """Bring a dock to the front that was hidden and is shown again."""
        if all(each() is not dock for each in self._order):
            self._note(dock)
            _bring_soon(dock)

    def leave(self, dock: QDockWidget) -> None:
        """Show the tab that was in front before, in place of one that is closed or hidden."""
        area = self._window.dockWidgetArea(dock)
        was_in_front = next(self._shown_in(area, dock), None) is dock
        self._order = [each for each in self._order if each() not in (None, dock)]
        before = next(self._shown_in(area), None)
        if was_in_front and before is not None:
            before.raise_()

    def _note(self, dock: QDockWidget) -> None:
        self._order = [each for each in self._order if each() not in (None, dock)]
        self._order.append(weakref.ref(dock))

    def _shown_in(
        self, area: Qt.DockWidgetArea, hidden: QDockWidget | None = None
    ) -> Iterator[QDockWidget]:
        """Yield the docks in an area, the one that was in front last first; also a hidden one."""
        for each in reversed(self._order):
            dock = each()
            if dock is None or dock.isFloating() or (_is_hidden(dock) and dock is not hidden):
                continue
            if self._window.dockWidgetArea(dock) == area:
                yield dock

    def _changed(self, dock: QDockWidget | None, on: bool) -> None:
        if dock is None:
            return
        if on:
            self._note(dock)
        elif _is_hidden(dock) and dock.parent() is self._window:
            self._hidden(dock)

    def _hidden(self, dock: QDockWidget) -> None:
        """Take a dock out of the order, unless it lay behind another one.

        napari's menu hides a form that is open already; one that lies behind is meant to be seen.
        """
        front = next(self._shown_in(self._window.dockWidgetArea(dock), dock), None)
        self.leave(dock)
        if front not in (None, dock) and dock in self._window.tabifiedDockWidgets(front):
            _bring_soon(dock, behind=front)


def _is_hidden(dock: QDockWidget) -> bool:
    """Return True for docks that were hidden, not for those that Qt has still to show."""
    told = dock.testAttribute(Qt.WidgetAttribute.WA_WState_ExplicitShowHide)
    return told and dock.isHidden()


def _bring_soon(dock: QDockWidget, *, behind: QDockWidget | None = None) -> None:
    """Show a dock in front, unless one that it lay behind is hidden too by then.

    Qt makes the tabs when the window is laid out, which is later.
    """
    own, other = weakref.ref(dock), None if behind is None else weakref.ref(behind)

    def bring() -> None:
        found, front = own(), None if other is None else other()
        if found is None or (front is not None and _is_hidden(front)):
            return
        with suppress(RuntimeError):  # closed at once, it has gone before
            found.show()
            found.raise_()
            _show_whole_titles(found)

    QTimer.singleShot(0, bring)


def _show_whole_titles(dock: QDockWidget) -> None:
    """Cut off no title on the tabs that a dock is among; Qt would leave a letter of each."""
    window = dock.parentWidget()
    for bar in window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
        if dock.windowTitle() in (bar.tabText(i) for i in range(bar.count())):
            bar.setElideMode(Qt.TextElideMode.ElideNone)
            bar.setUsesScrollButtons(True)


def enclosing_dock(widget: QWidget) -> QDockWidget | None:
    """Return the dock that a widget lies in, None if it lies in none."""
    around = widget.parentWidget()
    while around is not None and not isinstance(around, QDockWidget):
        around = around.parentWidget()
    return around


def keep_entitled(dock: QDockWidget, title: str) -> None:
    """Give a dock a short title for good; the name by which napari knows it stays.

    napari makes the bar above a dock anew when it is moved, with the name in it.
    """
    own = weakref.ref(dock)
    for moved in (dock.dockLocationChanged, dock.topLevelChanged):
        moved.connect(lambda: _entitle(own(), title))
    _entitle(dock, title)


def _entitle(dock: QDockWidget | None, title: str) -> None:
    if dock is None:
        return
    dock.setWindowTitle(title)
    bar = dock.titleBarWidget()
    for label in bar.findChildren(QLabel) if bar is not None else ():
        if label.text():
            label.setText(title)
