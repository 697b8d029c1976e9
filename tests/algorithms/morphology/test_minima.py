import numpy as np
import pytest
from scipy import ndimage

from napari_tessera.algorithms.morphology.elements import element
from napari_tessera.algorithms.morphology.minima import minima


@pytest.mark.parametrize("shape", [(1, 1), (30, 40), (6, 11, 13)])
@pytest.mark.parametrize(
    "how", [("ball", (1.0, 2.5, 3.0)), ("box", (1.0, 2.0, 0.0)), ("line", (0.0, 4.0, 4.0), 30.0)]
)
def test_minima_are_those_of_scipy(shape, how, rng):
    kind, radius, *angle = how
    own = element(kind, radius[-len(shape) :], *angle)
    footprint = own.footprint() if len(shape) == 3 else own.footprint()[0]
    image = rng.integers(0, 1000, shape).astype(np.int32)
    expected = ndimage.minimum_filter(image, footprint=footprint, mode="nearest")
    if kind == "line":  # beyond the border, the nearest pixel need not lie on the line
        highest = np.iinfo(np.int32).max
        expected = ndimage.minimum_filter(image, footprint=footprint, mode="constant", cval=highest)
    np.testing.assert_array_equal(minima(image, own), expected)


def test_infinite_intensities_are_values_like_others():
    image = np.array([[np.inf, 3.0, np.inf, -np.inf, 5.0, 6.0]])
    found = minima(image, element("box", (0.0, 1.0)))
    assert found.tolist() == [[3, 3, -np.inf, -np.inf, -np.inf, 5]]
