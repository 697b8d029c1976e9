import numpy as np
import pytest
from scipy import ndimage

from napari_tessera.algorithms.morphology import grey
from napari_tessera.algorithms.morphology.elements import element

SHAPES = [("ball", 0), ("box", 0), ("line", 0), ("line", 90), ("line", 30), ("line", -60)]


GRIDS = [((19, 26), (1, 1)), ((7, 15, 17), (1, 1, 1)), ((7, 15, 17), (2.5, 1, 1.3))]


def footprint(kind, radius, angle, spacing):
    """Return the element and its pixels as a mask."""
    own = element(kind, tuple(radius / step for step in spacing), angle)
    mask = own.footprint()
    return own, mask if len(spacing) == 3 else mask[0]


@pytest.mark.parametrize("shape_of_element", SHAPES, ids=str)
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_grey_erosion_and_dilation_are_those_of_scipy(grid, shape_of_element):
    (shape, spacing), (kind, angle) = grid, shape_of_element
    values = np.random.default_rng(0).integers(0, 200, shape)
    for dtype, radius in ((np.uint8, 1), (np.uint8, 2.5), (np.int16, 4), (np.float32, 5.2)):
        own, mask = footprint(kind, radius, angle, spacing)
        image = values.astype(dtype)
        for function, slow, beyond in (
            (grey.grey_erosion, ndimage.grey_erosion, 255),
            (grey.grey_dilation, ndimage.grey_dilation, 0),
        ):
            expected = slow(image, footprint=mask, mode="constant", cval=beyond)
            result = function(image, own)
            assert result.dtype == dtype
            np.testing.assert_array_equal(result, expected)


def test_grey_erosion_of_a_plane_in_several_pieces():
    image = np.random.default_rng(0).integers(0, 200, (40, 2300)).astype(np.uint8)
    own, mask = footprint("ball", 3, 0, (1, 1))
    expected = ndimage.grey_erosion(image, footprint=mask, mode="constant", cval=255)
    np.testing.assert_array_equal(grey.grey_erosion(image, own), expected)
    np.testing.assert_array_equal(grey.grey_erosion(image.T, own), expected.T)
