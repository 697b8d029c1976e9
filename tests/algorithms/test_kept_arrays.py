import numpy as np
import pytest

from napari_tessera.algorithms.kept_arrays import SHARE, KeptArrays, free_memory


def test_arrays_are_kept_as_long_as_they_fit():
    kept = KeptArrays(10)
    first, second = np.zeros(8, np.uint8), np.zeros(4, np.uint8)
    assert kept.put("first", first)
    assert kept.put("first", first)  # nothing more is taken for it
    assert not kept.put("second", second)
    assert kept.get("first") is first
    assert kept.get("second") is None
    assert kept.taken("first") is first
    assert kept.taken("first") is None
    assert kept.put("second", second)


def test_a_share_of_the_memory_is_taken_and_no_more_than_a_process_may_have(monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    assert free_memory() > 0
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1, 1))
    assert free_memory() == 0
    assert not KeptArrays().put("first", np.zeros(1, np.uint8))
    assert 0 < SHARE < 1
