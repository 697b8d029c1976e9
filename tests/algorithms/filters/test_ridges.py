import numpy as np
import pytest
from skimage import data

from napari_tessera.algorithms.filters.gradient import Smoothed, gradient
from napari_tessera.algorithms.filters.ridges import magnitudes, quantiles, ridges
from napari_tessera.signature.progress import NothingToSeparate, Reporter
from napari_tessera.signature.words import VoxelSize

SQUARE = VoxelSize((1, 1))


def smoothed(image, width=0.0):
    return Smoothed.of(image, (width, width), SQUARE, Reporter.of(None))


def test_quantiles_are_those_of_numpy_to_a_part_in_8192():
    magnitude = gradient(data.camera(), (2, 2), SQUARE).magnitude
    found = quantiles([magnitude[:200], magnitude[200:]], (0.5, 0.9))
    expected = np.quantile(magnitude, (0.5, 0.9), method="inverted_cdf")
    assert (found <= expected).all()
    np.testing.assert_allclose(found, expected, rtol=1 / 8192)


def test_magnitudes_come_in_parts_that_are_those_of_the_whole():
    image = np.tile(data.camera(), (3, 2))
    whole, inside = gradient(image, (1, 1), SQUARE).magnitude, image > 90
    parts = list(magnitudes(smoothed(image, 1.0)))
    assert len(parts) > 1
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    parts = magnitudes(smoothed(image, 1.0), inside)
    np.testing.assert_array_equal(np.concatenate(list(parts)), whole[inside])


def test_quantiles_of_nothing_steep_are_refused():
    with pytest.raises(NothingToSeparate, match="constant"):
        quantiles([np.zeros((3, 3), np.float32)], (0.1, 0.9))


def test_the_ridge_of_a_step_is_one_pixel_wide():
    image = np.zeros((5, 6))
    image[:, 3:] = 1
    expected = np.zeros((5, 6), int)
    expected[1:-1, 3] = 1
    np.testing.assert_array_equal(ridges(smoothed(image), (0.1, 0.1)), expected)


def test_weak_ridges_stay_only_where_they_join_strong_ones():
    image = np.zeros((9, 12))
    image[:, 3:] = np.linspace(1, 4, 9)[:, np.newaxis]  # an edge, weak above and strong below
    image[:, 9:] += 1  # another one, weak from end to end
    low, high = 0.45, 1.2
    found = ridges(smoothed(image), (low, high))
    assert found[1:-1, 2:4].sum(axis=1).tolist() == [1] * 7
    assert not found[:, 7:].any()
    assert ridges(smoothed(image), (low, low))[1:3, 7:].any()


def test_outside_of_a_mask_there_are_no_ridges():
    inside = np.zeros((64, 64), bool)
    inside[20:40, 20:40] = True
    image = data.camera()[100:164, 100:164]
    found = ridges(smoothed(image, 1.0), (1.0, 5.0), inside)
    assert found.any()
    assert not found[~inside].any()
