import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from napari_tessera.algorithms.halo_tiles import covering, extent


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=3),
    st.integers(1, 500),
    st.floats(0, 9),
)
def test_tiles_cover_once_and_see_as_far_as_the_halo(shape, pixels, halo):
    covered = np.zeros(shape, int)
    for tile in covering(shape, (halo,) * len(shape), pixels):
        assert covered[tile.core].size <= pixels
        covered[tile.core] += 1
        wide = np.zeros(shape, bool)
        wide[tile.seen] = True
        assert (wide[tile.seen][tile.inner].shape) == covered[tile.core].shape
        for own, out, length in zip(tile.core, tile.seen, shape, strict=True):
            assert out.start == max(0, own.start - np.ceil(halo))
            assert out.stop == min(length, own.stop + np.ceil(halo))
    assert (covered == 1).all()


@given(
    arrays(np.int16, array_shapes(min_dims=1, max_dims=3, max_side=7), elements=st.integers(-1, 1))
)
def test_the_extent_is_that_of_all_that_is_not_0(seeds):
    if not seeds.any():
        return
    expected = tuple(slice(int(own.min()), int(own.max()) + 1) for own in np.nonzero(seeds))
    assert extent(seeds) == expected
