import numpy as np
import pytest

from napari_tessera.algorithms.forest import pixels
from napari_tessera.algorithms.forest.forest import grown_forest
from napari_tessera.algorithms.forest.pixels import (
    MarkedPixels,
    likely_classes,
    pixel_probabilities,
)
from napari_tessera.algorithms.halo_tiles import tiled
from napari_tessera.signature.parts import PartOfWhole

IMAGE = np.arange(30 * 40, dtype=np.float32).reshape(30, 40)
MARKS = np.zeros((30, 40), np.uint8)
MARKS[2, 3:30] = 1
MARKS[10:28, 35] = 7


def describe(box):
    return IMAGE[box][..., np.newaxis]


def test_examples_are_the_marked_pixels():
    examples = MarkedPixels()
    examples.add(MARKS, describe, PartOfWhole.all_of(MARKS.shape))
    assert examples.classes == (1, 7)
    expected = [*IMAGE[2, 3:30], *IMAGE[10:28, 35]]
    np.testing.assert_array_equal(examples.rows[:, 0], expected)
    np.testing.assert_array_equal(examples.labels, np.repeat([1, 7], [27, 18]))


@pytest.mark.parametrize("most", [5, 100])
def test_they_are_the_same_in_parts(monkeypatch, most):
    monkeypatch.setattr(pixels, "EXAMPLES", most)
    monkeypatch.setattr(pixels, "TILE", 50)
    whole, parts = MarkedPixels(), MarkedPixels()
    whole.add(MARKS, describe, PartOfWhole.all_of(MARKS.shape))
    for tile in tiled(MARKS.shape, (3, 3), (8, 9)):
        seen = tile.seen
        own = IMAGE[seen]
        parts.add(MARKS[seen], lambda box, own=own: own[box][..., None], tile.part_of(MARKS.shape))
    assert len(whole.rows) == min(most, 27) + min(most, 18)
    np.testing.assert_array_equal(np.sort(whole.rows[:, 0]), np.sort(parts.rows[:, 0]))
    np.testing.assert_array_equal(whole.labels, parts.labels)


def test_only_what_is_marked_is_described():
    asked = []

    def listening(box):
        asked.append(box)
        return describe(box)

    MarkedPixels().add(MARKS, listening, PartOfWhole.all_of(MARKS.shape))
    assert asked == [(slice(2, 28), slice(3, 36))]


def test_nothing_marked_gives_no_examples():
    examples = MarkedPixels()
    examples.add(0 * MARKS, describe, PartOfWhole.all_of(MARKS.shape))
    assert examples.classes == ()


def test_pixels_are_classified_tile_by_tile(monkeypatch):
    monkeypatch.setattr(pixels, "TILE", 64)
    forest = grown_forest(np.array([[0], [599], [600], [1199]], np.float32), np.array([2, 2, 9, 9]))
    found = likely_classes(IMAGE.shape, describe, forest)
    assert found.dtype == np.uint8
    assert set(np.unique(found)) == {2, 9}
    assert np.all(np.diff(found.ravel().astype(int)) >= 0)
    likely = pixel_probabilities(IMAGE.shape, describe, forest)
    assert likely.shape == (2, 30, 40)
    np.testing.assert_array_equal(np.array([2, 9])[likely.argmax(axis=0)], found)
    np.testing.assert_allclose(likely.sum(axis=0), 1, rtol=1e-6)
