import pytest
from qtpy.QtWidgets import QApplication

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
