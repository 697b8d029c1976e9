from typing import Any, Literal, NotRequired, TypedDict

import numpy as np
import pytest

from napari_tessera.signature.schema import (
    DEEPEST,
    below,
    numbers,
    one_line,
    read_as,
    require,
    shown,
    wanted,
)


class Box(TypedDict):
    sides: tuple[float, float]
    name: NotRequired[str | None]


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (int, 3, 3),
        (float, 3, 3.0),
        (int, np.int64(3), 3),
        (float, np.float32(0.5), 0.5),
        (float | str, "2 px", "2 px"),
        (int | None, None, None),
        (Literal["a", 2], 2, 2),
        (tuple[int, ...], [1, 2], (1, 2)),
        (list[list[float]], [[1], []], [[1.0], []]),
        (tuple[float, str], [1, "a"], (1.0, "a")),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (Box, {"sides": [1, 2], "more": 5}, {"sides": (1.0, 2.0)}),
        (Any, {"a": [1, None]}, {"a": [1, None]}),
    ],
)
def test_what_fits_is_read_as_annotated(hint, value, expected):
    found = read_as(hint, value, "a.json: b")
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("hint", "value", "message"),
    [
        (int, True, "a.json: b is True; a whole number is wanted"),
        (int, 1.0, "is 1.0; a whole number"),
        (int, 1 << 63, "is 9223372036854775808; a whole number"),
        (int, 10**400, "is a whole number of more than 40 digits; a whole number is wanted"),
        (float, float("nan"), "is nan; a number is wanted"),
        (float, 10**400, "a number is wanted"),
        (bool, 0, "is 0; true or false is wanted"),
        (str, None, "is None; a text is wanted"),
        (float | None, [], r"is \[\]; a number or null is wanted"),
        (Literal["a", 1], True, "is True; 'a' or 1 is wanted"),
        (tuple[int, ...], {}, "is {}; a list is wanted"),
        (tuple[int, ...] | None, [1, "x"], r"b\[1\] is 'x'; a whole number"),
        (tuple[float, float], [1], r"is \[1\]; 2 entries are wanted"),
        (dict[str, float], {"c d": "x"}, r"b\['c d'\] is 'x'; a number"),
        (dict[str, int], {1: 1}, "a name in a.json: b is 1; a text"),
        (Box, {"sides": [1, None]}, r"b\.sides\[1\] is None; a number"),
        (Box, {"name": "x"}, "a.json: b has no 'sides', but 'name'"),
        (Any, {"a": {"b": 10**400}}, "a number of up to 64 bits"),
    ],
)
def test_what_does_not_is_named_with_its_place(hint, value, message):
    with pytest.raises(ValueError, match=message):
        read_as(hint, value, "a.json: b")


def test_data_without_an_annotation_have_a_depth():
    data = []
    for _ in range(DEEPEST - 2):
        data = [data]
    assert read_as(Any, data, "a") is data
    with pytest.raises(ValueError, match=f"nested more than {DEEPEST} deep"):
        read_as(Any, [[data]], "a")


def test_places_read_like_code():
    assert below(below("a.json: ", "steps"), "x") == "a.json: steps.x"
    assert below("a.json: ", "a\nb") == "a.json: ['a\\nb']"


def test_values_are_shown_on_one_short_line():
    assert shown("a\n") == "'a\\n'"
    assert len(shown(["x" * 10_000] * 1000)) < 400
    assert one_line("a\tb\r\n\x1b[31mc") == "a b   [31mc"
    assert one_line("µm, 細胞") == "µm, 細胞"


def test_what_is_missing_is_named_with_what_is_there():
    with pytest.raises(ValueError, match="a.json has no 'id', but 'name'"):
        require(["name", "id"], {"name": 1}, "a.json: ")
    assert wanted(tuple[int, ...] | None) == "a list or null"


def test_numbers_are_numbers():
    np.testing.assert_array_equal(numbers([1, 2.5], "a"), [1, 2.5])
    assert numbers([], "a").size == 0
    assert numbers([5], "a", whole=True).dtype == np.int64
    for wrong in (None, "12", 5, {}, [None], ["1"], [[1]], [1, [2]], [True, 1], [float("nan")]):
        with pytest.raises(ValueError, match="a is .*; a list of numbers is wanted"):
            numbers(wrong, "a")
    for wrong in ([1.5], [1 << 63], [10**400]):
        with pytest.raises(ValueError, match="a list of whole numbers is wanted"):
            numbers(wrong, "a", whole=True)
