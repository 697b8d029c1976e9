import numpy as np
import pytest
from scipy import ndimage

from napari_tessera.algorithms.crf.bilateral_grid_kernels import blur_nodes


@pytest.mark.parametrize("inner", [1, 3])
def test_nodes_are_convolved_and_nothing_lies_beyond_the_end(inner, rng):
    grid, taps = rng.random((4, 9, inner), np.float32), np.array([1, 4, 6, 4, 1], np.float32)
    found = np.full((4, 9 * inner), 7, np.float32)
    blur_nodes(grid.reshape(4, -1), 9, taps, 1, 3, found)
    expected = ndimage.convolve1d(grid, taps, axis=1, mode="constant").reshape(4, -1)
    np.testing.assert_allclose(found[1:3], expected[1:3], rtol=1e-5)
    assert (found[[0, 3]] == 7).all()
