import os
import time

import pytest
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QApplication, QFileDialog

pytest.importorskip("torch")


from napari_tessera.deep.models.folder import Folder
from napari_tessera.deep.networks.registry import build
from napari_tessera.widgets.forms.fields.model import BROWSE, NONE_YET, ModelField

from ....deep.finders import config, folder
from .parameters import parameter

MODEL = parameter("detect", "model")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("napari_tessera.deep.models.shipped.index._FOLDER", tmp_path / "shipped")
    return tmp_path / "models"


def offered(field):
    return [field._choice.itemText(i) for i in range(field._choice.count())]


def trained(path, age=0.0, **changes):
    """Write a model folder that was trained so many seconds ago."""
    folder(path, **changes)
    when = time.time() - age
    os.utime(path / "config.json", (when, when))


PIXELS = {"network": "unet", "options": {}, "targets": "boundaries", "ids": ()}


def test_the_newest_model_is_chosen_until_somebody_chooses_another(qapp, home):
    trained(home / "b", age=20)
    trained(home / "a", age=30)
    trained(home / "c", age=10)
    field = ModelField(MODEL)
    assert offered(field) == ["c", "b", "a", BROWSE]
    assert field.value == "c"
    trained(home / "d")
    field.refresh()
    assert field.value == "c"  # not exchanged under the user's hands
    assert ModelField(MODEL).value == "d"


def test_a_choice_is_remembered_until_there_is_a_newer_model(qapp, home):
    trained(home / "old", age=20)
    trained(home / "new", age=10)
    field = ModelField(MODEL)
    assert field.kept is None
    field.value = "old"
    kept, again = field.kept, ModelField(MODEL)
    again.value = kept
    assert again.value == "old"
    trained(home / "newest")
    later = ModelField(MODEL)
    later.value = kept
    assert later.value == "newest"


def test_each_method_is_offered_the_models_that_it_can_use(qapp, home):
    trained(home / "finder")
    trained(home / "scorer", age=10, **PIXELS)
    for method, names in {
        "predict": ["scorer"],
        "scores": ["scorer"],
        "uncertainty": ["scorer"],
        "detect": ["finder"],
        "grad_cam": ["finder", "scorer"],
    }.items():
        assert offered(ModelField(parameter(method, "model"))) == [*names, BROWSE]


def test_a_model_of_another_kind_can_be_set_by_a_program(qapp, home):
    trained(home / "finder")
    field = ModelField(parameter("predict", "model"))
    field.value = "finder"
    assert field.value == "finder"


@pytest.mark.parametrize(
    ("method", "network"), [("predict", "unet"), ("detect", "mask_rcnn"), ("grad_cam", "unet")]
)
def test_without_models_a_button_opens_training(viewer, form_of, home, method, network):
    form = form_of(method)
    field = form.fields["model"]
    assert offered(field) == [NONE_YET, BROWSE]
    assert field.value is None
    assert not field.train_button.isHidden()
    field.train_button.click()
    training = viewer.window.dock_widgets["Train (Tessera)"]
    assert training.settings.networks.chosen == network
    trained(home / "cells", **({} if method == "detect" else PIXELS))
    QApplication.sendEvent(field._choice, QShowEvent())  # its form comes to the front
    assert field.value == "cells"
    assert field.train_button.isHidden()


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


NUCLEI = "Nuclei (fluorescence), comes with napari-tessera"
CELLS = "Cells (phase contrast), comes with napari-tessera"


def test_shipped_models_are_offered_below_those_of_the_user(qapp, home, tmp_path):
    for name in ("cells", "nuclei"):
        trained(tmp_path / "shipped" / name, **PIXELS)
    field = ModelField(parameter("predict", "model"))
    assert offered(field) == [NUCLEI, CELLS, BROWSE]
    assert field.value == "nuclei"
    assert field.kept is None
    assert field.train_button.isHidden()
    assert offered(ModelField(MODEL)) == [NONE_YET, BROWSE]  # they score pixels
    field.value = "cells"
    kept = field.kept
    trained(home / "mine", **PIXELS)
    later = ModelField(parameter("predict", "model"))
    assert offered(later) == ["mine", NUCLEI, CELLS, BROWSE]
    later.value = kept
    assert later.value == "mine"  # it is newer than the choice


def test_a_shipped_model_can_be_chosen_behind_one_of_its_name(qapp, home, tmp_path):
    made = folder(tmp_path / "shipped" / "nuclei", **PIXELS)
    pin = f"nuclei@{made.config.weights[:12]}"
    field = ModelField(parameter("predict", "model"))
    field.value = pin  # as a recipe has it
    assert (field.value, offered(field)) == ("nuclei", [NUCLEI, BROWSE])
    own = build("unet", in_channels=1, classes=3, width=1 / 32, depth=1).state_dict()
    mine = Folder(home / "nuclei")
    mine.create(config(**PIXELS))
    mine.write_weights(own, config(**PIXELS))
    field.refresh()
    assert offered(field) == ["nuclei", NUCLEI, BROWSE]
    assert field.value == "nuclei"  # now the user's
    field.value = tmp_path / "shipped" / "nuclei"
    assert field.value == pin
