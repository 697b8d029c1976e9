"""Whatever is passed, a method gives a result of its kind or an error that names an argument."""

import numpy as np
import pytest

from napari_tessera.methods.method import Cut, Method
from napari_tessera.methods.refine.paint import as_text
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import Classes, Image, Objects
from napari_tessera.testing.fuzzing import MethodCall, calls, check_call

from ..conftest import OWN, tiny_finder, tiny_kinds, tiny_model

COUNT, COUNT_OF_NETWORKS = 200, 30
DRAWN = as_text(np.array([[0, 0], [1, 1]]), np.array([1, 300]))


def fixed(method):
    """Return what no random text can be: a model, or pixels that were painted."""
    if any(p.word.name == "model" for p in method.parameters):
        return {"model": tiny_finder() if method.name == "detect" else tiny_model()}
    if method.name == "sort_objects":
        return {"classifier": tiny_kinds()}
    return {"drawn": DRAWN, "where": "area > 2 and extent < 0.9"}


@pytest.mark.parametrize("method", OWN.values(), ids=list(OWN))
def test_no_call_ends_in_a_crash(method):
    known = fixed(method)
    count = COUNT_OF_NETWORKS if "model" in known else COUNT
    ends = [check_call(call) for call in calls(method, count, fixed=known)]
    # calls that are all refused would test the first checks alone
    assert ends.count("result") >= count // 30


@checked
def crashing(image: Image) -> Classes:
    """Read a pixel that images of fewer than three rows do not have."""
    return (image > image[2]).astype(np.uint8)


@checked
def speechless(image: Image, *, level: float = 0.0) -> Objects:
    """Refuse without saying what."""
    raise ValueError("wrong value")


@checked
def narrow(image: Image) -> Objects:
    """Give objects of 8 bits."""
    return (image > 0).astype(np.uint8)


def by_memory(image: Image) -> Objects:
    """Number pixels as they lie in memory."""
    if (
        not isinstance(image, np.ndarray)
        or image.ndim not in (2, 3)
        or image.dtype.kind not in "iuf"
    ):
        raise TypeError("image is no array")
    order = "F" if image.flags.f_contiguous and not image.flags.c_contiguous else "C"
    return np.arange(image.size).reshape(image.shape, order=order).astype(np.uint16)


def crash(function):
    for call in calls(Method(function, "Classical", Cut("global")), 60):
        check_call(call)


def test_an_error_of_another_kind_is_found():
    with pytest.raises(IndexError):
        crash(crashing)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (speechless, "ValueError names no argument: wrong value"),
        (narrow, "objects of uint8"),
        (by_memory, "Mismatched elements"),
    ],
)
def test_other_ends_are_found(function, message):
    with pytest.raises(AssertionError, match=message):
        crash(function)


def test_calls_are_the_same_for_the_same_seed():
    def told(seed):
        return [repr(sorted(call.arguments)) for call in calls(OWN["threshold"], 20, seed)]

    assert told(1) == told(1)
    assert told(1) != told(2)


IMAGE = np.arange(80.0).reshape(8, 10) % 7
BAD = [
    ("paint", {"drawn": 5}, "drawn is 5; pass the text"),
    ("kmeans", {"channel_axis": "x"}, "channel_axis is 'x'; pass the number of an axis"),
    ("kmeans", {"seed": -1}, "seed is -1; it must be from 0"),
    (
        "kmeans",
        {"centres": ((0.2, 1), (0.8, 1)), "channel_axis": None},
        r"centres has shape \(2, 2\)",
    ),
    ("merge", {"path": 5}, "path is 5; pass points"),
    ("merge", {"path": ((0, 0), (1e9, 1e9))}, "path has a point over 1e.06 pixels"),
    ("expand", {"spacing": 1e300}, r"spacing is \(1e.300, 1e.300\); pass numbers from 1e-12"),
    ("expand", {"spacing": "x"}, "spacing is .*'x'.*pass one number per spatial axis"),
    ("expand", {"distance": "1e9 px"}, "distance is '1e9 px'.* half of the image's longest"),
    ("expand", {"distance": [1]}, r"distance is \[1\]; write a number"),
    ("expand", {"labels": [[1, 2], [3]]}, "labels cannot be read as one array"),
    ("split", {"path": ((0, 1), (7, 1)), "new_label": 0}, "new_label is 0; it must be from 1"),
]


@pytest.mark.parametrize(("name", "given", "message"), BAD, ids=[f"{n} {g}" for n, g, _ in BAD])
def test_bad_arguments_are_named(name, given, message):
    method = OWN[name]
    source = IMAGE if method.source.is_image else IMAGE.astype(int)
    with pytest.raises((ValueError, TypeError), match=message):
        method.function(**{method.source.name: source, **given})


def test_a_call_says_what_repeats_it():
    method = OWN["label"]
    (call,) = calls(method, 1, seed=4)
    assert isinstance(call, MethodCall)
    assert call.seed == (4, 0)
