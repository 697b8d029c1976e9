from typing import get_args

import numpy as np
import pytest
from skimage import data, filters, measure

from napari_tessera import threshold
from napari_tessera.algorithms.filters.histogram import LEVELS
from napari_tessera.methods.classical.threshold import ThresholdMethod, threshold_statistics
from napari_tessera.signature.progress import NothingToSeparate
from napari_tessera.signature.words import VoxelSize

STEPS = np.array([[0, 10, 20, 30], [40, 50, 60, 70]], np.uint8)


def test_every_way_to_find_a_level_can_be_chosen():
    others = {"manual", "hysteresis", "gaussian", "sauvola"}
    assert set(get_args(ThresholdMethod)) == LEVELS.keys() | others


def test_bright_and_dark_foreground_of_a_written_out_image():
    assert threshold(STEPS).tolist() == [[0, 0, 0, 0], [1, 1, 1, 1]]
    assert threshold(STEPS, objects="dark").tolist() == [[1, 1, 1, 1], [0, 0, 0, 0]]
    assert threshold(STEPS).dtype == np.uint8


def test_levels_of_ones_own_make_classes():
    levels = threshold(STEPS, method="manual", levels=(10, 55.5))
    assert levels.tolist() == [[0, 0, 1, 1], [1, 1, 2, 2]]
    outside = threshold(STEPS, method="manual", levels=(-5, 300))
    assert outside.tolist() == [[1, 1, 1, 1], [1, 1, 1, 1]]


def test_several_classes_are_found():
    image = np.repeat(np.array([0, 100, 200], np.uint8), 4).reshape(3, 4)
    assert threshold(image, classes=3).tolist() == [[0] * 4, [1] * 4, [2] * 4]


def test_hysteresis_keeps_weak_pixels_that_touch_strong_ones():
    image = np.array([[5, 5, 9, 0, 5, 0, 9]])
    result = threshold(image, method="hysteresis", levels=(4, 8))
    assert result.tolist() == [[1, 1, 1, 0, 0, 0, 1]]
    expected = filters.apply_hysteresis_threshold(data.coins(), 90, 150)
    found = threshold(data.coins(), method="hysteresis", levels=(90, 150))
    # scikit-image joins by faces, this by corners too: its result lies within, one object fewer or so
    assert (found[expected] == 1).all()
    assert measure.label(found).max() <= measure.label(expected, connectivity=1).max()


def test_hysteresis_does_not_lead_through_what_lies_outside_of_a_mask():
    image, mask = np.array([[5, 5, 9]]), np.array([[True, False, True]])
    found = threshold(image, method="hysteresis", levels=(4, 8), mask=mask)
    assert found.tolist() == [[0, 0, 1]]


def test_the_levels_of_hysteresis_lie_on_the_side_of_the_objects():
    image = np.array([[0, 0, 0, 40, 60, 100, 100, 100]])
    # Otsu 40, mean of the background 10: weak from 25 on, and 40 and 60 touch strong pixels
    assert threshold(image, method="hysteresis").tolist() == [[0, 0, 0, 1, 1, 1, 1, 1]]
    dark = threshold(100 - image, method="hysteresis", objects="dark")
    assert dark[0, 5:].all()
    assert not dark[0, :3].any()
    vessels = threshold(
        data.retina()[::2, ::2, 1], method="hysteresis", objects="dark", background="15 px"
    )
    assert 0.03 < vessels.mean() < 0.5


def test_the_local_gaussian_is_that_of_scikit_image():
    image = data.page()
    expected = image > filters.threshold_local(
        image, 31, method="gaussian", offset=3, mode="reflect"
    )
    found = threshold(image, method="gaussian", window="30 px", offset=3)
    assert (found != expected).mean() < 1e-4


def test_sauvola_is_that_of_scikit_image():
    image = data.page()
    surface = filters.threshold_sauvola(image, 25, k=0.2, r=100)
    inside = (slice(12, -12),) * 2  # at the border the two mirror differently
    found = threshold(image, method="sauvola", window="25 px", contrast=100, objects="dark")
    np.testing.assert_array_equal(found[inside], (image <= surface)[inside])


def test_smoothing_is_in_physical_units(rng):
    image = rng.random((20, 40)).astype(np.float32)
    by_pixel = threshold(image, smoothing="2 px", spacing=(2, 1))
    in_um = threshold(image, smoothing=2.0, spacing=(2, 1))
    np.testing.assert_array_equal(by_pixel, in_um)
    smoothed = filters.gaussian(image, (1, 2), mode="reflect", truncate=4)
    np.testing.assert_array_equal(by_pixel, threshold(smoothed.astype(np.float32), spacing=(2, 1)))


def test_uneven_light_is_evened_out():
    image = data.coins()
    upper_left = (slice(0, 40), slice(0, 120))  # bright background, no coin
    assert threshold(image)[upper_left].mean() > 0.5
    assert threshold(image, background="60 px")[upper_left].mean() < 0.05


def test_a_mask_limits_level_and_result():
    image = np.array([[0, 1, 100, 101], [200, 200, 200, 200]])
    mask = np.array([[1, 1, 1, 1], [0, 0, 0, 0]], bool)
    assert threshold(image, mask=mask).tolist() == [[0, 0, 1, 1], [0, 0, 0, 0]]


def test_nan_and_infinity_are_background():
    image = np.array([[0.0, 1.0, np.nan, 9.0], [10.0, np.inf, 0.5, -np.inf]])
    assert threshold(image).tolist() == [[0, 0, 0, 1], [1, 0, 0, 0]]
    assert threshold(image, smoothing="1 px").shape == image.shape
    with pytest.raises(ValueError, match="only NaN and infinity"):
        threshold(np.full((2, 2), np.nan))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint32, np.float16, np.float64])
def test_every_dtype_is_taken(dtype):
    image = np.array([[0, 0, 1], [0, 1, 1]]).astype(dtype)
    assert threshold(image).tolist() == [[0, 0, 1], [0, 1, 1]]
    wide = np.zeros((9, 9), dtype)
    wide[3:6, 3:6] = 1
    assert threshold(wide, smoothing="0.5 px")[4, 4] == 1


@pytest.mark.parametrize(
    "image",
    [
        np.array([[2**63, 2**63, 2**64 - 1]], np.uint64),
        np.array([[-128, -128, 127]], np.int8),
        np.array([[-3e38, -3e38, 3e38]], np.float32),
    ],
)
def test_extreme_values_are_separated(image):
    assert threshold(image).tolist() == [[0, 0, 1]]
    many = np.tile(image, (300, 100))
    assert threshold(many)[0, :3].tolist() == [0, 0, 1]


def test_many_half_precision_floats(rng):
    image = rng.random((300, 300)).astype(np.float16)
    np.testing.assert_array_equal(threshold(image), threshold(image.astype(np.float32)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "method is 'magic'; choose one of otsu, li"),
        ({"method": "manual"}, "levels is missing"),
        ({"method": "manual", "levels": (3, 1)}, "levels is .* lowest first"),
        ({"method": "hysteresis", "levels": (3,)}, "needs two, low and high"),
        ({"levels": (3,)}, "levels is .* used only with method = 'manual' or 'hysteresis'"),
        ({"classes": 9}, "classes is 9; it must be from 2 to 6"),
        ({"smoothing": "50 px"}, "smoothing is '50 px'.* choose a shorter one"),
        ({"mask": np.ones((3, 3), bool)}, r"mask has shape \(3, 3\) but image has \(2, 4\)"),
        ({"spacing": (1, 1, 1)}, "spacing is .* 2 spatial axes"),
    ],
)
def test_bad_input_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        threshold(STEPS, **options)


@pytest.mark.parametrize("image", [np.zeros((0, 3)), np.zeros(3), np.zeros((2, 2, 2, 2))])
def test_images_of_no_size_or_the_wrong_axes_are_refused(image):
    with pytest.raises(ValueError, match="image (is empty|has . spatial axes)"):
        threshold(image)


def test_a_constant_image_has_no_level():
    with pytest.raises(NothingToSeparate, match="every pixel is 7"):
        threshold(np.full((3, 3), 7))
    assert threshold(np.full((3, 3), 7), method="manual", levels=(5,)).all()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"method": "li", "smoothing": "1 px"},
        {"classes": 3},
        {"method": "hysteresis"},
        {"method": "sauvola", "window": "9 px"},
        {"method": "gaussian", "window": "9 px"},
        {"background": "15 px"},
    ],
)
def test_the_levels_of_the_whole_give_the_same_labels(options):
    image = data.coins()[:100, :120]
    given = {
        "method": "otsu",
        "levels": None,
        "smoothing": "0 px",
        "background": "0 px",
        "classes": 2,
    }
    found = threshold_statistics(
        [{"image": image}], **{**given, **options}, spacing=VoxelSize((1, 1))
    )
    explicit = {**options, **found}
    if explicit.get("method") == "manual":
        explicit.pop("classes", None)
    np.testing.assert_array_equal(threshold(image, **explicit), threshold(image, **options))


def test_the_image_is_left_alone():
    image = data.coins()
    before = image.copy()
    threshold(image, smoothing="1 px", background="20 px")
    np.testing.assert_array_equal(image, before)
