from functools import partial

import numpy as np
import pytest
from scipy import ndimage
from skimage import data, segmentation

from napari_tessera.algorithms.filters.colour import points_within
from napari_tessera.algorithms.growth.similar import GrowthRule
from napari_tessera.methods.refine.edit_objects import with_change
from napari_tessera.methods.refine.grow import grow, grow_change

FIVE = np.array(
    [
        [1, 1, 1, 0, 2, 2],
        [1, 1, 1, 0, 2, 2],
        [1, 1, 1, 0, 0, 0],
        [0, 0, 0, 0, 7, 7],
        [3, 3, 3, 3, 7, 7],
    ],
    np.uint8,
)


def test_an_object_grows_over_similar_background():
    labels = np.array([[1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], np.uint8)
    image = np.array([[9, 9, 9, 8, 9, 0], [0, 0, 0, 9, 0, 9]])
    found = grow(labels, image, path=((0, 3),), tolerance=0.2, smoothing=0)
    assert found.tolist() == [[1, 1, 2, 2, 2, 0], [0, 0, 0, 2, 0, 0]]
    assert found.dtype == np.uint8


@pytest.mark.parametrize("tolerance", [0.05, 0.15, 0.4])
def test_it_is_scikit_images_flood_in_a_box_and_beyond(tolerance):
    image = data.camera()[::2, ::2]
    labels = np.zeros(image.shape, np.uint16)
    labels[100:140, 60:90] = 3
    path = ((20, 20),)
    found = grow(labels, image, path=path, tolerance=tolerance, smoothing=0, max_diameter=0)
    free = np.where(labels > 0, 10_000, image.astype(float))
    expected = segmentation.flood(
        free, (20, 20), tolerance=tolerance * float(np.ptp(image)), connectivity=1
    )
    holes = ndimage.binary_fill_holes(expected) & (labels == 0)
    np.testing.assert_array_equal(found, np.where(holes, 4, labels))


def test_smoothing_in_a_box_is_that_of_the_whole_image(rng):
    image = ndimage.gaussian_filter(rng.random((300, 300)), 3)
    image[140:170, 140:170] += 0.5
    labels = np.zeros(image.shape, int)
    look = partial(points_within, image, (2.0, 2.0), None)
    seeds = np.array([[150, 150]])
    box, values = grow_change(labels, seeds, look, GrowthRule(0.25), 1)
    smoothed = ndimage.gaussian_filter(image, 2)
    expected = segmentation.flood(smoothed, (150, 150), tolerance=0.25, connectivity=1)
    found = with_change(labels, (box, values))
    np.testing.assert_array_equal(found, ndimage.binary_fill_holes(expected))
    assert values.size < 100 * 100


def test_growth_ends_at_the_largest_size_and_is_round_without_an_image():
    labels = np.zeros((60, 60), np.uint8)
    found = grow(labels, path=((30, 30),), max_diameter="20 px")
    yy, xx = np.ogrid[:60, :60]
    disc = (yy - 30) ** 2 + (xx - 30) ** 2
    assert found.sum() == round(np.pi * 100)
    assert found[disc <= 81].all()
    assert not found[disc >= 121].any()
    flat = grow(labels, path=((30, 30),), max_diameter=20, spacing=(2, 1))
    assert flat.any(axis=1).sum() in (9, 10, 11)
    assert flat.any(axis=0).sum() in (19, 20, 21)


def test_several_points_and_channels_are_one_object():
    image = np.zeros((2, 5, 9))
    image[0, :, 5:], image[1, 2] = 10, 10
    labels = np.zeros((5, 9), int)
    found = grow(labels, image, path=((0, 0), (0, 8)), tolerance=0.4, smoothing=0, channel_axis=0)
    assert found.tolist() == [[1] * 9, [1] * 9, [0] * 9, [0] * 9, [0] * 9]


def test_a_volume_grows_too():
    image = np.zeros((4, 20, 20), np.float32)
    image[1:3, 5:12, 6:14] = 1
    labels = np.zeros(image.shape, np.uint8)
    found = grow(labels, image, path=((1, 8, 8),), smoothing=0, spacing=(3, 1, 1))
    np.testing.assert_array_equal(found, image)


def test_growth_that_cannot_be_is_refused():
    image = FIVE.astype(float)
    for path, reason in (
        (((0, 0),), "path has a point on object 1"),
        (((9, 9),), r"path lies outside labels, whose shape is \(5, 6\)"),
    ):
        with pytest.raises(ValueError, match=reason):
            grow(FIVE, image, path=path)
    image[3, 0] = 1.0
    with pytest.raises(ValueError, match="path has nothing similar around it"):
        grow(FIVE, image, path=((3, 0),), tolerance=0.01, smoothing=0)
    image[3, 0] = np.nan
    with pytest.raises(ValueError, match="path has a point where image has no value"):
        grow(FIVE, image, path=((3, 0),))
    with pytest.raises(ValueError, match="and the id 256 is wanted"):
        grow(np.where(FIVE == 7, 255, FIVE).astype(np.uint8), path=((3, 0),))
