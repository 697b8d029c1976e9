"""Plots: what is drawn is what the table says."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from napari_tessera import score, strata
from napari_tessera.metrics.plots import Colours, draw_precision, draw_strata, group_unit
from napari_tessera.signature.words import VoxelSize

TRUTH = np.array([[1, 1, 1, 0, 2, 0, 3]])
FOUND = np.array([[1, 1, 1, 0, 0, 0, 3]])


def test_bars_are_recall_with_ranges_below_and_counts_above():
    figure, table = Figure(), strata(TRUTH, FOUND, by="size")
    draw_strata(figure, table, by="size", unit="px")
    (axes,) = figure.axes
    assert [bar.get_height() for bar in axes.patches] == [0.5, 1.0]
    assert [word.get_text() for word in axes.get_xticklabels()] == ["1", "3"]
    assert [word.get_text() for word in axes.texts] == ["2", "1"]
    assert axes.get_xlabel() == "size (px)"
    (line,) = axes.lines
    np.testing.assert_array_equal(line.get_ydata(), table["boundary within tolerance"])
    assert sorted(word.get_text() for word in figure.legends[0].get_texts()) == [
        "boundary within tolerance", "found",
    ]  # fmt: skip


def test_drawing_again_replaces_what_was_there_in_other_colours():
    figure, table = Figure(), strata(TRUTH, FOUND)
    draw_strata(figure, table, by="size")
    draw_strata(figure, table, by="border", colours=Colours("#101010", "#fefefe", "#777777"))
    (axes,) = figure.axes
    assert to_hex(figure.get_facecolor()) == "#101010"
    assert {word.get_color() for word in axes.texts} == {"#fefefe"}
    assert axes.get_xlabel() == "border"
    assert len(figure.legends) == 1


def test_no_objects_are_said():
    figure, nothing = Figure(), np.zeros((3, 3), int)
    draw_strata(figure, strata(nothing, nothing), by="size")
    assert [word.get_text() for word in figure.axes[0].texts] == ["no objects"]


@pytest.mark.parametrize("groups", [1, 4])
def test_nothing_is_cut_off_in_a_dock_column(groups):
    table = {
        "from": np.full(groups, 123456.0), "to": np.full(groups, 999999.0),
        "objects": np.full(groups, 12345), "recall": np.ones(groups),
    }  # fmt: skip
    figure = Figure(figsize=(2.6, 1.8), dpi=100)
    draw_strata(figure, table, by="size", unit="µm²")
    FigureCanvasAgg(figure).draw()
    boxes = [word.get_window_extent() for word in figure.axes[0].get_xticklabels()]
    assert all(box.x0 >= 0 and box.x1 <= 260 and box.y0 >= 0 for box in boxes)
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


def test_precision_is_drawn_over_the_overlap():
    figure, scores = Figure(), score(TRUTH, FOUND)
    draw_precision(figure, scores)
    (line,) = figure.axes[0].lines
    np.testing.assert_allclose(line.get_xdata(), np.arange(0.5, 1, 0.05))
    np.testing.assert_allclose(line.get_ydata(), 2 / 3)


def test_units_of_groups():
    volume = VoxelSize((2, 0.5, 0.5), "um")
    assert [group_unit(by, volume) for by in ("size", "border", "crowding", "brightness")] == [
        "µm³", "µm", "", "",
    ]  # fmt: skip
    assert group_unit("size", VoxelSize((1, 1, 1))) == "voxels"
