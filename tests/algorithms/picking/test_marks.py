"""Marks of objects."""

import numpy as np
import pytest

from napari_tessera.algorithms.picking.marks import CORNER, OFF, ON, ObjectMarks, check_picks


def test_the_centre_is_the_first_point_on_the_object_or_the_middle_of_the_box():
    rows = np.array([[OFF, 1, 1], [ON, 5, 6], [ON, 7, 7], [CORNER, 2, 8], [CORNER, 10, 4]])
    assert ObjectMarks.of(rows).centre.tolist() == [5, 6]
    assert ObjectMarks.of(rows[3:]).centre.tolist() == [6, 6]
    assert ObjectMarks.of(rows).with_sign(OFF).tolist() == [[1, 1]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1, 1, 2]], r"rows of 3 numbers, but image has 2 axes; pass rows \(object, sign, y, x\)"),
        ([[0, 1, 2, 2]], "picks has the object 0; number objects 1, 2, 3"),
        ([[1.5, 1, 2, 2]], "picks has the object 1.5"),
        ([[1, 2, 2, 2]], "picks has the sign 2; pass 1 = on the object"),
        ([[1, 1, 2, 9]], r"a mark at \(2, 9\), outside image, whose shape is \(8, 9\)"),
        ([[1, 1, -0.6, 0]], r"a mark at \(-0.6, 0\), outside image"),
        ([[4, -1, 2, 2]], "no mark on object 4, and no box; click on it first"),
        ([[4, 0, 2, 2]], "1 corners of a box around object 4; pass two opposite ones"),
        ([[4, 0, 2, 2], [4, 0, 2, 6]], "a box of 0 x 4 pixels around object 4; drag it"),
        ([[4, 0, 20, 20], [4, 0, 30, 30]], "a box around object 4 that lies outside image"),
    ],
)
def test_marks_that_make_no_sense(rows, message):
    with pytest.raises(ValueError, match=message):
        check_picks(np.array(rows, float), (8, 9))


def test_a_box_may_reach_beyond_the_image_and_lie_in_one_plane_of_a_volume():
    check_picks(np.array([[1, 0, -3.0, -3], [1, 0, 4, 5]]), (8, 9))
    check_picks(np.array([[1, 0, 3.0, 1, 1], [1, 0, 3, 4, 5]]), (8, 9, 9))
