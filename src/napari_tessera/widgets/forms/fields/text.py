"""The field for text."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QComboBox, QLineEdit, QWidget

from napari_tessera.signature.parameters import Parameter
from napari_tessera.widgets.forms.fields.field import Field
from napari_tessera.widgets.qt.plain_text import as_written

LETTERS = 12
"""How many letters fit into the narrowest field for text."""


class TextField(Field):
    """Text; suggestions can be picked from a list, and anything else be written. Empty is None.

    Parameters
    ----------
    parameter : Parameter
    suggestions : sequence of str
    """

    def __init__(self, parameter: Parameter, suggestions: Sequence[str] = ()) -> None:
        self._line = _Line()
        native: QWidget = self._line
        if suggestions:
            native = self._combo(suggestions)
        super().__init__(parameter, native)
        # what is longer than the field is read in the tool tip
        self._line.textChanged.connect(self._show_whole)
        self.value = None if parameter.required else parameter.default
        self._line.textChanged.connect(lambda: self.changed.emit())

    def _combo(self, suggestions: Sequence[str]) -> QComboBox:
        combo = QComboBox()
        combo.setEditable(True)
        combo.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setMinimumContentsLength(8)
        combo.addItems(list(suggestions))
        combo.setLineEdit(self._line)
        return combo

    def _show_whole(self, text: str) -> None:
        shown = f"{text}\n\n{self.parameter.help}" if text else self.parameter.help
        self.native.setToolTip(as_written(shown))

    @property
    def value(self) -> str | None:
        text = self._line.text().strip()
        return None if not text and self.parameter.optional else text

    @value.setter
    def value(self, value: str | None) -> None:
        self._line.setText(value or "")
        self._line.setCursorPosition(0)


class _Line(QLineEdit):
    """A line that is never as narrow as Qt allows, which is one letter."""

    def minimumSizeHint(self) -> QSize:
        own = super().minimumSizeHint()
        return own.expandedTo(QSize(self.fontMetrics().horizontalAdvance("x") * LETTERS, 0))
