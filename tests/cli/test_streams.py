import io
import os
import subprocess
import sys

import numpy as np
import pytest

from napari_tessera.cli.streams import SteadyStream, steady_streams

UNIX = pytest.mark.skipif(
    sys.platform == "win32", reason="descriptors are passed on in another way"
)
FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")  # noqa: PTH110


@pytest.fixture
def images(tmp_path):
    for name in ("a.npy", "b-é日.npy"):
        np.save(tmp_path / name, np.arange(64, dtype=np.uint8).reshape(8, 8))
    return tmp_path


def run(folder, *words, code="", **options):
    """Run the command line in an interpreter of its own; `code` comes first."""
    words = [str(word) for word in words]
    code += f"\nfrom napari_tessera.cli.app import main\nmain({words!r})"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, check=False, timeout=300, **options
    )


def batch(folder, code="", inputs=("a.npy", "b-é日.npy"), **options):
    """Write two files and return the exit status."""
    status = run(folder, "label", *inputs, "--output", "out", code=code, **options).returncode
    names = sorted(path.name for path in (folder / "out").iterdir())
    assert names == ["a-label.tif", "b-é日-label.tif", "batch.jsonl"]
    return status


@UNIX
def test_a_batch_goes_on_without_a_reader(images):
    read, write = os.pipe()
    os.close(read)
    try:
        assert batch(images, stdout=write) == 0
    finally:
        os.close(write)


@FULL
def test_a_batch_goes_on_when_the_disk_is_full_behind_it(images):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        assert batch(images, stdout=full, stderr=subprocess.DEVNULL) == 1
        said = run(images, "list", stdout=full, stderr=subprocess.PIPE)
        assert said.returncode == 1
        assert b"the output cannot be written: No space left" in said.stderr
        assert batch(images, inputs=("*.npy", "--again"), stderr=full) == 0


@UNIX
@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_a_batch_goes_on_without_streams(images, closed):
    # closed before Python begins, as 2>&- does
    closing = " ".join(f"{number}>&-" for number in closed)
    code = "from napari_tessera.cli.app import main; main()"
    line = f'exec "{sys.executable}" -c "{code}" label *.npy gone.npy --output out {closing}'
    done = subprocess.run(line, shell=True, cwd=images, capture_output=True, check=False)
    assert done.returncode == 1  # of the file that is not there
    assert len(list((images / "out").glob("*.tif"))) == 2
    assert (b"gone.npy" in done.stderr) is (2 not in closed)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_names_that_a_console_cannot_show_are_escaped(images, encoding):
    code = f"import sys; sys.stdout.reconfigure(encoding={encoding!r}, errors='strict')"
    with (images / "said.txt").open("wb") as said:
        assert batch(images, code=code, stdout=said) == 0
    assert b"\\u65e5" in (images / "said.txt").read_bytes()


def test_what_is_written_arrives(capsys):
    with steady_streams() as out:
        sys.stdout.write("said\n")
        sys.stderr.write("complained\n")
    assert out.error is None
    assert capsys.readouterr() == ("said\n", "complained\n")


def test_other_questions_are_answered_by_the_stream():
    stream = SteadyStream(io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert (stream.encoding, stream.errors) == ("ascii", "backslashreplace")
    assert not stream.isatty()
