import numpy as np
import pytest
from skimage import color, data

from napari_tessera.algorithms.filters.colour import features, smooth_points
from napari_tessera.signature.progress import NothingToSeparate


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_channels_come_last_wherever_they_were(axis, rng):
    image = rng.integers(0, 255, (3, 4, 5)).astype(np.uint8)
    found = features(image, axis, "as is")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.moveaxis(image, axis, -1))


def test_grey_has_one_channel():
    assert features(np.array([[3, 4]]), None, "as is").tolist() == [[[3], [4]]]


def test_lab_is_that_of_scikit_image():
    image = data.astronaut()[:64, :64]
    np.testing.assert_allclose(features(image, -1, "lab"), color.rgb2lab(image), atol=1e-3)


def test_gaps_take_the_mean_of_the_rest():
    points = np.array([[[1.0, 10], [np.nan, 5], [3, 30]]])
    filled, valid = smooth_points(points, (0, 0))
    assert filled.tolist() == [[[1, 10], [2, 20], [3, 30]]]
    assert valid.tolist() == [[True, False, True]]


def test_points_without_gaps_are_valid_everywhere():
    assert smooth_points(np.ones((2, 2, 1)), (1, 1))[1] is None


def test_an_image_of_gaps_is_refused():
    with pytest.raises(NothingToSeparate, match="only NaN"):
        smooth_points(np.full((2, 2, 1), np.nan), (0, 0))
