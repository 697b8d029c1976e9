"""The list of a batch: a row for each file, with a small picture, its state, what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QBrush, QColor, QIcon
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QTableWidget,
    QTableWidgetItem,
)

from napari_tessera.batch.inputs import Destination
from napari_tessera.batch.plan import PlannedFile, Standing
from napari_tessera.batch.summary import FileOutcome, FileState
from napari_tessera.widgets.evaluation.trials import icon
from napari_tessera.widgets.forms.results import duration
from napari_tessera.widgets.qt.plain_text import as_written
from napari_tessera.widgets.qt.status_line import red

SIDE = 48
"""Dots on the screen along a side of a small picture."""

TITLES = ("file", "state", "time", "suspicion", "read as", "found")
_FILE, _STATE, _TIME, _SUSPICION, _READ, _FOUND = range(len(TITLES))

_LONGEST = 0.45
"""Share of the width that the names of files take at most."""


_WRONG = Qt.ItemDataRole.UserRole
_DIGITS = 6
"""Of what was found, there is room for so many at least."""


class _Sentence(QStyledItemDelegate):
    """A text of which the beginning is shown where it has no room, as the rest tells less."""

    def initStyleOption(self, option: Any, index: Any) -> None:
        super().initStyleOption(option, index)
        option.textElideMode = Qt.TextElideMode.ElideRight


class FileTable(QTableWidget):
    """The files of a batch, first as they are planned, then as they are done."""

    picked = Signal(int)
    """Carries the number of the file whose row was chosen."""

    def __init__(self) -> None:
        super().__init__(0, len(TITLES))
        self._numbers = list[int]()
        self._pictures: dict[int, QIcon] = {}
        self._filling = False
        self._columns = frozenset[int]()
        self.setHorizontalHeaderLabels(TITLES)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setIconSize(QSize(SIDE, SIDE))
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().setVisible(False)
        self.setAccessibleName("Files")
        self.setMinimumHeight(4 * SIDE)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        # texts of any length, which have the rest of the width
        for column in (_READ, _FOUND):
            self.setItemDelegateForColumn(column, _Sentence(self))
            self.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        self.currentCellChanged.connect(self._moved)
        self._show_columns(_STATE, _READ)

    def show_plan(self, files: Sequence[PlannedFile]) -> None:
        """List files as they will be read."""
        self._begin(len(files))
        for row, each in enumerate(files):
            refused = each.standing is Standing.REFUSED
            self._write(row, _FILE, each.destination.path.name, tip=str(each.destination.path))
            self._write(row, _STATE, each.standing.value, tip=each.problem, wrong=refused)
            read = _without_path(each.problem, each.destination) or each.reading
            self._write(row, _READ, read, tip=each.problem or each.reading)
        self._show_columns(_STATE, _READ)
        self._filling = False

    def show_outcomes(
        self, outcomes: Sequence[FileOutcome], suspicions: Mapping[int, float] | None = None
    ) -> None:
        """List what has become of files, the most suspicious first if that is known of them."""
        self._begin(len(outcomes))
        known = suspicions or {}
        if suspicions is not None:
            worst = {number: value for number, value in known.items() if value == value}
            self._numbers.sort(key=lambda number: -worst.get(number, -1.0))
        for row, number in enumerate(self._numbers):
            self._write_outcome(row, number, outcomes[number])
            value = known.get(number, np.nan)
            self._write(row, _SUSPICION, "" if np.isnan(value) else f"{value:.2f}")
        # a narrow dock has no room for all of them
        self._show_columns(_FOUND, *((_STATE, _TIME) if suspicions is None else (_SUSPICION,)))
        self._filling = False

    def update_outcome(self, number: int, outcome: FileOutcome) -> None:
        """Show what has become of one file, and bring it into sight while it is worked on."""
        row = self._numbers.index(number)
        self._write_outcome(row, number, outcome)
        self._fit()
        if outcome.state is FileState.RUNNING:
            self.scrollToItem(self.item(row, _FILE))

    def number_at(self, row: int) -> int:
        """Return the number of the file in a row."""
        return self._numbers[row]

    def forget_pictures(self) -> None:
        """Drop the pictures of another batch."""
        self._pictures = {}

    def _write_outcome(self, row: int, number: int, outcome: FileOutcome) -> None:
        path = outcome.destination.path
        if outcome.picture is not None:
            self._pictures[number] = icon(outcome.picture)
        self._write(row, _FILE, path.name, tip="\n".join((str(path), *outcome.notes)))
        if number in self._pictures:
            self.item(row, _FILE).setIcon(self._pictures[number])
            self.setRowHeight(row, SIDE + 4)
        failed, done = (outcome.state is each for each in (FileState.FAILED, FileState.DONE))
        self._write(row, _STATE, outcome.state.value, tip=outcome.reason, wrong=failed)
        reason = _without_path(outcome.reason, outcome.destination)
        found = reason if failed else outcome.counted
        self._write(row, _FOUND, found, tip=outcome.reason, wrong=failed)
        self._write(row, _TIME, duration(outcome.seconds) if done else "")

    def fit_theme(self) -> None:
        """Take the red of the theme for what is wrong."""
        for row in range(self.rowCount()):
            for column in range(self.columnCount()):
                item = self.item(row, column)
                if item is not None:
                    self._colour(item)

    def _colour(self, item: QTableWidgetItem) -> None:
        if item.data(_WRONG):
            item.setForeground(QBrush(QColor(red(self))))

    def _begin(self, count: int) -> None:
        self._filling = True  # what is chosen meanwhile, nobody has chosen
        self._numbers = list(range(count))
        self.setRowCount(0)
        self.setRowCount(count)

    def _write(
        self, row: int, column: int, text: str, *, tip: str = "", wrong: bool = False
    ) -> None:
        item = QTableWidgetItem(text)
        item.setToolTip(as_written(tip))
        item.setData(_WRONG, wrong)
        self._colour(item)
        if column in (_TIME, _SUSPICION):
            item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setItem(row, column, item)

    def _show_columns(self, *own: int) -> None:
        self._columns = frozenset((_FILE, *own))
        self._fit()

    def resizeEvent(self, event: Any) -> None:
        """Give the names of files their share of the width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        for column in range(len(TITLES)):
            self.setColumnHidden(column, column not in self._columns)
        for column in (_STATE, _TIME, _SUSPICION):
            self.resizeColumnToContents(column)
        self.resizeColumnToContents(_FILE)
        width = self.viewport().width()
        self.setColumnWidth(_FILE, min(self.columnWidth(_FILE), round(_LONGEST * width)))
        # what was found tells more than how long it took
        left = width - sum(map(self.columnWidth, (_FILE, _STATE, _TIME)))
        if left < self.fontMetrics().horizontalAdvance("0" * _DIGITS):
            self.setColumnHidden(_TIME, True)

    def _moved(self, row: int, column: int, before: int, _: Any) -> None:
        if row >= 0 and row != before and not self._filling:
            self.picked.emit(self._numbers[row])


def _without_path(reason: str, destination: Destination) -> str:
    """Return a reason without the path of its own file, which stands beside it."""
    return reason.removeprefix(f"{str(destination.path)!r} ")
