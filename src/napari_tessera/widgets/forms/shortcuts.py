"""Keys that press the buttons of the form in front, from anywhere in the viewer.

napari drops the keys that a plugin's manifest names, but lists the actions that it knows under
Preferences > Shortcuts, where they can be changed: these are some of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from qtpy.QtWidgets import QAbstractItemView, QApplication, QMainWindow, QPushButton, QWidget

from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.qt.buttons import (
    AcceptButton,
    NextButton,
    PreviewBox,
    PreviousButton,
    RunButton,
    TakeBackButton,
)
from napari_tessera.widgets.qt.dock import FormDocks

if TYPE_CHECKING:
    from napari.components import ViewerModel

_Part = TypeVar("_Part", bound=QWidget)


def press_run(viewer: ViewerModel) -> None:
    """Run or stop the form in front."""
    for button in _parts(viewer, RunButton):
        button.click()
        return


def press_preview(viewer: ViewerModel) -> None:
    """Show or hide the preview of the form in front."""
    for box in _parts(viewer, PreviewBox):
        box.click()


def next_row(viewer: ViewerModel) -> None:
    """Go to the next row of the list in the form in front."""
    for table in _parts(viewer, QAbstractItemView):
        rows = table.selectionBehavior() == QAbstractItemView.SelectionBehavior.SelectRows
        below = table.model().index(table.currentIndex().row() + 1, 0)
        if rows and below.isValid():
            table.setCurrentIndex(below)
            table.clicked.emit(below)  # as a click would


def next_object(viewer: ViewerModel) -> None:
    """Proofread: go to the next object."""
    _press(viewer, NextButton)


def previous_object(viewer: ViewerModel) -> None:
    """Proofread: go to the object before."""
    _press(viewer, PreviousButton)


def accept_object(viewer: ViewerModel) -> None:
    """Proofread: accept the object and go to the next one."""
    _press(viewer, AcceptButton)


def take_back_object(viewer: ViewerModel) -> None:
    """Proofread: take it back that the object is accepted."""
    _press(viewer, TakeBackButton)


ACTIONS: dict[Callable[[ViewerModel], None], tuple[str, str]] = {
    press_run: ("napari-tessera:run", "Ctrl+Enter"),
    press_preview: ("napari-tessera:preview", "Ctrl+Shift+V"),
    next_row: ("napari-tessera:next", "Ctrl+Shift+N"),
    next_object: ("napari-tessera:next_object", "N"),
    previous_object: ("napari-tessera:previous_object", "Shift+N"),
    accept_object: ("napari-tessera:accept_object", "A"),
    take_back_object: ("napari-tessera:take_back_object", "Shift+A"),
}
"""Their names among napari's actions, and their keys unless the user has chosen others."""


@cache
def offer_shortcuts() -> None:
    """Let napari know the actions, once."""
    from napari.components import ViewerModel
    from napari.settings import get_settings
    from napari.utils.action_manager import action_manager

    for command, (name, key) in ACTIONS.items():
        action_manager.register_action(name, command, f"Tessera: {_title(command)}", ViewerModel)
        if name not in get_settings().shortcuts.shortcuts:
            action_manager.bind_shortcut(name, key)


def keys_of(command: Callable[[ViewerModel], None]) -> str:
    """Return the keys of an action for people, such as " (Ctrl+Enter)", or "" without any."""
    from napari.settings import get_settings
    from napari.utils.interactions import Shortcut

    name, usual = ACTIONS[command]
    chosen = get_settings().shortcuts.shortcuts.get(name, [usual])
    return f" ({Shortcut(chosen[0]).platform})" if chosen else ""


def _title(command: Callable[[ViewerModel], None]) -> str:
    return str(command.__doc__).strip().rstrip(".")


def _press(viewer: ViewerModel, kind: type[QPushButton]) -> None:
    for button in _parts(viewer, kind):
        button.click()


def _parts(viewer: ViewerModel, kind: type[_Part]) -> Iterator[_Part]:
    """Yield the parts of one kind that are shown in the form in front."""
    windows = [each for each in QApplication.topLevelWidgets() if isinstance(each, QMainWindow)]
    for docks in (window.findChild(FormDocks) for window in windows):
        dock = None if docks is None else docks.front
        form = None if dock is None else dock.findChild(Form)
        # napari hands out its viewer in a wrapper
        if form is not None and getattr(form.viewer, "__wrapped__", form.viewer) is viewer:
            yield from (each for each in form.findChildren(kind) if each.isVisibleTo(form))
