"""One step of a recipe in its form: what it does, what it gave, and its fields when unfolded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import KINDS
from napari_tessera.signature.words import AXES, Array
from napari_tessera.widgets.forms.fields.levels import LevelsField
from napari_tessera.widgets.forms.walk_rows import WalkRows
from napari_tessera.widgets.qt.plain_text import PlainLabel
from napari_tessera.widgets.qt.rows import Rows
from napari_tessera.widgets.recipe.step_fields import StepFields
from napari_tessera.widgets.recipe.words import step_words

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

TO_RUN = "to be run"


class StepRow(QFrame):
    """A step: its title, what is chosen, what it gave; unfolded, its fields.

    Parameters
    ----------
    number : int
        From 0.
    step : Recipe
    viewer : ViewerModel
    began : str, optional
        The name of the image that the recipe was made on, if the step is not the first.
    before : sequence of Recipe
        The steps before it.

    Attributes
    ----------
    title, up, down, out : QToolButton
        Which unfolds it, and which move it and take it out.
    words, state : PlainLabel
        What is chosen, and what it gave.
    fields : StepFields or None
        None until it is unfolded.
    """

    changed = Signal(str)
    walked = Signal()
    unfolded = Signal()

    def __init__(
        self,
        number: int,
        step: Recipe,
        viewer: ViewerModel,
        began: str | None,
        before: Sequence[Recipe] = (),
    ) -> None:
        super().__init__()
        self.number, self.step, self.before = number, step, tuple(before)
        self._viewer, self.began = viewer, began
        self._method = METHODS[step.method]
        self.fields: StepFields | None = None
        self.walk: WalkRows | None = None
        self.title, self.words, self.state = QToolButton(), PlainLabel(), PlainLabel()
        self.up, self.down, self.out = QToolButton(), QToolButton(), QToolButton()
        self.rows = Rows()
        self._build()
        self.show_step(step)

    def _build(self) -> None:
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.title.setCheckable(True)
        self.title.setAutoRaise(True)
        self.title.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.title.setArrowType(Qt.ArrowType.RightArrow)
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.up.setArrowType(Qt.ArrowType.UpArrow)
        self.down.setArrowType(Qt.ArrowType.DownArrow)
        self.out.setText("\N{MULTIPLICATION SIGN}")
        for button, tip in (
            (self.up, "Do this step earlier"),
            (self.down, "Do this step later"),
            (self.out, "Take this step out of the recipe; Undo puts it back"),
        ):
            button.setAutoRaise(True)
            button.setToolTip(tip)
        self.rows.setVisible(False)
        self.number_as(self.number)
        self._lay_out()
        self.title.toggled.connect(self.unfold)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(0)
        head.addWidget(self.title, 1)
        for button in (self.up, self.down, self.out):
            head.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 2, 4, 4)
        column.setSpacing(2)
        column.addLayout(head)
        for widget in (self.words, self.state, self.rows):
            column.addWidget(widget)

    # ------------------------------------------------------------------ what is shown

    def number_as(self, number: int) -> None:
        """Give the step a number, from 0."""
        self.number, name = number, f"{number + 1}. {self._method.display}"
        self.title.setText(name)
        self.title.setToolTip(f"{name}: {self._method.summary} Press to show or hide its settings")
        for widget, what in (
            (self.title, ""),
            (self.up, ": earlier"),
            (self.down, ": later"),
            (self.out, ": take out"),
            (self.words, ": what is chosen"),
            (self.state, ": what it gave"),
        ):
            widget.setAccessibleName(f"{name}{what}")

    def show_step(self, step: Recipe) -> None:
        """Say what is chosen in the step."""
        self.step = step
        self.words.setText(step_words(step, self.began))

    def show_state(self, text: str) -> None:
        """Say what it gave, or that it has to be run."""
        self.state.setText(text)
        font = self.state.font()
        font.setItalic(text == TO_RUN)
        self.state.setFont(font)

    def unfold(self, on: bool) -> None:
        """Show or hide the fields, which are made when they are shown first."""
        if on and self.fields is None and not self._method.way.by_hand:
            self._make_fields()
        self.title.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
        self.rows.setVisible(on and self.fields is not None)
        self.words.setVisible(not self.rows.isVisibleTo(self))
        if self.fields is not None:
            self.rows.fit()
        self.unfolded.emit()

    def _make_fields(self) -> None:
        self.fields = StepFields(self.step, self._viewer.layers, self.began, self.before)
        self.walk = walk = WalkRows(self._method, self._viewer)
        for field in self.fields.values():
            parameter = field.parameter
            self.rows.add(parameter.title, field.native, parameter.word.section)
        for title, widget in self._walk_rows(walk):
            self.rows.add(title, widget)
        walk.over.choose(self.step.over or "planes")
        walk.levels_from.choose(self.step.levels_from)
        walk.join.setChecked(self.step.join)
        self.fields.show_what_applies(self.rows)
        self.fields.on_change(self._field_changed)
        walk.over.currentIndexChanged.connect(lambda *_: self.walked.emit())
        walk.levels_from.currentIndexChanged.connect(lambda *_: self.walked.emit())
        walk.join.toggled.connect(lambda *_: self.walked.emit())

    def _walk_rows(self, walk: WalkRows) -> list[tuple[str, QWidget]]:
        return [
            ("Work on", walk.over),
            ("Automatic from", walk.levels_from),
            ("Across planes", walk.join),
        ]

    def _field_changed(self, name: str) -> None:
        if self.fields is not None:
            self.fields.show_what_applies(self.rows)
            self.rows.fit()
        self.changed.emit(name)

    def fit_layer(self, layer: Layer | None, values: Array | None) -> None:
        """Offer what there is for a layer: units, planes or volumes, and levels among its values.

        Parameters
        ----------
        layer : Layer or None
        values : ndarray or None
            A sample of its intensities.
        """
        if self.fields is None or self.walk is None:
            return
        walk, axes = self.walk, 0 if layer is None else layer.ndim
        several = axes > AXES[walk.over.chosen]
        numbers = KINDS[self._method.returns].numbered and not self._method.refines
        self.rows.show_row(walk.over, axes > 2 and walk.over.count() > 1)
        self.rows.show_row(walk.levels_from, several and walk.levels_from.count() > 1)
        self.rows.show_row(walk.join, several and numbers)
        self.rows.fit()
        if layer is None:
            return
        for name, field in self.fields.items():
            field.fit(str(layer.units[-1]), values)
            levels = self.step.parameters.get(name)
            if isinstance(field, LevelsField) and levels is not None:
                field.value = levels  # also those that lie beyond the sample

    def asked_of(self, name: str) -> dict[str, Any]:
        """Return what a field that has changed asks for, and those that have a meaning by it."""
        fields, kept = self.fields, self.step.parameters
        if fields is None:
            return {}
        new = [n for n in fields.chosen() if kept.get(n) is None and n in kept]
        return {each: fields.asked_of(each) for each in (*new, name)}

    @property
    def walked_as(self) -> dict[str, Any]:
        """How the step goes through a stack, as fields of its recipe."""
        walk = self.walk
        if walk is None:
            return {}
        join, levels = walk.join.isChecked(), walk.levels_from.chosen
        return {"over": walk.over.chosen, "levels_from": levels, "join": join}

    def refresh(self) -> None:
        """List the layers anew."""
        for field in () if self.fields is None else self.fields.layers:
            field.refresh()
