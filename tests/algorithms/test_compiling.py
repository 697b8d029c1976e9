from numba import njit

from napari_tessera.algorithms import compiling as module
from napari_tessera.algorithms.compiling import compiling


def test_it_is_heard_while_a_kernel_is_compiled_and_not_when_it_only_runs(monkeypatch):
    monkeypatch.setattr(module, "_GAP_S", 0)
    heard, seen = compiling(), []
    monkeypatch.setattr(type(heard), "on_start", _noting(heard.on_start, heard, seen))

    @njit
    def double(number):
        return 2 * number

    assert not heard.now
    assert double(4) == 8
    assert seen == [True]
    assert not heard.now
    assert double(5) == 10
    assert seen == [True]


def _noting(on_start, heard, seen):
    def noting(_, event):
        on_start(event)
        seen.append(heard.now)

    return noting
