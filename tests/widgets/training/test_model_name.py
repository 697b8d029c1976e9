import pytest

pytest.importorskip("torch")

from napari_tessera.deep.models.library import Folder
from napari_tessera.widgets.training.model_name import ANEW, GO_ON, START, ModelName, earlier_model

from ...deep.finders import folder


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def trained(path, epochs):
    """Write a model folder whose training can go on, of so many epochs."""
    folder(path, score=0.5, scored="average precision")
    own = Folder(path)
    for epoch in range(1, epochs + 1):
        own.append_losses({"epoch": epoch, "seconds": 2.5 * epoch, "loss": 1 / epoch})
    own.write_resume({}, {"epoch": epochs})
    return path


def offered(name):
    return [name.choice.itemText(i) for i in range(name.choice.count())]


def test_what_is_there_is_said_with_its_epochs(home):
    trained(home / "cells", 4)
    found = earlier_model("cells")
    assert (found.epochs, found.seconds, found.resumable) == (4, 10, True)
    assert str(found) == "There is a model 'cells': Mask R-CNN, 4 epochs, score 0.500."
    assert earlier_model("others") is earlier_model("") is earlier_model("a:b") is None


def test_a_new_name_is_taken_as_it_is(qapp):
    name, told = ModelName(), []
    name.changed.connect(lambda: told.append(name.target))
    name.line.setText(" cells ")
    assert (name.target, name.resumes, told[-1]) == ("cells", False, "cells")


def test_a_name_that_is_there_offers_three_ways_and_begins_with_a_new_model(qapp, home):
    trained(home / "cells", 1)
    name = ModelName()
    name.line.setText("cells")
    assert offered(name) == [
        "train a new one, 'cells 2'", "go on with it", "start a new one from it, 'cells 2'"
    ]  # fmt: skip
    found = {}
    for way in (ANEW, GO_ON, START):
        name.choice.choose(way)
        found[way] = name.target, name.resumes, name.chosen.starts_from
    assert found == {
        ANEW: ("cells 2", False, False), GO_ON: ("cells", True, False), START: ("cells 2", False, True)
    }  # fmt: skip
    name.choice.choose(GO_ON)
    name.line.setText("cells 2")
    name.line.setText("cells")
    assert name.chosen is ANEW


def test_what_cannot_go_on_or_be_read_is_not_offered(qapp, home):
    folder(home / "imported")
    name = ModelName()
    name.line.setText("imported")
    assert offered(name) == [
        "train a new one, 'imported 2'", "start a new one from it, 'imported 2'"
    ]  # fmt: skip
    (home / "broken").mkdir()
    name.line.setText("broken")
    assert offered(name) == ["train a new one, 'broken 2'"]
    assert name.about.text().startswith("There is a model 'broken' that cannot be used: ")


def test_folders_elsewhere_get_a_new_one_beside_them(qapp, tmp_path):
    name = ModelName()
    name.choose(str(trained(tmp_path / "cells", 2)), GO_ON)
    assert (name.target, name.resumes) == (str(tmp_path / "cells"), True)
    name.choice.choose(ANEW)
    assert name.target == str(tmp_path / "cells 2")


def test_a_name_is_suggested_until_somebody_writes_one(qapp, home):
    folder(home / "U-Net")
    name = ModelName()
    name.suggest("U-Net")
    assert name.written == "U-Net 2"
    name.suggest("FCN")
    assert name.written == "FCN"
    name.line.setText("cells")
    name.suggest("U-Net")
    assert name.written == "cells"
