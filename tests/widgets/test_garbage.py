"""Whose thread garbage ends in."""

import gc
import threading

from napari_tessera.widgets.garbage import garbage
from napari_tessera.widgets.job import Job

from .conftest import wait


def test_no_garbage_ends_in_the_thread_of_a_job(qtbot):
    ended, made = [], 5000

    class Round:
        def __init__(self):
            self.own = self

        def __del__(self):
            ended.append(threading.get_ident())

    def work(report):
        for _ in range(made):
            Round()

    job = Job(work, title="", finished=lambda _: None, failed=lambda _: None)
    job.start()
    wait(lambda: not job.running)
    wait(lambda: len(ended) == made)
    assert set(ended) == {threading.get_ident()}
    wait(gc.isenabled)


def test_python_collects_again_when_the_last_thread_has_ended(qtbot):
    own = garbage()
    wait(gc.isenabled)
    own.begin()
    own.begin()
    own.end()
    assert not gc.isenabled()
    own.end()
    assert gc.isenabled()
