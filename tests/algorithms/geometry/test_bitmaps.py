import numpy as np
import pytest

from napari_tessera.algorithms.geometry.bitmaps import pack_marks, values_at


@pytest.mark.parametrize("shape", [(3, 2, 63), (2, 3, 64), (2, 2, 200), (1, 1, 1)])
def test_marks_as_bits_are_the_marks(shape):
    marks = (np.random.default_rng(0).random(shape) < 0.3).astype(np.uint8)
    words = pack_marks(marks)
    assert not words[..., [0, -1]].any()
    values, found = np.arange(marks.size).reshape(shape), np.empty(marks.sum())
    values_at(values, words, found)
    np.testing.assert_array_equal(found, values[marks > 0])
