import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_tessera.widgets.tables.model import TableModel

ROLES = Qt.ItemDataRole
FALLING = Qt.SortOrder.DescendingOrder


@pytest.fixture
def model(qapp):
    model = TableModel()
    model.fill(
        {
            "index": np.array([3, 7, 9, 12]),
            "area": np.array([2.0, np.nan, 12.34567, 12.0]),
            "class": np.array(["b", None, "a", "b"], object),
        }
    )
    return model


def test_a_table_is_shown_in_words(model):
    assert (model.rowCount(), model.columnCount(), model.total) == (4, 3, 4)
    assert model.headerData(1, Qt.Orientation.Horizontal) == "area"
    place = model.index(2, 1)
    assert model.data(place) == "12.346"
    assert model.data(place, ROLES.UserRole) == 12.34567
    assert model.data(place, ROLES.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight
    assert [model.data(model.index(1, column)) for column in range(3)] == [7, "", ""]
    assert model.data(place, ROLES.ToolTipRole) is None


def test_rows_are_sorted_by_value_and_what_is_unknown_comes_last(model):
    model.sort(1)
    assert model.rows.tolist() == [0, 3, 2, 1]
    model.sort(1, FALLING)
    assert model.rows.tolist() == [2, 3, 0, 1]
    model.sort(2)
    assert model.rows.tolist() == [2, 0, 3, 1]
    model.sort(-1)
    assert model.rows.tolist() == [0, 1, 2, 3]


def test_rows_are_left_out_and_the_order_outlives_another_table(model):
    model.sort(1, FALLING)
    model.keep(np.array([True, True, False, True]))
    assert model.shown["index"].tolist() == [12, 3, 7]
    model.fill({"area": np.array([1.0, 5.0]), "index": np.array([1, 2])})
    assert model.shown["index"].tolist() == [2, 1]
    model.fill({"index": np.array([1, 2])})
    assert model.shown["index"].tolist() == [1, 2]
