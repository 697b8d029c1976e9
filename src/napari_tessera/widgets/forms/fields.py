"""One form field for each kind of parameter: a Qt widget with a value and a signal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import create_widget
from psygnal import Signal
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QPainter, QPalette
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt import QLabeledDoubleRangeSlider

from napari_tessera.algorithms.filters.histogram import histogram, hysteresis, otsu
from napari_tessera.signature.parameters import Parameter
from napari_tessera.signature.units import METRES, parse, unit
from napari_tessera.signature.words import Array
from napari_tessera.widgets.forms.choice import Choice
from napari_tessera.widgets.layers.to_source import fits

if TYPE_CHECKING:
    from napari.components import LayerList
    from napari.layers import Layer

_HUGE = 1e9
NONE = "none"
DEVICES = ("auto", "cpu", "cuda", "mps")
"""What the field for a device suggests; cuda:1 and so on can be written."""


class Field:
    """A parameter's place in the form.

    Attributes
    ----------
    parameter : Parameter
    native : QWidget
        What is shown.
    changed : Signal
        Emitted when the user (or the program) changes the value.
    """

    changed = Signal()

    def __init__(self, parameter: Parameter, native: QWidget) -> None:
        self.parameter, self.native = parameter, native
        native.setToolTip(parameter.help)
        native.setAccessibleName(parameter.title)

    @property
    def value(self) -> Any:
        """The value as the method takes it."""
        raise NotImplementedError

    @value.setter
    def value(self, value: Any) -> None:
        raise NotImplementedError

    @property
    def kept(self) -> Any:
        """The value to remember for the next session."""
        return self.value

    def fit(self, unit_name: str, values: Array | None) -> None:
        """Adapt units and ranges to the image: its unit of length and a sample of its values."""


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


class TextField(Field):
    """Text; suggestions can be picked from a list, and anything else be written. Empty is None.

    Parameters
    ----------
    parameter : Parameter
    suggestions : sequence of str
    """

    def __init__(self, parameter: Parameter, suggestions: Sequence[str] = ()) -> None:
        self._line = QLineEdit()
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
        self.native.setToolTip(shown)

    @property
    def value(self) -> str | None:
        text = self._line.text().strip()
        return None if not text and self.parameter.optional else text

    @value.setter
    def value(self, value: str | None) -> None:
        self._line.setText(value or "")
        self._line.setCursorPosition(0)


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


class LevelsField(Field):
    """Levels on a slider that spans the image, under its histogram; one handle per level."""

    def __init__(self, parameter: Parameter) -> None:
        self._single = parameter.word.name == "level"
        self._histogram = _HistogramView()
        self._slider = QLabeledDoubleRangeSlider(Qt.Orientation.Horizontal)
        self._slider.setEdgeLabelMode(QLabeledDoubleRangeSlider.EdgeLabelMode.NoLabel)
        self._values: Array = np.arange(2.0)
        self._chosen = False
        self._objects = "bright"
        native = QWidget()
        column = QVBoxLayout(native)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._histogram)
        column.addWidget(self._slider)
        super().__init__(parameter, native)
        self._place((0.5,), (0, 1))
        self._slider.valueChanged.connect(self._moved)

    def _moved(self) -> None:
        self._chosen = True
        self._histogram.mark(self._slider.value())
        self.changed.emit()

    def _place(self, levels: tuple[float, ...], span: tuple[float, float]) -> None:
        """Set range and handles without taking it for the user's choice."""
        self._slider.blockSignals(True)
        self._slider.setRange(*span)
        self._slider.setValue(levels)
        self._slider.blockSignals(False)
        self._histogram.mark(levels)

    @property
    def value(self) -> Any:
        levels = tuple(float(v) for v in self._slider.value())
        return levels[0] if self._single else levels

    @value.setter
    def value(self, value: Any) -> None:
        self._chosen = value is not None
        if value is None:
            self._suggest(len(self._slider.value()))
            return
        levels = (float(value),) if isinstance(value, int | float) else tuple(map(float, value))
        low, high = self._slider.minimum(), self._slider.maximum()
        self._place(levels, (min(low, levels[0]), max(high, levels[-1])))
        self.changed.emit()

    @property
    def kept(self) -> Any:
        return self.value if self._chosen else None

    def handles(self, count: int, objects: str) -> None:
        """Show one handle, or two for hysteresis; they move unless the user has placed them."""
        changed = objects != self._objects or len(self._slider.value()) != count
        self._objects = objects
        if changed and not (self._chosen and len(self._slider.value()) == count):
            self._suggest(count)

    def _suggest(self, count: int) -> None:
        """Put the handles where Otsu's method would, of 256 steps: it has to be quick."""
        low, high = float(self._values.min()), float(self._values.max())
        steps = ((self._values - low) / ((high - low) or 1) * 255).astype(np.uint8)
        found = histogram([steps])
        if found.values.size > 1:
            steps_of = otsu(found) if count == 1 else hysteresis(found, self._objects)
            self._place(tuple(low + step / 255 * (high - low) for step in steps_of), (low, high))

    def fit(self, unit_name: str, values: Array | None) -> None:
        if values is None or values.size == 0 or values.min() == values.max():
            return
        self._values = values
        low, high = float(values.min()), float(values.max())
        self._slider.setDecimals(0 if values.dtype.kind in "ui" else 3)
        kept = tuple(self._slider.value())
        if self._chosen and all(low <= level <= high for level in kept):
            self._place(kept, (low, high))
        else:
            self._suggest(len(kept))
        self._histogram.show_counts(np.histogram(values, 64, (low, high))[0], (low, high))


class LayerField(Field):
    """A layer of the viewer, or none."""

    def __init__(
        self, parameter: Parameter, layers: LayerList, accepts: Callable[[Layer], bool]
    ) -> None:
        self._layers, self._accepts, self._choice = layers, accepts, Choice()
        super().__init__(parameter, self._choice)
        self.refresh()
        self._choice.currentIndexChanged.connect(lambda: self.changed.emit())

    @property
    def value(self) -> Layer | None:
        return self._choice.chosen

    @value.setter
    def value(self, value: Layer | None) -> None:
        self._choice.choose(value)

    def refresh(self, *_: Any) -> None:
        """List the layers anew; the choice stays while its layer is there."""
        none = [(NONE, None)] if self.parameter.optional else []
        layers = [(each.name, each) for each in reversed(self._layers) if self._accepts(each)]
        self._choice.offer(none + layers)

    def avoid(self, layer: Layer | None) -> None:
        """Choose another layer than this one, if it was chosen and there is another."""
        others = [each for each in reversed(self._layers) if self._accepts(each)]
        if self.value is layer and self.parameter.required:
            self.value = next((each for each in others if each is not layer), layer)


class _HistogramView(QWidget):
    """A histogram of the image with the levels drawn into it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(44)
        self._counts = np.zeros(0)
        self._range = (0.0, 1.0)
        self._marks: Sequence[float] = ()

    def show_counts(self, counts: Array, span: tuple[float, float]) -> None:
        self._counts, self._range = np.sqrt(counts), span
        self.update()

    def mark(self, levels: Sequence[float]) -> None:
        self._marks = levels
        self.update()

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        margin = 7.0  # half a handle of the slider below
        width, height = self.width() - 2 * margin, self.height()
        colours = self.palette()
        text = colours.color(QPalette.ColorRole.WindowText)
        text.setAlphaF(0.45)
        step = width / max(self._counts.size, 1)
        for i, count in enumerate(self._counts / max(self._counts.max(initial=0), 1)):
            bar = QRectF(margin + i * step, height * (1 - count), step, height * count)
            painter.fillRect(bar, text)
        accent = colours.color(QPalette.ColorRole.WindowText)
        low, high = self._range
        for level in self._marks:
            place = margin + width * (level - low) / ((high - low) or 1)
            painter.fillRect(QRectF(place - 1, 0, 2, height), accent)


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


def field_for(parameter: Parameter, layers: LayerList | None = None) -> Field:
    """Return the field that fits a parameter; only those for arrays need the viewer's layers."""
    word = parameter.word.name
    if parameter.is_array:
        return LayerField(parameter, layers, lambda layer: fits(layer, word))
    if word == "length":
        return LengthField(parameter)
    if word in ("levels", "level"):
        return LevelsField(parameter)
    if word == "model":
        from napari_tessera.widgets.forms.model_field import ModelField

        return ModelField(parameter)
    if word == "device":
        return TextField(parameter, DEVICES)
    if parameter.type is str and not parameter.choices:
        return TextField(parameter)
    if parameter.optional:
        return OptionalField(parameter)
    if parameter.type is float:
        return NumberField(parameter)
    return PlainField(parameter)
