"""Fields for numbers, for choices, and for lengths with their unit."""

from __future__ import annotations

import math
from typing import Any

from qtpy.QtCore import QSize
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QSizePolicy,
    QWidget,
)
from superqt import QLargeIntSpinBox

from napari_tessera.signature.parameters import Parameter
from napari_tessera.signature.units import METRES, parse, unit
from napari_tessera.signature.validation import check_value
from napari_tessera.signature.words import Array
from napari_tessera.widgets.forms.fields.field import Field
from napari_tessera.widgets.qt.choice import Choice

_HUGE = 1e9

TENTH = 0.1
"""The smallest step of a length in a unit, and the step of a number at 0."""

DIGITS, STEPS = "0.0001", 44
"""What fits into the narrowest box for numbers, and the dots that the signs beside it take."""


class WholeField(Field):
    """A whole number."""

    def __init__(self, parameter: Parameter) -> None:
        # Qt's own box ends at 2 ** 31
        self._box = _WholeBox()
        low, high = parameter.word.low, parameter.word.high
        self._box.setRange(
            -int(_HUGE) if low is None else int(low), int(_HUGE) if high is None else int(high)
        )
        self._box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        super().__init__(parameter, self._box)
        self.value = parameter.default
        self._box.valueChanged.connect(lambda: self.changed.emit())

    @property
    def value(self) -> int:
        return int(self._box.value())

    @value.setter
    def value(self, value: int) -> None:
        check_value(self.parameter, value)
        self._box.setValue(value)


class YesNoField(Field):
    """A yes or no."""

    def __init__(self, parameter: Parameter) -> None:
        self._check = QCheckBox()
        super().__init__(parameter, self._check)
        self.value = parameter.default
        self._check.toggled.connect(lambda: self.changed.emit())

    @property
    def value(self) -> bool:
        return self._check.isChecked()

    @value.setter
    def value(self, value: bool) -> None:
        self._check.setChecked(bool(value))


class ChoiceField(Field):
    """One of a few words or numbers."""

    def __init__(self, parameter: Parameter) -> None:
        self._choice = Choice()
        self._choice.offer((str(each), each) for each in parameter.choices)
        super().__init__(parameter, self._choice)
        if not parameter.required:
            self.value = parameter.default
        self._choice.currentIndexChanged.connect(lambda: self.changed.emit())

    @property
    def value(self) -> Any:
        return self._choice.chosen

    @value.setter
    def value(self, value: Any) -> None:
        check_value(self.parameter, value)
        self._choice.choose(value)


class NumberField(Field):
    """A number of any size."""

    def __init__(self, parameter: Parameter) -> None:
        self._box = _spin_box(parameter.word.low, parameter.word.high)
        super().__init__(parameter, self._box)
        self.value = parameter.default
        self._box.valueChanged.connect(lambda: self.changed.emit())

    @property
    def value(self) -> float:
        return float(self._box.value())

    @value.setter
    def value(self, value: float) -> None:
        self._box.setValue(value)


class OptionalField(Field):
    """A number behind a check box; unchecked is None."""

    def __init__(self, parameter: Parameter) -> None:
        self._check = QCheckBox()
        self._box = _spin_box(parameter.word.low, parameter.word.high)
        if parameter.type is int:
            self._box.setDecimals(0)
            self._box.least = 1.0
        super().__init__(parameter, _row(self._check, self._box))
        if parameter.word.usual is not None:
            self._box.setValue(parameter.word.usual)
        self.value = parameter.default
        self._check.toggled.connect(self._toggle)
        self._box.valueChanged.connect(lambda: self.changed.emit())

    def _toggle(self, on: bool) -> None:
        self._box.setEnabled(on)
        self.changed.emit()

    @property
    def value(self) -> float | None:
        return self.parameter.type(self._box.value()) if self._check.isChecked() else None

    @value.setter
    def value(self, value: float | None) -> None:
        self._check.setChecked(value is not None)
        self._box.setEnabled(value is not None)
        if value is not None:
            self._box.setValue(value)


class LengthField(Field):
    """A length: a number and, beside it, pixels or the image's own unit."""

    def __init__(self, parameter: Parameter) -> None:
        self._box = _spin_box(0, None)
        self._unit = QComboBox()
        self._unit.addItem("px")
        self._unit.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        super().__init__(parameter, _row(self._box, self._unit))
        self._box.setToolTip(parameter.help)
        self._unit.setToolTip("px: the finest pixel of the image; or its unit of length")
        self._unit.currentTextChanged.connect(self._fit_step)
        self._fit_step()
        self.value = parameter.default
        self._box.valueChanged.connect(lambda: self.changed.emit())
        self._unit.currentTextChanged.connect(lambda: self.changed.emit())

    @property
    def value(self) -> str:
        return f"{self._box.value():.9g} {self._unit.currentText()}"

    @value.setter
    def value(self, value: float | str) -> None:
        number, written = parse(value, name=self.parameter.name)
        self._offer(written or "px")
        self._unit.setCurrentText(written or "px")
        self._box.setValue(number)

    def _fit_step(self) -> None:
        self._box.least = 1.0 if self._unit.currentText() == "px" else TENTH

    def _offer(self, name: str) -> None:
        if self._unit.findText(name) < 0:
            self._unit.addItem(name)

    def fit(self, unit_name: str, values: Array | None) -> None:
        if unit(unit_name) in METRES:
            self._offer(unit(unit_name))


class _NarrowBox:
    """A box for numbers as wide as its form, and at least for some digits.

    Qt's own hint is as wide as the longest number that the box takes.
    """

    def minimumSizeHint(self: Any) -> QSize:
        digits = self.fontMetrics().horizontalAdvance(DIGITS)
        return QSize(digits + STEPS, super().minimumSizeHint().height())  # type: ignore[misc]

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()


class _NumberBox(_NarrowBox, QDoubleSpinBox):
    """Steps by a tenth of the decade that the value lies in, but at least by `least`.

    Qt's own adaptive step is 1e-9 at 0, the last decimal.
    """

    least = 0.0

    def stepBy(self, steps: int) -> None:
        size = abs(self.value())
        decade = 10.0 ** (math.floor(math.log10(size)) - 1) if size else TENTH
        self.setSingleStep(max(self.least, decade))
        super().stepBy(steps)

    def textFromValue(self, value: float) -> str:
        return f"{value:.9g}"  # no ".000" behind whole numbers


class _WholeBox(_NarrowBox, QLargeIntSpinBox):
    pass


def _spin_box(low: float | None, high: float | None) -> _NumberBox:
    box = _NumberBox()
    box.setRange(-_HUGE if low is None else low, _HUGE if high is None else high)
    box.setDecimals(9)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return box


def _row(*widgets: QWidget) -> QWidget:
    native = QWidget()
    row = QHBoxLayout(native)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    for widget in widgets:
        row.addWidget(widget, int(isinstance(widget, QDoubleSpinBox)))
    return native
