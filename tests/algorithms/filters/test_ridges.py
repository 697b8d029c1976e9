import numpy as np
import pytest
from skimage import data

from napari_tessera.algorithms.filters.gradient import gradient
from napari_tessera.algorithms.filters.ridges import quantiles, ridges
from napari_tessera.signature.progress import NothingToSeparate
from napari_tessera.signature.words import VoxelSize

SQUARE = VoxelSize((1, 1))


def slopes(image, width=0.0):
    return gradient(image, (width, width), SQUARE)


def test_quantiles_are_those_of_numpy_to_a_part_in_8192():
    magnitude = slopes(data.camera(), 2.0).magnitude
    found = quantiles([magnitude[:200], magnitude[200:]], (0.5, 0.9))
    expected = np.quantile(magnitude, (0.5, 0.9), method="inverted_cdf")
    assert (found <= expected).all()
    np.testing.assert_allclose(found, expected, rtol=1 / 8192)


def test_quantiles_of_nothing_steep_are_refused():
    with pytest.raises(NothingToSeparate, match="constant"):
        quantiles([np.zeros((3, 3), np.float32)], (0.1, 0.9))


def test_the_ridge_of_a_step_is_one_pixel_wide():
    image = np.zeros((5, 6))
    image[:, 3:] = 1
    expected = np.zeros((5, 6), int)
    expected[1:-1, 3] = 1
    np.testing.assert_array_equal(ridges(slopes(image), (0.1, 0.1), SQUARE), expected)


def test_weak_ridges_stay_only_where_they_join_strong_ones():
    image = np.zeros((9, 12))
    image[:, 3:] = np.linspace(1, 4, 9)[:, np.newaxis]  # an edge, weak above and strong below
    image[:, 9:] += 1  # another one, weak from end to end
    low, high = 0.45, 1.2
    found = ridges(slopes(image), (low, high), SQUARE)
    assert found[1:-1, 2:4].sum(axis=1).tolist() == [1] * 7
    assert not found[:, 7:].any()
    assert ridges(slopes(image), (low, low), SQUARE)[1:3, 7:].any()


def test_outside_of_a_mask_there_are_no_ridges():
    inside = np.zeros((64, 64), bool)
    inside[20:40, 20:40] = True
    image = data.camera()[100:164, 100:164]
    found = ridges(slopes(image, 1.0), (1.0, 5.0), SQUARE, inside)
    assert found.any()
    assert not found[~inside].any()
