"""What is wanted is done in its order; what is not wanted any more is dropped."""

import threading

import pytest

from napari_tessera.pipeline.live.queue import LiveQueue
from napari_tessera.signature.progress import Progress, Stop


class Worker:
    """Work that waits at each item until it may go on."""

    def __init__(self):
        self.begun, self.done, self.dropped = [], [], []
        self.arrived, self.gate = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, item, report):
        self.begun.append(item)
        self.arrived.release()
        assert self.gate.acquire(timeout=30)
        try:
            report(Progress(0, 1))
        except Stop:
            self.dropped.append(item)
            raise
        self.done.append(item)


@pytest.fixture
def worker():
    return Worker()


def go_on(worker, times):
    for _ in range(times):
        worker.gate.release()


def test_items_are_done_in_their_order(worker):
    queue = LiveQueue(worker, 1, "test")
    go_on(worker, 3)
    queue.want(["b", "a", "c"])
    assert queue.wait(30)
    assert worker.done == ["b", "a", "c"]
    assert not queue.is_busy


def test_what_is_not_wanted_any_more_is_dropped(worker):
    queue = LiveQueue(worker, 1, "test")
    queue.want(["a", "b", "c"])
    assert worker.arrived.acquire(timeout=30)
    queue.want(["d"])
    go_on(worker, 4)
    assert queue.wait(30)
    assert worker.begun == ["a", "d"]
    assert (worker.dropped, worker.done) == (["a"], ["d"])


def test_what_is_wanted_still_goes_on(worker):
    queue = LiveQueue(worker, 1, "test")
    queue.want(["a", "b"])
    assert worker.arrived.acquire(timeout=30)
    queue.want(["c", "a"])
    go_on(worker, 4)
    assert queue.wait(30)
    assert worker.done == ["a", "c"]


def test_what_is_wanted_again_while_it_is_dropped_is_done():
    queue, told, back = None, threading.Event(), threading.Event()
    done = []

    def work(item, report):
        if not back.is_set():
            queue.want([])
            try:
                report(Progress(0, 1))
            finally:
                told.set()
                queue.want([item])
                back.set()
        done.append(item)

    queue = LiveQueue(work, 1, "test")
    queue.want(["a"])
    assert queue.wait(30)
    assert told.is_set()
    assert done == ["a"]


def test_no_thread_is_left_when_it_is_closed(worker):
    queue = LiveQueue(worker, 2, "closed queue")
    queue.want(["a", "b", "c"])
    for _ in range(2):
        assert worker.arrived.acquire(timeout=30)
    queue.close()
    queue.want(["d"])
    go_on(worker, 4)
    assert queue.wait(30)
    assert worker.done == []
    assert not [each for each in threading.enumerate() if each.name == "closed queue"]


def test_waiting_ends_when_patience_does(worker):
    queue = LiveQueue(worker, 1, "test")
    queue.want(["a"])
    assert not queue.wait(0.01)
    go_on(worker, 1)
    assert queue.wait(30)


def test_what_fails_is_told_and_not_tried_again():
    tried = []

    def work(item, report):
        tried.append(item)
        if item == "bad":
            raise OSError("no such block")

    queue = LiveQueue(work, 1, "test")
    for _ in range(2):
        queue.want(["bad", "good"])
        assert queue.wait(30)
    assert str(queue.error) == "no such block"
    assert tried == ["bad", "good", "good"]
