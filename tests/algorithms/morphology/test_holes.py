import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_tessera.algorithms.labels import boxes
from napari_tessera.algorithms.morphology.holes import enclosing, gaps
from napari_tessera.signature.progress import Reporter

NESTED = np.array(
    [
        [4, 4, 4, 4, 4, 0],
        [4, 2, 2, 2, 4, 0],
        [4, 2, 0, 2, 4, 0],
        [4, 2, 2, 2, 4, 0],
        [4, 0, 4, 4, 4, 0],
        [4, 4, 4, 4, 4, 0],
    ]
)


@given(arrays(np.uint8, st.tuples(*[st.integers(1, 8)] * 2), elements=st.integers(0, 1)))
def test_gaps_that_do_not_touch_the_border_are_the_holes_of_scipy(mask):
    pieces, first, pixels = gaps(mask)
    holes = np.isin(pieces, np.flatnonzero(first >= 0))
    np.testing.assert_array_equal(holes, ndimage.binary_fill_holes(mask) & (mask == 0))
    np.testing.assert_array_equal(pixels, np.bincount(pieces.ravel(), minlength=pixels.size))
    for number in np.flatnonzero(first >= 0):
        assert first[number] == np.flatnonzero(pieces.ravel() == number)[0]


def test_a_hole_belongs_to_the_innermost_object_around_it():
    outside, inner, outer = (row * 6 + column for row, column in ((0, 5), (2, 2), (4, 1)))
    places = np.array([outside, inner, outer])
    found = boxes.found(NESTED)
    rows = enclosing(NESTED, found, places, Reporter())
    assert rows[0] == -1
    assert found.ids[rows[1:]].tolist() == [2, 4]
