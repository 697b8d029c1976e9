from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QStyleOptionViewItem

from napari_tessera.batch.inputs import Destination
from napari_tessera.batch.plan import PlannedFile, Standing
from napari_tessera.batch.summary import FileOutcome, FileState
from napari_tessera.widgets.batch.file_table import TITLES, FileTable
from napari_tessera.widgets.qt.status_line import red

FILES = [Destination(Path(f"{name}.tif"), Path(f"out/{name}.tif")) for name in "abc"]
PROBLEM = "it is <b>damaged</b>"
PICTURE = np.zeros((20, 30, 3), np.uint8)


@pytest.fixture
def table(qtbot):
    made = FileTable()
    qtbot.addWidget(made)
    return made


def shown(table, row):
    columns = [n for n in range(len(TITLES)) if not table.isColumnHidden(n)]
    return {TITLES[n]: table.item(row, n).text() for n in columns}


def test_a_plan_lists_what_stands_in_the_way(table):
    table.show_plan([PlannedFile(FILES[0], Standing.REFUSED, problem=PROBLEM)])
    assert shown(table, 0) == {"file": "a.tif", "state": "cannot be done", "read as": PROBLEM}
    assert "damaged" in table.item(0, 1).toolTip()
    assert "<b>" not in table.item(0, 1).toolTip()


def test_outcomes_are_listed_and_brought_up_to_date(table):
    table.show_outcomes([FileOutcome(each) for each in FILES])
    done = FileOutcome(FILES[1], FileState.DONE, "3 objects", 12.4, picture=PICTURE)
    table.update_outcome(1, FileOutcome(FILES[1], FileState.RUNNING))
    table.update_outcome(1, done)
    expected = {"file": "b.tif", "state": "done", "found": "3 objects", "time": "12 s"}
    assert shown(table, 1) == expected
    table.update_outcome(1, replace(done, picture=None, state=FileState.KEPT))
    assert not table.item(1, 0).icon().isNull()  # the picture is still that of the file
    table.forget_pictures()
    table.show_outcomes([done, done])
    assert table.rowCount() == 2


def test_the_most_suspicious_come_first_and_the_unknown_last(table):
    table.show_outcomes([FileOutcome(each) for each in FILES], {0: float("nan"), 1: 0.2, 2: 0.7})
    assert [table.number_at(row) for row in range(3)] == [2, 1, 0]
    assert [shown(table, row)["suspicion"] for row in range(3)] == ["0.70", "0.20", ""]


def test_a_chosen_row_is_told_once_by_its_number(table):
    heard = []
    table.picked.connect(heard.append)
    table.show_outcomes([FileOutcome(each) for each in FILES], {2: 0.7})
    assert heard == []
    table.setCurrentCell(0, 0)
    table.setCurrentCell(0, 1)
    table.show_outcomes([FileOutcome(each) for each in FILES])
    assert heard == [2]


def test_long_names_leave_room_for_what_was_found(table):
    table.resize(400, 300)
    place = Destination(Path("a" * 200 + ".tif"), Path("out/a.tif"))
    table.show_outcomes([FileOutcome(place, FileState.DONE, "3 objects")])
    assert table.columnWidth(0) <= 0.45 * table.viewport().width()
    assert sum(map(table.columnWidth, range(len(TITLES)))) <= table.viewport().width()


def test_reasons_begin_with_what_is_wrong(table):
    sentence = f"{str(FILES[0].path)!r} cannot be read; it is damaged"
    table.show_plan([PlannedFile(FILES[0], Standing.REFUSED, problem=sentence)])
    assert shown(table, 0)["read as"] == "cannot be read; it is damaged"
    failed = FileOutcome(FILES[0], FileState.FAILED, reason=sentence)
    table.show_outcomes([failed])
    assert shown(table, 0)["found"] == "cannot be read; it is damaged"
    assert sentence in table.item(0, TITLES.index("found")).toolTip()


@pytest.mark.parametrize("title", ["read as", "found"])
def test_the_beginning_of_a_long_text_is_seen(table, title):
    table.show_outcomes([FileOutcome(FILES[0])])
    option = QStyleOptionViewItem()
    place = table.model().index(0, TITLES.index(title))
    table.itemDelegateForIndex(place).initStyleOption(option, place)
    assert option.textElideMode == Qt.TextElideMode.ElideRight


def test_a_narrow_list_says_what_was_found_rather_than_how_long_it_took(table):
    before = FileOutcome(FILES[0], FileState.KEPT, "21 objects")
    table.show()
    table.resize(640, 300)
    table.show_outcomes([before, FileOutcome(FILES[1], FileState.DONE, "3 objects", 12.4)])
    assert shown(table, 1)["time"] == "12 s"
    table.resize(180, 300)
    assert set(shown(table, 0)) == {"file", "state", "found"}
    table.resize(640, 300)
    assert "time" in shown(table, 0)


def test_red_is_that_of_the_theme(table):
    table.show_outcomes([FileOutcome(FILES[0], FileState.FAILED, reason="no image")])
    place, reds = TITLES.index("state"), []
    for background in ("#ffffff", "#262930"):
        palette = QPalette()
        palette.setColor(QPalette.ColorRole.Window, QColor(background))
        table.setPalette(palette)
        table.fit_theme()
        reds.append(table.item(0, place).foreground().color().name())
        assert reds[-1] == red(table)
    assert reds[0] != reds[1]
    assert table.item(0, 0).foreground().color().name() not in reds
