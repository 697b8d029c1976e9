"""The live plot of a training: losses and score against epochs."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

if TYPE_CHECKING:
    from napari_tessera.signature.words import Array

WORDS = {"loss": "training loss", "validation": "validation loss", "score": "score"}
"""What is drawn, as the legend says it."""

DARK = {"loss": "#d0d3d8", "validation": "#ffb454", "score": "#5cc8ff"}
LIGHT = {"loss": "#44484f", "validation": "#9a4c00", "score": "#0067b8"}
"""Colours that can be read on a dark and on a light background."""

MARKS = 4
"""Steps of the axis of losses, about."""

_CENTRE = Qt.AlignmentFlag.AlignCenter


@dataclass(frozen=True)
class Point:
    """What is known at the end of an epoch; None or a number that is not finite is not drawn.

    Attributes
    ----------
    epoch : float
    loss : float, optional
        Mean over the training steps of the epoch.
    validation : float, optional
        Loss of the validation images.
    score : float, optional
        How good the validation images come out, 0 to 1.
    """

    epoch: float
    loss: float | None = None
    validation: float | None = None
    score: float | None = None

    def __str__(self) -> str:
        shown = [
            f"{WORDS[name]} {value:.4g}"
            for name in WORDS
            if (value := getattr(self, name)) is not None
        ]
        return "\n".join([f"epoch {self.epoch:g}", *shown])


@dataclass(frozen=True)
class Frame:
    """Where the axes are on the widget and what they span.

    Attributes
    ----------
    area : QRectF
        Inside the axes.
    epochs, losses : tuple of float
        First and last value of the axes; that of the score is from 0 to 1.
    """

    area: QRectF
    epochs: tuple[float, float]
    losses: tuple[float, float]

    @property
    def most(self) -> int:
        """How many points of a curve can be told apart."""
        return max(2, int(self.area.width() / 2))

    def x(self, epochs: Any) -> Any:
        """Return where epochs are from the left."""
        low, high = self.epochs
        return self.area.left() + (epochs - low) / (high - low) * self.area.width()

    def y(self, name: str, values: Any) -> Any:
        """Return where losses or scores are from the top."""
        low, high = (0.0, 1.0) if name == "score" else self.losses
        return self.area.bottom() - (values - low) / (high - low) * self.area.height()

    def place(self, name: str, epoch: float, value: float) -> QPointF:
        """Return the place of one value."""
        return QPointF(self.x(epoch), self.y(name, value))


class Curve(QWidget):
    """Losses (left axis) and score (right axis) against epochs; the best epoch is marked."""

    def __init__(self) -> None:
        super().__init__()
        self.points: list[Point] = []
        self._step_epochs, self._step_losses = array("d"), array("d")
        self._pointed: Point | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Curves of the training")

    def sizeHint(self) -> QSize:
        """Return the size that all words fit into; a line while there is nothing to draw."""
        return QSize(290, 28 if self._is_empty else 160)

    def minimumSizeHint(self) -> QSize:
        """Return the size below which nothing could be read."""
        return QSize(180, self.sizeHint().height())

    # ------------------------------------------------------------------ values

    def add(
        self,
        epoch: float,
        loss: float | None = None,
        validation: float | None = None,
        score: float | None = None,
    ) -> None:
        """Add what is known at the end of an epoch.

        Parameters
        ----------
        epoch : float
            How many epochs are over.
        loss, validation, score : float, optional
            Loss in training and on validation images, and their score from 0 to 1.
        """
        self.points.append(Point(float(epoch), _known(loss), _known(validation), _known(score)))
        self.setAccessibleDescription(str(self.points[-1]).replace("\n", ", "))
        self._changed()

    def add_step(self, epoch: float, loss: float) -> None:
        """Add the loss of one step; `epoch` is how many epochs are over, with fractions."""
        if math.isfinite(loss):
            self._step_epochs.append(epoch)
            self._step_losses.append(loss)
            self._changed()

    def clear(self) -> None:
        """Begin anew."""
        self.points, self._pointed = [], None
        self._step_epochs, self._step_losses = array("d"), array("d")
        self.setAccessibleDescription("")
        self._changed()

    def _changed(self) -> None:
        if self.height() != self.sizeHint().height():
            self.updateGeometry()
        self.update()

    @property
    def best(self) -> Point | None:
        """The epoch with the best score, the lower validation loss if two are alike."""
        judged = [
            each for each in self.points if each.score is not None or each.validation is not None
        ]
        return max(judged, key=_merit, default=None)

    def steps(self, most: int) -> tuple[Array, Array]:
        """Return epochs and losses of the steps, those next to one another as their mean.

        Parameters
        ----------
        most : int
            How many there are at most.

        Returns
        -------
        epochs, losses : ndarray of float
        """
        # copies: an array that is looked into cannot grow
        return thinned(np.array(self._step_epochs), np.array(self._step_losses), most)

    # ------------------------------------------------------------------ drawing

    def paintEvent(self, event: Any) -> None:
        """Draw everything."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().color(QPalette.ColorRole.WindowText)
        if self._is_empty:
            text.setAlphaF(0.7)
            painter.setPen(text)
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "no epoch yet")
            return
        painter.setFont(_small(self.font()))
        frame = self._frame()
        self._draw_axes(painter, frame, text)
        self._draw_legend(painter)
        painter.setClipRect(frame.area.adjusted(-7, -7, 7, 7))
        self._draw_steps(painter, frame)
        for name in WORDS:
            self._draw_line(painter, frame, name)
        self._draw_marks(painter, frame, text)

    @property
    def _is_empty(self) -> bool:
        return not self.points and not self._step_losses

    @property
    def colours(self) -> dict[str, str]:
        """The colours for the theme."""
        light = self.palette().color(QPalette.ColorRole.Window).lightness() > 127
        return LIGHT if light else DARK

    def _frame(self) -> Frame:
        letters, losses = QFontMetricsF(_small(self.font())), self._loss_span()
        widest = max(letters.horizontalAdvance(_written(tick)) for tick in ticks(*losses, MARKS))
        right = letters.horizontalAdvance("0.5") if self._has("score") else 0.0
        line = letters.height()
        area = QRectF(
            widest + 8, line + 6, self.width() - widest - right - 16, self.height() - 2 * line - 12
        )
        return Frame(area, self._epoch_span(), losses)

    def _epoch_span(self) -> tuple[float, float]:
        epochs = [each.epoch for each in self.points] + list(self._step_epochs[:1])
        epochs += self._step_epochs[-1:]
        first = 0.0 if min(epochs) <= 1 else math.floor(min(epochs))  # else training went on
        return first, max(*epochs, first + 1)

    def _loss_span(self) -> tuple[float, float]:
        values = [each.loss for each in self.points] + [each.validation for each in self.points]
        known = [value for value in values if value is not None]
        if self._step_losses:
            # some steps stick out by far and may be cut off
            steps = np.sort(self.steps(1000)[1])
            known += [float(steps[round(share * (len(steps) - 1))]) for share in (0.01, 0.97)]
        low, high = min(known, default=0.0), max(known, default=1.0)
        if 0 <= low < high / 2 or low == high:
            low, high = min(low, 0.0), max(high, 0.0)
        if low == high:
            high = 1.0
        step = _step(low, high, MARKS)
        return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step

    def _has(self, name: str) -> bool:
        return any(getattr(each, name) is not None for each in self.points)

    def _draw_axes(self, painter: QPainter, frame: Frame, text: QColor) -> None:
        area, line = frame.area, QFontMetricsF(painter.font()).height()
        faint = QColor(text)
        faint.setAlphaF(0.25)
        for tick in ticks(*frame.losses, MARKS):
            y = frame.y("loss", tick)
            painter.setPen(faint)
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(text)
            place = QRectF(0, y - line / 2, area.left() - 4, line)
            painter.drawText(place, Qt.AlignmentFlag.AlignRight, _written(tick))
        most = max(3, int(area.width() / 45))
        for number, tick in enumerate(ticks(*frame.epochs, most, whole=True)):
            x, word = frame.x(tick), "" if number else "epoch "
            painter.setPen(faint)
            painter.drawLine(QPointF(x, area.bottom()), QPointF(x, area.bottom() + 3))
            painter.setPen(text)
            place = QRectF(x - 40, area.bottom() + 3, 80, line)
            painter.drawText(place, Qt.AlignmentFlag.AlignHCenter, word + _written(tick))
        painter.setPen(QColor(self.colours["score"]))
        for tick in (0.0, 0.5, 1.0) if self._has("score") else ():
            place = QRectF(area.right() + 4, frame.y("score", tick) - line / 2, 40, line)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft, _written(tick))

    def _draw_legend(self, painter: QPainter) -> None:
        letters = QFontMetricsF(painter.font())
        shown = [name for name in WORDS if name == "loss" or self._has(name)]
        width = sum(letters.horizontalAdvance(WORDS[name]) + 16 for name in shown)
        gap = max(4.0, (self.width() - width) / (len(shown) + 1))
        x = gap
        for name in shown:
            painter.setPen(QPen(QColor(self.colours[name]), 2))
            y = letters.height() / 2 + 1
            painter.drawLine(QPointF(x, y), QPointF(x + 12, y))
            painter.drawText(QPointF(x + 16, letters.ascent() + 1), WORDS[name])
            x += letters.horizontalAdvance(WORDS[name]) + 16 + gap

    def _draw_steps(self, painter: QPainter, frame: Frame) -> None:
        epochs, losses = self.steps(frame.most)
        colour = QColor(self.colours["loss"])
        colour.setAlphaF(0.45)
        painter.setPen(QPen(colour, 0.8))
        painter.drawPolyline(_polygon(frame.x(epochs), frame.y("loss", losses)))

    def _draw_line(self, painter: QPainter, frame: Frame, name: str) -> None:
        known = [(p.epoch, getattr(p, name)) for p in self.points if getattr(p, name) is not None]
        if not known:
            return
        pairs = np.array(known)
        epochs, values = thinned(pairs[:, 0], pairs[:, 1], frame.most)
        line = _polygon(frame.x(epochs), frame.y(name, values))
        colour = QColor(self.colours[name])
        painter.setPen(QPen(colour, 1.6))
        painter.drawPolyline(line)
        if len(known) <= frame.most / 6:
            painter.setBrush(colour)
            for place in line:
                painter.drawEllipse(place, 1.8, 1.8)
            painter.setBrush(Qt.BrushStyle.NoBrush)

    def _draw_marks(self, painter: QPainter, frame: Frame, text: QColor) -> None:
        """Mark the best epoch with a ring and that under the mouse with a line."""
        best, pointed = self.best, self._pointed
        if best is not None:
            name = "validation" if best.score is None else "score"
            place = frame.place(name, best.epoch, getattr(best, name))
            painter.setPen(QPen(QColor(self.colours[name]), 1.6))
            painter.drawEllipse(place, 5, 5)
            painter.setPen(text)
            painter.drawText(_beside(place, frame.area, painter), _CENTRE, "best")
        if pointed is not None:
            painter.setPen(QPen(text, 0.8, Qt.PenStyle.DotLine))
            x = frame.x(pointed.epoch)
            painter.drawLine(QPointF(x, frame.area.top()), QPointF(x, frame.area.bottom()))

    # ------------------------------------------------------------------ mouse

    def mouseMoveEvent(self, event: Any) -> None:
        """Show the numbers of the epoch that is nearest to the mouse."""
        place = event.position()
        self._pointed = self.nearest(place.x())
        if self._pointed is not None:
            QToolTip.showText(event.globalPosition().toPoint(), str(self._pointed), self)
        self.update()

    def leaveEvent(self, event: Any) -> None:
        """Point at no epoch."""
        self._pointed = None
        self.update()

    def nearest(self, x: float) -> Point | None:
        """Return what is known of the epoch nearest to a place.

        Parameters
        ----------
        x : float
            Pixels from the left of the widget.
        """
        if not self.points:
            return None
        frame = self._frame()
        return min(self.points, key=lambda each: abs(frame.x(each.epoch) - x))


def ticks(low: float, high: float, most: int, *, whole: bool = False) -> list[float]:
    """Return round numbers from `low` to `high`.

    Parameters
    ----------
    low, high : float
    most : int
        About how many steps there are at most; from 3 on there is at least one number.
    whole : bool
        Whole numbers only.

    Examples
    --------
    >>> ticks(0, 1.3, 4)
    [0.0, 0.5, 1.0]
    >>> ticks(0, 3, 6, whole=True)
    [0.0, 1.0, 2.0, 3.0]
    """
    step = _step(low, high, most)
    step = max(1.0, step) if whole else step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def _step(low: float, high: float, most: int) -> float:
    """Return 1, 2 or 5 times a power of 10, of which `most` go from `low` to `high`."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    return next(f * power for f in (1, 2, 5, 10) if f * power >= rough * (1 - 1e-9))


def thinned(epochs: Array, values: Array, most: int) -> tuple[Array, Array]:
    """Return at most `most` points, each the mean of those next to one another.

    Examples
    --------
    >>> thinned(np.array([1.0, 2, 3, 4, 5]), np.array([8.0, 4, 6, 2, 1]), 3)
    (array([1.5, 3.5, 5. ]), array([6., 4., 1.]))
    """
    size = -(-len(values) // most)
    if size <= 1:
        return epochs, values
    starts = np.arange(0, len(values), size)
    counts = np.diff(np.append(starts, len(values)))
    return np.add.reduceat(epochs, starts) / counts, np.add.reduceat(values, starts) / counts


def _known(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _merit(point: Point) -> tuple[float, float]:
    worst = -math.inf
    return (
        worst if point.score is None else point.score,
        worst if point.validation is None else -point.validation,
    )


def _written(value: float) -> str:
    return f"{value:.4g}"


def _small(font: QFont) -> QFont:
    small = QFont(font)
    small.setPixelSize(11)
    return small


def _polygon(xs: Array, ys: Array) -> QPolygonF:
    return QPolygonF([QPointF(x, y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)])


def _beside(place: QPointF, area: QRectF, painter: QPainter) -> QRectF:
    """Return where a word is written at a mark: under it, or above where there is no room."""
    letters = QFontMetricsF(painter.font())
    width, height = letters.horizontalAdvance("best") + 4, letters.height()
    left = min(max(place.x() - width / 2, area.left()), area.right() - width)
    under = place.y() + 6
    top = under if under + height < area.bottom() else place.y() - 6 - height
    return QRectF(left, top, width, height)
