import numpy as np
import pytest
from scipy import ndimage

from napari_tessera.algorithms import parallel
from napari_tessera.algorithms.labels import boxes
from napari_tessera.algorithms.morphology import holes
from napari_tessera.methods.refine.clean import fill_holes


def test_boxes_are_those_of_scipy_and_cut_into_slabs(rng, monkeypatch):
    monkeypatch.setattr(parallel, "SLAB", 50)
    monkeypatch.setattr(holes, "_PART", 60)
    for shape in ((40, 30), (9, 8, 7)):
        labels = rng.integers(0, 30, shape)
        labels[labels > 20] = 0
        table = boxes.found(labels)
        expected = ndimage.find_objects(labels)
        assert [table.box(row) for row in range(len(table.ids))] == [e for e in expected if e]
        assert table.pixels.tolist() == np.bincount(labels.flat)[1:].tolist()
        assert labels.flat[table.first].tolist() == table.ids.tolist()
        solid = np.where(labels == 0, 0, 1)
        np.testing.assert_array_equal(fill_holes(solid), ndimage.binary_fill_holes(solid))


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_values_of_ids_that_floats_cannot_tell_apart(dtype):
    ids = np.array([2**53 + 1, 2**53 + 2, 2**62 + 5], dtype)
    labels = np.array([[0, ids[2], ids[0], ids[1]]], dtype)
    np.testing.assert_array_equal(boxes.mapped(labels, ids, ids), labels)
