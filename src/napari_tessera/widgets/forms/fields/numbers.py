"""Fields for numbers, for choices, and for lengths with their unit."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import create_widget
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QSizePolicy,
    QWidget,
)

from napari_tessera.signature.parameters import Parameter
from napari_tessera.signature.units import METRES, parse, unit
from napari_tessera.signature.words import Array
from napari_tessera.widgets.forms.fields.field import Field

_HUGE = 1e9


class PlainField(Field):
    """A whole number, a choice or a yes or no, as magicgui shows it."""

    def __init__(self, parameter: Parameter) -> None:
        options: dict[str, Any] = {}
        if parameter.type is int:
            low, high = parameter.word.low, parameter.word.high
            options = {
                "min": -_HUGE if low is None else low,
                "max": _HUGE if high is None else high,
            }
        if parameter.choices:
            options["choices"] = list(parameter.choices)
        kind = Any if parameter.choices else parameter.type
        self._widget = create_widget(
            value=parameter.default,
            annotation=None if parameter.choices else kind,
            options=options,
            widget_type="ComboBox" if parameter.choices else None,
        )
        super().__init__(parameter, self._widget.native)
        self._widget.changed.connect(lambda: self.changed.emit())

    @property
    def value(self) -> Any:
        return self._widget.value

    @value.setter
    def value(self, value: Any) -> None:
        self._widget.value = value


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
        super().__init__(parameter, _row(self._check, self._box))
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

    def _offer(self, name: str) -> None:
        if self._unit.findText(name) < 0:
            self._unit.addItem(name)

    def fit(self, unit_name: str, values: Array | None) -> None:
        if unit(unit_name) in METRES:
            self._offer(unit(unit_name))


def _spin_box(low: float | None, high: float | None) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(-_HUGE if low is None else low, _HUGE if high is None else high)
    box.setDecimals(9)
    box.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
    box.setMinimumWidth(70)
    # its own hint is as wide as the longest number of its range
    box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    box.textFromValue = lambda value: f"{value:.9g}"  # no ".000" behind whole numbers
    return box


def _row(*widgets: QWidget) -> QWidget:
    native = QWidget()
    row = QHBoxLayout(native)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    for widget in widgets:
        row.addWidget(widget, int(isinstance(widget, QDoubleSpinBox)))
    return native
