from pathlib import Path

import pytest
from qtpy.QtWidgets import QFileDialog

from napari_tessera.widgets.training.folders import ask_coco, ask_folders, missing_place


@pytest.fixture
def answers(monkeypatch):
    """What the user answers: folders, and a file; "" cancels."""
    folders, files, asked = [], [], []

    def folder(parent, title, start=""):
        asked.append((title, start))
        return folders.pop(0)

    def file(parent, title, start, suffixes):
        asked.append((title, start))
        return files.pop(0), suffixes

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", folder)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", file)
    return folders, files, asked


def test_labels_are_looked_for_beside_the_images(answers):
    folders, _, asked = answers
    folders += ["/a/images", "/a/labels"]
    assert ask_folders(None) == (Path("/a/images"), Path("/a/labels"))
    assert asked == [("Folder of images", ""), ("Folder of labels", "/a/images")]


def test_a_coco_file_is_looked_for_beside_the_images(answers):
    folders, files, asked = answers
    folders.append("/a/images")
    files.append("/a/objects.json")
    assert ask_coco(None) == (Path("/a/images"), Path("/a/objects.json"))
    assert asked[1] == ("COCO file of their objects", "/a/images")


@pytest.mark.parametrize("given", [[""], ["/a/images", ""]])
def test_who_cancels_is_asked_no_more(answers, given):
    folders, files, asked = answers
    folders += given
    assert ask_folders(None) is None
    assert len(asked) == len(given)
    folders.append(given[0])
    files.append("")
    assert ask_coco(None) is None
    assert len(asked) == 2 * len(given)


def test_what_is_not_there_is_named(tmp_path):
    file = tmp_path / "objects.json"
    assert missing_place(tmp_path / "gone", tmp_path).startswith("the folder of images is ")
    assert missing_place(tmp_path, file).startswith("the file of labels is ")
    file.write_text("{}")
    assert missing_place(tmp_path, file) is None
