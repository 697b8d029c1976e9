import numpy as np
import pytest
from scipy import ndimage, special

from napari_tessera.algorithms.crf.bilateral_grid_kernels import blur_nodes, exponential, softmax


def test_the_exponential_is_near_the_exact_one():
    values = np.linspace(-80, 0, 2001, dtype=np.float32)
    found = [exponential(value) for value in values]
    np.testing.assert_allclose(found, np.exp(values.astype(float)), rtol=1e-5)
    np.testing.assert_allclose(found, np.exp(values.astype(float)), rtol=0, atol=2e-7)


@pytest.mark.parametrize("labels", [2, 3, 7])
def test_softmax_is_that_of_scipy_where_the_last_logit_is_0(labels, rng):
    logits = rng.normal(0, 4, (50, labels - 1)).astype(np.float32)
    found = np.empty((labels, 50), np.float32)
    softmax(logits, found)
    expected = special.softmax(np.append(logits, np.zeros((50, 1)), axis=1), axis=1)
    np.testing.assert_allclose(found, expected.T, atol=1e-6)


@pytest.mark.parametrize("inner", [1, 3])
def test_nodes_are_convolved_and_nothing_lies_beyond_the_end(inner, rng):
    grid, taps = rng.random((4, 9, inner), np.float32), np.array([1, 4, 6, 4, 1], np.float32)
    found = np.full((4, 9 * inner), 7, np.float32)
    blur_nodes(grid.reshape(4, -1), 9, taps, 1, 3, found)
    expected = ndimage.convolve1d(grid, taps, axis=1, mode="constant").reshape(4, -1)
    np.testing.assert_allclose(found[1:3], expected[1:3], rtol=1e-5)
    assert (found[[0, 3]] == 7).all()
