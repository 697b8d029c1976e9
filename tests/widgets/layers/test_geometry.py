import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels, Points

from napari_tessera.widgets.layers.geometry import (
    array,
    axes,
    between,
    geometry,
    lie_together,
    look_at,
    matrix,
    pixel_at,
    same_grid,
    shown_sizes,
    time_unit,
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
    with pytest.raises(ValueError, match="'stack' is sheared"):  # turned between um and nm
        voxel_size(layer)
    layer.rotate = (0, 0, 0)
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


# ---------------------------------------------------------------- units


@pytest.fixture
def micro():
    return Labels(np.zeros((20, 30), int), name="um", scale=(0.25, 0.5), units=("um", "um"))


@pytest.fixture
def nano():
    return Image(np.zeros((20, 30)), name="nm", scale=(250, 500), units=("nm", "nm"))


def test_layers_of_other_units_lie_together_as_napari_shows_them(micro, nano):
    same_grid("labels", micro, nano)
    nano.translate = (250, -1000)
    assert not lie_together(micro, nano)
    # the nm image begins one row lower and two columns further left
    np.testing.assert_allclose(between(nano, micro), [[1, 0, 1], [0, 1, -2], [0, 0, 1]])
    np.testing.assert_allclose(between(micro, nano), [[1, 0, -1], [0, 1, 2], [0, 0, 1]])
    nano.translate, nano.scale = (0, 0), (0.25, 0.5)
    with pytest.raises(ValueError, match="lies elsewhere .* units"):
        same_grid("labels", micro, nano)


def test_very_small_and_very_large_units_are_told_apart():
    first = Image(np.zeros((4, 4)), scale=(2e-9, 2e-9), units=("m", "m"))
    other = Image(np.zeros((4, 4)), scale=(1e-9, 1e-9), units=("m", "m"))
    assert not lie_together(first, other)
    assert lie_together(first, Image(np.zeros((4, 4)), scale=(20, 20), units=("angstrom",) * 2))


def test_pixels_beside_micrometres_are_bare_numbers(micro):
    pixels = Image(np.zeros((20, 30)), scale=(0.25, 0.5))
    assert lie_together(micro, pixels)
    # and so is all of two layers, of which one pair of axes does not fit
    film = Image(np.zeros((3, 20, 30)), scale=(2, 0.25, 0.5), units=("s", "um", "um"))
    stack = Image(np.zeros((3, 20, 30)), scale=(2, 250, 500), units=("um", "nm", "nm"))
    assert not lie_together(stack, film)
    stack.units = ("ms", "nm", "nm")
    np.testing.assert_allclose(np.diag(between(stack, film)), (0.001, 1, 1, 1))


def test_the_viewers_world_has_the_smallest_of_the_units(micro, nano):
    viewer = ViewerModel()
    viewer.add_layer(micro)
    np.testing.assert_allclose(pixel_at(viewer, micro, (1, 1)), (4, 2))
    viewer.add_layer(nano)
    for layer in (micro, nano):
        np.testing.assert_allclose(pixel_at(viewer, layer, (1000, 1000)), (4, 2))
        np.testing.assert_allclose(shown_sizes(viewer, layer), (250, 500))
    viewer.add_layer(Points(np.zeros((1, 2))))  # in pixels: napari gives units up
    np.testing.assert_allclose(pixel_at(viewer, micro, (1, 1)), (4, 2))


def test_the_camera_looks_at_a_box_whatever_its_units(nano):
    stack = Labels(np.zeros((9, 20, 30), int), scale=(3, 0.25, 0.5), units=("um",) * 3)
    viewer = ViewerModel()
    for layer in (stack, nano):
        viewer.add_layer(layer)
    before = viewer.dims.point
    look_at(viewer, stack, np.array([4, 8, 10]), np.array([6, 12, 14]), 100)
    assert viewer.dims.point[0] == pytest.approx(15000)
    assert viewer.dims.point[1:] == before[1:]  # of axes that are shown
    assert viewer.dims.current_step[0] == 5
    assert viewer.scene.camera.center[-2:] == pytest.approx((2500, 6000))
    assert viewer.scene.camera.zoom == pytest.approx(100 / 2000)  # 4 pixels of 500 nm


def test_sizes_of_turned_axes_of_several_units_are_lengths():
    # 2 um along both axes, of a world in which the second one counts in nm
    turned = Image(np.zeros((4, 4)), units=("um", "nm"))
    turned.affine = np.array([[0, 2, 0], [-2000, 0, 0], [0, 0, 1]])
    assert voxel_size(turned) == pytest.approx((2000, 2000))
    assert voxel_size(turned).unit == "nm"


def test_time_is_no_length():
    film = Image(np.zeros((3, 4, 5)), scale=(2, 0.5, 0.5), units=("second", "um", "um"))
    assert axes(film) == ("t", "y", "x")
    assert time_unit(film) == "s"
    assert time_unit(Image(np.zeros((3, 4)), units=("um", "um"))) == ""
