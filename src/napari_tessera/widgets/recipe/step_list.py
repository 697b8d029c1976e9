"""The rows of all steps of a recipe, which scroll where the dock is too low for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.widgets.recipe.step_row import StepRow

if TYPE_CHECKING:
    from napari.components import ViewerModel

LOWEST = 110
"""Dots on the screen of the list at least, so that a step can be read."""


class StepList(QScrollArea):
    """The steps of a recipe below one another.

    Parameters
    ----------
    viewer : ViewerModel

    Attributes
    ----------
    rows : list of StepRow
    """

    changed = Signal(int, str)
    walked = Signal(int)
    moved = Signal(int, int)
    taken_out = Signal(int)
    unfolded = Signal(int)

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer, self.rows = viewer, list[StepRow]()
        inside = QWidget()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 0, 4, 0)
        self._column.addStretch(1)
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(LOWEST)
        self.setAccessibleName("Steps")

    def show_steps(self, steps: Sequence[Recipe], began: str) -> None:
        """Show other steps; those that were unfolded, and still are there, stay so."""
        unfolded = {row.number: row.step.method for row in self.rows if row.title.isChecked()}
        before, self.rows = self.rows, []
        for number, each in enumerate(steps):
            own = None if number == 0 else began
            # making fields takes time: those of steps that are the same stay
            wanted = (each, own, _methods(steps[:number]))
            same = (r for r in before if (r.step, r.began, _methods(r.before)) == wanted)
            row = next(same, None)
            if row is None:
                row = self._row(number, each, own, steps[:number])
                row.title.setChecked(unfolded.get(number) == each.method)
            else:
                before.remove(row)
                row.number_as(number)
            self.rows.append(row)
        for row in before:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        for row in self.rows:
            self._column.insertWidget(row.number, row)
        self.fit_width()

    def _row(
        self, number: int, step: Recipe, began: str | None, earlier: Sequence[Recipe]
    ) -> StepRow:
        row = StepRow(number, step, self._viewer, began, earlier)
        row.changed.connect(lambda name: self.changed.emit(row.number, name))
        row.walked.connect(lambda: self.walked.emit(row.number))
        row.up.clicked.connect(lambda: self.moved.emit(row.number, row.number - 1))
        row.down.clicked.connect(lambda: self.moved.emit(row.number, row.number + 1))
        row.out.clicked.connect(lambda: self.taken_out.emit(row.number))
        row.unfolded.connect(lambda: self._unfolded(row))
        return row

    def _unfolded(self, row: StepRow) -> None:
        if row in self.rows:
            self.unfolded.emit(row.number)
        self.fit_width()

    def fit_width(self) -> None:
        """Make room for the rows that are shown, so that none is cut off."""
        self._column.activate()
        bar = self.verticalScrollBar().sizeHint().width()
        self.setMinimumWidth(self.widget().minimumSizeHint().width() + bar)

    def resizeEvent(self, event: Any) -> None:
        """Fit the rows to the dock."""
        super().resizeEvent(event)
        self.fit_width()


def _methods(steps: Sequence[Recipe]) -> list[str]:
    return [each.method for each in steps]
