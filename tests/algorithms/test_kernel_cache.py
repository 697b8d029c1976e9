import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from napari_tessera.algorithms import kernel_cache
from napari_tessera.algorithms.kernel_cache import VARIABLE, ensure_cache

# what numba asks before it keeps anything; root may write everywhere
NOWHERE = """
import os, tempfile
from pathlib import Path
allowed = Path(os.environ["ALLOWED"])
access, temporary = os.access, tempfile.TemporaryFile

def refused(path):
    return not Path(path).is_relative_to(allowed)

def refusing(*, dir):
    if refused(dir):
        raise OSError(30, "Read-only file system")
    return temporary(dir=dir)

os.access = lambda path, mode: not (mode & os.W_OK and refused(path)) and access(path, mode)
tempfile.TemporaryFile = refusing
tempfile.tempdir = str(allowed)
"""


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """Let nothing be written but in the folder of temporary files."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(kernel_cache, "_writable", lambda folder: False)
    # undone after the test, whatever it sets
    monkeypatch.setattr("numba.config.CACHE_DIR", "")
    monkeypatch.setattr(os, "environ", dict(os.environ))
    return tmp_path


def test_compiled_code_stays_where_it_can_be_kept(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    ensure_cache()
    assert VARIABLE not in os.environ


def test_where_nothing_can_be_written_it_is_temporary(nowhere, caplog):
    import numba

    ensure_cache()
    folder = Path(os.environ[VARIABLE])
    assert folder.parent == nowhere
    assert str(folder) == numba.config.CACHE_DIR
    assert f"Compiled code is kept in {folder}" in caplog.text
    caplog.clear()
    ensure_cache()
    assert caplog.text == ""


@pytest.mark.skipif(sys.platform == "win32", reason="temporary files are the user's own there")
def test_a_folder_that_others_can_write_to_is_not_taken(nowhere):
    ensure_cache()
    folder = Path(os.environ.pop(VARIABLE))
    folder.chmod(0o777)
    ensure_cache()
    assert os.environ[VARIABLE] != str(folder)


def test_kernels_are_loaded_and_kept_without_a_home(tmp_path):
    code = f"{NOWHERE}\nimport numpy\nfrom napari_tessera.algorithms.labels.boxes import found\n"
    code += "print(len(found(numpy.eye(3, dtype=numpy.uint8)).ids))"
    kept = {k: v for k, v in os.environ.items() if k not in ("HOME", VARIABLE, "XDG_CACHE_HOME")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, "ALLOWED": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1"
    assert "Compiled code is kept in" in done.stderr
    assert list(tmp_path.rglob("*.nbc"))
