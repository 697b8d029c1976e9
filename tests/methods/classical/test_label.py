import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_tessera import label

CORNERS = np.array([[1, 0, 2], [0, 1, 2], [0, 0, 1]])


def test_components_of_a_written_out_image():
    assert label(CORNERS).tolist() == [[1, 0, 2], [0, 1, 2], [0, 0, 1]]
    assert label(CORNERS, connectivity="faces").tolist() == [[1, 0, 2], [0, 3, 2], [0, 0, 4]]
    assert label(CORNERS).dtype == np.uint16


@given(arrays(bool, (5, 5, 5)))
def test_components_are_those_of_scipy(mask):
    for connectivity, steps in (("faces", 1), ("full", 3)):
        found = label(mask, connectivity=connectivity)
        expected, count = ndimage.label(mask, ndimage.generate_binary_structure(3, steps))
        assert found.max() == count
        assert len(np.unique(np.stack([found.ravel(), expected.ravel()]), axis=1).T) == len(
            np.unique(expected)
        )


def test_an_image_is_refused():
    with pytest.raises(
        TypeError, match="labels has dtype float64 and .* 0.5; pass .* whole numbers"
    ):
        label(np.full((3, 3), 0.5))
