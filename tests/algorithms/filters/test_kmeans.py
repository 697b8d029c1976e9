import numpy as np
import pytest
from scipy.cluster.vq import kmeans2

from napari_tessera.algorithms.filters.kmeans import lloyd


def test_lloyd_agrees_with_scipy(rng):
    values = rng.normal(size=(500, 3)) + rng.integers(0, 4, (500, 1)) * 3
    begin = values[[0, 100, 200, 300]]
    centres, inertia = lloyd(values, begin)
    expected, numbers = kmeans2(values, begin, iter=300, minit="matrix")
    np.testing.assert_allclose(centres, expected, rtol=1e-10)
    assert inertia == pytest.approx(((values - expected[numbers]) ** 2).sum())
