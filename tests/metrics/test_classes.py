import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_tessera.metrics.classes import (
    by_class,
    class_pieces,
    foreground,
    mean_of,
    pixel_accuracy,
)
from napari_tessera.metrics.overlap import UNKNOWN, overlap_table
from napari_tessera.signature.progress import Reporter

CLASSES = arrays(np.uint8, (5, 6), elements=st.integers(0, 3))


@given(CLASSES, CLASSES)
def test_figures_of_each_class_are_those_of_sets_of_pixels(truth, prediction):
    table = overlap_table(truth, prediction)
    found = by_class(table)
    assert found["index"].tolist() == sorted(set(truth.flat) | set(prediction.flat))
    for row, number in enumerate(found["index"]):
        one, other = truth == number, prediction == number
        both, either = (one & other).sum(), (one | other).sum()
        assert found["pixels"][row] == one.sum()
        assert found["predicted pixels"][row] == other.sum()
        assert found["iou"][row] == pytest.approx(both / either)
        assert found["dice"][row] == pytest.approx(2 * both / (one.sum() + other.sum()))
    assert pixel_accuracy(table) == pytest.approx((truth == prediction).mean())
    inside = by_class(foreground(table))
    expected = by_class(overlap_table(truth > 0, prediction > 0))
    for name, column in expected.items():
        np.testing.assert_array_equal(inside[name], column)


@pytest.mark.parametrize(
    ("values", "counts", "mean"),
    [
        ([1, 3, 9], [True, True, False], 2),
        ([1, np.inf, 9], [True, True, False], 1),
        ([np.inf, np.inf, 9], [True, True, False], np.inf),
        ([1, 3, 9], [False] * 3, -1),
    ],
)
def test_infinite_distances_count_only_where_there_are_no_others(values, counts, mean):
    assert mean_of(np.array(values), np.array(counts), -1) == mean


def test_classes_are_taken_apart_and_ignored_pixels_are_unknown():
    truth = np.array([[1, 1, 0, 1, 2], [0, 0, 0, 9, 9]])
    prediction = np.array([[3, 0, 3, 3, 3], [0, 0, 0, 3, 3]])
    found = class_pieces(truth, prediction, 9, Reporter())
    assert found.truth.tolist() == [[1, 1, 0, 2, 3], [0, 0, 0, UNKNOWN, UNKNOWN]]
    assert found.true_classes.tolist() == [0, 1, 1, 2]
    assert found.prediction.tolist() == [[1, 0, 2, 2, 2], [0] * 5]
    assert found.found_classes.tolist() == [0, 3, 3]
