"""The checks of the promises find who breaks them."""

import numpy as np
import pytest

from napari_tessera.methods.method import Cut, Method
from napari_tessera.pipeline.result import KINDS
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Classes,
    ClassScores,
    Image,
    Labels,
    Objects,
    Polygons,
    Spacing,
    Table,
)
from napari_tessera.testing.contracts import (
    PROMISES,
    Case,
    NotPromised,
    check_blocks,
    check_extents,
    check_input,
    check_kind,
    check_layouts,
    check_method,
    check_part,
    check_repeats,
    check_same,
    check_types,
)

IMAGE = np.random.default_rng(0).integers(0, 60, (40, 44)).astype(np.uint8)
COUNT = [0]


@checked
def bright(image: Image, *, spacing: Spacing = None) -> Classes:
    """Keep every promise."""
    return (image > 30).astype(np.uint8)


@checked
def changing(image: Image) -> Classes:
    """Add to floats in place; a conversion hides it in all other types."""
    own = image.astype(np.float64, copy=False)
    own += 1
    return (own > 31).astype(np.uint8)


@checked
def wide(image: Image) -> Classes:
    """Give classes of 64 bits."""
    return (image > 30).astype(np.int64)


@checked
def narrow(image: Image) -> Objects:
    """Give objects of 8 bits."""
    return (image > 30).astype(np.uint8)


@checked
def turned(image: Image) -> Classes:
    """Give an array of another shape."""
    return (image > 30).astype(np.uint8).T


@checked
def counting(image: Image) -> Classes:
    """Give something else each time."""
    COUNT[0] += 1
    return np.full(image.shape, COUNT[0] % 256, np.uint8)


def reading_memory(image: Image) -> Classes:
    """Take the bytes for those of a plain array."""
    base = image if image.base is None else image.base
    return np.resize(base.reshape(-1) > 30, image.shape).astype(np.uint8)


@checked
def signed(labels: Labels) -> Labels:
    """Mean something else by signed ids."""
    return labels + (labels.dtype.kind == "i")


def unchecked(image: Image) -> Classes:
    """Crash without pixels."""
    return (image > image.reshape(-1)[[0]]).astype(np.uint8)


@checked
def accepting(image: Image) -> Classes:
    """Look at one column after the other, the third at least."""
    return (image > image[:, 2:3]).astype(np.uint8)


@checked
def centred(image: Image, *, spacing: Spacing = None) -> Classes:
    """Look at the whole and say so to nobody."""
    return (image > image.mean()).astype(np.uint8)


@checked
def ragged(image: Image) -> Table:
    """Give columns of different lengths."""
    return {"index": np.arange(3), "area": np.arange(4)}


@checked
def nameless(image: Image) -> Table:
    """Give a table whose rows stand for nothing."""
    return {"area": np.arange(4)}


@checked
def unlikely(image: Image) -> ClassScores:
    """Give probabilities above 1."""
    return np.stack([image, image]).astype(np.float32)


@checked
def lines(image: Image) -> tuple[Polygons, Table]:
    """Give more rows than polygons."""
    return [np.zeros((3, 2))], {"index": np.arange(2)}


def case(function, **options):
    source = "labels" if function is signed else "image"
    array = (IMAGE > 30).astype(np.uint8) if source == "labels" else IMAGE
    method = Method(function, "Test", Cut(**{"scope": "local", **options}))
    return Case(method, {source: array})


def halo(values, spacing):
    return (0.0,) * len(spacing)


@pytest.mark.parametrize(
    ("contract", "function", "said"),
    [
        (check_input, changing, "image of float64 was changed"),
        (check_kind, wide, "classes of int64"),
        (check_kind, narrow, "objects of uint8"),
        (check_kind, turned, "labels of shape"),
        (check_kind, ragged, "columns of different lengths"),
        (check_kind, nameless, "a table without index"),
        (check_kind, unlikely, "probabilities that are none"),
        (check_kind, lines, "2 rows for 1 polygons"),
        (check_repeats, counting, "Mismatched elements"),
        (check_layouts, reading_memory, "steps between the pixels"),
        (check_types, signed, "Mismatched elements"),
    ],
)
def test_who_breaks_a_promise_is_found(contract, function, said):
    with pytest.raises(AssertionError, match=said):
        contract(case(function))


def test_every_kind_of_result_has_its_promise():
    assert PROMISES.keys() == KINDS.keys()


def test_parts_may_differ_as_much_as_is_tolerated():
    part, whole = np.array([[1, 1, 0, 2]]), np.array([[5, 5, 0, 7]])
    PROMISES["objects"].agrees(part, whole, 0.0)
    with pytest.raises(AssertionError, match="other objects in a part"):
        PROMISES["objects"].agrees(part, np.array([[5, 5, 0, 5]]), 0.0)
    with pytest.raises(AssertionError, match="Mismatched elements"):
        PROMISES["classes"].agrees(part, whole, 0.0)
    for word in ("objects", "labels", "classes"):
        PROMISES[word].agrees(part, np.array([[5, 5, 5, 5]]), 0.25)
        with pytest.raises(AssertionError, match="25.00% of the pixels are labelled otherwise"):
            PROMISES[word].agrees(part, np.array([[5, 5, 5, 5]]), 0.2)


def test_who_crashes_without_pixels_is_found():
    with pytest.raises(IndexError):
        check_extents(case(unchecked))


def test_who_gives_less_for_a_thin_image_is_found():
    with pytest.raises(AssertionError, match="labels of shape"):
        check_extents(case(turned))


def test_a_halo_that_is_too_small_is_found():
    check_part(case(bright, halo=halo))
    with pytest.raises(AssertionError):
        check_part(case(centred, halo=halo))
    with pytest.raises(AssertionError, match=r"reaches all of \(40, 44\): take a larger image"):
        check_part(case(bright, halo=lambda values, spacing: (40.0,) * len(spacing)))
    with pytest.raises(NotPromised, match="bright needs the whole"):
        check_part(case(bright, halo=halo, scope="global"))
    check_blocks(case(bright, halo=halo))
    with pytest.raises(AssertionError, match="block"):
        check_blocks(case(centred, halo=halo))
    for other in ({"scope": "joined"}, {"exact": False}):
        with pytest.raises(NotPromised, match="nearly"):
            check_blocks(case(centred, halo=halo, **other))


def test_who_keeps_all_promises_passes():
    check_method(case(bright, halo=halo))
    check_method(case(bright))


def test_results_are_compared_to_the_last_array():
    result = ([np.zeros((3, 2))], {"index": np.arange(2), "x": np.array([1.0, np.nan])})
    check_same(result, result)
    for other in (
        ([np.zeros((4, 2))], result[1]),
        ([], result[1]),
        (result[0], {"index": np.arange(2)}),
        (result[0], {**result[1], "x": np.array([1.0, 2.0])}),
        (result[0], {**result[1], "index": np.arange(2.0)}),
    ):
        with pytest.raises(AssertionError):
            check_same(other, result)
    check_same(np.array([1.001]), np.array([1.0]), tolerance=0.01)
