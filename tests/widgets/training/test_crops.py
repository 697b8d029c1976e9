import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_tessera.pipeline.source import Region
from napari_tessera.widgets.training.crops import (
    missing_axis,
    part_of_image,
    part_to_label,
    placed,
)

PART = Region((1, 2), (4, 6))


@pytest.fixture
def image():
    """Two channels of a plane, in units."""
    pixels = np.arange(2 * 5 * 8.0).reshape(2, 5, 8)
    return Image(pixels, name="cells", scale=(1, 2, 0.5), translate=(0, 3, 4))


def labels(shape=(5, 8), **options):
    own = {"name": "found", "scale": (2, 0.5), "translate": (3, 4)}
    return Labels(np.ones(shape, int), **{**own, **options})


@pytest.mark.parametrize(("shape", "axis"), [((5, 8), 0), ((2, 8), 1), ((2, 5), 2)])
def test_the_axis_that_labels_lack_is_told_by_the_shape(image, shape, axis):
    assert missing_axis(image, Labels(np.zeros(shape, int))) == axis
    assert missing_axis(image, image) is None


def test_labels_with_more_axes_are_refused(image):
    with pytest.raises(ValueError, match="'more' has 4 axes but image 'cells' has 3"):
        missing_axis(image, Labels(np.zeros((1, 1, 1, 1), int), name="more"))


def test_a_region_of_a_crop_lies_in_the_whole(image):
    crop = labels((3, 4), translate=(3 + 1 * 2, 4 + 2 * 0.5))
    assert placed(Region((0, 1), (2, 3)), crop, image, 0) == Region((1, 3), (3, 5))
    with pytest.raises(ValueError, match="reaches beyond"):
        placed(Region((0, 0), (9, 9)), crop, image, 0)
    with pytest.raises(ValueError, match="are not those of image"):
        placed(PART, labels(scale=(1, 1)), image, 0)


def test_a_part_of_an_image_has_all_channels_and_copies_nothing(image):
    found = part_of_image(image, PART, 0)
    np.testing.assert_array_equal(found.data, image.data[:, 1:4, 2:6])
    assert np.shares_memory(found.data, image.data)
    assert not found.visible
    assert found.name == "cells (1, 2)"
    np.testing.assert_allclose(found.data_to_world((0, 0, 0)), image.data_to_world((0, 1, 2)))


def test_labels_of_a_part_are_empty_or_a_copy_to_be_put_right(image):
    empty = part_to_label(image, PART, 0, None)
    assert (empty.data.shape, empty.data.dtype, empty.data.any()) == ((3, 4), np.uint16, False)
    np.testing.assert_allclose(empty.data_to_world((0, 0)), image.data_to_world((0, 1, 2))[1:])
    begin = labels()
    begun = part_to_label(image, PART, 0, begin)
    begun.data[:] = 7
    assert begun.data.shape == (3, 4)
    assert (begin.data == 1).all()
