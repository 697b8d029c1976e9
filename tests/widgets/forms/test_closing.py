import threading

import pytest
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_tessera.widgets.forms import closing
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.forms.run_button import Running

from ..conftest import wait

ASKED = "Something runs. Close?"


class ByHand(QCloseEvent):
    """As when somebody closes the window."""

    def spontaneous(self):
        return True


@pytest.fixture
def asked(monkeypatch):
    """What was asked; the answer to all is the first entry of "answers"."""
    questions = []

    def question(parent, title, text, buttons, default):
        questions.append(text)
        assert default == QMessageBox.StandardButton.Cancel
        return question.answer

    question.questions = questions
    monkeypatch.setattr(closing.QMessageBox, "question", question)
    return question


def test_who_closes_the_viewer_is_asked_while_work_runs_that_wants_it(viewer, asked):
    form, go = Form(viewer), threading.Event()
    running = Running(form, "Count", lambda: begin())
    form.lay_out(running.button, running.bar, form.message)
    viewer.window.add_dock_widget(form, name="counting")
    window = form.window()
    reached = []
    window.closeEvent = reached.append

    def begin():
        running.start(lambda report: go.wait(30), title="", finished=bool, at_close=ASKED)

    running.button.click()
    asked.answer = QMessageBox.StandardButton.Cancel
    event = ByHand()
    QApplication.sendEvent(window, event)
    assert (asked.questions, event.isAccepted(), reached) == ([ASKED], False, [])
    assert running.job is not None
    QApplication.sendEvent(window, QCloseEvent())  # a script's
    asked.answer = QMessageBox.StandardButton.Close
    QApplication.sendEvent(window, ByHand())
    assert (len(asked.questions), len(reached)) == (2, 2)
    go.set()
    wait(lambda: running.job is None)
    QApplication.sendEvent(window, ByHand())
    assert (len(asked.questions), len(reached)) == (2, 3)
    del window.closeEvent
    form.release()
