import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QColor, QMouseEvent, QPalette
from qtpy.QtWidgets import QApplication, QToolTip

from napari_tessera.widgets.training.loss_plot import DARK, LIGHT, Curve, Point, thinned, ticks


@pytest.fixture
def curve(qtbot):
    widget = Curve()
    qtbot.addWidget(widget)
    widget.resize(290, 160)
    return widget


def pixels(widget):
    """The picture of a widget as an array (Y, X, RGB)."""
    picture = widget.grab().toImage()
    picture = picture.convertToFormat(picture.Format.Format_RGB32)
    values = np.frombuffer(picture.constBits(), np.uint8)
    return values.reshape(picture.height(), -1, 4)[:, : picture.width(), 2::-1].astype(int)


def drawn(widget, name):
    """Where a widget shows the colour of a line, (Y, X)."""
    colour = QColor(widget.colours[name])
    wanted = [colour.red(), colour.green(), colour.blue()]
    return np.abs(pixels(widget) - wanted).max(axis=-1) < 40


def inside(widget, name):
    """Where a line's colour is between the axes, as (Y, X) places."""
    area = widget._frame().area.toAlignedRect()
    places = np.argwhere(drawn(widget, name))
    return places[(places[:, 0] > area.top() - 3) & (places[:, 1] > area.left())]


# ------------------------------------------------------------------ axes


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 1, 4, [0, 0.5, 1]),
        (0, 1.6, 4, [0, 0.5, 1, 1.5]),
        (0.28, 0.31, 4, [0.28, 0.29, 0.3, 0.31]),
        (-3, 5, 4, [-2, 0, 2, 4]),
        (0.1, 0.94, 4, [0.5]),
        (0, 2e-5, 4, [0, 5e-6, 1e-5, 1.5e-5, 2e-5]),
    ],
)
def test_ticks_are_round_numbers(low, high, most, expected):
    assert ticks(low, high, most) == expected


def test_ticks_of_epochs_are_whole():
    assert ticks(0, 1, 5, whole=True) == [0, 1]
    assert ticks(20, 23, 5, whole=True) == [20, 21, 22, 23]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(3, 10))
def test_ticks_are_few_even_and_inside(low, width, most):
    found = ticks(low, low + width, most)
    assert 1 <= len(found) <= most + 1
    assert low - 1e-6 * width <= found[0]
    assert found[-1] <= low + width * (1 + 1e-6)
    steps = np.diff(found)
    assert (steps > 0).all()
    np.testing.assert_allclose(steps, steps[:1].repeat(len(steps)), rtol=1e-3)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=60), st.integers(1, 20))
def test_thinned_points_are_means_of_equal_parts(values, most):
    epochs = np.arange(float(len(values)))
    places, means = thinned(epochs, np.array(values), most)
    assert len(places) == len(means) <= most
    size = -(-len(values) // most)
    expected = [np.mean(values[i : i + size]) for i in range(0, len(values), size)]
    np.testing.assert_allclose(means, expected, atol=1e-9)
    assert (np.diff(places) > 0).all()


def test_the_axis_of_losses_spans_them(curve):
    curve.add(1, 1.3, 0.9, 0.2)
    curve.add(2, 0.5, 0.8, 0.4)
    assert curve._frame().losses == (0, 1.5)
    curve.clear()
    curve.add(1, 0.31, 0.28)
    low, high = curve._frame().losses
    assert (low, high) == pytest.approx((0.28, 0.31))  # close to one another: not from 0


@pytest.mark.parametrize("loss", [0.0, 5.0, -2.0, 1e-9, 1e12])
def test_a_single_loss_has_an_axis(curve, loss):
    curve.add(1, loss)
    low, high = curve._frame().losses
    assert low <= loss <= high
    assert low < high
    assert pixels(curve).any()


def test_a_step_that_sticks_out_does_not_flatten_the_others(curve):
    for step in range(100):
        curve.add_step((step + 1) / 100, 1000.0 if step == 3 else 1.0)
    assert curve._frame().losses == (0, 1)


def test_epochs_begin_at_zero_or_where_training_goes_on(curve):
    curve.add(1, 1.0)
    assert curve._frame().epochs == (0, 1)
    curve.add(7, 1.0)
    assert curve._frame().epochs == (0, 7)
    curve.clear()
    curve.add_step(20.02, 1.0)
    curve.add(21, 1.0)
    assert curve._frame().epochs == (20, 21)


# ------------------------------------------------------------------ values


def test_the_best_epoch_has_the_best_score_then_the_lowest_loss(curve):
    assert curve.best is None
    curve.add(1, 1.0)
    assert curve.best is None  # nothing is judged
    curve.add(2, 0.9, 0.8, 0.5)
    curve.add(3, 0.8, 0.9, 0.7)
    curve.add(4, 0.7, 0.6, 0.7)
    curve.add(5, 0.6, 0.6, 0.7)
    curve.add(6, 0.5, 0.1, 0.6)
    assert curve.best == Point(4, 0.7, 0.6, 0.7)  # the first of two that are alike


def test_without_scores_the_best_has_the_lowest_validation_loss(curve):
    for epoch, loss in enumerate((0.5, 0.3, 0.4), 1):
        curve.add(epoch, 0.1, loss)
    assert curve.best.epoch == 2


def test_what_is_not_finite_is_left_out(curve):
    curve.add(1, float("nan"), float("inf"), float("nan"))
    curve.add_step(0.5, float("nan"))
    assert curve.points == [Point(1)]
    assert curve.steps(10)[0].size == 0
    assert curve.best is None
    pixels(curve)


def test_steps_are_as_many_as_can_be_seen(curve):
    for step in range(1000):
        curve.add_step((step + 1) / 50, float(step % 2))
    epochs, losses = curve.steps(100)
    np.testing.assert_allclose(losses, np.full(100, 0.5))
    np.testing.assert_allclose(epochs[:2], [0.11, 0.31])
    curve.add_step(20.02, 1.0)  # it grows after it was looked at


def test_before_the_first_epoch_it_is_one_line(curve):
    low = curve.sizeHint().height()
    assert low < 40
    curve.add(1, 1.0, 1.0, 0.5)
    assert curve.sizeHint().height() == 160
    curve.clear()
    assert curve.sizeHint().height() == low
    assert curve.points == []
    assert curve.accessibleDescription() == ""


def test_the_newest_numbers_are_told_to_screen_readers(curve):
    curve.add(3, 0.25, 0.5, 0.875)
    said = "epoch 3, training loss 0.25, validation loss 0.5, score 0.875"
    assert curve.accessibleDescription() == said


# ------------------------------------------------------------------ picture


def test_lines_are_drawn_in_their_colours_only_if_there_are_values(curve):
    curve.add(1, 1.0)
    curve.add(2, 0.5)
    assert len(inside(curve, "loss")) > 20
    assert not drawn(curve, "validation").any()  # nor in the legend
    assert not drawn(curve, "score").any()
    curve.add(3, 0.4, 0.6, 0.5)
    assert drawn(curve, "validation").any()
    assert drawn(curve, "score").any()


def test_a_score_of_one_is_at_the_top_right_and_a_loss_of_zero_at_the_bottom(curve):
    curve.add(1, 2.0, 0.0, 0.0)
    curve.add(10, 0.0, 0.0, 1.0)
    area = curve._frame().area
    ends = inside(curve, "score")
    highest = ends[ends[:, 0].argmin()]
    assert abs(highest[0] - area.top()) < 8  # the ring of the best epoch
    assert abs(highest[1] - area.right()) < 8
    line = inside(curve, "validation")
    np.testing.assert_allclose(line[:, 0], area.bottom(), atol=3)


def test_the_best_epoch_has_a_ring(curve):
    for epoch, score in enumerate((0.2, 0.8, 0.2, 0.2), 1):
        curve.add(epoch, 1.0, 1.0, score)
    frame = curve._frame()
    x, y = frame.x(2), frame.y("score", 0.8)
    places = inside(curve, "score")
    away = np.hypot(places[:, 0] - y, places[:, 1] - x)
    above = places[(away > 4) & (away < 7)][:, 0] < y - 3
    assert above.any()  # both lines go down from there


def test_the_numbers_of_the_epoch_at_the_mouse(curve, monkeypatch):
    told = []
    monkeypatch.setattr(QToolTip, "showText", lambda place, text, *_: told.append(text))
    curve.add(1, 1.0, 0.9, 0.25)
    curve.add(2, 0.5, None, None)
    place = QPointF(curve._frame().x(1.2), 50)
    nothing = Qt.MouseButton.NoButton
    move = QMouseEvent(
        QEvent.Type.MouseMove,
        place,
        curve.mapToGlobal(place),
        nothing,
        nothing,
        Qt.KeyboardModifier.NoModifier,
    )
    before = pixels(curve)
    QApplication.sendEvent(curve, move)
    assert told == ["epoch 1\ntraining loss 1\nvalidation loss 0.9\nscore 0.25"]
    changed = np.argwhere((pixels(curve) != before).any(axis=-1))
    np.testing.assert_allclose(changed[:, 1], curve._frame().x(1), atol=2)
    QApplication.sendEvent(curve, QEvent(QEvent.Type.Leave))
    np.testing.assert_array_equal(pixels(curve), before)
    assert str(curve.nearest(280)) == "epoch 2\ntraining loss 0.5"


def test_the_mouse_on_an_empty_curve(curve):
    assert curve.nearest(100) is None
    curve.add_step(0.1, 1.0)
    assert curve.nearest(100) is None


def test_the_colours_follow_the_theme(curve):
    for window, colours in (("#262930", DARK), ("#efebe9", LIGHT)):
        palette = QPalette(curve.palette())
        palette.setColor(QPalette.ColorRole.Window, QColor(window))
        curve.setPalette(palette)
        assert curve.colours == colours


@pytest.mark.parametrize(("theme", "colours"), [("dark", DARK), ("light", LIGHT)])
def test_every_colour_stands_out_from_the_theme(theme, colours):
    def light(colour):  # as the Web Content Accessibility Guidelines define it
        parts = np.array(QColor(colour).getRgbF()[:3])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ (0.2126, 0.7152, 0.0722) + 0.05

    back = light(get_theme(theme).background.as_hex(format="long"))
    for colour in colours.values():
        both = sorted((back, light(colour)))
        assert both[1] / both[0] >= 4.5  # asked for small words; 3 for lines


@pytest.mark.parametrize("size", [(180, 160), (290, 160), (600, 160), (20, 10)])
def test_it_is_drawn_at_any_size(curve, size):
    curve.resize(*size)
    for epoch in range(300):
        curve.add(epoch + 1, 1 / (epoch + 1), 0.5, 0.5)
        curve.add_step(epoch + 1, 1.0)
    assert pixels(curve).shape[:2] == size[::-1]
