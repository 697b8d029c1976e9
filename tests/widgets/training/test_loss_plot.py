"""The curves of a training, as they stand in the figure."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backend_bases import LocationEvent, MouseEvent
from matplotlib.colors import to_hex, to_rgb
from matplotlib.image import imread
from napari.utils.theme import get_theme
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QApplication, QFileDialog, QToolTip

from napari_tessera.widgets.training.loss_plot import DARK, LIGHT, Curve
from napari_tessera.widgets.training.record import Point, Record, thinned

from ..conftest import wait


@pytest.fixture
def curve(viewer):
    widget = Curve(viewer)
    widget.resize(290, 160)
    widget.show()
    yield widget
    widget.release()
    widget.close()


@pytest.fixture
def record():
    return Record()


def shown(curve):
    """The lines of the figure once the news are in it."""
    curve._show()
    return curve._lines


def data(curve, name):
    return np.column_stack(shown(curve).lines[name].get_data()).tolist()


def named(curve):
    return [text.get_text() for legend in curve.figure.legends for text in legend.get_texts()]


# ------------------------------------------------------------------ values


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=60), st.integers(1, 20))
def test_thinned_points_are_means_of_equal_parts(values, most):
    epochs = np.arange(float(len(values)))
    places, means = thinned(epochs, np.array(values), most)
    assert len(places) == len(means) <= most
    size = -(-len(values) // most)
    expected = [np.mean(values[i : i + size]) for i in range(0, len(values), size)]
    np.testing.assert_allclose(means, expected, atol=1e-9)
    assert (np.diff(places) > 0).all()


def test_the_losses_span_their_axis(record):
    record.add(1, 1.3, 0.9, 0.2)
    record.add(2, 0.5, 0.8, 0.4)
    assert record.loss_span == (0, 1.3)
    near = Record()
    near.add(1, 0.31, 0.28)
    assert near.loss_span == (0.28, 0.31)  # close to one another: not from 0


def test_a_step_that_sticks_out_does_not_flatten_the_others(record):
    for step in range(100):
        record.add_step((step + 1) / 100, 1000.0 if step == 3 else 1.0)
    assert record.loss_span == (0, 1)


def test_epochs_begin_at_zero_or_where_training_goes_on(record):
    record.add(1, 1.0)
    assert record.epoch_span == (0, 1)
    record.add(7, 1.0)
    assert record.epoch_span == (0, 7)
    later = Record()
    later.add_step(20.02, 1.0)
    later.add(21, 1.0)
    assert later.epoch_span == (20, 21)


def test_folders_of_before_keep_the_epoch_with_the_best_score_then_the_lowest_loss(record):
    assert record.kept is None
    record.add(1, 1.0)
    assert record.kept is None  # nothing is judged
    record.add(2, 0.9, 0.8, 0.5)
    record.add(3, 0.8, 0.9, 0.7)
    record.add(4, 0.7, 0.6, 0.7)
    record.add(5, 0.6, 0.6, 0.7)
    record.add(6, 0.5, 0.1, 0.6)
    assert record.kept == Point(4, 0.7, 0.6, 0.7)  # the first of two that are alike


def test_the_last_epoch_that_is_said_to_be_kept_is_it(record):
    for epoch, (score, kept) in enumerate(((0.5, True), (0.9, True), (0.8, True), (0.1, False)), 1):
        record.add(epoch, 1.0, 0.5, score, kept=kept)
    assert record.kept == Point(3, 1.0, 0.5, 0.8, kept=True)


def test_without_scores_the_one_that_is_kept_has_the_lowest_validation_loss(record):
    for epoch, loss in enumerate((0.5, 0.3, 0.4), 1):
        record.add(epoch, 0.1, loss)
    assert record.kept.epoch == 2


def test_what_is_not_finite_is_left_out(record):
    record.add(1, float("nan"), float("inf"), float("nan"))
    record.add_step(0.5, float("nan"))
    assert record.points == [Point(1)]
    assert record.steps(10)[0].size == 0
    assert record.kept is None


def test_steps_are_as_many_as_can_be_seen(record):
    for step in range(1000):
        record.add_step((step + 1) / 50, float(step % 2))
    epochs, losses = record.steps(100)
    np.testing.assert_allclose(losses, np.full(100, 0.5))
    np.testing.assert_allclose(epochs[:2], [0.11, 0.31])
    record.add_step(20.02, 1.0)  # it grows after it was looked at


# ------------------------------------------------------------------ figure


def test_before_the_first_epoch_it_is_one_line(curve):
    low = curve.sizeHint().height()
    assert low < 40
    curve.add(1, 1.0, 1.0, 0.5)
    assert curve.sizeHint().height() == 160
    curve.clear()
    assert curve.sizeHint().height() == low
    assert not curve.drawn
    assert curve.accessibleDescription() == ""


def test_the_newest_numbers_are_told_to_screen_readers(curve):
    curve.add(3, 0.25, 0.5, 0.875)
    said = "epoch 3, training loss 0.25, validation loss 0.5, score 0.875"
    assert curve.accessibleDescription() == said


def test_lines_are_named_only_if_there_are_values(curve):
    curve.add(1, 1.0)
    curve.add(2, 0.5)
    assert data(curve, "loss") == [[1, 1], [2, 0.5]]
    assert named(curve) == ["training loss"]
    assert not shown(curve).scores.yaxis.get_visible()
    curve.add(3, 0.4, 0.6, 0.5)
    assert data(curve, "validation") == [[3, 0.6]]
    assert data(curve, "score") == [[3, 0.5]]
    assert named(curve) == ["training loss", "validation loss", "score"]
    assert shown(curve).scores.yaxis.get_visible()


@pytest.mark.parametrize("loss", [0.0, 5.0, -2.0, 1e-9, 1e12])
def test_a_single_loss_has_an_axis(curve, loss):
    curve.add(1, loss)
    low, high = shown(curve).losses.get_ylim()
    assert low <= loss <= high
    assert low < high
    curve.canvas.draw()


def test_steps_and_epochs_are_drawn_on_the_same_axes(curve):
    curve.add_step(0.5, 2.0)
    curve.add_step(1.0, 0.5)
    curve.add(1, 1.5)
    lines = shown(curve)
    assert np.column_stack(lines.steps.get_data()).tolist() == [[0.5, 2], [1, 0.5]]
    assert lines.steps.axes is lines.lines["loss"].axes
    assert (lines.losses.get_xlim(), lines.losses.get_ylim()) == ((0, 1), (0, 2))


def test_scores_have_an_axis_of_their_own_from_0_to_1(curve):
    curve.add(1, 100.0, 100.0, 0.5)
    lines = shown(curve)
    assert lines.lines["score"].axes.get_ylim() == (0, 1)
    assert lines.lines["validation"].axes.get_ylim() == (0, 100)


def test_the_best_epoch_has_a_ring(curve):
    for epoch, score in enumerate((0.2, 0.8, 0.2, 0.2), 1):
        curve.add(epoch, 1.0, 1.0, score)
    lines = shown(curve)
    assert [list(part) for part in lines.ring.get_data()] == [[2], [0.8]]
    assert (lines.kept.get_text(), lines.kept.xy) == ("kept", (2, 0.8))
    assert lines.ring.get_color() == lines.lines["score"].get_color()
    curve.clear()
    for epoch, loss in enumerate((4.0, 1.0, 3.0), 1):
        curve.add(epoch, 1.0, loss)
    lines = shown(curve)
    # of losses, on whose axis 1 of 4 is a quarter of the way up
    assert [list(part) for part in lines.ring.get_data()] == [[2], [0.25]]
    assert lines.ring.get_color() == lines.lines["validation"].get_color()


def test_the_numbers_of_the_epoch_at_the_mouse(curve, monkeypatch):
    told = []
    monkeypatch.setattr(QToolTip, "showText", lambda place, text, *_: told.append(text))
    curve.add(1, 1.0, 0.9, 0.25)
    curve.add(2, 0.5, None, None)
    lines = shown(curve)
    x, y = lines.losses.transData.transform((1.2, 0.5))
    curve.canvas.callbacks.process(
        "motion_notify_event", MouseEvent("motion_notify_event", curve.canvas, x, y)
    )
    assert told == ["epoch 1\ntraining loss 1\nvalidation loss 0.9\nscore 0.25"]
    assert (lines.pointer.get_visible(), lines.pointer.get_xdata()[0]) == (True, 1)
    curve.canvas.callbacks.process(
        "figure_leave_event", LocationEvent("figure_leave_event", curve.canvas, -1, -1)
    )
    assert not lines.pointer.get_visible()


def test_the_mouse_between_no_epochs(curve):
    curve.add_step(0.1, 1.0)
    event = MouseEvent("motion_notify_event", curve.canvas, 100, 80)
    curve.canvas.callbacks.process("motion_notify_event", event)
    assert not shown(curve).pointer.get_visible()


def test_news_are_gathered(curve, monkeypatch):
    curve.add(1, 1.0)
    drawn = []
    monkeypatch.setattr(curve.canvas, "draw_idle", lambda: drawn.append(len(curve.record.points)))
    for epoch in range(2, 500):
        curve.add(epoch, 1.0)
        curve.add_step(epoch, 1.0)
    assert drawn == []
    wait(lambda: drawn)
    assert drawn == [499]


def test_the_colours_follow_the_theme(viewer, curve):
    curve.add(1, 1.0, 1.0, 0.5)
    for theme, colours in (("light", LIGHT), ("dark", DARK)):
        viewer.theme = theme
        found = {name: to_hex(line.get_color()) for name, line in shown(curve).lines.items()}
        assert found == colours
        assert data(curve, "score") == [[1, 0.5]]


def test_it_is_saved_for_print_while_training_goes_on(curve, tmp_path, monkeypatch):
    target = tmp_path / "curve.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(target), ""))
    curve.add(1, 1.0, 1.0, 0.5)
    before = shown(curve)
    curve.save()
    picture = imread(target)[..., :3]
    for colour in LIGHT.values():  # on white
        assert (np.abs(picture - to_rgb(colour)).max(axis=-1) < 0.05).sum() > 20
    assert shown(curve) is before


def test_only_lines_are_drawn_anew_while_the_axes_stay(curve, monkeypatch):
    for epoch in (1, 2):
        curve.add(epoch, 1.0)
    shown(curve)
    curve.canvas.draw()
    before = np.array(curve.canvas.buffer_rgba())
    monkeypatch.setattr(curve.canvas, "draw_idle", pytest.fail)
    curve.add_step(1.5, 0.4)
    curve.add_step(1.7, 0.6)
    curve._show()
    after = np.array(curve.canvas.buffer_rgba())
    rows, columns = np.nonzero((before != after).any(axis=-1))
    across = curve._lines.losses.transData.transform([(1.5, 0.4), (1.7, 0.6)])
    assert rows.size > 0
    np.testing.assert_allclose([columns.min(), columns.max()], across[:, 0], atol=2)


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


@pytest.mark.parametrize("width", [180, 290, 600, 20])
def test_it_is_drawn_at_any_size(curve, width):
    curve.resize(width, 160)
    for epoch in range(300):
        curve.add(epoch + 1, 1 / (epoch + 1), 0.5, 0.5)
        curve.add_step(epoch + 1, 1.0)
    curve._show()
    QApplication.processEvents()
    curve.canvas.draw()
    assert curve.canvas.height() == 160
