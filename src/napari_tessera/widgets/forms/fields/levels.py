"""The field for levels of intensity: a slider under the histogram of the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QPainter, QPalette
from qtpy.QtWidgets import QVBoxLayout, QWidget
from superqt import QLabeledDoubleRangeSlider

from napari_tessera.algorithms.filters.histogram import histogram, hysteresis, otsu
from napari_tessera.signature.parameters import Parameter
from napari_tessera.signature.words import Array
from napari_tessera.widgets.forms.fields.field import Field


class LevelsField(Field):
    """Levels on a slider that spans the image, under its histogram; one handle per level."""

    def __init__(self, parameter: Parameter) -> None:
        self._single = parameter.word.name == "level"
        self._histogram = _HistogramView()
        self._slider = QLabeledDoubleRangeSlider(Qt.Orientation.Horizontal)
        self._slider.setEdgeLabelMode(QLabeledDoubleRangeSlider.EdgeLabelMode.NoLabel)
        self._values: Array = np.arange(2.0)
        self._chosen = False
        self._asks, self._found = True, False
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

    def ask(self, on: bool) -> bool:
        """Ask for levels, or show those that are found; return whether there is any to show."""
        self._asks = on
        self._slider.setVisible(on)
        self._histogram.mark(self._slider.value() if on else ())
        return on or self._found

    def show_found(self, levels: Sequence[float]) -> bool:
        """Draw levels that were found, if any were; return whether there is anything to show."""
        self._found = bool(levels)
        if not self._asks:
            self._histogram.mark(levels)
        return self._asks or self._found

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
        if self._asks:
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
