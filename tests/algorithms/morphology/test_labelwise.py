import numpy as np
import pytest
from scipy import ndimage

from napari_tessera.algorithms.morphology.elements import element
from napari_tessera.algorithms.morphology.labelwise import (
    closing,
    dilation,
    erosion,
    label_gradient,
    opening,
)
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import VoxelSize

BALL = element("ball", (2.0, 2.0))
HOW = BALL, VoxelSize((1, 1)), Reporter()


@pytest.fixture
def mask(rng):
    framed = np.zeros((40, 50), bool)
    framed[6:-6, 6:-6] = ndimage.gaussian_filter(rng.random((28, 38)), 1.5) > 0.5
    return framed


@pytest.mark.parametrize(
    ("operation", "of_scipy"),
    [
        (opening, ndimage.binary_opening),
        (closing, ndimage.binary_closing),
        (dilation, ndimage.binary_dilation),
        (erosion, ndimage.binary_erosion),
    ],
)
def test_one_label_is_treated_as_by_scipy(operation, of_scipy, mask):
    expected = of_scipy(mask, BALL.footprint()[0])
    assert expected.any()
    np.testing.assert_array_equal(operation(mask.astype(np.uint8), *HOW), expected)


def test_rims_and_eroded_labels_are_the_labels(rng):
    labels = np.kron(rng.integers(0, 4, (5, 6)), np.ones((7, 7), int))
    eroded, rims = erosion(labels, *HOW), label_gradient(labels, *HOW)
    np.testing.assert_array_equal(eroded + rims, labels)
    assert not ((eroded > 0) & (rims > 0)).any()


def test_labels_never_take_pixels_from_each_other(rng):
    labels = np.kron(rng.integers(0, 4, (5, 6)), np.ones((7, 7), int))
    for grown in (dilation(labels, *HOW), closing(labels, *HOW)):
        np.testing.assert_array_equal(grown[labels > 0], labels[labels > 0])
