import numpy as np

from napari_tessera.algorithms.morphology.elements import element
from napari_tessera.algorithms.morphology.reach import covered, touched


def test_wide_planes_and_long_radii():
    mask = np.zeros((3, 2300), bool)
    mask[1, 1100] = True
    far = np.abs(np.arange(2300) - 1100)
    round_one = covered(mask, element("ball", (300.0, 300.0)))
    np.testing.assert_array_equal(round_one[1], far <= 300)
    np.testing.assert_array_equal(round_one[0], far <= 299)
    np.testing.assert_array_equal(covered(mask.T, element("ball", (300.0, 300.0))), round_one.T)
    np.testing.assert_array_equal(covered(mask, element("box", (0.0, 900.0)))[1], far <= 900)
    assert touched(mask, element("box", (0.0, 2.0))).sum() == 5
