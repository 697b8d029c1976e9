import os
import subprocess
import sys

import pytest

from napari_tessera.algorithms.file_lock import FileLock

HOLDER = """
import sys, time
from pathlib import Path
from napari_tessera.algorithms.file_lock import FileLock
print(FileLock(Path(sys.argv[1])).take(), flush=True)
sys.stdin.read()
"""


def test_one_holds_it_and_the_next_gets_it(tmp_path):
    place = tmp_path / "lock"
    with FileLock(place) as first:
        assert first.take()
        assert first.take()  # once is enough
        assert not FileLock(place).take()
    assert not place.exists()
    with FileLock(place) as second:
        assert second.take()


def test_a_file_left_behind_is_no_lock(tmp_path):
    place = tmp_path / "lock"
    place.write_text("4711")
    with FileLock(place) as lock:
        assert lock.take()


def test_it_ends_with_the_process_that_is_killed(tmp_path):
    place = tmp_path / "lock"
    words = [sys.executable, "-c", HOLDER, str(place)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline().strip() == b"True"
        assert not FileLock(place).take()
        holder.kill()
        holder.wait()
    assert place.exists()
    with FileLock(place) as lock:
        assert lock.take()


@pytest.mark.skipif(sys.platform == "win32", reason="there, an open file is never removed")
def test_a_file_that_its_holder_removes_meanwhile_is_locked_anew(tmp_path, monkeypatch):
    place = tmp_path / "lock"
    first, opened = FileLock(place), os.open

    def late(*args):
        file = opened(*args)
        first.release()  # between opening and locking
        return file

    assert first.take()
    monkeypatch.setattr(os, "open", late)
    second = FileLock(place)
    assert second.take()
    monkeypatch.undo()
    assert not FileLock(place).take()
    second.release()


def test_where_there_are_no_locks_everybody_gets_one(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert FileLock(tmp_path / "lock").take()
