import numpy as np
import pytest
from skimage import data, segmentation

from napari_tessera.methods.classical.random_walker import random_walker
from napari_tessera.signature.progress import NothingToSeparate

IMAGE = np.array([[10, 11, 12, 90, 91]] * 3, np.uint8)


def seeds(shape, *places):
    markers = np.zeros(shape, int)
    for number, place in enumerate(places, 1):
        markers[place] = number
    return markers


def test_walks_stop_at_an_edge():
    found = random_walker(IMAGE, markers=seeds(IMAGE.shape, (1, 0), (1, 4)))
    np.testing.assert_array_equal(found, [[1, 1, 1, 2, 2]] * 3)


def test_it_is_scikit_images_with_its_ids():
    image = data.coins()[60:160, 20:140]
    markers = seeds(image.shape, (10, 25), (70, 30), (90, 110))
    scaled = (image - image.min()) / np.ptp(image)
    expected = segmentation.random_walker(scaled, markers, beta=90, mode="bf", prob_tol=np.inf)
    found = random_walker(image, markers=markers * 100, beta=90)
    assert (found == expected * 100).mean() > 0.999


def test_an_edge_is_less_steep_along_a_long_axis():
    image = data.coins()[60:120, 20:80]
    markers = seeds(image.shape, (10, 25), (50, 50))
    near = random_walker(image, markers=markers, spacing=(1, 1))
    far = random_walker(image, markers=markers, spacing=(5, 1))
    assert not np.array_equal(near, far)


def test_what_cannot_be_reached_is_background():
    mask = np.array([[1, 1, 1, 1, 0]] * 3)
    found = random_walker(IMAGE, markers=seeds(IMAGE.shape, (1, 0), (1, 3)), mask=mask)
    np.testing.assert_array_equal(found, [[1, 1, 1, 2, 0]] * 3)
    image = IMAGE.astype(float)
    image[:, 4] = np.nan
    found = random_walker(image, markers=seeds(IMAGE.shape, (1, 0), (1, 3)))
    np.testing.assert_array_equal(found, [[1, 1, 1, 2, 0]] * 3)


def test_one_seed_has_everything_and_full_markers_stay():
    np.testing.assert_array_equal(
        random_walker(IMAGE, markers=seeds(IMAGE.shape, (1, 0)) * 6), np.full(IMAGE.shape, 6)
    )
    every = np.arange(1, 16).reshape(3, 5)
    np.testing.assert_array_equal(random_walker(IMAGE, markers=every), every)


def test_colours_are_taken_together():
    image = np.zeros((4, 8, 3), np.uint8)
    image[:, :5], image[:, 5:] = (200, 0, 0), (0, 110, 0)
    found = random_walker(image, markers=seeds((4, 8), (0, 0), (0, 7)), channel_axis=-1)
    np.testing.assert_array_equal(found[0], [1, 1, 1, 1, 1, 2, 2, 2])


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="markers has no seeds"):
        random_walker(IMAGE, markers=np.zeros(IMAGE.shape, int))
    with pytest.raises(NothingToSeparate, match="image is constant"):
        random_walker(np.ones((3, 5)), markers=seeds(IMAGE.shape, (1, 0), (1, 4)))


def test_volumes_are_walked_as_scikit_image_does():
    image = np.zeros((6, 12, 12), np.float32)
    image[1:5, 3:9, 3:9] = 1
    image += np.random.default_rng(0).normal(0, 0.05, image.shape)
    markers = seeds(image.shape, (3, 5, 5), (0, 0, 0))
    found = random_walker(image, markers=markers, spacing=(2, 1, 1))
    scaled = (image - image.min()) / np.ptp(image)
    expected = segmentation.random_walker(
        scaled, markers, beta=130, mode="bf", spacing=(2, 1, 1), prob_tol=np.inf
    )
    assert (found == expected).mean() > 0.995
    assert (found[1:5, 3:9, 3:9] == 1).all()
