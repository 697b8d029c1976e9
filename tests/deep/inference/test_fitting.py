from pathlib import Path

import numpy as np
import pytest

from napari_tessera.deep.inference.fitting import (
    ball_pixels,
    check_channels,
    enlarged_shape,
    find_intensities,
    fitted_image,
    sizes_at,
)
from napari_tessera.deep.models.library import Model
from napari_tessera.signature.words import VoxelSize

from ..models.described import described


def model(**changes):
    return Model(Path("cells"), described(**changes))


@pytest.mark.parametrize(
    ("shape", "voxel", "fitted"),
    [
        ((10, 20), VoxelSize((1, 1), "um"), (20, 40)),
        ((10, 20), VoxelSize((1000, 500), "nm"), (20, 20)),
        ((3, 10, 20), VoxelSize((2, 1, 0.25), "um"), (3, 20, 10)),  # planes stay as many
        ((10, 20), VoxelSize((0.51, 0.49), "um"), (10, 20)),  # less than 5 %
        ((10, 20), VoxelSize((1, 1), "pixel"), (10, 20)),  # who knows how large
        ((1, 3), VoxelSize((0.1, 0.1), "um"), (1, 1)),
    ],
)
def test_pixels_become_those_the_model_was_trained_with(shape, voxel, fitted):
    assert sizes_at(shape, voxel, model()) == fitted


def test_a_model_of_no_known_pixel_size_takes_all():
    voxel = VoxelSize((1, 1), "um")
    assert sizes_at((10, 20), voxel, model(spacing=None)) == (10, 20)
    assert sizes_at((10, 20), voxel, model(unit="pixel")) == (10, 20)


@pytest.mark.parametrize(
    ("shape", "fitted"),
    [((100, 200), (400, 800)), ((100, 400), (250, 1000)), ((200, 100), (800, 400))],
)
def test_photographs_are_fitted_whole(shape, fitted):
    own = model(fitted=(400, 1000))
    assert sizes_at(shape, VoxelSize((1, 1)), own) == fitted
    assert sizes_at((5, *shape), VoxelSize((1, 1, 1)), own) == (5, *fitted)


def test_an_image_keeps_what_it_was_before():
    image = np.arange(200, dtype=np.uint16).reshape(10, 20)
    voxel = VoxelSize((1, 1), "um")
    found = fitted_image(image, model(), voxel, None, ((50, 100),))
    assert (found.array.shape, found.shape, found.voxel) == ((1, 20, 40), (10, 20), voxel)
    assert found.share == 2
    assert found.array.dtype == np.float32
    assert found.array[0, 0, 0] == pytest.approx(-0.5)  # 0, where 50 becomes 0 and 150 becomes 1


def test_a_model_of_one_channel_sees_the_mean_of_colours():
    colours = np.array([[[0, 30, 60], [90, 90, 90]], [[3, 0, 0], [255, 255, 255]]], np.uint8)
    voxel, own = VoxelSize((1, 1)), model(spacing=None, normalise="range")
    found = fitted_image(colours, own, voxel, -1, ((0, 1),))
    np.testing.assert_array_equal(found.array, [[[30, 90], [1, 255]]])
    levels = fitted_image(colours, model(spacing=None, low=0, high=100), voxel, 2, None)
    np.testing.assert_allclose(levels.array[0], (found.array[0] - 1) / 254, rtol=1e-6)
    with pytest.raises(ValueError, match="takes 1 channel, but image has 3"):
        check_channels(own, 3)
    check_channels(own, 1)


@pytest.mark.parametrize(
    ("shape", "axis", "changes", "message"),
    [
        (
            (8, 9),
            None,
            {"axes": 3, "spacing": (1.0,) * 3},
            "works on volumes .*, but image has 2 spatial axes",
        ),
        ((8, 9, 2), 2, {}, "takes 1 channel, but image has 2; choose one of them"),
        ((3, 8, 9), 0, {}, "takes 1 channel, but image has 3; choose one of them"),
        (
            (8, 9),
            None,
            {"in_channels": 3, "rgb": True},
            r"takes 3 \(red, green, blue\) channels, but",
        ),
    ],
)
def test_what_does_not_fit_is_named(shape, axis, changes, message):
    voxel = VoxelSize((1,) * (len(shape) - (axis is not None)))
    with pytest.raises(ValueError, match=message):
        fitted_image(np.zeros(shape), model(**changes), voxel, axis, None)


def test_intensities_are_found_as_the_model_was_trained():
    image = np.arange(101, dtype=np.float32)[None]
    own = described(normalise="percentiles", low=0.0, high=50.0)
    assert find_intensities([image], own) == ((0, 50),)
    whole = described(normalise="range")
    assert find_intensities([image.astype(np.uint8)], whole) == ((0, 255),)


def test_shapes_are_enlarged_along_the_last_axes():
    assert enlarged_shape((3, 10, 15), 1.5, 2) == (3, 15, 22)
    assert enlarged_shape((3, 10, 15), 2, 3) == (6, 20, 30)


@pytest.mark.parametrize(
    ("diameter", "voxel", "shape", "pixels"),
    [
        ("4 px", VoxelSize((1, 1)), (9, 9), 13),  # pi 2^2 = 12.6
        ("4 px", VoxelSize((1, 1, 1)), (9, 9, 9), 34),  # 4/3 pi 2^3 = 33.5
        ("2 um", VoxelSize((0.5, 0.5), "um"), (9, 9), 13),
        (0, VoxelSize((1, 1)), (9, 9), 0),
    ],
)
def test_a_diameter_is_that_of_a_disc_or_ball(diameter, voxel, shape, pixels):
    assert ball_pixels(diameter, voxel, shape) == pixels


@pytest.mark.parametrize("size", [264.58, 0.01])
def test_sizes_that_cannot_be_those_of_the_image_are_refused(size):
    with pytest.raises(
        ValueError, match=r"spacing is .*, but the model was trained with .*resized"
    ):
        sizes_at((96, 96), VoxelSize((size, size), "um"), model())
