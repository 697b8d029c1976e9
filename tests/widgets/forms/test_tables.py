import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_tessera.io import files
from napari_tessera.io.formats import Format
from napari_tessera.pipeline.result import ObjectTable
from napari_tessera.widgets.forms import tables
from napari_tessera.widgets.forms.tables import ask_file, save_table

TABLE = {"index": np.array([3, 7]), "area": np.array([0.25, 12.34567])}


@pytest.fixture
def answer(monkeypatch):
    """Return a function that says what the dialog answers, and which filter is chosen."""
    return lambda path, chosen="": monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_: (str(path or ""), chosen)
    )


def test_a_table_is_written_where_the_dialog_says(qapp, answer, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "show_info", lambda text: None)
    answer(tmp_path / "t")
    save_table(None, TABLE)
    assert (tmp_path / "t.csv").read_text().split() == ["index,area", "3,0.25", "7,12.34567"]
    answer(None)
    save_table(None, TABLE)
    save_table(None, None)
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


LINES = Format(
    (".lines",),
    write=lambda path, result, source, recipe: path.write_text(" ".join(result.table)),
    holds=(ObjectTable,),
)


def test_every_format_of_tables_is_offered(qapp, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(files, "FORMATS", (*files.FORMATS, LINES))
    monkeypatch.setattr(tables, "show_info", asked.append)
    answers = iter([(str(tmp_path / "t"), "LINES (*.lines)"), (str(tmp_path / "t.csv"), "")])
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *given: asked.append(given[2:]) or next(answers)
    )
    save_table(None, TABLE)
    (name, kinds), said = asked
    assert (name, said) == ("table.csv", "Saved.")
    assert kinds.startswith("CSV (*.csv);;")
    assert kinds.endswith(";;LINES (*.lines)")
    assert (tmp_path / "t.lines").read_text() == "index area"
    save_table(None, TABLE)
    assert (tmp_path / "t.csv").read_text().startswith("index,area")


def test_what_holds_no_tables_is_named_and_left_as_it_is(qapp, answer, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(tables, "show_error", said.append)
    path = tmp_path / "t.tif"
    path.write_text("mine")
    answer(path)
    save_table(None, TABLE)
    assert "t.tif' cannot hold a table; choose .csv" in said[0]
    assert path.read_text() == "mine"


@pytest.mark.parametrize(("typed", "path"), [("t", "t.csv"), ("t.txt", "t.txt"), ("", None)])
def test_an_ending_is_added_where_there_is_none(answer, tmp_path, typed, path):
    answer(typed and tmp_path / typed)
    found = ask_file(None, "Save", "table.csv", "*.csv")
    assert found == (path and tmp_path / path)


def test_the_ending_is_that_of_the_chosen_filter(answer, tmp_path):
    answer(tmp_path / "t", "SVG (*.svg)")
    assert ask_file(None, "Save", "plot.png", "PNG (*.png);;SVG (*.svg)") == tmp_path / "t.svg"


def test_what_the_dialog_could_not_ask_about_is_not_replaced(answer, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(tables, "show_error", said.append)
    (tmp_path / "t.csv").touch()
    answer(tmp_path / "t")
    assert ask_file(None, "Save", "table.csv", "*.csv") is None
    assert "t.csv is there already" in said[0]
