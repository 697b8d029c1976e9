import numpy as np
import pytest

from napari_tessera.io.lazy import Changed, Picked

ARRAY = np.arange(24).reshape(2, 3, 4)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    "index", [0, (0,), slice(1, 2), (slice(None), 1), (slice(0, 2), slice(1, 2))]
)
def test_a_place_is_picked_as_numpy_takes_it(axis, index):
    picked = Picked(ARRAY, axis, 1)
    whole = ARRAY.take(1, axis)
    assert (picked.shape, picked.ndim, picked.dtype) == (whole.shape, 2, ARRAY.dtype)
    np.testing.assert_array_equal(picked[index], whole[index])


def test_values_are_changed_where_they_are_read():
    asked = []

    def doubled(values):
        asked.append(values.shape)
        return values * 2

    changed = Changed(ARRAY, doubled, np.int64)
    np.testing.assert_array_equal(changed[1, 0:2], ARRAY[1, 0:2] * 2)
    assert asked == [(2, 4)]
    np.testing.assert_array_equal(np.asarray(changed), ARRAY * 2)
