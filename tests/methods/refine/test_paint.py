import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_tessera.methods.refine.paint import as_text, paint


@given(arrays(np.uint16, st.tuples(*[st.integers(1, 5)] * 3), elements=st.integers(0, 900)))
def test_what_was_painted_is_painted_again(painted):
    places = np.argwhere(painted)
    drawn = as_text(places, painted[painted > 0])
    np.testing.assert_array_equal(paint(np.zeros_like(painted), drawn=drawn), painted)


def test_the_background_can_be_painted_and_the_rest_stays():
    labels = np.array([[1, 1, 2]], np.uint8)
    found = paint(labels, drawn=as_text(np.array([[0, 1]]), np.array([0])))
    assert found.tolist() == [[1, 0, 2]]
    assert found.dtype == np.uint8
    assert labels.tolist() == [[1, 1, 2]]


def test_a_label_that_does_not_fit_makes_the_type_wider():
    drawn = as_text(np.array([[0, 0]]), np.array([300]))
    assert paint(np.zeros((1, 1), np.uint8), drawn=drawn).dtype == np.uint16


@pytest.mark.parametrize(
    ("drawn", "message"),
    [
        (
            as_text(np.array([[0, 9]]), np.array([1])),
            r"up to \(0, 9\), but labels has shape",
        ),
        (as_text(np.array([[0, 0, 0]]), np.array([1])), "pixels of 3 coordinates"),
        ("3:nothing", "no text of painted pixels"),
        ("nothing", "no text of painted pixels"),
    ],
)
def test_what_cannot_be_painted_is_named(drawn, message):
    with pytest.raises(ValueError, match=message):
        paint(np.zeros((2, 3), int), drawn=drawn)


def test_large_labels_keep_their_digits():
    drawn = as_text(np.array([[0, 0]]), np.array([2**53 + 1]))
    found = paint(np.array([[1, 2]], np.int32), drawn=drawn)
    assert found.dtype == np.int64
    assert found.tolist() == [[2**53 + 1, 2]]


def test_places_before_the_first_pixel_are_refused():
    with pytest.raises(ValueError, match=r"drawn has pixels from \(-1, 0\)"):
        paint(np.zeros((2, 2), int), drawn=as_text(np.array([[-1, 0]]), np.array([1])))
    with pytest.raises(ValueError, match="drawn has the label -1"):
        paint(np.zeros((2, 2), int), drawn=as_text(np.array([[1, 0]]), np.array([-1])))
