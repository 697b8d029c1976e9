import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage import data, feature

from napari_tessera.algorithms.filters import pixel_feature_kernels
from napari_tessera.algorithms.filters.pixel_features import FilterBank, doubling

RNG = np.random.default_rng(0)
PLANE = RNG.random((40, 46, 2)).astype(np.float32)
VOLUME = RNG.random((18, 24, 26, 1)).astype(np.float32)


def all_of(image):
    return tuple(slice(0, n) for n in image.shape[:-1])


def column(bank, found, name):
    return found[..., bank.names.index(name)]


def test_a_ramp_has_a_slope_and_no_curvature():
    image = np.tile(np.arange(20, dtype=np.float32) * 3, (20, 1))[..., np.newaxis]
    bank = FilterBank((2.0,), (1.0, 1.0))
    middle = bank.of(image, (slice(9, 10), slice(9, 10)))[0, 0]
    # 3 a pixel are 6 a scale of two pixels
    np.testing.assert_allclose(middle, [27, 27, 6, 0, 0, 0], atol=1e-4)


def test_a_bowl_is_curved_along_both_axes_by_their_pixel_size():
    y, x = np.mgrid[-20:21, -20:21]
    image = (2.0 * y**2 + 0.5 * x**2).astype(np.float32)[..., np.newaxis]
    bank = FilterBank((1.0,), (2.0, 1.0))
    middle = bank.of(image, (slice(20, 21), slice(20, 21)))[0, 0]
    # second derivatives 4 and 1, by pixels of 2 and 1
    np.testing.assert_allclose(middle[2:], [0, 1 + 1, 1, 1], atol=1e-3)


@pytest.mark.parametrize("shape", ["plane", "volume"])
def test_derivatives_are_those_of_numpy(shape):
    image = (PLANE if shape == "plane" else VOLUME)[..., 0]
    scale, axes = 1.5, image.ndim
    bank = FilterBank((scale,), (1.0,) * axes)
    found = bank.of(image[..., np.newaxis], all_of(image[..., np.newaxis]))
    smooth = ndimage.gaussian_filter(image.astype(float), scale, mode="reflect")
    slopes = np.stack(np.gradient(smooth)) * scale
    inner = (slice(2, -2),) * axes
    slope = np.sqrt((slopes**2).sum(axis=0))
    np.testing.assert_allclose(
        column(bank, found, "slope at 1.5 px")[inner], slope[inner], atol=1e-4
    )
    hessian = np.empty((*image.shape, axes, axes))
    for i in range(axes):
        for j in range(axes):
            if i == j:
                hessian[..., i, i] = ndimage.correlate1d(smooth, [1, -2, 1], i)
            else:
                mixed = ndimage.correlate1d(smooth, [-0.5, 0, 0.5], i)
                hessian[..., i, j] = ndimage.correlate1d(mixed, [-0.5, 0, 0.5], j)
    values = np.linalg.eigvalsh(hessian)[..., ::-1] * scale**2
    own = found[..., -axes:]
    np.testing.assert_allclose(own[inner], values[inner], atol=1e-4)
    laplacian = column(bank, found, "Laplacian at 1.5 px")
    np.testing.assert_allclose(laplacian, own.sum(axis=-1), atol=1e-4)


def test_texture_is_the_structure_tensor_of_scikit_image():
    image = data.coins()[60:120, 60:120].astype(np.float32)
    bank = FilterBank((1.5, 3.0), (1.0, 1.0), texture=True)
    found = bank.of(image[..., np.newaxis], all_of(image[..., np.newaxis]))
    smooth = ndimage.gaussian_filter(image, 1.5, mode="reflect")
    dy, dx = (each * 1.5 for each in np.gradient(smooth))
    for scale in bank.scales:
        averaged = [
            ndimage.gaussian_filter(each, scale, mode="reflect")
            for each in (dy * dy, dy * dx, dx * dx)
        ]
        values = feature.structure_tensor_eigenvalues(np.stack(averaged))
        inner = (slice(13, -13),) * 2
        for place, name in enumerate(("larger", "smaller")):
            own = column(bank, found, f"{name} change within {scale:g} px")
            np.testing.assert_allclose(own[inner], values[place][inner], rtol=1e-3, atol=0.05)


@pytest.mark.parametrize("texture", [False, True])
@given(data=st.data())
def test_a_box_of_an_image_is_described_as_in_the_whole(texture, data):
    image = data.draw(st.sampled_from([PLANE, VOLUME]))
    voxel = (1.0, 1.0) if image.ndim == 3 else (2.0, 1.0, 1.0)
    bank = FilterBank((1.0, 2.0), voxel, texture)
    starts = [data.draw(st.integers(0, n - 1)) for n in image.shape[:-1]]
    stops = [data.draw(st.integers(a + 1, n)) for a, n in zip(starts, image.shape, strict=False)]
    core = tuple(map(slice, starts, stops))
    expected = whole(image.ndim, texture)[core]
    np.testing.assert_array_equal(bank.of(image, core), expected)
    # and what lies beyond the halo is of no matter
    low = [max(0, a - h) for a, h in zip(starts, bank.halo, strict=True)]
    seen = tuple(slice(a, b + h) for a, b, h in zip(low, stops, bank.halo, strict=True))
    inner = tuple(slice(a - f, b - f) for a, b, f in zip(starts, stops, low, strict=True))
    np.testing.assert_array_equal(bank.of(image[seen], inner), expected)


_WHOLE = {}


def whole(axes, texture):
    if (axes, texture) not in _WHOLE:
        image = PLANE if axes == 3 else VOLUME
        voxel = (1.0, 1.0) if axes == 3 else (2.0, 1.0, 1.0)
        bank = FilterBank((1.0, 2.0), voxel, texture)
        _WHOLE[axes, texture] = bank.of(image, all_of(image))
    return _WHOLE[axes, texture]


def test_each_channel_is_described_alike():
    bank = FilterBank((1.0,), (1.0, 1.0))
    both, count = bank.of(PLANE, all_of(PLANE)), len(bank.names)
    assert both.shape == (40, 46, 2 * count)
    for channel in range(2):
        own = np.ascontiguousarray(PLANE[..., channel : channel + 1])
        alone = bank.of(own, all_of(PLANE))
        np.testing.assert_array_equal(both[..., channel * count : (channel + 1) * count], alone)


def test_a_thick_plane_is_smoothed_less_across():
    point = np.zeros((9, 15, 15, 1), np.float32)
    point[4, 7, 7] = 1
    bank = FilterBank((2.0,), (4.0, 1.0, 1.0))
    found = column(bank, bank.of(point, all_of(point)), "intensity at 2 px")
    expected = ndimage.gaussian_filter(point[..., 0], (0.5, 2, 2), mode="reflect")
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_scales_double():
    assert doubling(1, 8) == (1, 2, 4, 8)
    assert doubling(0.7, 0.7) == (0.7,)
    assert doubling(1, 7.9) == (1, 2, 4)


def test_a_flat_matrix_has_equal_eigenvalues():
    products = np.zeros((6, 1, 1, 2), np.float32)
    products[:3, 0, 0, 0] = 5
    products[:3, 0, 0, 1] = 1, 3, 2
    out = np.empty((1, 1, 2, 3), np.float32)
    pixel_feature_kernels.volume_tensors(products, out)
    np.testing.assert_allclose(out[0, 0], [[5, 5, 5], [3, 2, 1]], rtol=1e-6)
