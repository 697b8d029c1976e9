import numpy as np
import pytest

from napari_tessera.signature.parameters import parameters
from napari_tessera.signature.validation import check_value

from .conftest import method

PIXELS = np.zeros((4, 4))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"mode": "c"}, ValueError, "mode is 'c'; choose one of a, b"),
        ({"mode": "b", "number": 4}, ValueError, "number is 4; it must be from 1 to 3"),
        ({"mode": "b", "number": 1.5}, TypeError, "number is 1.5; pass a whole number"),
        ({"mode": "b", "number": True}, TypeError, "number is True; pass a whole number"),
        ({"number": 3}, ValueError, "number is 3, but it is used only with mode = 'b'"),
        ({"share": "x"}, TypeError, "share is 'x'; pass a number"),
        ({"mode": None}, TypeError, "mode is None; pass a str"),
        ({"on": 1}, TypeError, "on is 1; pass True or False"),
        ({"length": "x"}, ValueError, "length is 'x'; write a number"),
        ({"length": "3 px"}, ValueError, "length is '3 px'.*half of the image's longest side is 2"),
        ({"labels": PIXELS + 0.5}, TypeError, "labels has dtype float64 and the value 0.5"),
        ({"mask": np.zeros((4, 5))}, ValueError, r"mask has shape \(4, 5\) but image has \(4, 4\)"),
        ({"spacing": (1,)}, ValueError, "spacing is"),
    ],
)
def test_errors_name_the_argument_what_was_given_and_what_is_wanted(options, error, message):
    with pytest.raises(error, match=message):
        method(PIXELS, **options)


def test_lists_are_arrays_too():
    assert method([[1, 2], [3, 4]]).shape == (2, 2)


def test_complex_numbers_are_no_image():
    with pytest.raises(TypeError, match="image has dtype complex128"):
        method(PIXELS.astype(complex))


def test_a_default_is_never_too_long():
    assert method(np.zeros((1, 1))).shape == (1, 1)


def test_numbers_from_numpy_are_numbers():
    number = next(p for p in parameters(method) if p.name == "number")
    check_value(number, np.int64(2))
