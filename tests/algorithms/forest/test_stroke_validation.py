import numpy as np
import pytest

from napari_tessera.algorithms.forest.stroke_validation import Stroke, cross_validated


def stroke(label, value, count=5):
    return Stroke(label, np.full((count, 1), value, np.float32))


def test_strokes_alike_are_told_by_one_another():
    drawn = [stroke(1, 0), stroke(2, 9), stroke(1, 1), stroke(2, 8)]
    found = cross_validated(drawn)
    assert found.right == {1: 1.0, 2: 1.0}
    assert found.strokes == {1: 2, 2: 2}
    assert found.mean == 1


def test_a_stroke_that_is_like_the_other_class_is_wrong():
    drawn = [stroke(1, 0), stroke(1, 0), stroke(1, 9, 15), stroke(2, 9), stroke(2, 9)]
    found = cross_validated(drawn)
    # the last 15 of the 25 pixels of class 1 look like class 2
    assert found.right[1] == pytest.approx(10 / 25)
    assert found.mean == pytest.approx((0.4 + found.right[2]) / 2)


def test_one_stroke_of_a_class_cannot_be_judged():
    found = cross_validated([stroke(1, 0), stroke(1, 1), stroke(2, 9)])
    assert found.right == {1: 1.0}
    assert str(found) == (
        "Of strokes held out, 100 % of the pixels are right (class 1 100 %). "
        "Draw another stroke of class 2 to judge it."
    )
    alone = cross_validated([stroke(1, 0), stroke(2, 9)])
    assert np.isnan(alone.mean)
    assert str(alone) == "Draw another stroke of class 1 and 2 to judge it."
