import subprocess
import sys
from threading import Event

import pytest

from napari_tessera.algorithms.file_lock import FileLock
from napari_tessera.deep import graphics_cards
from napari_tessera.deep.graphics_cards import one_for_each_process, own_number


def cards():
    return ["uuid a", "uuid b"]


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    """Begin as a process of its own, on a computer where no card is taken."""
    monkeypatch.setattr(graphics_cards.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(graphics_cards, "_SHARED", Event())
    graphics_cards._taken.cache_clear()
    yield
    for lock in tmp_path.glob("*.lock"):
        graphics_cards._lock(lock).release()
    graphics_cards._taken.cache_clear()


def test_cards_are_not_shared_out_unless_asked_for():
    assert own_number(cards) is None
    one_for_each_process()
    assert own_number(cards) == 0
    assert own_number(cards) == 0
    assert own_number(lambda: cards()[:1]) is None


def test_each_process_takes_a_card_of_its_own_and_keeps_it(tmp_path):
    code = (
        "import sys, tempfile; tempfile.tempdir = sys.argv[1]\n"
        "from napari_tessera.deep.graphics_cards import one_for_each_process, own_number\n"
        "one_for_each_process()\n"
        "print(own_number(lambda: ['uuid a', 'uuid b']), flush=True)\n"
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    numbers, processes = [], []
    for _ in range(2):
        processes.append(subprocess.Popen(command, **pipes))
        numbers.append(processes[-1].stdout.readline().strip())
    assert numbers == ["0", "1"]
    one_for_each_process()
    assert own_number(cards) in (0, 1)  # there is none left: one is shared
    processes[0].kill()
    processes[0].communicate()
    graphics_cards._taken.cache_clear()
    assert own_number(cards) == 0
    processes[1].communicate("")


def test_a_card_that_another_user_has_is_left_out(monkeypatch):
    def take(self):
        if "uuid a" in str(self.path):
            raise PermissionError
        return True

    monkeypatch.setattr(FileLock, "take", take)
    one_for_each_process()
    assert own_number(cards) == 1
