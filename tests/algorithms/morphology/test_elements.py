import numpy as np
from skimage.morphology import ball, disk

from napari_tessera.algorithms.morphology.elements import element
from napari_tessera.methods.refine.morphology import morphology
from napari_tessera.signature.words import VoxelSize


def test_ball_and_box_are_those_of_scikit_image():
    for radius in (1, 2, 5, 12):
        np.testing.assert_array_equal(element("ball", (radius,) * 2).footprint()[0], disk(radius))
        np.testing.assert_array_equal(element("ball", (radius,) * 3).footprint(), ball(radius))
    assert element("box", (2.0, 1.0)).footprint().shape == (1, 5, 3)


def test_a_radius_is_physical_and_rounding_does_not_decide():
    spacing = VoxelSize((0.3, 0.1, 0.1))
    coarse = element("ball", tuple(0.3 / step for step in spacing))
    assert coarse.half == (1, 3, 3)
    assert element("ball", tuple(0.29 / step for step in spacing)).half == (0, 2, 2)
    speck = np.zeros((3, 9, 9), np.uint8)
    speck[1, 4, 4] = 7
    grown = morphology(speck, operation="dilation", radius=0.3, spacing=spacing)
    assert np.count_nonzero(grown[0]) == 1
    np.testing.assert_array_equal(grown[1, 1:8, 1:8] == 7, disk(3))
