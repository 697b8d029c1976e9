import threading
import time

import numpy as np
from napari.layers import Image

from napari_tessera.widgets.forms import warm_up

from ..conftest import wait


def test_one_thing_is_warmed_up_at_a_time_and_once(qapp, monkeypatch):
    monkeypatch.setattr(warm_up, "REST_MS", 0)
    seen, inside = [], threading.Semaphore(1)

    def work(name, kind):
        assert inside.acquire(blocking=False)
        time.sleep(0.02)
        seen.append((name, kind.name))
        inside.release()

    monkeypatch.setattr(warm_up, "_run_once", work)
    layer = Image(np.zeros((4, 4), np.uint16))
    for name, of in (("a test", None), ("another", None), ("a test", None), ("a test", layer)):
        warm_up.warm_up_method(name, of)
    wait(lambda: len(seen) == 3)
    assert sorted(seen) == [("a test", "uint16"), ("a test", "uint8"), ("another", "uint8")]
