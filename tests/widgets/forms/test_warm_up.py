import threading
import time

from napari_tessera.widgets.forms import warm_up

from ..conftest import wait


def test_one_thing_is_warmed_up_at_a_time_and_once(qapp, monkeypatch):
    monkeypatch.setattr(warm_up, "REST_MS", 0)
    seen, inside = [], threading.Semaphore(1)

    def work(name):
        assert inside.acquire(blocking=False)
        time.sleep(0.02)
        seen.append(name)
        inside.release()

    monkeypatch.setattr(warm_up, "_run_once", work)
    for name in ("a test", "another", "a test"):
        warm_up.warm_up_method(name)
    wait(lambda: len(seen) == 2)
    assert sorted(seen) == ["a test", "another"]
