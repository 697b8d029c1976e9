import numpy as np
import pytest

from napari_tessera.io.pyramids import halved, halvings


@pytest.mark.parametrize(
    ("shape", "axes", "spacing", "found"),
    [
        ((512, 300), "yx", (1, 1), []),
        ((2000, 513), "yx", (1, 1), [(2, 2), (2, 2)]),
        ((5000, 1), "yx", (2, 1), [(2, 1)] * 4),
        # z is as long as y and x after two steps
        ((64, 4096, 4096), "zyx", (4, 1, 1), [(1, 2, 2), (1, 2, 2), (2, 2, 2)]),
        ((3, 9, 600, 600), "tzyx", (1, 1, 1, 1), [(1, 2, 2, 2)]),
    ],
)
def test_planes_are_halved_until_they_fit_and_volumes_keep_their_shape(shape, axes, spacing, found):
    assert halvings(shape, axes, spacing) == found


def test_means_keep_the_type_and_ids_are_never_new():
    image = np.array([[250, 255, 7], [251, 255, 8]], np.uint8)
    assert halved(image, (2, 2), labels=False).tolist() == [[253, 8]]
    assert halved(image, (2, 2), labels=True).tolist() == [[250, 7]]
    small = halved(image / 2, (1, 2), labels=False)
    assert small.tolist() == [[126.25, 3.5], [126.5, 4]]
    assert halved(image > 250, (2, 1), labels=False).dtype == bool


def test_large_whole_numbers_are_not_rounded_to_the_float_s_precision():
    image = np.full((2, 2), 2**24 + 1, np.uint32)
    assert halved(image, (2, 2), labels=False).tolist() == [[2**24 + 1]]
