import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_tessera import METHODS, train_object_classifier, train_pixel_classifier
from napari_tessera.methods.measure.object_classifier import object_classifiers
from napari_tessera.widgets.forms.fields.classifier import ClassifierField
from napari_tessera.widgets.forms.fields.model import BROWSE

IMAGE = np.tile([10, 12, 11, 90, 91, 92], (6, 1))
STROKES = np.zeros((6, 6), int)
STROKES[1, :2], STROKES[1, 4:] = 1, 2
(PARAMETER,) = (p for p in METHODS["classify_pixels"].options if p.name == "classifier")


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path / "models"))
    found = train_pixel_classifier([IMAGE], [STROKES], largest_scale="1 px")
    for name in ("dark", "bright"):
        found.save(name)
    return found


@pytest.fixture
def field(qtbot, kept):
    field = ClassifierField(PARAMETER)
    qtbot.addWidget(field.native)
    return field


def offered(field):
    return [field.native.itemText(i) for i in range(field.native.count())]


def test_those_of_the_user_are_offered_and_none_is_chosen(field):
    assert offered(field)[0] == "none"
    assert set(offered(field)[1:-1]) == {"dark", "bright"}
    assert offered(field)[-1] == BROWSE
    assert field.value is None
    field.value = "dark"
    assert (field.value, field.native.currentText()) == ("dark", "dark")
    field.value = None
    assert field.native.currentText() == "none"


def test_a_method_that_needs_one_begins_with_the_newest(qtbot, kept):
    (needed,) = (p for p in METHODS["sort_objects"].options if p.name == "classifier")
    field = ClassifierField(needed, object_classifiers)
    qtbot.addWidget(field.native)
    assert (offered(field), field.value) == (["none", BROWSE], None)
    table = {"index": np.arange(2), "pixels": np.array([1, 9])}
    train_object_classifier(table, {0: "small", 1: "large"}).save("sizes")
    field.refresh()
    assert (offered(field), field.value) == (["sizes", BROWSE], "sizes")


def test_a_choice_is_told_and_not_remembered(field):
    told = []
    field.changed.connect(lambda: told.append(field.value))
    field.native.choose("bright")
    assert told == ["bright"]
    assert field.kept is None


def test_a_new_one_is_offered_when_the_list_is_opened(field, kept, qtbot):
    from qtpy.QtCore import Qt

    kept.save("new")
    field.value = "dark"
    qtbot.mousePress(field.native, Qt.MouseButton.LeftButton)
    field.native.hidePopup()
    assert "new" in offered(field)
    assert field.value == "dark"


def test_a_folder_anywhere_can_be_chosen(field, kept, tmp_path, monkeypatch):
    place = str(kept.save(tmp_path / "elsewhere"))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: place)
    field.native.choose(BROWSE)
    assert field.value == place
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    field.native.choose(BROWSE)
    assert field.value is None
