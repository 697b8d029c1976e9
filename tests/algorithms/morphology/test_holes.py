import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_tessera.algorithms.labels import boxes
from napari_tessera.algorithms.labels.attributes import attributes
from napari_tessera.algorithms.labels.components import components
from napari_tessera.algorithms.morphology.holes import enclosing, enclosing_of, filled, gaps
from napari_tessera.signature.parts import PartOfWhole
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
    _, first, pixels = gaps(mask)
    pieces, _ = ndimage.label(mask == 0)
    holes = np.isin(pieces, np.flatnonzero(first >= 0))
    np.testing.assert_array_equal(holes, ndimage.binary_fill_holes(mask) & (mask == 0))
    np.testing.assert_array_equal(pixels[1:], np.bincount(pieces.ravel())[1:])
    for number in np.flatnonzero(first >= 0):
        assert first[number] == np.flatnonzero(pieces.ravel() == number)[0]


def test_a_hole_belongs_to_the_innermost_object_around_it():
    outside, inner, outer = (row * 6 + column for row, column in ((0, 5), (2, 2), (4, 1)))
    places = np.array([outside, inner, outer])
    found = boxes.found(NESTED)
    rows = enclosing(NESTED, found, places, Reporter())
    assert rows[0] == -1
    assert found.ids[rows[1:]].tolist() == [2, 4]


@given(st.integers(0, 2**32 - 1), st.integers(2, 3))
def test_what_is_filled_is_what_the_outside_of_one_label_does_not_reach(seed, axes):
    rng = np.random.default_rng(seed)
    labels = rng.integers(1, 4, rng.integers(1, 12 if axes == 2 else 7, axes))
    labels[rng.random(labels.shape) < 0.3] = 0
    expected, smallest = labels.copy(), np.full(labels.shape, np.inf)
    for label in np.unique(labels[labels > 0]):
        own = labels == label
        content = np.prod(np.ptp(np.argwhere(own), axis=0) + 1)
        held = ndimage.binary_fill_holes(own) & (labels == 0) & (content < smallest)
        expected[held], smallest[held] = label, content
    np.testing.assert_array_equal(filled(labels), expected)


@given(st.integers(0, 2**32 - 1), st.integers(2, 3))
def test_pieces_know_which_object_encloses_them_as_pixels_do(seed, axes):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, rng.integers(3, 16 if axes == 2 else 7, axes))
    expected = enclosing(labels, boxes.found(labels), np.arange(labels.size), Reporter())
    regions = components(labels + 1, "faces")
    pieces = attributes(regions, labels, PartOfWhole.all_of(labels.shape), linked=True)
    ids = np.unique(labels[labels > 0])
    objects = np.where(pieces.ids > 0, np.searchsorted(ids, pieces.ids), -1)
    owners = enclosing_of(pieces, objects, labels.shape)
    background = labels == 0
    np.testing.assert_array_equal(
        owners[regions - 1][background], expected.reshape(labels.shape)[background]
    )


def test_holes_are_filled_but_what_lies_in_them_stays():
    labels = np.array(
        [
            [3, 3, 3, 3, 3],
            [3, 0, 7, 0, 3],
            [3, 3, 3, 3, 3],
            [0, 5, 0, 5, 5],
        ]
    )
    expected = labels.copy()
    expected[1, [1, 3]] = 3
    np.testing.assert_array_equal(filled(labels), expected)
    assert labels[1, 1] == 0


def test_the_holes_of_one_object_are_those_of_scipy(rng):
    mask = ndimage.gaussian_filter(rng.random((40, 50)), 2) > 0.5
    np.testing.assert_array_equal(filled(mask.astype(np.uint8)), ndimage.binary_fill_holes(mask))


def test_of_two_objects_one_in_the_other_the_inner_one_has_the_hole():
    expected = NESTED.copy()
    expected[2, 2], expected[4, 1] = 2, 4
    np.testing.assert_array_equal(filled(NESTED), expected)
