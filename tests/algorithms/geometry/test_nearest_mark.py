import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_tessera.algorithms.geometry import nearest_mark as nearest
from napari_tessera.algorithms.geometry.bitmaps import pack_marks


def marked(shape, rare):
    """Marks of a volume, few of them."""
    return arrays(np.uint8, shape, elements=st.sampled_from([0] * rare + [1]))


# all with looks to spare; some with none, and lines longer than a word
@pytest.mark.parametrize("effort", [0, 0.02, 1000])
@pytest.mark.parametrize("steps", [(1.0, 1.0, 1.0), (2.0, 1.0, 0.3), (0.3, 1.0, 2.0)])
@pytest.mark.parametrize("shape", [(7, 1, 150), (70, 1, 9), (4, 5, 70), (40, 3, 3)])
@given(data=st.data())
@settings(max_examples=15)
def test_looking_around_and_a_transform_give_the_same(effort, steps, shape, data):
    asked, marks = data.draw(marked(shape, 1)), data.draw(marked(shape, 60))
    before, nearest.EFFORT = nearest.EFFORT, effort
    try:
        found = nearest.distances(pack_marks(asked), pack_marks(marks), shape[-1], steps)
    finally:
        nearest.EFFORT = before
    if marks.any():
        expected = ndimage.distance_transform_edt(marks == 0, steps)[asked > 0]
    else:
        expected = np.full(int(asked.sum()), np.inf)
    np.testing.assert_allclose(found, expected, 1e-12)
