import csv

import numpy as np
import pytest

from napari_tessera.io.csv_files import (
    CSV,
    picks_from,
    read_points,
    read_rows,
    read_table,
    write_csv,
    write_picks,
    write_table,
)
from napari_tessera.pipeline.result import ImageResult, ObjectTable, PolygonSet
from napari_tessera.pipeline.source import Source


def test_a_table_is_written_row_by_row(tmp_path):
    table = {
        "index": np.array([1, 2]),
        "size (µm)": np.array([2.5, np.nan]),
        "name": np.array(["a", 'b, "c"']),
    }
    write_table(tmp_path / "t.csv", table)
    text = (tmp_path / "t.csv").read_text(encoding="utf-8")
    assert text == 'index,size (µm),name\n1,2.5,a\n2,nan,"b, ""c"""\n'


def test_a_result_is_written_by_its_table(tmp_path):
    result = ObjectTable(table={"index": np.array([3])})
    write_csv(tmp_path / "t.csv", result, Source.of(np.eye(2)), None)
    assert (tmp_path / "t.csv").read_text() == "index\n3\n"


def test_columns_of_different_lengths_are_no_table(tmp_path):
    with pytest.raises(ValueError, match="zip"):
        write_table(tmp_path / "t.csv", {"index": np.zeros(2), "size": np.zeros(3)})


def test_points_may_belong_to_one_object(tmp_path):
    (tmp_path / "p.csv").write_text("index,axis-0,axis-1,label\n0,1.5,2,4\n1,3,4,4.0\n")
    points = read_points(tmp_path / "p.csv")
    assert points.coordinates.tolist() == [[1.5, 2], [3, 4]]
    assert points.ids.tolist() == [4, 4]
    (tmp_path / "p.csv").write_text("")
    with pytest.raises(ValueError, match="no columns axis-0"):
        read_points(tmp_path / "p.csv")


def test_axes_have_numbers_and_not_places(tmp_path):
    (tmp_path / "p.csv").write_text("\ufeffaxis-1,axis-0\n1,2\n", encoding="utf-8")
    assert read_points(tmp_path / "p.csv").coordinates.tolist() == [[2, 1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("axis-0,axis-1\n1,2\n3,x\n", r"p\.csv: row 2 has the axis-1 'x'; a number is wanted"),
        ("axis-0,axis-1\n1\n", "row 1 has the axis-1 ''"),
        ("axis-0,axis-1\n1,nan\n", "row 1 has the axis-1 'nan'"),
        ("axis-0,axis-1\n1,1e999\n", "row 1 has the axis-1 '1e999'"),
        ("axis-0,axis-1\n1,2,3\n", r"p\.csv': row 1 has 3 fields, but there are 2 columns"),
        ("axis-0,axis-0\n1,2\n", "has the column 'axis-0' twice"),
        ("axis-0,axis-2\n1,2\n", "has no columns axis-0, axis-1"),
        ("axis-0,label\n1,0\n", "row 1 has the label 0; use 1, 2"),
        ("axis-0,label\n1,1\n1,1e300\n", "row 2 has the label 1e.300"),
        ("axis-0,label\n1,1.5\n", "row 1 has the label 1.5"),
    ],
)
def test_points_that_cannot_be_read_are_named(tmp_path, text, message):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_points(tmp_path / "p.csv")
    (tmp_path / "p.csv").write_bytes(b"axis-0\n\xff")
    with pytest.raises(ValueError, match=r"p\.csv' is no text in UTF-8"):
        read_points(tmp_path / "p.csv")


def test_it_holds_what_has_a_table():
    held = [CSV.can_hold(kind) for kind in (PolygonSet, ObjectTable, ImageResult)]
    assert held == [True, True, False]


RISKY = ["=1+1", "+x", "-x", "@x", "\tx", "\rx", "'=x", "''-x", "=\r\n\"'"]
HARMLESS = ["x=1", "'x", "", "'", "x\ty", "1"]


def test_texts_that_spreadsheets_would_run_get_an_apostrophe(tmp_path):
    table = {"=column": np.array(RISKY + HARMLESS)}
    write_table(tmp_path / "t.csv", table)
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        found = [row[0] if row else "" for row in csv.reader(file)]
    assert found == [f"'{text}" for text in ["=column", *RISKY]] + HARMLESS
    again = [row["=column"] for row in read_rows(tmp_path / "t.csv")]
    assert again == RISKY + HARMLESS


def test_numbers_below_0_stay_numbers(tmp_path):
    write_table(tmp_path / "t.csv", {"x": np.array([-1, 2]), "y": np.array([-0.5, np.inf])})
    assert (tmp_path / "t.csv").read_text() == "x,y\n-1,-0.5\n2,inf\n"


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    (tmp_path / "p.csv").write_text("axis-0,axis-1\n1,2\n", encoding="utf-8-sig")
    assert read_points(tmp_path / "p.csv").coordinates.tolist() == [[1, 2]]


def test_a_table_is_replaced_by_a_whole_one_only(tmp_path):
    write_table(tmp_path / "t.csv", {"x": np.array([1])})
    with pytest.raises(ValueError, match="zip"):
        write_table(tmp_path / "t.csv", {"x": np.zeros(2), "y": np.zeros(3)})
    assert (tmp_path / "t.csv").read_text() == "x\n1\n"
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_a_table_is_read_as_columns_of_numbers_and_words(tmp_path):
    table = {
        "index": np.array([1, 2]),
        "area": np.array([2.5, np.nan]),
        "class": np.array(["=round", ""], object),
    }
    write_table(tmp_path / "t.csv", table)
    (tmp_path / "t.csv").write_text((tmp_path / "t.csv").read_text().replace("nan", ""))
    found = read_table(tmp_path / "t.csv")
    assert {name: column.tolist() for name, column in found.items()} == {
        "index": [1, 2],
        "area": [2.5, pytest.approx(np.nan, nan_ok=True)],
        "class": ["=round", ""],
    }
    assert found["index"].dtype == np.int64
    (tmp_path / "t.csv").write_text("index\n")
    with pytest.raises(ValueError, match="t.csv' has no rows; pass a table of measured objects"):
        read_table(tmp_path / "t.csv")


def test_marks_of_objects_are_written_and_read(tmp_path):
    picks = [[1, 1, 3.5, 4.0], [1, -1, 7.0, 2.25], [2, 0, -1.0, 4.0]]
    write_picks(tmp_path / "picks.csv", picks)
    first = (tmp_path / "picks.csv").read_text().splitlines()[0]
    assert first == "object,sign,axis-0,axis-1"
    assert picks_from(str(tmp_path / "picks.csv")) == picks
    assert picks_from("[[1, 1, 3.5, 4]]") == [[1, 1, 3.5, 4]]


def test_tables_that_are_no_marks_say_what_is_missing(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("index,axis-0,axis-1\n0,3,4\n")
    with pytest.raises(ValueError, match="has no column 'object'; pass a table of object, sign"):
        picks_from(str(path))
    path.write_text("object,sign,axis-0,axis-1\n1,on,3,4\n")
    with pytest.raises(ValueError, match="row 1 has the sign 'on'; a number is wanted"):
        picks_from(str(path))
