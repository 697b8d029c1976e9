"""What all forms have: what they watch and have under way ends with them."""

import threading

import numpy as np
import pytest
from napari.settings import get_settings
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QComboBox, QLineEdit, QSpinBox, QToolButton

from napari_tessera.widgets.editing import edit_objects
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.forms.run_button import Running
from napari_tessera.widgets.plugin.menu import open_form
from napari_tessera.widgets.recipe.form import RecipeForm

from ..conftest import wait


class Gate:
    """Work that waits until it is let go, and then gives something or fails."""

    def __init__(self, error=None):
        self.error, self.begun, self.go, self.ended = error, *(threading.Event() for _ in range(3))

    def __call__(self, *_):
        self.begun.set()
        self.go.wait(30)
        self.ended.set()
        if self.error is not None:
            raise self.error
        return 42


class Counting(Form):
    """A form with one button, whose work is a gate."""

    title = "Counting"

    def __init__(self, viewer):
        super().__init__(viewer)
        self.gate, self.found, self.heard = Gate(), [], []
        self.running = Running(self, "Count", self.count)
        self.lay_out("Counts.", self.running.button, self.running.bar, self.message)
        self.watch_layers(self.heard.append)

    def count(self):
        self.running.start(self.gate, title="", finished=self.found.append)


@pytest.fixture
def form(viewer):
    made = Counting(viewer)
    yield made
    made.gate.go.set()
    made.release()


def docked(viewer, form):
    dock = viewer.window.add_dock_widget(form, name="counting")
    form.running.button.click()
    wait(form.gate.begun.is_set)
    return dock


def ended(form):
    """Let the work end, and Qt deliver whatever it has to say of that."""
    form.gate.go.set()
    job = form._jobs[-1]
    wait(lambda: form.gate.ended.is_set() and not job._worker.is_running)
    QApplication.processEvents()


def test_work_is_handed_over_and_layers_are_heard_of(viewer, form):
    docked(viewer, form)
    assert form.running.button.text() == "Stop"
    form.gate.go.set()
    wait(lambda: form.running.job is None)
    assert form.found == [42]
    viewer.add_image(np.zeros((4, 4)))
    assert len(form.heard) == 1


@pytest.mark.parametrize("error", [None, ValueError("no"), RuntimeError("broken")])
def test_work_never_reaches_a_deleted_form(viewer, form, quiet_errors, error):
    form.gate.error = error
    dock = docked(viewer, form)
    dock.destroyOnClose()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    with pytest.raises(RuntimeError, match="deleted"):
        form.message.text()
    ended(form)  # an error in a slot would fail the test
    assert (form.found, quiet_errors) == ([], [])


def test_closing_the_dock_stops_the_work_and_disconnects_everything(viewer, form):
    events = viewer.layers.events
    before = len(events.inserted.callbacks)
    docked(viewer, form)
    viewer.window.remove_dock_widget(form)
    assert form.running.job is None
    assert len(events.inserted.callbacks) == before - 1
    ended(form)
    viewer.add_image(np.zeros((4, 4)))
    assert (form.found, form.heard) == ([], [])


def test_what_a_user_has_not_done_is_named_and_notified(viewer, form, quiet_errors):
    form.gate.error = KeyError("z")
    docked(viewer, form)
    form.gate.go.set()
    wait(lambda: form.running.job is None)
    assert form.message.text() == "KeyError: 'z'"
    assert quiet_errors == ["Counting: KeyError: 'z'"]
    assert form.running.button.text() == "Count"


def test_the_edit_form_stops_its_step_when_it_is_released(viewer, monkeypatch):
    gate = Gate()
    monkeypatch.setattr(edit_objects, "worked_out", gate)
    labels = np.zeros((20, 30), np.uint8)
    labels[2:8, 2:8] = 1
    layer = viewer.add_labels(labels)
    form = edit_objects.Surgery(viewer)
    dock = viewer.window.add_dock_widget(form, name="edit")
    form.buttons["Delete"].click()
    form._points = [(4.0, 4.0)]
    form.act()
    wait(gate.begun.is_set)
    job = form.job
    dock.destroyOnClose()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    assert (job.running, form.job) == (False, None)
    gate.go.set()
    wait(lambda: not job._worker.is_running)
    QApplication.processEvents()
    assert layer.data[4, 4] == 1


def test_the_recipe_form_no_longer_follows_the_selection_once_released(viewer):
    selected = viewer.layers.selection.events.active
    before = len(selected.callbacks)
    form = RecipeForm(viewer)
    dock = viewer.window.add_dock_widget(form, name="recipe")
    assert len(selected.callbacks) == before + 1
    dock.destroyOnClose()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    assert len(selected.callbacks) == before
    viewer.add_image(np.zeros((4, 4)))  # an error in a slot would fail the test


def turn(widget):
    """Turn the wheel by a notch over a widget; return whether it was taken."""
    where, notch = QPointF(5, 5), QPoint(0, -120)
    event = QWheelEvent(
        where,
        widget.mapToGlobal(where),
        QPoint(),
        notch,
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


@pytest.mark.on_screen
def test_the_wheel_changes_only_the_field_that_has_the_focus(viewer, form):
    viewer.window.add_dock_widget(form, name="counting")
    QApplication.processEvents()
    number, choice = QSpinBox(), QComboBox()  # they come when the form is open
    choice.addItems(["a", "b"])
    number.setValue(5)
    for each in (number, choice):
        form.layout().addWidget(each)
    wait(number.isVisible)
    for each in (number, choice):
        turn(each)
        assert not each.hasFocus()
    assert (number.value(), choice.currentText()) == (5, "a")
    viewer.window._qt_window.activateWindow()
    number.setFocus()
    wait(number.hasFocus)
    turn(number)
    assert number.value() == 4


@pytest.mark.on_screen
def test_all_that_a_form_shows_has_the_font_size_of_napari(viewer, form):
    get_settings().appearance.font_size = 15
    viewer.window.add_dock_widget(form, name="counting")
    first, later = QLineEdit(), QToolButton()
    form.layout().addWidget(first)
    wait(lambda: first.font().pointSize() == 15)
    form.layout().addWidget(later)  # such as when a section is unfolded
    wait(lambda: later.font().pointSize() == 15)
    get_settings().appearance.font_size = 11
    wait(lambda: {first.font().pointSize(), later.font().pointSize()} == {11})
    viewer.theme = "light"
    QApplication.processEvents()
    assert {first.font().pointSize(), later.font().pointSize()} == {11}


@pytest.mark.parametrize(
    ("name", "field", "kind"),
    [
        ("surgery", "source", "labels"),
        ("explorer", "prediction", "labels"),
        ("proofread", "source", "labels"),
        ("compare", "image", "image"),
    ],
)
def test_forms_begin_on_the_layer_that_is_selected_and_follow_until_one_is_chosen(
    viewer, name, field, kind
):
    add = viewer.add_labels if kind == "labels" else viewer.add_image
    layers = [add(np.eye(9, dtype=np.uint8), name=str(number)) for number in range(3)]
    viewer.layers.selection = {layers[0]}
    chosen = getattr(open_form(viewer, name), field)
    assert chosen.value is layers[0]
    viewer.layers.selection = {layers[1]}
    assert chosen.value is layers[1]
    chosen.value = layers[2]
    viewer.layers.selection = {layers[0]}
    assert chosen.value is layers[2]
