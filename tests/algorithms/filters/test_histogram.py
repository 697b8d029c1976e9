import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage import data, filters

from napari_tessera.algorithms.filters import histogram as module
from napari_tessera.algorithms.filters.histogram import histogram, level, li, otsu, triangle

DTYPES = st.sampled_from([np.uint8, np.int8, np.uint16, np.int32, np.int64])


def whole_numbers(dtype):
    """Return those that a histogram keeps exactly."""
    info = np.iinfo(dtype)
    return st.integers(max(info.min, -(2**53)), min(info.max, 2**53))


def within_class_variance(values, levels):
    """Sum over classes of the squared deviations, by its definition."""
    bins = np.digitize(values, levels, right=True)
    return sum(((values[bins == b] - values[bins == b].mean()) ** 2).sum() for b in set(bins))


def exhaustive(values, classes):
    """Return the least variance within classes over all choices of levels."""
    places = np.unique(values)[:-1]
    return min(
        within_class_variance(values, levels)
        for levels in itertools.combinations(places, classes - 1)
    )


@given(DTYPES.flatmap(lambda d: arrays(d, st.integers(2, 30), elements=whole_numbers(d))))
def test_counts_are_those_of_numpy(image):
    values, counts = np.unique(image, return_counts=True)
    found = histogram([image])
    np.testing.assert_array_equal(found.values, values)
    np.testing.assert_array_equal(found.counts, counts)


@pytest.mark.parametrize("size", [4096, 4097])  # bytes are counted in pairs, one may be left over
def test_bytes_in_pieces_count_as_the_whole(rng, size):
    image = rng.integers(3, 250, size).astype(np.uint8)
    found = histogram([image[:1001], image[1001:]])
    np.testing.assert_array_equal(found.counts, np.unique(image, return_counts=True)[1])


def test_wide_integers_do_not_need_one_bin_per_value():
    image = np.array([0, 2**31, 2**40, 2**40], np.int64)
    found = histogram([image])
    assert found.values.tolist() == [0, 2**31, 2**40]
    assert found.counts.tolist() == [1, 1, 2]


def test_many_different_floats_fall_into_bins_of_equal_width(rng):
    image = rng.random(100_000)
    found = histogram([image])
    assert found.counts.sum() == image.size
    assert found.values.size <= module.BINS
    assert abs(otsu(found)[0] - filters.threshold_otsu(image, 4096)) < 1 / 4096


@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "u8", "f4"])
def test_few_pixels_count_as_many_do(kind, rng, monkeypatch):
    image = rng.normal(100, 20, 2 * module.BINS).astype(kind)
    if kind == "u8":
        image += np.uint64(2**63)
    if kind == "f4":
        image[:3] = np.nan, np.inf, -np.inf
    by_numpy = histogram([image])
    monkeypatch.setattr(module, "FEW", 0)
    compiled = histogram([image])
    for found, expected in zip(by_numpy, compiled, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_nan_and_infinity_do_not_count():
    found = histogram([np.array([1.0, np.nan, np.inf, 2.0, -np.inf])])
    assert found.values.tolist() == [1, 2]
    with pytest.raises(ValueError, match="no pixel with a finite value"):
        histogram([np.array([np.nan])])


@settings(max_examples=60)
@given(
    DTYPES.flatmap(
        lambda d: arrays(d, st.integers(6, 25), elements={"min_value": 0, "max_value": 99})
    ),
    st.integers(2, 4),
)
def test_otsu_equals_the_exhaustive_search(image, classes):
    if len(np.unique(image)) < classes:
        with pytest.raises(ValueError, match=f"classes is {classes}, but the image has only"):
            otsu(histogram([image]), classes)
        return
    values = image.astype(float)
    levels = otsu(histogram([image]), classes)
    assert within_class_variance(values, levels) == pytest.approx(exhaustive(values, classes))


@pytest.mark.parametrize("classes", [2, 3, 4, 5])
def test_otsu_equals_scikit_image_on_a_photograph(classes):
    image = data.camera()
    expected = (
        filters.threshold_multiotsu(image, classes)
        if classes > 2
        else (filters.threshold_otsu(image),)
    )
    own = np.digitize(image, otsu(histogram([image]), classes), right=True)
    np.testing.assert_array_equal(own, np.digitize(image, expected, right=True))


def test_many_values_are_as_good_as_the_exact_search_within_a_part_in_a_million(rng, monkeypatch):
    image = (
        np.concatenate([rng.normal(m, 300, 2000) for m in (1000, 4000, 9000)])
        .clip(0)
        .astype(np.uint16)
    )
    found = histogram([image])
    monkeypatch.setattr(module, "_COARSE", 64)
    coarse = otsu(found, 3)
    monkeypatch.setattr(module, "_COARSE", 10**6)
    exact = otsu(found, 3)
    values = image.astype(float)
    assert within_class_variance(values, coarse) == pytest.approx(
        within_class_variance(values, exact), rel=1e-6
    )


@pytest.mark.parametrize("image", [data.camera(), data.coins(), data.moon(), data.page()])
@pytest.mark.parametrize("method", ["otsu", "li", "triangle", "yen", "isodata", "mean", "minimum"])
def test_every_level_separates_as_scikit_image_does(image, method):
    expected = getattr(filters, f"threshold_{method}")
    try:
        wanted = image > expected(image)
    except RuntimeError:
        with pytest.raises(ValueError, match="no two peaks"):
            level(histogram([image]), method)
        return
    np.testing.assert_array_equal(image > level(histogram([image]), method), wanted)


def test_levels_of_sixteen_bit_images_agree_with_scikit_image():
    image = data.camera().astype(np.uint16) * 200 + 77
    found = histogram([image])
    np.testing.assert_array_equal(image > li(found), image > filters.threshold_li(image))
    np.testing.assert_array_equal(
        image > otsu(found)[0], image > filters.threshold_otsu(image, nbins=256)
    )
    narrow = data.camera().astype(np.uint16) + 1000
    assert triangle(histogram([narrow])) == filters.threshold_triangle(narrow)


def test_a_constant_image_of_floats_has_one_value():
    found = histogram([np.full((300, 300), 0.3)])  # more pixels than bins
    assert found.values.tolist() == [0.3]
    assert found.counts.tolist() == [90_000]
