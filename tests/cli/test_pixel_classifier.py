import numpy as np
import pytest

from napari_tessera import classify_pixels, files
from napari_tessera.cli.app import app
from napari_tessera.cli.pixel_classifier import pixel_classifier_command
from napari_tessera.io.files import read

from ..conftest import squares


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path / "models"))
    for name in ("images", "strokes"):
        (tmp_path / name).mkdir()
    for number in range(2):
        image, labels = squares(48, seed=number)
        strokes = np.where(labels > 0, 2, 1).astype(np.uint8)
        strokes[:, :40] = 0
        np.save(tmp_path / "images" / f"{number}.npy", image)
        np.save(tmp_path / "strokes" / f"{number}.npy", strokes)
    return tmp_path


def run(*words):
    return app()([str(each) for each in words], result_action="return_value")


def test_strokes_in_files_teach_a_classifier_that_is_applied(folder, capsys):
    asked = ("train-pixel-classifier", folder / "images", folder / "strokes")
    assert run(*asked, "--classifier", "squares", "--largest-scale", "2 px") == 0
    assert "squares: classes 1, 2, learnt from 768 pixels" in capsys.readouterr().out
    image = folder / "images" / "0.npy"
    out = folder / "found.tif"
    assert run("classify-pixels", image, "--classifier", "squares", "--output", out) == 0
    found = read(out, labels=True).whole
    np.testing.assert_array_equal(found, classify_pixels(np.load(image), classifier="squares"))
    assert ((found == 2) == (squares(48)[1] > 0)).mean() > 0.95
    # a second time, there is one of this name
    assert run(*asked, "--classifier", "squares") == 2
    assert "squares' exists already" in capsys.readouterr().err


def test_strokes_are_given_to_the_method_too(folder):
    image, strokes, out = folder / "images/0.npy", folder / "strokes/0.npy", folder / "found.tif"
    assert run("classify-pixels", image, "--strokes", strokes, "--output", out) == 0
    expected = classify_pixels(np.load(image), strokes=np.load(strokes))
    np.testing.assert_array_equal(files.read(out, labels=True).whole, expected)


def test_more_is_learnt_onto_what_is_known(folder, capsys):
    places = folder / "images", folder / "strokes"
    assert pixel_classifier_command(*places, classifier="first") == 0
    np.save(folder / "strokes" / "1.npy", 3 * (np.load(folder / "strokes" / "1.npy") > 0))
    assert pixel_classifier_command(*places, classifier="second", onto="first") == 0
    assert "second: classes 1, 2, 3" in capsys.readouterr().out


def test_what_is_wrong_is_said(folder, capsys):
    for number in range(2):
        np.save(folder / "strokes" / f"{number}.npy", np.zeros((48, 48), np.uint8))
    places = folder / "images", folder / "strokes"
    assert pixel_classifier_command(*places, classifier="none") == 2
    assert "train-pixel-classifier: " in capsys.readouterr().err
