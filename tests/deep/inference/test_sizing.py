"""How large the objects of an image are of which nobody has told it."""

from dataclasses import dataclass

import numpy as np
import pytest

from napari_tessera.deep.inference.sizing import sized
from napari_tessera.signature.progress import Reporter


@dataclass
class Seen:
    """Squares of some widths, in a row."""

    widths: tuple[int, ...]

    def fullest(self):
        labels = np.zeros((max(self.widths, default=1), sum(self.widths) + 1), int)
        for number, width in enumerate(self.widths, start=1):
            start = sum(self.widths[: number - 1])
            labels[:width, start : start + width] = number
        return labels


def zoom_for(diameter):
    """Return how much objects are shrunk to 28 pixels."""
    return min(1.0, 28 / diameter) if diameter else 1.0


def looked(*sights):
    """Return the diameter, at which zooms a network that sees this looks, and which look is kept."""
    zooms, seen = [], [Seen(widths) for widths in sights]

    def look(zoom, report):
        zooms.append(zoom)
        return seen[len(zooms) - 1]

    diameter, sight = sized(look, zoom_for, Reporter())
    return diameter, zooms, [each is sight for each in seen].index(True)


def wide(side):
    """Return the diameter of a disc as large as a square."""
    return pytest.approx(side * 2 / np.sqrt(np.pi))


def test_one_look_is_enough_for_objects_of_a_usual_size():
    assert looked((20, 21, 22)) == (wide(21), [1], 0)
    assert looked(()) == (0, [1], 0)
    assert looked((20, 21, 22, 2, 2, 2, 2)) == (wide(2), [1], 0)  # as large as these, or smaller


def test_large_objects_are_shrunk_by_the_median():
    diameter, zooms, kept = looked((50, 51, 52), (50, 51, 52))
    assert (diameter, len(zooms), kept) == (wide(51), 2, 1)
    assert zooms[1] * diameter == pytest.approx(28)


def test_large_objects_among_splinters_count_if_the_second_look_sees_them_whole():
    diameter, zooms, kept = looked((50, 51, 52, 5, 5, 5, 5, 5), (50, 50, 54, 5))
    assert (diameter, len(zooms), kept) == (wide(51), 2, 1)
    assert zooms[1] * diameter == pytest.approx(28)


def test_a_blob_that_the_second_look_does_not_confirm_does_not_count():
    diameter, zooms, kept = looked((18, 18, 18, 400), (18, 40, 400), (18, 18, 18, 400))
    assert (diameter, len(zooms), kept) == (wide(18), 2, 0)
    assert zooms[1] < 0.1
