import numpy as np
import pandas as pd
import pytest

from napari_tessera import measure, train_object_classifier
from napari_tessera.cli.app import app
from napari_tessera.cli.object_classifier import object_classifier_command
from napari_tessera.io.csv_files import read_table, write_table

SHAPES = np.zeros((40, 60), np.uint8)
for number, (y, x, tall, wide) in enumerate(
    [(2, 2, 6, 6), (2, 12, 5, 5), (2, 22, 3, 14), (20, 2, 3, 12), (20, 20, 6, 5), (20, 30, 2, 15)],
    1,
):
    SHAPES[y : y + tall, x : x + wide] = number


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path / "models"))
    table = measure(SHAPES)
    examples = np.array(["square", "", "bar", "bar", "square", ""], object)
    write_table(tmp_path / "table.csv", table | {"example": examples})
    np.save(tmp_path / "shapes.npy", SHAPES)
    return tmp_path


def run(*words):
    return app()([str(each) for each in words], result_action="return_value")


def test_examples_in_a_table_teach_a_classifier_that_is_applied(folder, capsys):
    asked = ("train-object-classifier", folder / "table.csv", "--classifier", "shapes")
    assert run(*asked) == 0
    said = capsys.readouterr().out
    assert "shapes: classes bar, square, learnt from 4 objects. Of examples held out" in said
    out = folder / "sorted.csv"
    assert (
        run("sort-objects", folder / "shapes.npy", "--classifier", "shapes", "--output", out) == 0
    )
    found = read_table(out)
    assert found["class"].tolist() == ["square", "square", "bar", "bar", "square", "bar"]
    assert (found["confidence"] > 0.5).all()
    assert run(*asked) == 2
    assert "shapes' exists already" in capsys.readouterr().err


def test_columns_are_chosen(folder, capsys):
    place = folder / "table.csv"
    assert object_classifier_command([place], classifier="few", columns=["extent", "no"]) == 2
    assert "columns has 'no', but the table has index" in capsys.readouterr().err


def test_what_is_wrong_is_said(folder, capsys):
    write_table(folder / "plain.csv", measure(SHAPES))
    assert run("train-object-classifier", folder / "plain.csv", "--classifier", "a") == 2
    assert "plain.csv' has no column 'example'; name classes in it" in capsys.readouterr().err
    (folder / "empty.csv").write_text("index,example\n")
    assert run("train-object-classifier", folder / "empty.csv", "--classifier", "a") == 2
    assert "empty.csv' has no rows; pass a table of measured objects" in capsys.readouterr().err
    assert run("train-object-classifier", folder / "none.csv", "--classifier", "a") == 2
    assert "none.csv" in capsys.readouterr().err


def test_tables_of_pandas_teach_as_others_do():
    table, words = measure(SHAPES), ["square", None, "bar", "bar", "square", np.nan]
    found = train_object_classifier(pd.DataFrame(table).assign(example=pd.Series(words)))
    expected = train_object_classifier(table | {"example": np.array(words, object)})
    np.testing.assert_array_equal(found.rows, expected.rows)
    np.testing.assert_array_equal(found.forest.level, expected.forest.level)
