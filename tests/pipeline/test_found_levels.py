import numpy as np
import pytest

from napari_tessera import METHODS
from napari_tessera.pipeline.found_levels import found_levels, level_sentence, with_levels
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Region, Source

IMAGE = np.array([[10, 12, 200, 210], [11, 10, 10, 12]], np.uint8)


@pytest.mark.parametrize(
    ("method", "asked", "found", "sentence"),
    [
        ("threshold", {}, {"levels": [12]}, "Otsu's level 12; 25 % of the area is above."),
        (
            "threshold",
            {"objects": "dark"},
            {"levels": [12]},
            "Otsu's level 12; 75 % of the area is at or below it.",
        ),
        ("threshold", {"method": "manual", "levels": (50,)}, {}, ""),
        ("threshold", {"method": "sauvola"}, {}, ""),
        ("watershed", {"smoothing": "0 px"}, {"level": [12]}, "Otsu's level 12."),
        ("watershed", {"foreground": "all", "landscape": "intensity"}, {}, ""),
        ("label", {}, {}, ""),
    ],
)
def test_what_was_found_is_told_and_gives_the_same(method, asked, found, sentence):
    entry, source = METHODS[method], Source.of(IMAGE)
    values = entry.complete(asked)
    own = with_levels(entry, source, values, "planes")
    result, plain = (run(entry, source, each) for each in (own, values))
    np.testing.assert_array_equal(result.array, plain.array)
    assert found_levels(entry, values, result) == found
    assert level_sentence(entry, values, result) == sentence


def test_levels_of_a_region_are_its_own_and_those_of_many_planes_are_left():
    entry, source = METHODS["threshold"], Source.of(IMAGE)
    values = entry.complete({})
    found = with_levels(entry, source, values, "planes", Region((1, 0), (2, 4)))
    assert found["levels"] == (10.0,)
    stack = Source.of(np.stack([IMAGE, IMAGE // 2]))
    assert with_levels(entry, stack, values, "planes") == values


def test_what_has_no_level_is_left_for_the_method_to_refuse():
    entry, source = METHODS["watershed"], Source.of(np.full((3, 4), np.nan))
    values = entry.complete({})
    assert with_levels(entry, source, values, "planes") == values
