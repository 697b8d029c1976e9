import numpy as np
import pytest
from qtpy.QtCore import QEvent, QItemSelectionModel, Qt
from qtpy.QtGui import QKeyEvent

from napari_tessera.widgets.tables.model import TableModel
from napari_tessera.widgets.tables.view import TableView


@pytest.fixture
def view(qtbot):
    view = TableView(TableModel(), several=True)
    qtbot.addWidget(view)
    view.model().fill({"index": np.arange(1, 7), "area": np.array([6.0, 1, 5, 2, 4, 3])})
    return view


def marked(view):
    return sorted(index.row() for index in view.selectionModel().selectedRows())


def test_chosen_rows_stay_chosen_when_the_table_is_sorted_and_filtered(view):
    said = []
    view.picked.connect(said.append)
    view.choose(np.array([4, 0, 1]))
    assert marked(view) == [0, 1, 4]
    view.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    assert marked(view) == [0, 3, 5]
    view.model().keep(np.array([True, False, True, True, True, True]))
    assert marked(view) == [2, 4]
    assert view.chosen.tolist() == [0, 1, 4]
    assert said == []
    view.model().fill({"index": np.array([1, 2])})
    assert (view.chosen.tolist(), marked(view)) == ([], [])


def test_letters_are_left_to_napari(view):
    view.choose(np.array([0]))
    key = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_N, Qt.KeyboardModifier.NoModifier, "n")
    view.keyPressEvent(key)
    assert not key.isAccepted()
    down = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Down, Qt.KeyboardModifier.NoModifier)
    view.keyPressEvent(down)
    assert view.chosen.tolist() != [0]


def test_what_the_user_chooses_is_said_with_the_row_under_the_cursor(view):
    said = []
    view.picked.connect(said.append)
    view.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    view.selectRow(1)
    assert (view.chosen.tolist(), said) == ([2], [2])
    more = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
    view.selectionModel().setCurrentIndex(view.model().index(5, 0), more)
    assert view.chosen.tolist() == [1, 2]
    view.clearSelection()
    assert view.chosen.tolist() == []
    assert said[-1] is None
