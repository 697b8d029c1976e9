import numpy as np

from napari_tessera.algorithms.filters.gradient import gradient, to_maxima
from napari_tessera.signature.words import VoxelSize

SQUARE = VoxelSize((1, 1))
STEP = np.repeat([[10, 10, 10, 100, 100, 100]], 5, axis=0).astype(np.uint8)


def test_the_gradient_is_in_grey_levels_per_pixel():
    found = gradient(STEP, (0, 0), SQUARE)
    assert found.magnitude[2].tolist() == [0, 0, 45, 45, 0, 0]
    assert found.dx[2].tolist() == [0, 0, 45, 45, 0, 0]
    assert not found.dy.any()
    diagonal = np.add.outer(3.0 * np.arange(4), 4.0 * np.arange(5))
    found = gradient(diagonal, (0, 0), SQUARE)
    np.testing.assert_allclose(found.magnitude[1:-1, 1:-1], 5)
    assert gradient(STEP, (0, 0), VoxelSize((0.3, 0.3), "um")).magnitude[2, 2] == 45


def test_pixels_move_to_the_steepest_place():
    place = np.arange(12.0)
    profile = 1 / (1 + np.exp(-(place - 5.3) * 1.5))
    image = np.tile(profile, (7, 1))
    moved = to_maxima(np.array([[3, 5], [0, 5]]), gradient(image, (1, 1), SQUARE), SQUARE)
    np.testing.assert_allclose(moved[0], [3, 5.3], atol=0.02)
    assert moved[1].tolist() == [0, 5]  # at the border
    image[1, 5] = np.nan
    moved = to_maxima(np.array([[3, 5]]), gradient(image, (1, 1), SQUARE), SQUARE)
    assert moved.tolist() == [[3, 5]]
