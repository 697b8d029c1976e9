import numpy as np
from scipy import ndimage
from skimage.morphology import convex_hull_image

from napari_tessera.algorithms.geometry.hull_filling import filled_out
from napari_tessera.algorithms.labels import boxes
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import VoxelSize


def full(labels, spacing=(1, 1)):
    return filled_out(labels, boxes.found(labels), VoxelSize(spacing), Reporter())


def test_an_object_takes_the_background_in_its_hull():
    labels = np.array([[3, 0, 0, 0], [3, 0, 0, 0], [3, 3, 3, 0]], np.uint8)
    found = full(labels)
    assert found.tolist() == [[3, 0, 0, 0], [3, 3, 0, 0], [3, 3, 3, 0]]
    assert found.dtype == np.uint8


def test_one_object_is_filled_as_by_scikit_image(rng):
    mask = ndimage.gaussian_filter(rng.random((40, 50)), 3) > 0.52
    expected = convex_hull_image(mask, offset_coordinates=False)
    np.testing.assert_array_equal(full(mask.astype(np.uint8)), expected)


def test_other_objects_keep_their_pixels():
    labels = np.array([[1, 1, 1, 1], [1, 0, 2, 1], [1, 0, 0, 1]])
    assert full(labels).tolist() == [[1, 1, 1, 1], [1, 1, 2, 1], [1, 1, 1, 1]]
