import numpy as np
import pytest

from napari_tessera.algorithms.crf.permutohedral_keys import bounds, unite


def test_bounds_are_the_extremes_of_each_feature(rng):
    features = rng.normal(size=(300, 4)).astype(np.float32)
    low, high = bounds(features)
    np.testing.assert_array_equal(low, features.min(axis=0))
    np.testing.assert_array_equal(high, features.max(axis=0))


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_shows_in_the_bounds(odd):
    features = np.zeros((5, 2), np.float32)
    features[3, 1] = odd
    low, _ = bounds(features)
    assert low[0] == 0
    assert not np.isfinite(low[1])


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_keys_are_numbered_in_the_order_in_which_they_are_met(size, rng):
    keys = rng.integers(0, 1 << 40, 50)[rng.integers(0, 50, size)]
    numbers = np.empty(size, np.int32)
    known, _ = unite(keys, numbers)
    assert known.tolist() == list(dict.fromkeys(keys.tolist()))
    np.testing.assert_array_equal(known[numbers], keys)
