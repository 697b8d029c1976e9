import numpy as np
import pytest

from napari_tessera.metrics.conditions import matching
from napari_tessera.widgets.tables.column_plot import ColumnPlot

TABLE = {"area": np.array([1.0, 2, np.nan, 4]), "mean": np.array([10, 30, 20, 20])}


@pytest.fixture
def plot(viewer, qtbot):
    plot = ColumnPlot(viewer)
    qtbot.addWidget(plot)
    yield plot
    plot.release()


def drag(plot, start, *places):
    """Drag in the plot from values along others, as the mouse does."""
    from matplotlib.backend_bases import MouseEvent

    plot.canvas.draw()
    axes = plot.figure.axes[0]
    steps = [("button_press_event", start), *(("motion_notify_event", end) for end in places)]
    for name, place in [*steps, ("button_release_event", places[-1])]:
        x, y = axes.transData.transform(place)
        plot.canvas.callbacks.process(name, MouseEvent(name, plot.canvas, x, y, button=1))


def test_a_range_of_a_histogram_is_chosen(plot):
    said = []
    plot.brushed.connect(lambda inside: said.append(inside.tolist()))
    plot.plot(TABLE, ("area",), np.array([False, True, False, False]))
    axes = plot.figure.axes[0]
    assert [sum(bar.get_height() for bar in bars) for bars in axes.containers] == [3, 1]
    assert axes.get_xlim()[0] > 0.5  # no value is 0
    drag(plot, (1.5, 0.5), (4.05, 0.6))
    assert said == [[False, True, False, True]]


def test_a_frame_in_a_scatter_is_chosen(plot):
    said = []
    plot.brushed.connect(lambda inside: said.append(inside.tolist()))
    plot.plot(TABLE, ("area", "mean"), np.array([True, False, False, False]))
    points, chosen = plot.figure.axes[0].lines[:2]
    assert points.get_ydata().tolist() == [10, 30, 20, 20]
    assert chosen.get_xdata().tolist() == [1]
    drag(plot, (1.5, 29), (4.05, 15))
    assert said == [[False, False, False, True]]
    assert plot.gate == "area >= 1.5 and area <= 4.05 and mean >= 15 and mean <= 29"
    plot.plot({}, (), np.empty(0, bool))
    assert not plot.drawn


def test_points_are_lassoed(plot):
    said = []
    plot.brushed.connect(lambda inside: said.append(inside.tolist()))
    plot.plot(TABLE, ("area", "mean"), np.zeros(4, bool))
    plot.use_lasso(True)
    drag(plot, (1.5, 31), (2.5, 31), (2.5, 27), (2, 28), (1.5, 27))
    assert said == [[False, True, False, False]]
    assert TABLE["area"][matching(plot.gate, TABLE)].tolist() == [2]
    assert plot.gate.startswith("area, mean in [1.5 31, 2.5 31, 2.5 27, 2 28, 1.5 27")
    plot.plot(TABLE, ("mean", "area"), np.zeros(4, bool))
    assert plot.gate == ""  # it was of other columns
    plot.use_lasso(False)
    drag(plot, (9.5, 0.95), (11, 1.5))
    assert said[1:] == [[True, False, False, False]]


def test_points_have_the_colours_of_their_classes(plot):
    shades = np.array(["#ff0000", "#0000ff", "#ff0000", "#ff0000"])
    plot.plot(TABLE, ("area", "mean"), np.array([True, False, False, False]), shades)
    blue, red, ring = plot.figure.axes[0].lines
    assert (blue.get_color(), blue.get_xdata().tolist()) == ("#0000ff", [2])
    assert red.get_ydata().tolist() == [10, 20, 20]
    assert (ring.get_markerfacecolor(), ring.get_xdata().tolist()) == ("none", [1])
