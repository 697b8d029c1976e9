import numpy as np
import pytest
from scipy import ndimage

from napari_tessera.algorithms.filters.gaussian import TRUNCATE, gaussian
from napari_tessera.algorithms.filters.smoothing import (
    both,
    ellipsoid,
    fill_gaps,
    prepare,
    smooth_image,
)
from napari_tessera.signature.progress import NothingToSeparate


def test_the_usual_filter_is_a_gaussian(rng):
    image = rng.random((20, 30))
    np.testing.assert_array_equal(smooth_image(image, (1.5, 2.0)), gaussian(image, (1.5, 2.0)))


def test_a_median_is_that_of_scipy(rng):
    image = rng.integers(0, 255, (20, 30)).astype(np.uint8)
    expected = ndimage.median_filter(image, footprint=ellipsoid((2.0, 1.0)))
    np.testing.assert_array_equal(smooth_image(image, (2.0, 1.0), "median"), expected)


def test_no_width_leaves_the_image_as_it_is(rng):
    image = rng.random((4, 5))
    assert smooth_image(image, (0.0, 0.0)) is image


def test_the_background_is_a_wide_gaussian_of_what_is_smoothed(rng):
    image = rng.random((40, 50))
    smooth = ndimage.gaussian_filter(image, 1, truncate=TRUNCATE)
    expected = smooth - ndimage.gaussian_filter(smooth, 5, truncate=TRUNCATE)
    np.testing.assert_allclose(prepare(image, (1.0, 1.0), (5.0, 5.0)), expected, atol=1e-6)


def test_gaps_take_the_mean_of_the_rest():
    filled, valid = fill_gaps(np.array([[1.0, np.nan], [3.0, np.inf]]))
    assert filled.tolist() == [[1, 2], [3, 2]]
    assert valid.tolist() == [[True, False], [True, False]]


@pytest.mark.parametrize("image", [np.zeros((2, 2), int), np.ones((2, 2))])
def test_without_gaps_nothing_is_copied(image):
    filled, valid = fill_gaps(image)
    assert filled is image
    assert valid is None


def test_gaps_alone_are_refused():
    with pytest.raises(NothingToSeparate, match="only NaN"):
        fill_gaps(np.full((2, 2), np.inf))


def test_a_mask_and_what_is_valid_hold_together():
    mask, valid = np.array([0, 1, 2]), np.array([True, True, False])
    assert both(None, None) is None
    assert both(mask, None).tolist() == [False, True, True]
    assert both(mask, valid).tolist() == [False, True, False]


def test_a_median_that_would_take_all_memory_is_refused():
    with pytest.raises(ValueError, match="smoothing covers .* median is found of at most"):
        ellipsoid((500.0, 500.0, 500.0))
