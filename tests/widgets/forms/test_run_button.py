"""A button that works in a thread and becomes Stop."""

import threading

import pytest

from napari_tessera.signature.progress import Progress
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.forms.run_button import Running

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
