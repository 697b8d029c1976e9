import numpy as np

from napari_tessera import METHODS
from napari_tessera.algorithms.forest.stroke_validation import cross_validated
from napari_tessera.methods.classical.pixel_classifier import Scales
from napari_tessera.methods.classical.stroke_learning import (
    drawn_strokes,
    learnt_classifier,
    unsure_pixels,
)
from napari_tessera.signature.words import VoxelSize

from .test_classify_pixels import BRIGHT, FINE, STROKES, TRUTH


def test_strokes_are_taken_one_by_one():
    drawn = drawn_strokes([{"image": BRIGHT, "strokes": STROKES}], **described())
    # the stroke along the top left meets none of the other two
    assert sorted((each.label, len(each.rows)) for each in drawn) == [(1, 55), (1, 80), (2, 30)]
    assert cross_validated([*drawn, drawn[-1]]).mean > 0.95


def described():
    values = METHODS["classify_pixels"].complete({"strokes": STROKES, **FINE})
    return {**values, "spacing": VoxelSize((1, 1))}


def test_it_is_unsure_where_both_classes_are_as_likely():
    forest = learnt_classifier([{"image": BRIGHT, "strokes": STROKES}], **described()).forest
    found = unsure_pixels(BRIGHT, forest, Scales("1 px", "2 px", texture=False), VoxelSize((1, 1)))
    assert found.dtype == np.float32
    assert 0 <= found.min() < found.max() <= 1
    border = np.zeros(TRUTH.shape, bool)
    border[18:52, 28:72], border[23:47, 33:67] = True, False
    assert found[border].mean() > 3 * found[~border].mean()
