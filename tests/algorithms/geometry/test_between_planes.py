import numpy as np
import pytest

from napari_tessera.algorithms.geometry.between_planes import Gap, drawn_planes, gaps_in_labels
from napari_tessera.algorithms.geometry.linked_outlines import PlaneDrawing
from napari_tessera.algorithms.labels.boxes import found
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import VoxelSize


def test_gaps_lie_between_planes_with_the_label():
    volume = np.zeros((7, 1, 3), int)
    volume[[0, 3, 4, 6], 0, 0] = 1
    volume[[1, 2, 4], 0, 1:] = 9
    one, nine, last = gaps_in_labels(volume, found(volume))
    assert (one.row, one.low, one.high) == (0, 0, 3)
    assert (nine.row, nine.low, nine.high) == (1, 2, 4)
    assert (last.low, last.high, last.around) == (4, 6, ((3, 1), (4, 1), (6, 1)))


@pytest.mark.parametrize(
    ("around", "z", "area"),
    [
        (((0, 10), (4, 30)), 1, 15),
        (((0, 0), (4, 12), (8, 16)), 6, 15),  # 16 - (8 - z)^2 / 4
        (((0, 16), (4, 12), (8, 0)), 2, 15),
        (((0, 0), (4, 12), (8, 12), (12, 0)), 6, 13.5),
    ],
    ids=["two", "before", "behind", "four"],
)
def test_areas_are_parabolas_of_the_height(around, z, area):
    places = [place for place, _ in around]
    first = max(k for k, place in enumerate(places) if place < z)
    gap = Gap(0, places[first], places[first + 1], around)
    (low, a), (high, b) = around[first : first + 2]
    linear = a + (b - a) * (z - low) / (high - low)
    assert gap.swell(z) * linear == pytest.approx(area)


def test_areas_of_other_planes_count_within_bounds():
    assert Gap(0, 2, 6, ((0, 1000), (2, 1), (6, 1))).swell(4) == 0.5
    assert Gap(0, 2, 6, ((2, 1), (6, 1), (8, 1000))).swell(4) == 0.5
    assert Gap(0, 4, 8, ((0, 0), (4, 1), (8, 1), (9, 0), (12, 0))).swell(6) <= 2


def test_planes_come_with_rows_and_distances_up_to_the_reach():
    volume = np.zeros((3, 5, 9), np.uint8)
    volume[::2, :, 3:6] = 200
    boxes = found(volume)
    gaps = gaps_in_labels(volume, boxes)
    drawing = PlaneDrawing(VoxelSize((1, 1)), 1.0)
    ((z, rows, distances),) = drawn_planes(volume, boxes, gaps, drawing, Reporter())
    assert z == 1
    inside = distances <= drawing.rim
    np.testing.assert_array_equal(inside, volume[0] > 0)
    assert (rows[2].tolist(), rows.dtype) == ([0, 0, 0, 1, 1, 1, 0, 0, 0], np.int32)
