"""What the click network sees of an image."""

import numpy as np
import pytest

from napari_tessera.deep.clicks.windows import (
    SIDE,
    HalvedImages,
    Window,
    discs,
    network_input,
    normalised_window,
)


def test_halved_images_are_means_and_say_where_they_end():
    image = np.arange(64 * 66, dtype=np.uint16).reshape(64, 66)
    own = HalvedImages.of(image, None)
    assert [each.shape for each in own.images] == [(1, 64, 66), (1, 32, 33)]
    assert own.images[1][0, 0, 0] == image[:2, :2].mean()
    places = np.array([[-1, -0.4, 63.4, 63.6], [0, 0, 65, 65]])
    assert own.inside(places[:, None]).tolist() == [[False, True, True, False]]


def test_what_has_no_value_is_as_the_lowest():
    image = np.array([[5.0, np.nan], [np.inf, 7]])
    assert HalvedImages.of(image, None).images[0].tolist() == [[[5, 5], [5, 7]]]


@pytest.mark.parametrize("width", [16, 128, 300])
def test_a_ramp_looks_the_same_in_every_window(width):
    image = np.add.outer(np.zeros(512), np.arange(512.0))
    window = Window.around(np.array([256, 256]), width, np.ones(2))
    seen = HalvedImages.of(image, None).seen(window.places, window.step)
    assert seen.shape == (1, SIDE, SIDE)
    np.testing.assert_allclose(seen[0], window.places[1], atol=1e-3)


def test_coarse_axes_have_fewer_pixels():
    window = Window.around(np.array([20, 50]), 64, np.array([0.25, 1]))
    assert np.ptp(window.places[0]) == pytest.approx(np.ptp(window.places[1]) / 4)
    np.testing.assert_allclose(window.pixels(window.samples(np.array([[3, 7]]))), [[3, 7]])


def test_what_one_window_holds_is_carried_to_another():
    small = Window.around(np.array([50, 50]), 32, np.ones(2))
    large = Window.around(np.array([50, 50]), 64, np.ones(2))
    carried = large.carried(np.ones((SIDE, SIDE), np.float32), small)
    assert carried[32:96, 32:96].min() == 1
    assert carried[:31].max() == carried[97:].max() == 0
    assert small.carried(carried, small) is carried


def test_grey_of_colours_is_where_they_differ_most():
    seen = np.zeros((3, 8, 8), np.float32)
    seen[0, :4], seen[1] = 5, 100  # red differs, green is the same everywhere
    grey = normalised_window(seen, np.ones((8, 8), bool))
    np.testing.assert_allclose(grey, np.where(np.arange(8)[:, None] < 4, 1, 0) * np.ones((8, 8)))


def test_outside_the_image_nothing_is_seen():
    seen, inside = np.linspace(5, 9, 64, dtype=np.float32).reshape(1, 8, 8), np.ones((8, 8), bool)
    inside[-1] = False
    seen[0, -1] = 1000
    grey = normalised_window(seen, inside)
    assert grey[-1].max() == 0
    assert grey[:-1].max() == pytest.approx(1, abs=0.05)
    assert normalised_window(np.ones((1, 8, 8), np.float32), inside).max() == 0


def test_marks_are_discs_that_may_lie_across_the_border():
    found = discs(np.array([[0.0, 0.0], [SIDE - 1, 5]]))
    assert found[:3, :3].tolist() == [[1, 1, 1], [1, 1, 1], [1, 1, 0]]
    assert found[SIDE - 1, 5] == 1
    assert found[10:100].max() == 0
    channels = network_input(*(np.full((SIDE, SIDE), value) for value in range(4)))
    assert channels.dtype == np.float32
    assert channels[:, 0, 0].tolist() == [0, 1, 2, 3]
