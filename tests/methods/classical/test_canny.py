from typing import get_type_hints

import numpy as np
import pytest
from skimage import data, feature

from napari_tessera.algorithms.filters.gradient import gradient
from napari_tessera.methods.classical.canny import canny, canny_statistics
from napari_tessera.signature.progress import NothingToSeparate, Stop
from napari_tessera.signature.words import VoxelSize

STEP = np.repeat(np.array([[0, 0, 0, 90, 90, 90]], np.uint8), 5, axis=0)
SQUARE = VoxelSize((1, 1))
QUANTILES = {"low_threshold": 0.8, "high_threshold": 0.9, "use_quantiles": True}


def test_the_edge_of_a_written_out_step_is_on_its_bright_side():
    expected = [[0] * 6, [0, 0, 0, 1, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 1, 0, 0], [0] * 6]
    assert canny(STEP, smoothing=0).tolist() == expected
    assert canny(STEP, smoothing="1 px").tolist() == expected
    assert canny(STEP).dtype == np.uint8
    assert canny(STEP[:, ::-1], smoothing=0).tolist() == [row[::-1] for row in expected]
    assert canny(STEP.T, smoothing=0).tolist() == np.transpose(expected).tolist()


@pytest.mark.parametrize(("name", "sigma", "share"), [
    ("camera", 1, 0.9999), ("camera", 2, 0.9999), ("coins", 1, 1), ("coins", 2, 1),
])  # fmt: skip
def test_edges_are_those_of_scikit_image(name, sigma, share):
    # the rest: quantiles up to 1/8192 lower, and smoothing beyond the border of the image
    image = getattr(data, name)()
    inside = (slice(4 * sigma + 2, -4 * sigma - 2),) * 2
    expected = feature.canny(image, sigma, **QUANTILES)[inside]
    found = canny(image, smoothing=f"{sigma} px")[inside]
    assert (found == expected).mean() >= share


def test_absolute_thresholds_are_those_of_scikit_image():
    image = data.camera()
    expected = feature.canny(image, 2, low_threshold=10, high_threshold=20)  # Sobel: eight times
    found = canny(image, thresholds="absolute", low=10 / 8, high=20 / 8)
    inside = (slice(10, -10),) * 2
    np.testing.assert_array_equal(found[inside], expected[inside])


def test_weak_edges_are_kept_where_they_join_strong_ones():
    image = np.zeros((9, 16))
    image[:, 3:] = 10 + 4 * np.arange(9)[:, None]  # weak above, strong below
    image[:, 9:] += 10  # weak all along
    found = canny(image, smoothing=0, thresholds="absolute", low=5, high=15)
    assert np.argwhere(found).tolist() == [[y, 3] for y in range(1, 8)]
    strong = canny(image, smoothing=0, thresholds="absolute", low=15, high=15)
    assert np.argwhere(strong).tolist() == [[y, 3] for y in range(5, 8)]
    assert not canny(image, smoothing=0, thresholds="absolute", low=5, high=50).any()


def test_an_edge_is_one_pixel_wide_in_all_directions():
    y, x = np.mgrid[:61, :61]
    disc = (np.hypot(y - 30, x - 30) <= 20).astype(np.float32)
    edge = canny(disc) > 0
    radii = np.hypot(*(np.argwhere(edge) - 30).T)
    assert np.abs(radii - 20).max() < 1.2
    squares = edge[1:, 1:] & edge[1:, :-1] & edge[:-1, 1:] & edge[:-1, :-1]
    assert not squares.any()


def test_anisotropic_pixels_give_the_edges_of_the_same_scene():
    y, x = np.mgrid[:80, :160]
    disc = 100.0 * (np.hypot(2 * (y - 40), x - 80) <= 50)  # rows twice as far apart as columns
    spacing = VoxelSize((1, 0.5), "um")
    edge = np.argwhere(canny(disc, smoothing="2 px", spacing=spacing))
    radii = np.hypot(2 * (edge[:, 0] - 40), edge[:, 1] - 80)
    assert np.abs(radii - 50).max() < 2
    in_um = canny(disc, smoothing="1 um", spacing=spacing)
    np.testing.assert_array_equal(in_um, canny(disc, smoothing="2 px", spacing=(2, 1)))
    ramp = np.outer(np.arange(6.0), np.ones(6))
    assert gradient(ramp, (0, 0), spacing).magnitude[2, 2] == 0.5


@pytest.mark.parametrize("smoothing", [0, "1 px", "3 px"])
@pytest.mark.parametrize("quantile", [0.0, 0.9])
def test_missing_values_draw_no_edges(smoothing, quantile):
    image = np.full((60, 60), 100.0)
    image[:, 40:] = 160
    expected = canny(image, smoothing=smoothing)
    image[10:20, 5:20] = np.nan
    image[40, 12] = np.inf
    quantiles = {"low_quantile": quantile, "high_quantile": quantile}
    found = canny(image, smoothing=smoothing, **quantiles)
    np.testing.assert_array_equal(found, expected)
    image[30, 40] = np.nan
    near = canny(image, smoothing=smoothing)
    assert not near[28:33, 38:43].any()
    assert near[10, 40] == 1


def test_a_mask_limits_edges_and_quantiles():
    image = np.concatenate([STEP.astype(float), 10.0 * STEP], axis=0)
    mask = np.zeros(image.shape, bool)
    mask[:4] = True
    found = canny(image, smoothing=0, low_quantile=0.6, high_quantile=0.9, mask=mask)
    assert found[:4].tolist() == canny(STEP, smoothing=0)[:4].tolist()
    assert not found[4:].any()
    with pytest.raises(NothingToSeparate, match="no edge"):
        canny(image, mask=np.zeros_like(mask))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint32, np.float16, np.float64])
@pytest.mark.parametrize("smoothing", [0, "1 px"])
def test_every_dtype_is_taken(dtype, smoothing):
    image = (STEP > 0).astype(dtype)
    found = canny(image, smoothing=smoothing)
    # the pixels on both sides of the step are equally steep but for rounding
    first = int(np.flatnonzero(found.any(axis=0))[0])
    assert first in ((2, 3) if smoothing else (3,))
    np.testing.assert_array_equal(np.roll(found, 3 - first, axis=1), canny(STEP, smoothing=0))


def test_differences_that_rounding_makes_are_none(rng):
    flat = np.full((40, 40), 1e6 / 3, np.float32)
    flat[20, 20:] = np.nan
    with pytest.raises(NothingToSeparate, match="image is constant"):
        canny(flat)


def test_a_constant_image_has_no_edges():
    with pytest.raises(NothingToSeparate, match="image is constant"):
        canny(np.full((9, 9), 7))
    with pytest.raises(NothingToSeparate, match="only NaN"):
        canny(np.full((9, 9), np.nan))
    # a flat part of a larger image, whose thresholds are known
    assert not canny(np.full((9, 9), 7), thresholds="absolute", low=1, high=2).any()


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (5, 2), (1, 9)])
def test_small_images_have_no_inside(shape):
    image = np.arange(np.prod(shape)).reshape(shape)
    assert not canny(image, smoothing=0, thresholds="absolute", low=0, high=0).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"thresholds": "absolute"}, "low is missing; .* needs low and high, .* such as low=5"),
        ({"thresholds": "absolute", "low": 3}, "high is missing"),
        ({"thresholds": "absolute", "low": 9, "high": 5}, "low is 9 and high is 5, .*wrong way"),
        ({"low_quantile": 0.95}, "low_quantile is 0.95 and high_quantile is 0.9, .* exchange them"),
        ({"low_quantile": 1.5}, "low_quantile is 1.5; it must be from 0 to 1"),
        ({"low": 5.0}, "low is 5.0, but it is used only with thresholds = 'absolute'"),
        ({"thresholds": "absolute", "low": -1, "high": 5}, "low is -1"),
        ({"thresholds": "many"}, "thresholds is 'many'; choose one of"),
        ({"smoothing": "50 px"}, "smoothing is '50 px'.* choose a shorter one"),
        ({"mask": np.ones((3, 3), bool)}, "mask has shape"),
    ],
)
def test_bad_input_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        canny(STEP, **options)


def test_volumes_are_refused():
    with pytest.raises(ValueError, match=r"image has shape \(2, 5, 6\); pass a plane"):
        canny(np.stack([STEP, STEP]))


def _statistics(pieces, **options):
    given = {"smoothing": "2 px", "thresholds": "quantiles"}
    given |= {"low_quantile": 0.8, "high_quantile": 0.9, "low": None, "high": None}
    return canny_statistics(pieces, **{**given, **options}, spacing=SQUARE)


@pytest.mark.parametrize("options", [{}, {"smoothing": 0}, {"low_quantile": 0.3, "high_quantile": 0.97}])  # fmt: skip
def test_the_levels_of_the_whole_give_the_same_edges(options):
    image = data.coins()
    found = {**options, **_statistics([{"image": image}], **options)}
    np.testing.assert_array_equal(canny(image, **found), canny(image, **options))
    mask = np.zeros(image.shape, bool)
    mask[50:150, 100:200] = True
    inside = {**options, **_statistics([{"image": image, "mask": mask}], **options)}
    assert inside["high"] != found["high"]
    np.testing.assert_array_equal(
        canny(image, mask=mask, **inside), canny(image, mask=mask, **options)
    )


def test_levels_of_several_pieces_are_quantiles_of_all():
    images = [data.coins(), data.camera().astype(float), np.full((4, 4), np.nan)]
    found = _statistics([{"image": image} for image in images])
    magnitudes = [gradient(image, (2, 2), SQUARE).magnitude.ravel() for image in images[:2]]
    expected = np.quantile(np.concatenate(magnitudes), (0.8, 0.9))
    np.testing.assert_allclose((found["low"], found["high"]), expected, rtol=2e-4)
    assert _statistics([], thresholds="absolute") == {}
    with pytest.raises(NothingToSeparate, match="image is constant"):
        _statistics([{"image": np.zeros((5, 5))}])


@pytest.mark.parametrize("sigma", [0, 1, 2, 3.3])
def test_a_part_with_a_halo_gives_the_same_as_the_whole(sigma):
    image = data.camera()
    options = {"smoothing": f"{sigma} px", "thresholds": "absolute", "low": 6, "high": 6}
    halo = int(4 * sigma + 0.5) + 2
    whole = canny(image, **options)[200:300, 150:300]
    part = canny(image[200 - halo : 300 + halo, 150 - halo : 300 + halo], **options)
    np.testing.assert_array_equal(part[halo : halo + 100, halo : halo + 150], whole)


def test_slabs_do_not_show(monkeypatch):
    whole = canny(data.camera())
    monkeypatch.setattr("napari_tessera.algorithms.parallel.SLAB", 5000)
    np.testing.assert_array_equal(canny(data.camera()), whole)


def test_progress_rises_and_can_stop_the_work(monkeypatch):
    monkeypatch.setattr("napari_tessera.algorithms.parallel.SLAB", 20_000)
    seen = []
    canny(data.camera(), report=lambda progress: seen.append(progress.done / progress.total))
    assert seen == sorted(seen)
    assert seen[-1] == 1

    def stop(_):
        raise Stop

    with pytest.raises(Stop):
        canny(data.camera(), report=stop)


def test_the_image_is_left_alone_and_hints_can_be_read():
    image = data.coins()
    before = image.copy()
    canny(image)
    np.testing.assert_array_equal(image, before)
    assert "return" in get_type_hints(canny, include_extras=True)
