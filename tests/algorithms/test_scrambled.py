import numpy as np

from napari_tessera.algorithms.scrambled import ALL, scrambled


def test_each_number_has_its_own_random_number():
    numbers = np.arange(100_000)
    found = scrambled(numbers, seed=0)
    assert len(np.unique(found)) == len(numbers)
    # evenly spread: halves, and halves of neighbours
    assert abs((found > ALL // 2).mean() - 0.5) < 0.01
    np.testing.assert_array_equal(found[::7], scrambled(numbers[::7], seed=0))
    assert not np.any(found == scrambled(numbers, seed=1))
