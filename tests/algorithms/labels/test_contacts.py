from collections import Counter

import numpy as np

from napari_tessera.algorithms.labels.contacts import count_contacts, count_pairs


def test_pairs_are_counted_as_a_counter_does(rng):
    first, second = rng.integers(-1, 60, (2, 20_000))
    expected = Counter(zip(first.tolist(), second.tolist(), strict=True))
    found = {(a, b): count for a, b, count in count_pairs(first, second).tolist()}
    assert found == {pair: count for pair, count in expected.items() if pair[0] >= 0}
    assert len(found) > 1024  # more than there is room for in the beginning


def test_pairs_of_a_written_out_line():
    found = count_pairs(np.array([2, 2, -1, 2]), np.array([5, 5, 5, 0]))
    assert sorted(found.tolist()) == [[2, 0, 1], [2, 5, 2]]


def test_labels_touch_by_faces_and_background_touches_nothing():
    labels = np.array([[[1, 1, 0], [2, 2, 0]], [[1, 3, 3], [0, 0, 4]]])
    found = sorted(count_contacts(labels).tolist())
    # 1 and 2 below each other twice; 1 and 3 beside and behind each other; 3 above 4
    assert found == [[1, 2, 2], [1, 3, 2], [3, 4, 1]]
