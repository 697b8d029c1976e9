import numpy as np
import pytest
from scipy import special

from napari_tessera.algorithms.crf.softmax_kernels import exponential, softmax


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
