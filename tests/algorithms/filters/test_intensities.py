import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from napari_tessera.algorithms.filters.intensities import intensities, normalised


def plane(shape=(90, 110), seed=0):
    random = np.random.default_rng(seed)
    return random.gamma(2, 20, shape).clip(0, 255).astype(np.uint8)


def whole(image, axis=None, **options):
    last = image if axis is None else np.moveaxis(image, axis, -1)
    found = intensities([last], channels=axis is not None, **options)
    return normalised(image, found, channel_axis=axis)


def test_written_out():
    image = np.array([[0, 10, 20], [30, 40, 50]], np.uint8)
    (found,) = intensities([image], channels=False, low=20, high=80)
    assert found == (10, 30)
    expected = np.array([[[-1 / 3, 0, 1 / 3], [2 / 3, 1, 4 / 3]]], np.float32)
    np.testing.assert_allclose(normalised(image, [found], channel_axis=None), expected)
    (found,) = intensities([image], channels=False, kind="mean")
    assert found == pytest.approx((25, np.std([0, 10, 20, 30, 40, 50])))


@pytest.mark.parametrize("kind", ["percentiles", "mean"])
@pytest.mark.parametrize("shape", [(90, 110), (300, 400), (5, 30, 40)])
def test_neither_dtype_nor_contrast_decides(kind, shape):
    image = plane(shape)
    expected = whole(image, kind=kind)
    assert expected.dtype == np.float32
    assert expected.shape == (1, *shape)
    for other in (
        image.astype(np.uint16) * 137 + 50,
        image.astype(np.int64) * 10**7 - 10**9,
        image / 255,
        (image / 255).astype(np.float32),
        (image / np.float32(8)).astype(np.float16),
        -3 + image.astype(np.float32) * 1e-3,
    ):
        np.testing.assert_allclose(whole(other, kind=kind), expected, atol=2e-3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, bool, np.float64])
def test_percentiles_are_those_of_numpy(dtype):
    image = (plane() > 40) if dtype is bool else plane().astype(dtype)
    ((zero, extent),) = intensities([image], channels=False, low=3, high=97)
    first, last = np.percentile(image.astype(float), [3, 97], method="inverted_cdf")
    assert (zero, zero + extent) == (first, last)


def test_an_outlier_does_not_coarsen_the_steps():
    image = np.random.default_rng(1).normal(100, 5, (300, 300)).astype(np.float32)
    first, last = np.percentile(image, [1, 99.8])
    image[0, 0] = 1e7
    ((zero, extent),) = intensities([image], channels=False)
    assert zero == pytest.approx(first, abs=0.02)
    assert zero + extent == pytest.approx(last, abs=0.1)


def test_mean_of_pieces_is_that_of_the_whole():
    image = np.random.default_rng(2).normal(1e6, 1, (7, 50, 60))
    (found,) = intensities(list(image), channels=False, kind="mean")
    assert found == pytest.approx((image.mean(), image.std()), rel=1e-9)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_channels_are_apart_and_come_first(axis):
    channels = [plane(seed=0), plane(seed=1) // 2 + 100, np.full((90, 110), 9, np.uint8)]
    found = whole(np.stack(channels, axis), axis)
    assert found.flags.c_contiguous
    for own, channel in zip(found, channels, strict=True):
        np.testing.assert_array_equal(own, whole(channel)[0])
    assert not found[2].any()


@pytest.mark.parametrize("kind", ["percentiles", "mean"])
def test_what_is_no_number_does_not_count(kind):
    image = plane((260, 270)) / 255
    gaps = image.copy()
    gaps[0, :4] = np.nan, np.inf, -np.inf, np.nan
    rest = gaps[np.isfinite(gaps)]
    (found,) = intensities([gaps], channels=False, kind=kind)
    assert found == pytest.approx(intensities([rest], channels=False, kind=kind)[0], rel=1e-9)
    result = normalised(gaps, [found], channel_axis=None)
    assert not result[0, 0, :4].any()
    np.testing.assert_array_equal(
        result[0, 1:], normalised(image[1:], [found], channel_axis=None)[0]
    )


@pytest.mark.parametrize("kind", ["percentiles", "mean"])
@pytest.mark.parametrize("value", [7, 0.1, np.nan])
def test_constant_channels_become_zero(kind, value):
    image = np.full((300, 300), value)
    assert not whole(image, kind=kind).any()


def test_a_few_pixels_on_an_even_ground_keep_their_range():
    image = np.zeros((100, 100), np.uint16)
    image[0, 0] = 60_000
    assert whole(image).max() == 1


@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.int32, np.float32]),
        arrays.array_shapes(min_dims=2, max_dims=3, max_side=8),
        elements=st.integers(0, 200),
    ),
    st.sampled_from(["percentiles", "mean"]),
    st.floats(0, 49),
    st.floats(51, 100),
)
def test_scaling_and_shifting_change_nothing(image, kind, low, high):
    expected = whole(image, kind=kind, low=low, high=high)
    assert np.isfinite(expected).all()
    other = whole(image.astype(np.float64) * 2 + 64, kind=kind, low=low, high=high)
    np.testing.assert_allclose(other, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: intensities(iter([plane()]), channels=False), TypeError, "read only once"),
        (lambda: intensities([], channels=False), ValueError, "pieces is empty"),
        (lambda: intensities([plane()], channels=False, kind="max"), ValueError, "kind is 'max'"),
        (
            lambda: normalised(np.zeros((4, 4, 3)), [(0, 1)], channel_axis=-1),
            ValueError,
            "image has 3 channels, but intensities are known of 1",
        ),
    ],
)
def test_bad_input_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("dtype", "highest"), [(np.uint8, 255), (np.uint16, 65_535), (np.float32, 1), (bool, 1)]
)
def test_the_range_of_the_type_becomes_0_to_1(dtype, highest):
    image = np.zeros((4, 5, 3), dtype)
    assert intensities([image], channels=True, kind="range") == ((0.0, highest),) * 3
    assert intensities([image], channels=False, kind="range") == ((0.0, highest),)


def test_true_of_1_bit_files_is_1():
    image = np.array([[0, 255], [255, 0]], np.uint8).view(bool)
    found = intensities([image], channels=False)
    assert found == intensities([image.view(np.uint8) != 0], channels=False) == ((0.0, 1.0),)
    assert normalised(image, found, channel_axis=None).tolist() == [[[0, 1], [1, 0]]]
