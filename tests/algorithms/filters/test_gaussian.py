import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from napari_tessera.algorithms.filters.gaussian import (
    ORDERS,
    TRUNCATE,
    WIDE,
    cosine_series,
    gaussian,
)
from napari_tessera.algorithms.filters.gaussian_kernels import mirror_index
from napari_tessera.signature.progress import Reporter, Stop


def of_scipy(image, width):
    return ndimage.gaussian_filter(image.astype(float), width, truncate=TRUNCATE)


@pytest.mark.parametrize(
    ("dtype", "given", "exact"),
    [
        ("uint8", "float32", 1e-6),
        ("bool", "float32", 1e-6),
        (">u2", "float32", 1e-6),
        ("int64", "float32", 1e-6),
        ("float16", "float32", 1e-6),
        ("float32", "float32", 1e-6),
        ("float64", "float64", 1e-13),
    ],
)
@pytest.mark.parametrize(
    ("shape", "width"),
    [
        ((90, 70), (2.0, 1.3)),
        ((90, 70), (0, 3.0)),
        ((90, 70), (0.4, 0)),
        ((20, 30, 40), (2.0, 1.0, 1.5)),
        ((20, 30, 40), (1.5, 0, 0)),
        ((20, 30, 40), (0, 1.5, 0)),
        ((2, 12, 30, 40), (0, 1.0, 0, 2.0)),
        ((50,), (2.0,)),
    ],
)
def test_narrow_ones_are_those_of_scipy(shape, width, dtype, given, exact, rng):
    image = (200 * rng.random(shape)).astype(dtype)
    before = image.copy()
    found = gaussian(image, width)
    assert found.dtype == given
    np.testing.assert_allclose(found, of_scipy(image, width), rtol=0, atol=200 * exact)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(
    ("shape", "width"),
    [
        ((300, 200), (WIDE, 20.0)),
        ((100, 70), (40.0, 2.0)),  # wider than the image
        ((3, 60, 50), (1.5, 1.5, 1.5)),  # few planes
        ((1, 1), (3.0, 3.0)),
        ((70, 3), (0, 30.0)),
    ],
)
def test_wide_ones_differ_from_those_of_scipy_by_the_error_that_is_stated(shape, width, rng):
    image = rng.random(shape)
    np.testing.assert_allclose(gaussian(image, width), of_scipy(image, width), rtol=0, atol=2e-4)


@pytest.mark.parametrize("width", [WIDE, 20.0, 100.0])
def test_the_cosines_are_a_gaussian(width):
    reach = int(TRUNCATE * width + 0.5)
    places = np.arange(-reach, reach + 1)
    cosines = np.cos(np.pi / reach * np.outer(places, np.arange(ORDERS)))
    wanted = np.exp(-0.5 * (places / width) ** 2)
    found = cosines @ cosine_series(width)
    assert found.sum() == pytest.approx(1)
    np.testing.assert_allclose(found, wanted / wanted.sum(), rtol=0, atol=2e-4 / wanted.sum())


@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.float32]),
        arrays.array_shapes(min_dims=1, max_dims=4, max_side=9),
        elements=st.integers(0, 255),
    ),
    st.data(),
)
def test_means_flat_images_and_mirrors(image, data):
    width = data.draw(st.tuples(*[st.sampled_from([0, 0.7, 2.0, 20.0])] * image.ndim))
    found = gaussian(image, width)
    assert found.mean() == pytest.approx(image.mean(), rel=1e-4, abs=1e-3)
    np.testing.assert_allclose(gaussian(image[::-1], width)[::-1], found, rtol=1e-4, atol=1e-3)
    assert len(np.unique(gaussian(np.full_like(image, 77), width))) == 1


def test_one_far_wider_than_the_image_is_the_mean_and_a_tiny_one_nothing(rng):
    image = rng.random((20, 30))
    means = np.broadcast_to(image.mean(axis=0), image.shape)
    np.testing.assert_allclose(gaussian(image, (1e300, 1e-300)), means, rtol=2e-5)
    np.testing.assert_array_equal(gaussian(image, (1e-300, 0.1)), image)


def test_pieces_make_the_whole(rng):
    image = rng.random((1200, 1100)).astype(np.float32)
    for width in ((2.0, 2.0), (WIDE, 0.0), (0.0, WIDE)):
        whole = gaussian(image, width)
        margin = int(TRUNCATE * max(width) + 1)
        part = gaussian(image[300 - margin : 700 + margin], width)[margin:-margin]
        np.testing.assert_allclose(part, whole[300:700], rtol=1e-6)


def test_it_stops_between_pieces(rng):
    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        gaussian(rng.random((2000, 1000)), (2.0, 2.0), Reporter(stop))


def test_places_beyond_the_borders_are_mirrored_as_often_as_needed():
    assert [mirror_index.py_func(n, 3) for n in range(-7, 10)] == [
        *(0, 0, 1, 2, 2, 1, 0),
        *(0, 1, 2, 2, 1, 0),
        *(0, 1, 2, 2),
    ]
