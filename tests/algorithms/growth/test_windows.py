import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_tessera.algorithms.growth.windows import reaches_out, windows


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=3), st.integers(0, 2**32))
def test_windows_widen_to_the_whole(shape, seed):
    random = np.random.default_rng(seed)
    box = tuple(slice(at := int(random.integers(length)), at + 1) for length in shape)
    found = list(windows(box, tuple(shape)))
    assert found[-1] == tuple(slice(0, length) for length in shape)
    for inner, outer in zip([box, *found], found, strict=False):
        for own, more in zip(inner, outer, strict=True):
            assert more.start <= own.start < own.stop <= more.stop
    worked = sum(np.prod([own.stop - own.start for own in window]) for window in found)
    assert worked <= 1.5 * np.prod(shape)


@pytest.mark.parametrize("place", [(0, 2), (3, 2), (1, 0), (1, 4)])
def test_what_lies_at_a_side_reaches_out_where_the_array_goes_on(place):
    labels = np.zeros((4, 5), int)
    labels[place] = 1
    window = (slice(10, 14), slice(20, 25))
    assert reaches_out(labels, window, (100, 100))
    last = place in ((3, 2), (1, 4))
    assert reaches_out(labels, window, (14, 25)) == (not last)
    assert not reaches_out(np.pad(labels, 1), (slice(9, 15), slice(19, 26)), (100, 100))
