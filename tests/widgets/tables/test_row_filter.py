import numpy as np
import pytest

from napari_tessera.widgets.tables.row_filter import matching

TABLE = {
    "index": np.array([1, 2, 30]),
    "area (um^2)": np.array([40.0, np.nan, 80.0]),
    "mean 0": np.array([0.5, 1.0, 2.0]),
    "mean 1": np.array([1.0, 1.0, 1.0]),
    "touches border": np.array([True, False, True]),
    "class": np.array(["Nucleus", "debris", None], object),
}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", [1, 2, 30]),
        ("area > 50", [30]),
        ("AREA (um^2) <= 40", [1]),
        ("area>10 and mean 0 < 1", [1]),
        ("touches = true", [1, 30]),
        ("touches border != True AND index >= 2", [2]),
        ("class = nucleus", [1]),
        ("index == 30", [30]),
        ("debr", [2]),
        ("30", [30]),
        ("0.5 and nuc", [1]),
        ("nothing of that", []),
    ],
)
def test_rows_fit_what_is_written(text, kept):
    assert TABLE["index"][matching(text, TABLE)].tolist() == kept


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("aera > 50", "there is no column 'aera'; there are index, area"),
        ("mean > 1", "'mean' may be any of mean 0, mean 1; write more of it"),
        ("area > big", r"'big' is no number, but 'area \(um\^2\)' holds numbers"),
        ("area >", "a value is missing after"),
        ("class > 3", "'class' holds words; write class = 3, or class != 3"),
        ("> 3", "there is no column ''"),
    ],
)
def test_what_is_wrong_is_said(text, message):
    with pytest.raises(ValueError, match=message):
        matching(text, TABLE)
