import numpy as np
import pytest

from napari_tessera.deep.data.corrections import annotated_part, put_right


def test_what_was_put_right_is_found_whatever_the_numbers():
    before = np.zeros((12, 12), np.uint16)
    before[1:4, 1:4], before[1:4, 6:9], before[6:10, 1:9], before[11, 11] = 1, 2, 3, 4
    labels = np.zeros((12, 12), np.int64)
    labels[1:4, 1:4] = 70_000  # as before, with another number
    labels[1:4, 6:10] = 2  # grown
    labels[6:10, 1:5], labels[6:10, 5:9] = 3, 5  # divided
    labels[4, 11] = 6  # new; 4 is deleted
    expected = np.zeros((12, 12), bool)
    expected[1:4, 6:10] = expected[6:10, 1:9] = expected[11, 11] = expected[4, 11] = True
    np.testing.assert_array_equal(put_right(labels, before), expected)
    expected[1:4, 1:4] = True
    np.testing.assert_array_equal(put_right(labels, before, accepted=[70_000, 0, 99]), expected)


def test_nothing_put_right_is_nothing_to_learn():
    labels = np.eye(5, dtype=np.uint8)
    right = put_right(labels, labels * 7)
    assert not right.any()
    assert not annotated_part(labels, right).any()


@pytest.mark.parametrize("radius", [3, 10])
def test_background_counts_as_far_as_a_radius_and_other_objects_do_not(radius):
    y, x = np.mgrid[:80, :80]
    labels = ((y - 40) ** 2 + (x - 30) ** 2 <= radius**2).astype(np.uint8)
    labels[:, 30 + radius + 2 :] = 2
    known = annotated_part(labels, labels == 1)
    reach = max(4.0, radius)
    assert known[40, 30 - radius - int(reach) + 1]
    assert not known[40, 30 - radius - int(reach) - 2]
    assert known[40, 30 + radius + 1]
    assert not known[labels == 2].any()
    assert known[labels == 1].all()
