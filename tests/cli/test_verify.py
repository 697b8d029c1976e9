import numpy as np
import pytest
import zarr
from skimage import data

from napari_tessera.cli.app import app
from napari_tessera.cli.verify import verify_command


def call(*words):
    return app()([str(word) for word in words], result_action="return_value")


@pytest.fixture
def result(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("coins.npy", data.coins())
    assert call("threshold", "coins.npy", "--output", "out.zarr") == 0
    return tmp_path / "out.zarr"


def test_a_result_is_made_again_and_compared(result, capsys):
    assert call("verify", "out.zarr") == 0
    assert "out.zarr: threshold; all of it made again: equal" in capsys.readouterr().out
    zarr.open_array(result / "0")[5, 7] = 9
    assert call("verify", "out.zarr", "--all") == 1
    out = capsys.readouterr().out
    assert "differs in 1 pixel, of 116352 compared" in out
    assert "  y 5, x 7" in out


def test_the_input_can_be_given(result, tmp_path, capsys):
    (tmp_path / "coins.npy").rename(tmp_path / "moved.npy")
    assert call("verify", "out.zarr") == 2
    assert "'coins.npy' is not there" in capsys.readouterr().err
    assert call("verify", "out.zarr", "--input", "moved.npy") == 0
    assert verify_command([result], input=tmp_path / "moved.npy", sample=1) == 0


def test_the_worst_of_several_is_the_status(result, capsys):
    assert call("verify", "out.zarr", "coins.npy") == 2
    said = capsys.readouterr()
    assert "equal" in said.out
    assert "coins.npy" in said.err


def test_how_much_is_said_in_one_way(result, capsys):
    assert call("verify", "out.zarr", "--all", "--sample", "2") == 2
    assert "leave one out" in capsys.readouterr().err
