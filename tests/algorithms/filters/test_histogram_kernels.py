import numpy as np
import pytest

from napari_tessera.algorithms.filters.histogram_kernels import TABLES, count_bins, count_whole


@pytest.mark.parametrize("dtype", ["bool", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8"])
@pytest.mark.parametrize("size", [0, 1, 7, 1000])
def test_whole_numbers_are_counted(dtype, size, rng):
    low = {"b": 0, "u": 2**63 if dtype == "u8" else 0, "i": -50}[np.dtype(dtype).kind]
    values = (rng.integers(0, 2 if dtype == "bool" else 100, size)).astype(dtype)
    shifted = values if dtype == "bool" else values + np.dtype(dtype).type(low)
    tables = np.zeros((TABLES, 100), np.uint32)
    count_whole(shifted, np.dtype(dtype).type(low), tables)
    np.testing.assert_array_equal(tables.sum(0), np.bincount(values, minlength=100))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("size", [0, 5, 1000])
def test_real_numbers_are_counted_in_bins_and_what_is_none_is_left_out(dtype, size, rng):
    values = (10 * rng.random(size) - 5).astype(dtype)
    values[:1] = 5  # the end of the last bin
    expected = np.histogram(values, 10, (-5, 5))[0]
    mixed = np.concatenate([values, [np.nan, np.inf, -np.inf]]).astype(dtype)
    tables = np.zeros((TABLES, 10), np.uint32)
    count_bins(mixed, -5.0, 1.0, tables)
    np.testing.assert_array_equal(tables.sum(0), expected)
