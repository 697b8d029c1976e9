"""A button that works in a thread and becomes Stop."""

import threading

import pytest
from qtpy.QtWidgets import QWidget

from napari_tessera.signature.progress import Progress
from napari_tessera.widgets.forms.run_button import Running

from ..conftest import wait


@pytest.fixture
def running(qtbot):
    form = QWidget()
    qtbot.addWidget(form)
    made = Running(form, "Count", lambda: made.begin())
    yield made
    made.stop()


def test_what_is_done_is_handed_over(running):
    found = []
    running.begin = lambda: running.start(
        lambda report: report(Progress(1, 2)) or 42, title="", finished=found.append
    )
    running.button.click()
    assert running.button.text() == "Stop"
    wait(lambda: running.job is None)
    assert found == [42]
    assert (running.button.text(), running.message.text()) == ("Count", "")
    assert not running.bar.isVisibleTo(running.bar.parentWidget())


def test_a_second_press_stops(running):
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
    assert running.message.text() == "Stopped."
    assert found == []


def test_what_goes_wrong_is_said_in_red(running):
    def fail(report):
        raise RuntimeError("no paper")

    running.begin = lambda: running.start(fail, title="", finished=pytest.fail)
    running.button.click()
    wait(lambda: running.job is None)
    assert running.message.text() == "no paper"
    assert "color" in running.message.styleSheet()

    def refuse():
        raise ValueError("image is missing")

    running.begin = refuse
    running.button.click()
    assert (running.job, running.message.text()) == (None, "image is missing")
