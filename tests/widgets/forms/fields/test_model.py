import pytest
from qtpy.QtWidgets import QFileDialog

pytest.importorskip("torch")


from napari_tessera.widgets.forms.fields.model import BROWSE, NONE_YET, ModelField

from ....deep.finders import folder
from .parameters import parameter

MODEL = parameter("detect", "model")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def offered(field):
    return [field._choice.itemText(i) for i in range(field._choice.count())]


def test_without_models_it_is_said_and_nothing_is_chosen(qapp):
    field = ModelField(MODEL)
    assert offered(field) == [NONE_YET, BROWSE]
    assert field.value is None


def test_models_are_listed_when_they_come(qapp, home):
    field = ModelField(MODEL)
    folder(home / "cells")
    field.refresh()
    assert field.value == "cells"
    folder(home / "a newer one")
    field.refresh()
    assert field.value == "cells"
    assert set(offered(field)) == {"cells", "a newer one", BROWSE}


def test_a_folder_elsewhere_can_be_chosen(qapp, home, tmp_path, monkeypatch):
    folder(home / "cells")
    elsewhere = str(tmp_path / "elsewhere")
    folder(tmp_path / "elsewhere")
    field, told = ModelField(MODEL), []
    field.changed.connect(lambda: told.append(field.value))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: elsewhere)
    field._choice.choose(BROWSE)
    assert field.value == told[-1] == elsewhere
    field.value = "cells"
    assert field.value == "cells"


def test_what_is_no_model_is_refused(qapp):
    with pytest.raises((ValueError, FileNotFoundError), match="nowhere"):
        ModelField(MODEL).value = "nowhere"
