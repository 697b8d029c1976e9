from dataclasses import dataclass
from typing import Annotated

import pytest

from napari_tessera.cli.arguments import (
    colour_axis,
    numbers_as_written,
    region_from,
    settings,
)


@dataclass(frozen=True)
class Steps:
    """Settings.

    Attributes
    ----------
    count : int
        How many.
    share : float
        How much.
    """

    count: Annotated[int, "a word"] = 3
    share: float | None = None

    def __post_init__(self):
        if self.count < 1:
            raise ValueError("count is too low")


def called(*words):
    from cyclopts import App

    found = {}

    def command(
        *, number: int = 0, numbers: list[int] | None = None, steps: Steps | None = None
    ) -> None:
        found.update(number=number, numbers=numbers, steps=steps)

    app = App(result_action="return_value")
    app.default(numbers_as_written(command))
    app(list(words), exit_on_error=False, print_error=False)
    return found


def test_whole_numbers_are_read_as_they_are_written():
    found = called("--number", "-2", "--numbers", "3", "--numbers", "4", "--steps.count", "5")
    assert (found["number"], found["numbers"]) == (-2, [3, 4])
    assert settings(Steps, found["steps"]) == Steps(5)
    assert called()["steps"] is None


@pytest.mark.parametrize("option", ["--number", "--numbers", "--steps.count"])
@pytest.mark.parametrize("value", ["2.5", "2.0", "nan", "1e3", "inf", "two"])
def test_other_numbers_are_no_whole_ones(option, value):
    with pytest.raises(Exception, match=f"'{value}' is no whole number"):
        called(option, value)


def test_settings_are_checked_when_they_are_made():
    found = called("--steps.count", "0", "--steps.share", "0.5")
    with pytest.raises(ValueError, match="count is too low"):
        settings(Steps, found["steps"])


def test_the_axis_of_colours_is_a_number_or_rgb():
    assert [colour_axis(text) for text in (None, "rgb", "-1")] == [None, "rgb", -1]
    with pytest.raises(ValueError, match="channels is '2.5'"):
        colour_axis("2.5")


@pytest.mark.parametrize(
    "text", ["", "[1]", "{}", '{"start": [0], "stop": [2.5]}', '{"start": [NaN], "stop": [2]}']
)
def test_a_region_has_whole_numbers(text):
    assert region_from('{"start": [1, 2], "stop": [3, 4]}').stop == (3, 4)
    with pytest.raises(ValueError, match="region is .*; write whole numbers as"):
        region_from(text)
