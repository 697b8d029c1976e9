from pathlib import Path

import pytest
from qtpy.QtWidgets import QFileDialog

from napari_tessera.widgets.batch.path_field import PathField, ask_folder


@pytest.fixture
def field(qtbot):
    made = PathField("Folder of images", lambda parent, title, start: f"{start}{title}")
    qtbot.addWidget(made)
    return made


def test_a_path_is_typed_or_chosen(field, qtbot):
    assert field.path is None
    with qtbot.waitSignal(field.changed):
        field.path = Path("a") / "b"
    assert field.path == Path("a/b")
    field.text.setText("  ")
    assert field.path is None
    field.text.clear()
    field.button.click()
    assert field.path == Path("Folder of images")


def test_a_cancelled_dialog_changes_nothing(field, qtbot, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    field._ask = ask_folder
    field.path = Path("a")
    field.button.click()
    assert field.path == Path("a")
