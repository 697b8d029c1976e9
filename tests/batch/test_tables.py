import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from napari_tessera.batch.tables import FILE, joined_tables
from napari_tessera.io.csv_files import read_rows, write_table


@pytest.fixture
def tables(tmp_path):
    write_table(tmp_path / "a.csv", {"index": np.array([1, 2]), "area": np.array([4.5, -1.0])})
    write_table(tmp_path / "b.csv", {"index": np.array([1]), "area (um^2)": np.array([0.5])})
    return {"a.tif": tmp_path / "a.csv", "-b.tif": tmp_path / "b.csv"}


def test_rows_of_all_files_stand_below_one_another(tables, tmp_path):
    written = joined_tables(tables, tmp_path / "all.csv")
    assert written[0] == tmp_path / "all.csv"
    with written[0].open(newline="") as file:
        assert list(csv.reader(file)) == [
            [FILE, "index", "area", "area (um^2)"],
            ["a.tif", "1", "4.5", ""],
            ["a.tif", "2", "-1.0", ""],
            ["'-b.tif", "1", "", "0.5"],  # a spreadsheet would run it
        ]
    assert read_rows(written[0])[2][FILE] == "-b.tif"


def test_an_older_table_is_replaced(tables, tmp_path):
    (tmp_path / "all.csv").write_text("old")
    joined_tables({"a.tif": tables["a.tif"]}, tmp_path / "all.csv")
    assert [row["index"] for row in read_rows(tmp_path / "all.csv")] == ["1", "2"]


def test_without_pyarrow_there_is_no_parquet(tables, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert joined_tables(tables, tmp_path / "all.csv") == [tmp_path / "all.csv"]


@pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="it needs pyarrow")
def test_parquet_keeps_numbers_as_numbers(tables, tmp_path):
    from pyarrow import parquet

    _, path = joined_tables(tables, tmp_path / "all.csv")
    assert path == Path(tmp_path / "all.parquet")
    columns = parquet.read_table(path).to_pydict()
    assert columns["index"] == [1, 2, 1]
    assert columns["area"] == [4.5, -1.0, None]
