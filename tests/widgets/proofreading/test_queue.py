"""The queue of objects: what is accepted, and what becomes of it when they are edited."""

import numpy as np
import pytest
from napari.layers import Labels

from napari_tessera.pipeline.review.object_places import after_edit, object_places
from napari_tessera.pipeline.review.object_ranks import UNCERTAINTY
from napari_tessera.widgets.proofreading.queue import ProofreadingQueue

WHOLE = [(slice(0, 1), slice(0, 9))]


@pytest.fixture
def queue():
    layer = Labels(np.array([[1, 1, 0, 2, 2, 2, 0, 3, 3]]))
    objects = object_places(layer.data)
    queue = ProofreadingQueue(layer, objects, UNCERTAINTY, np.array([0.9, 0.5, 0.1]))
    for row in range(2):
        queue.mark(row, on=True)
    return queue


def edit(queue, values, looked_at=()):
    queue.layer.data[0] = values
    return queue.become(*after_edit(queue.objects, queue.layer.data, WHOLE), set(looked_at))


def accepted(queue):
    """Return the objects that are accepted, as listed; the features say the same."""
    listed = queue.objects.index[queue.accepted].tolist()
    table = queue.layer.features
    assert sorted(table["index"][table["accepted"]]) == sorted(listed)
    return listed


def test_what_is_changed_by_the_way_is_looked_at_again(queue):
    assert edit(queue, [1, 1, 1, 1, 2, 2, 0, 3, 3], looked_at=[0]) == 1
    assert accepted(queue) == [1]
    assert edit(queue, [1, 1, 0, 2, 2, 2, 0, 3, 3]) == 1  # now nobody looks at 1
    assert accepted(queue) == [2]  # which is as it was
    assert edit(queue, [1, 1, 1, 2, 2, 2, 0, 3, 3]) == 0
    queue.mark(0, on=True)
    assert accepted(queue) == [1, 2]


def test_what_is_deleted_comes_back_accepted_and_new_ones_are_not(queue):
    assert edit(queue, [0, 0, 0, 2, 2, 2, 0, 3, 3]) == 0
    assert accepted(queue) == [2]
    assert edit(queue, [7, 7, 0, 2, 2, 2, 0, 3, 3]) == 0
    assert queue.table["index"].tolist() == [2, 3, 7]
    np.testing.assert_array_equal(queue.table["uncertainty"], [0.5, 0.1, np.nan])
    assert accepted(queue) == [2]
    edit(queue, [1, 1, 0, 2, 2, 2, 0, 3, 3])
    assert queue.table["index"].tolist() == [2, 3, 1]
    assert accepted(queue) == [2, 1]
    assert queue.done == 2


def test_what_others_write_is_read(queue):
    queue.layer.features = {"index": [1, 2, 3], "accepted": [True, False, True]}
    assert queue.read().tolist() == [1, 2]
    assert queue.read().tolist() == []
    assert accepted(queue) == [1, 3]
