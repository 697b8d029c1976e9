"""A button that works in a thread and becomes Stop."""

import threading

import pytest
from numba.core import event
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QSpinBox

from napari_tessera.signature.progress import Progress
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.forms.progress_text import COMPILES
from napari_tessera.widgets.forms.run_button import Running
from napari_tessera.widgets.qt.buttons import RunButton

from ..conftest import wait


@pytest.fixture
def form(viewer):
    form = Form(viewer)
    viewer.window.add_dock_widget(form, name="counting")
    yield form
    form.release()


@pytest.fixture
def running(form):
    made = Running(form, "Count", lambda: made.begin())
    form.lay_out(made.button, made.bar, form.message)
    return made


def test_what_is_done_is_handed_over(form, running):
    found = []
    running.begin = lambda: running.start(
        lambda report: report(Progress(1, 2)) or 42, title="", finished=found.append
    )
    running.button.click()
    assert running.button.text() == "Stop"
    wait(lambda: running.job is None)
    assert found == [42]
    assert (running.button.text(), form.message.text()) == ("Count", "")
    assert not running.bar.isVisibleTo(form)


def test_a_second_press_stops(form, running):
    begun, found = threading.Event(), []

    def work(report):
        begun.set()
        while True:
            report(Progress(0, 1))

    running.begin = lambda: running.start(work, title="", finished=found.append)
    running.button.click()
    wait(begun.is_set)
    running.button.click()
    assert (running.job, running.button.text()) == (None, "Count")
    assert form.message.text() == "Stopped."
    assert found == []


def test_what_goes_wrong_is_said_in_red(form, running):
    def fail(report):
        raise RuntimeError("no paper")

    running.begin = lambda: running.start(fail, title="", finished=pytest.fail)
    running.button.click()
    wait(lambda: running.job is None)
    assert form.message.text() == "RuntimeError: no paper"
    assert "color" in form.message.styleSheet()

    def refuse():
        raise ValueError("image is missing")

    running.begin = refuse
    running.button.click()
    assert (running.job, form.message.text()) == (None, "image is missing")


def unending(report):
    while True:
        report(Progress(0, 1, {"note": "still at it"}))


def test_a_double_click_begins_and_does_not_stop(form, running):
    running.begin = lambda: running.start(unending, title="Counting", finished=pytest.fail)
    assert isinstance(running.button, RunButton)
    QTest.mouseClick(running.button, Qt.MouseButton.LeftButton)
    QTest.mouseDClick(running.button, Qt.MouseButton.LeftButton)
    assert running.job is not None
    running.stop()


def test_esc_stops_from_any_field_of_the_form(form, running):
    field = QSpinBox(form)
    running.begin = lambda: running.start(unending, title="", finished=pytest.fail)
    running.button.click()
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert (running.job, form.message.text()) == (None, "Stopped.")
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert running.job is None


def test_nothing_is_said_after_the_stop_that_was_on_the_way(form):
    go, told = threading.Event(), []

    def work(report):
        report(Progress(0, 1, {"note": "begun"}))
        go.wait(30)
        report(Progress(0, 1, {"note": "the second half has begun"}))

    def stop():
        form.say("Stopping; the best is kept ...")
        go.set()

    running = Running(form, "Train", lambda: begin(), stop=stop)

    def begin():
        running.start(work, title="", finished=lambda _: told.append(form.message.text()))

    running.button.click()
    wait(lambda: form.message.text() == "begun")
    running.button.click()
    wait(lambda: running.job is None)
    assert told == ["Stopping; the best is kept ..."]
    assert running.notes == ["begun", "the second half has begun"]


def test_a_press_while_napari_shows_its_bar_begins_nothing_more(form, running, monkeypatch):
    begun = []

    def begin():
        begun.append(1)
        running.start(unending, title="Counting", finished=pytest.fail)

    running.begin = begin
    # napari lets Qt work, and so buttons be pressed, whenever it shows something of its bar
    shown = lambda **_: running.button.click()  # noqa: E731
    monkeypatch.setattr("napari_tessera.widgets.job.activity", lambda **_: _Bar(shown))
    running.button.click()
    wait(lambda: running.job is None)
    assert begun == [1]
    assert form.message.text() == "Stopped."


class _Bar:
    n = 0

    def __init__(self, shown):
        shown()

    def update(self, by): ...

    def close(self): ...


def test_it_says_that_kernels_are_compiled_while_they_are(form, running):
    said, say = [], form.message.say
    begun, ended = threading.Event(), threading.Event()

    def hear(text, **how):
        if text == COMPILES:
            begun.set()
        elif begun.is_set():
            ended.set()
        said.append(text)
        say(text, **how)

    def work(report):
        event.start_event("numba:compile")
        begun.wait(30)
        event.end_event("numba:compile")
        ended.wait(30)

    def begin():
        running.start(work, title="", finished=lambda _: form.say("done"))
        form.say("counting ...")

    form.message.say = hear
    running.begin = begin
    running.button.click()
    wait(lambda: running.job is None)
    assert said == ["", "counting ...", COMPILES, "counting ...", "done"]
