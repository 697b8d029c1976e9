import math

import numpy as np
import pytest

from napari_tessera.algorithms.crf.energies import Guide, energies_of, shared_out, unary


def test_the_energy_of_a_label_is_the_logarithm_of_how_sure_it_is():
    found = unary(np.array([[0, 2, -1]]), 3, 0.8)
    sure, other, free = -math.log(0.8), -math.log(0.1), math.log(3)
    expected = [[[sure, other, free]], [[other, other, free]], [[other, sure, free]]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_energies_of_no_probability_are_finite():
    np.testing.assert_allclose(
        energies_of(np.array([1, 0.5, 0])), [0, math.log(2), 6 * math.log(10)], rtol=1e-6
    )


@pytest.mark.parametrize("count", [1, 2, 4])
def test_what_is_shared_out_sums_to_one(count, rng):
    background, cells = rng.random((3, 4), np.float32), rng.integers(1, count + 1, (3, 4))
    found = shared_out(background, cells, count, 0.7)
    np.testing.assert_allclose(found.sum(axis=0), 1, rtol=1e-6)
    own = np.take_along_axis(found, cells[np.newaxis], axis=0)[0]
    np.testing.assert_allclose(own, (1 - background) * (0.7 if count > 1 else 1), rtol=1e-6)


def test_a_guide_is_in_widths_of_its_range_with_channels_first():
    image = np.array([[[0.0, 10], [5, np.nan], [10, 30]]])
    guide = Guide.of(image, 2, 0.5, ((0.0, 10.0), (10.0, 20.0)))
    assert guide.shape == (1, 3)
    np.testing.assert_allclose(guide[:, :], [[[0, 1, 2]], [[0, np.nan, 2]]])
    np.testing.assert_allclose(guide[:, 2:], [[[2]], [[2]]])


@pytest.mark.parametrize(
    ("shape", "channel_axis", "message"),
    [((4, 5), None, "image is constant"), ((4, 5, 6, 7), 3, "7 channels; choose up to 3")],
)
def test_an_image_that_guides_nowhere_is_refused(shape, channel_axis, message):
    with pytest.raises(ValueError, match=message):
        Guide.of(np.ones(shape), channel_axis, 0.1)
