import os
import re
import subprocess
import sys

import pytest

from napari_tessera.deep import openmp


@pytest.fixture
def unloaded(monkeypatch):
    """Nothing is chosen, and PyTorch is not loaded."""
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    for name in openmp.CHOSEN:
        monkeypatch.delenv(name, raising=False)


def test_threads_that_wait_sleep_soon(unloaded):
    openmp.sleep_soon()
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    assert os.environ["GOMP_SPINCOUNT"] == "1000"


@pytest.mark.parametrize("name", openmp.CHOSEN)
def test_what_people_choose_stays(unloaded, monkeypatch, name):
    monkeypatch.setenv(name, "7")
    openmp.sleep_soon()
    assert [os.environ.get(each) for each in openmp.CHOSEN if each != name] == [None] * 3
    assert os.environ[name] == "7"


def test_it_is_too_late_where_torch_is_loaded(unloaded, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", sys)
    openmp.sleep_soon()
    assert "OMP_WAIT_POLICY" not in os.environ


def test_it_is_said_before_torch_is_loaded():
    chosen = {n: v for n, v in os.environ.items() if n not in openmp.CHOSEN}
    done = subprocess.run(
        [sys.executable, "-c", "import napari_tessera.deep.devices"],
        env={**chosen, "OMP_DISPLAY_ENV": "verbose"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    # one OpenMP says it: that of PyTorch, as nothing else brings one
    said = done.stderr + done.stdout
    assert re.findall(r"OMP_WAIT_POLICY\s*=\s*'(\w+)'", said)[0] == "PASSIVE"
    assert re.findall(r"GOMP_SPINCOUNT\s*=\s*'(\w+)'", said)[0] == "1000"
