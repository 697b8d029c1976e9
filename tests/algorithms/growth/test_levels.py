import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_tessera.algorithms.growth.levels import (
    leave_level,
    levels_in_use,
    lowest_level,
    use_level,
)

LEVELS = 1 << 16


@given(st.lists(st.tuples(st.booleans(), st.integers(0, LEVELS - 1)), max_size=60))
def test_the_lowest_level_is_that_of_a_set(changes):
    words, groups = levels_in_use(LEVELS)
    used = set()
    for comes, level in changes:
        if comes:
            use_level(level, words, groups)
            used.add(level)
        elif used:
            gone = min(used, key=lambda own: abs(own - level))
            leave_level(gone, words, groups)
            used.remove(gone)
        assert lowest_level(words, groups) == min(used, default=-1)


def test_every_single_level_is_found():
    words, groups = levels_in_use(8192)
    for level in range(8192):
        use_level(level, words, groups)
        assert lowest_level(words, groups) == level
        leave_level(level, words, groups)
    assert not np.any(words)
    assert not np.any(groups)
