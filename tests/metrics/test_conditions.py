import numpy as np
import pytest

from napari_tessera.metrics.conditions import enclosed, lasso_condition, matching, range_condition

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
        ("area, mean 0 in [0 0, 100 0, 100 1, 0 1]", [1]),
        ("area (um^2),MEAN 0 IN [70 1, 90 1, 80 9] and mean 1 = 1", [30]),
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
        ("aera, mean 0 in [0 0, 1 1, 0 1]", "there is no column 'aera'"),
        ("area, class in [0 0, 1 1, 0 1]", "'class' holds words; a lasso takes two columns"),
        ("area, mean 0 in [0 0, 1 1]", r"\[0 0, 1 1\] is no lasso; write three points or more"),
        ("area, mean 0 in [0 0, 1, 0 1]", r"\[0 0, 1, 0 1\] is no lasso"),
    ],
)
def test_what_is_wrong_is_said(text, message):
    with pytest.raises(ValueError, match=message):
        matching(text, TABLE)


def test_a_lasso_that_crosses_itself_has_a_hole_where_it_lies_twice(rng):
    from matplotlib.path import Path

    points, polygon = rng.random((500, 2)), rng.random((4, 2))
    inside = enclosed(points, polygon)
    assert 0 < inside.sum() < 500
    triangle = polygon[:3]
    assert enclosed(points, triangle).tolist() == Path(triangle).contains_points(points).tolist()
    twice = np.concatenate([triangle, triangle])
    assert not enclosed(points, twice).any()


def test_what_was_dragged_over_is_written_and_read_again():
    box = range_condition(["area (um^2)", "mean 0"], [30, 0], [50, 1])
    assert TABLE["index"][matching(box, TABLE)].tolist() == [1]
    drawn = lasso_condition(
        ["area (um^2)", "mean 0"], np.array([[70, 1], [90, 1], [80, 9.123456789]])
    )
    assert TABLE["index"][matching(drawn, TABLE)].tolist() == [30]
