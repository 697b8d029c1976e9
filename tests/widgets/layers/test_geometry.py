import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_tessera.widgets.layers.geometry import (
    array,
    axes,
    geometry,
    matrix,
    same_grid,
    voxel_size,
)

TURNED = {"scale": (2, 0.5, 0.5), "translate": (1, 2, 3), "rotate": (0, 0, 30)}


@pytest.fixture
def layer():
    return Image(np.zeros((4, 5, 6)), name="stack", units=("um", "nm", "um"), **TURNED)


def test_the_matrix_is_the_way_of_a_pixel_into_the_world(layer, rng):
    pixels = rng.random((10, 3))
    found = pixels @ matrix(layer)[:3, :3].T + matrix(layer)[:3, 3]
    np.testing.assert_allclose(found, [layer.data_to_world(each) for each in pixels])


def test_pixel_sizes_are_in_the_unit_of_the_last_axis(layer):
    found = voxel_size(layer)
    assert found == pytest.approx((2, 0.0005, 0.5))
    assert found.unit == "um"
    with pytest.raises(ValueError, match="'askew' is sheared"):
        voxel_size(Image(np.zeros((3, 3)), name="askew", shear=[0.3]))


def test_names_that_napari_made_up_are_replaced():
    assert axes(Image(np.zeros((3, 4, 5)))) == ("axis 0", "y", "x")
    assert axes(Image(np.zeros((3, 4)), axis_labels=("a", "b"))) == ("a", "b")


def test_of_a_pyramid_the_finest_level_counts():
    levels = [np.zeros((8, 8)), np.zeros((4, 4))]
    assert array(Image(levels, multiscale=True)).shape == (8, 8)


def test_a_part_of_a_layer_lies_where_it_was_cut(layer):
    part = Image(layer.data[1:, 2:4, 3:], **geometry(layer, (1, 2, 3)))
    for pixel in np.ndindex(2, 2, 2):
        np.testing.assert_allclose(
            part.data_to_world(pixel), layer.data_to_world(np.add(pixel, (1, 2, 3)))
        )


def test_an_axis_can_be_dropped():
    channels = Image(np.zeros((3, 5, 6)), scale=(1, 2, 0.5), translate=(0, 3, 4))
    plane = Labels(np.zeros((5, 6), int), **geometry(channels, (1, 2), dropped=0))
    np.testing.assert_allclose(plane.data_to_world((0, 0)), (3 + 2, 4 + 1))
    whole = Labels(np.zeros((5, 6), int), **geometry(channels, (0, 0), dropped=0))
    same_grid("labels", whole, channels, dropped=0)
    with pytest.raises(ValueError, match="labels is layer .* lies elsewhere"):
        same_grid("labels", plane, channels, dropped=0)
    with pytest.raises(ValueError, match=r"of shape \(5, 6\), but .* has \(3, 5, 6\)"):
        same_grid("labels", whole, channels)
