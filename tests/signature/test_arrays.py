import numpy as np
import pytest

from napari_tessera.signature.arrays import (
    as_labels,
    check_ids,
    check_signed,
    fitting,
    native,
    whole,
)
from napari_tessera.signature.words import IMAGE, LABELS, Mask

MASK = Mask.__metadata__[0]
ONE_BIT = np.array([[0, 255], [255, 0]], np.uint8).view(bool)
"""As readers of 1-bit PNG files give it."""


@pytest.mark.parametrize("word", [LABELS, MASK, IMAGE], ids=lambda word: word.name)
def test_true_is_the_byte_1(word):
    found = fitting("x", word, ONE_BIT)
    assert found.dtype == bool
    assert found.view(np.uint8).tolist() == [[0, 1], [1, 0]]


def test_true_of_labels_that_others_stand_beside_is_1():
    assert as_labels(ONE_BIT).tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("dtype", [">u2", ">i4", ">u8", ">f4", ">f8"])
def test_bytes_are_in_the_order_of_this_computer(dtype):
    found = native(np.array([[1, 2], [3, 400]], dtype))
    assert found.dtype.isnative
    assert found.tolist() == [[1, 2], [3, 400]]


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("f2", "i4"), ("f4", "i4"), (">f4", "i4"), ("f8", "i8"), ("g", "i8"), ("u2", "u2")],
)
def test_floats_that_are_whole_are_ids(dtype, expected):
    found = fitting("labels", LABELS, np.array([[0, 7, 300]], dtype))
    assert found.dtype == expected
    assert found.tolist() == [[0, 7, 300]]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([0.5], "f8"), ([np.nan], "f4"), ([np.inf], "f8"), ([2.0**24 + 2], "f4"), ([1e300], "f8")],
)
def test_floats_that_tell_no_ids_apart_are_refused(values, dtype):
    with pytest.raises(TypeError, match="cells has dtype float.* and the value .*whole numbers"):
        whole(np.array(values, dtype), "cells")


def test_ids_up_to_the_last_that_a_float_tells_apart_are_taken():
    assert whole(np.array([2.0**24], np.float32)).tolist() == [2**24]
    assert whole(np.array([2.0**53])).tolist() == [2**53]


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ([[1, 2], [3]], ValueError, "x cannot be read as one array"),
        (np.zeros((0, 3)), ValueError, r"x is empty \(shape \(0, 3\)\)"),
        (np.ma.masked_array(np.ones((2, 2)), np.eye(2) > 0), ValueError, "of which 2 elements"),
        (np.zeros((2, 2), complex), TypeError, "x has dtype complex128; pass .* real numbers"),
        (np.zeros((2, 2), "M8[s]"), TypeError, "x has dtype datetime64"),
        (np.zeros((2, 2), object), TypeError, "x has dtype object"),
        (iter([1, 2]), TypeError, "x has dtype object"),
        ("text", TypeError, "x has dtype <U4"),
        (None, TypeError, "x has dtype object"),
        (np.array([[0, 9.97e36]], np.float32), ValueError, "x has values from 0 to 9.97e.36"),
        (np.array([[np.nan, -1e300]]), ValueError, "x has values from -1e.300 to 0"),
        (np.array([[2**64 - 1]], np.uint64), ValueError, "x has values from .* to 1.84467e.19"),
        (np.array([["1e400"]], "g"), ValueError, "x has dtype float128 and values that float64"),
    ],
    ids=lambda given: getattr(given, "__name__", type(given).__name__),
)
def test_what_is_no_image_is_refused_by_name(value, error, message):
    if getattr(value, "dtype", None) == np.longdouble and np.finfo("g").max <= np.finfo("f8").max:
        pytest.skip("long floats are those of 64 bits here")
    with pytest.raises(error, match=message):
        fitting("x", IMAGE, value)


def test_what_is_not_finite_may_stand_in_an_image():
    image = np.array([[np.nan, np.inf, -np.inf, 1e18]])
    np.testing.assert_array_equal(fitting("x", IMAGE, image), image)


@pytest.mark.parametrize(("given", "expected"), [("f2", "f4"), ("g", "f8"), ("f4", "f4")])
def test_filters_get_floats_that_they_know(given, expected):
    assert fitting("x", IMAGE, np.ones((2, 2), given)).dtype == expected


def test_masks_without_masked_pixels_are_plain_arrays():
    found = fitting("x", LABELS, np.ma.masked_array(np.eye(2, dtype=int)))
    assert type(found) is np.ndarray


def test_a_mask_is_what_is_not_0():
    assert fitting("x", MASK, [[0, 0.5], [-1, 2]]).tolist() == [[False, True], [True, True]]
    with pytest.raises(ValueError, match="x has NaN; pass True and False"):
        fitting("x", MASK, [[0, np.nan]])


def test_ids_are_not_negative():
    check_ids(np.array([0, 2**64 - 1], np.uint64))
    check_signed(np.array([0, 2**63 - 1], np.uint64))
    with pytest.raises(ValueError, match="truth has the id -3; pass ids of 0"):
        check_ids(np.array([0, -3]), "truth")
    with pytest.raises(ValueError, match=r"labels has the id 9223372036854775808; pass ids below"):
        check_signed(np.array([2**63], np.uint64))
