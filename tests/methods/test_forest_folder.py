from typing import TypedDict

import numpy as np
import pytest

from napari_tessera.algorithms.forest.forest import grown_forest
from napari_tessera.methods.forest_folder import ForestFolders, forest_from


class Config(TypedDict):
    schema: int
    kind: str
    colour: str
    forest: str
    versions: dict[str, str]


FOLDERS = ForestFolders("test classifier", "test.safetensors", Config, "make one")
FOREST = grown_forest(np.array([[0], [1]], np.float32), np.array([1, 2]))


@pytest.fixture(autouse=True)
def own_models(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path))
    return tmp_path


def test_what_is_written_is_read_again(own_models):
    FOLDERS.write("kept", {"colour": "red"}, FOREST, {"more": np.arange(3)})
    name, config, arrays = FOLDERS.read("kept")
    assert (name, config["kind"], config["colour"]) == ("kept", "test classifier", "red")
    assert arrays["more"].tolist() == [0, 1, 2]
    np.testing.assert_array_equal(forest_from((1, 2), arrays, 1).level, FOREST.level)
    assert FOLDERS.names() == ["kept"]
    assert FOLDERS.read(FOLDERS.pinned("kept"))[0] == "kept"
    assert FOLDERS.read(own_models / "kept")[0] == "kept"


def test_a_folder_of_another_kind_is_none(own_models):
    other = ForestFolders("other classifier", "other.safetensors", Config, "make one")
    FOLDERS.write("kept", {"colour": "red"}, FOREST, {})
    assert other.names() == []
    with pytest.raises(ValueError, match="is no other classifier; .*there is none yet: make one"):
        other.read("kept")


def test_a_forest_of_other_rows_is_told():
    arrays = {
        n: getattr(FOREST, n) for n in ("roots", "feature", "left", "level", "shares", "gains")
    }
    with pytest.raises(ValueError, match="it takes 1 numbers of a row, not 3"):
        forest_from((1, 2), arrays, 3)
    with pytest.raises(KeyError, match="roots"):
        forest_from((1, 2), {}, 3)
