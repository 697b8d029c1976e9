import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_tessera.algorithms.labels.touching import Touching

MASK = (
    np.array(
        [
            [1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            [1, 1, 1, 1, 0, 1, 0, 0, 0, 1],
            [0, 0, 0, 0, 0, 1, 0, 0, 0, 1],
        ]
    )
    > 0
)


def test_what_touches_and_what_is_near_is_whole():
    found = Touching.of(MASK, (slice(0, 1), slice(0, 2)), (2, 2), (0, 1))
    assert found.box == (slice(0, 3), slice(0, 7))
    assert found.own.astype(int).tolist() == [[1, *[0] * 6], [1, 1, 1, 1, 0, 0, 0], [0] * 7]
    np.testing.assert_array_equal(found.near, MASK[found.box])
    assert not found.complete


def test_all_may_be_near_and_none_may_touch():
    core = (slice(0, 1), slice(6, 8))
    all_near = Touching.among_all(MASK, core)
    assert all_near.near is MASK
    assert not all_near.own.any()
    assert all_near.complete
    none = Touching.of(MASK, core, (1, 1), (1, 1))
    assert none.box == core
    assert not none.own.any()
    assert not none.near.any()


@settings(max_examples=50)
@given(st.data())
def test_nothing_within_the_distance_is_left_out(data):
    axes = data.draw(st.integers(2, 3))
    shape = data.draw(st.lists(st.integers(1, 12), min_size=axes, max_size=axes))
    near = data.draw(st.lists(st.integers(1, 4), min_size=axes, max_size=axes))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    mask = rng.random(shape) < 0.2
    core = tuple(slice(n // 3, n // 3 + 1 + n // 4) for n in shape)
    found = Touching.of(mask, core, near, (1,) * axes)
    numbers, _ = ndimage.label(mask, np.ones((3,) * axes))
    own = np.isin(numbers, np.setdiff1d(numbers[core], [0]))
    whole = np.zeros(mask.shape, bool)
    whole[found.box] = found.own
    np.testing.assert_array_equal(whole, own)
    whole[found.box] = found.near
    around = ndimage.maximum_filter(own, [2 * width + 1 for width in near], mode="constant")
    least = np.isin(numbers, np.setdiff1d(numbers[around], [0]))
    assert not (least & ~whole).any()
    np.testing.assert_array_equal(np.isin(numbers, np.unique(numbers[whole])) & mask, whole)
