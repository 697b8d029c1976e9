import json

import pytest

from napari_tessera.widgets.forms import remembered


@pytest.fixture
def file():
    return remembered._file()  # in a folder of the test's own


def test_each_form_has_its_values(file):
    assert remembered.recall("threshold") == {}
    remembered.remember("threshold", {"smoothing": "2 px", "levels": None})
    remembered.remember("watershed", {"lines": True})
    remembered.remember("threshold", {"smoothing": "3 px"})
    assert remembered.recall("threshold") == {"smoothing": "3 px"}
    assert remembered.recall("watershed") == {"lines": True}
    assert [path.name for path in file.parent.iterdir()] == ["forms.json"]


@pytest.mark.parametrize("text", ["{", "[1, 2]", ""])
def test_a_damaged_file_is_forgotten(file, text):
    file.write_text(text)
    assert remembered.recall("threshold") == {}
    remembered.remember("threshold", {"a": 1})
    assert json.loads(file.read_text()) == {"threshold": {"a": 1}}


def test_a_disk_that_takes_nothing_stops_no_run(file, caplog):
    file.mkdir()
    remembered.remember("threshold", {"a": 1})
    assert "cannot remember the form's values" in caplog.text
