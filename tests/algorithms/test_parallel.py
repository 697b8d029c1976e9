import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from scipy import ndimage

from napari_tessera.algorithms import parallel as tiles
from napari_tessera.algorithms.parallel import (
    cores_given,
    in_order,
    map_pieces,
    map_slabs,
    on_cores,
)


def test_results_come_in_order_whoever_is_first():
    gates = [threading.Event() for _ in range(2)]

    def work(i):
        if i == 0:
            assert gates[1].wait(10)  # the first ends only after the second
        if i == 1:
            gates[1].set()
        return i * i

    assert list(in_order(work, range(5), workers=2)) == [0, 1, 4, 9, 16]


def test_a_failure_reaches_the_caller_and_drops_the_rest():
    done = []

    def work(i):
        if i == 1:
            raise ValueError(i)
        done.append(i)
        return i

    with pytest.raises(ValueError, match="1"):
        list(in_order(work, range(100), workers=2))
    assert len(done) < 10


def test_no_more_cores_are_taken_than_are_given():
    here = threading.current_thread()
    with on_cores(1):
        assert set(in_order(lambda _: threading.current_thread(), range(5), workers=4)) == {here}
    assert here not in set(in_order(lambda _: threading.current_thread(), range(5), workers=4))


def test_cores_are_given_for_a_while():
    assert cores_given() is None
    with on_cores(3):
        assert cores_given() == 3
        with on_cores(1):
            assert cores_given() == 1
        assert cores_given() == 3
    assert cores_given() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_has_threads_of_its_own():
    code = """
import os
from napari_tessera.algorithms.parallel import in_order
list(in_order(str, range(3), workers=2))
child = os.fork()
if not child:
    os._exit(list(in_order(int, range(3), workers=2)) != [0, 1, 2])
assert os.waitpid(child, 0)[1] == 0
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_slabs_give_exactly_what_the_whole_gives(rng, monkeypatch):
    monkeypatch.setattr(tiles, "SLAB", 500)
    image = rng.random((61, 50)).astype(np.float32)
    seen = []
    result = map_slabs(
        lambda slab: ndimage.gaussian_filter(slab, 2, truncate=4),
        image,
        8,
        np.float32,
        lambda progress: seen.append(progress.done),
    )
    np.testing.assert_array_equal(result, ndimage.gaussian_filter(image, 2, truncate=4))
    assert len(seen) > 2
    assert seen[-1] == 1


def test_pieces_may_say_who_works_on_them():
    class Pieces:
        def mapped(self, function):
            return [function(5)]

    assert list(map_pieces(abs, Pieces())) == [5]
    assert list(map_pieces(abs, iter([-1, -2]))) == [1, 2]
