import threading
import weakref

import pytest
from qtpy.QtWidgets import QApplication

from napari_tessera.signature.progress import Progress
from napari_tessera.widgets.job import Job

from .conftest import wait


@pytest.fixture
def job(qtbot):
    """A job that keeps what it did in `seen`, in order."""
    seen = []
    job = Job(
        lambda report: seen.append("worked"), title="", finished=seen.append, failed=seen.append
    )
    begin = job._worker.start
    job._worker.start = lambda: (seen.append("begun"), begin())
    job.seen = seen
    return job


def test_it_begins_when_qt_is_idle_and_hands_over_what_came_of_it(job):
    job.start()
    assert job.seen == []
    wait(lambda: not job.running)
    assert job.seen == ["begun", "worked", None]


def test_stopped_before_it_began_it_never_runs(job):
    job.start()
    job.stop()
    QApplication.processEvents()
    assert job.seen == []
    assert not job.running


def test_what_is_noted_is_said_once_each_and_before_the_end(qapp):
    heard = []

    def work(report):
        for note in ("memory is short", "memory is short", "smaller tiles"):
            report(Progress(0, 1, {"note": note}))

    job = Job(
        work,
        title="",
        finished=lambda _: heard.append("end"),
        failed=pytest.fail,
        noted=heard.append,
    )
    job.start()
    wait(lambda: "end" in heard)
    assert heard == ["memory is short", "smaller tiles", "end"]
    assert job.notes == heard[:2]


def test_a_worker_that_everybody_has_forgotten_ends_in_the_thread_of_the_viewer(qapp):
    begun, go, ended_in = threading.Event(), threading.Event(), []

    def work(report):
        begun.set()
        go.wait(30)

    job = Job(work, title="", finished=pytest.fail, failed=pytest.fail)
    weakref.finalize(job._worker, lambda: ended_in.append(threading.current_thread()))
    job.start()
    wait(begun.is_set)
    job.stop()
    del job
    go.set()
    wait(lambda: ended_in)
    assert ended_in == [threading.main_thread()]
