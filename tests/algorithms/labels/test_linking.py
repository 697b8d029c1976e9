import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays

from napari_tessera.algorithms.labels.linking import continued, overlap

small = arrays(np.int32, (6, 6), elements={"min_value": 0, "max_value": 5})


@given(small, small)
def test_overlap_counts_every_shared_pixel_once(first, second):
    a, b, pixels = overlap(first, second)
    assert pixels.sum() == ((first > 0) & (second > 0)).sum()
    for i, j, n in zip(a, b, pixels, strict=True):
        assert ((first == i) & (second == j)).sum() == n


def test_an_object_goes_on_as_the_one_it_overlaps_most():
    before = np.array([[1, 1, 1, 0, 2, 2, 0, 0]])
    now = np.array([[0, 3, 3, 3, 3, 4, 0, 5]])
    # 3 shares two pixels with 1 and one with 2; 4 shares one with 2; 5 is new
    assert continued(before, now, 9).tolist() == [[0, 1, 1, 1, 1, 2, 0, 9]]


def test_two_objects_never_go_on_as_one():
    assert continued(np.array([[7, 7, 7, 7]]), np.array([[1, 1, 0, 2]]), 8).tolist() == [
        [7, 7, 0, 8]
    ]


def test_a_slight_touch_is_no_continuation():
    before, now = np.zeros((1, 40), int), np.zeros((1, 40), int)
    before[0, :20], now[0, 18:38] = 1, 1
    assert continued(before, now, 2).max() == 2
