import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import data, feature, segmentation

from napari_tessera import watershed
from napari_tessera.methods.classical.watershed import watershed_statistics
from napari_tessera.signature.parts import PartOfWhole, passing
from napari_tessera.signature.progress import NothingToSeparate, Progress, Stop
from napari_tessera.signature.words import VoxelSize

BAR = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 9, 9, 9, 0, 0, 0, 9, 9, 9, 0],
        [0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 0],
        [0, 9, 9, 9, 0, 0, 0, 9, 9, 9, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ],
    np.uint8,
)


def test_a_dumb_bell_is_cut_at_its_waist():
    result = watershed(BAR, smoothing=0, seed_distance="4 px")
    assert result.dtype == np.uint16
    assert result[2].tolist() in (
        [0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 0],
        [0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 0],
    )
    np.testing.assert_array_equal(result > 0, BAR > 0)


def test_lines_of_background_between_objects():
    result = watershed(BAR, smoothing=0, seed_distance="4 px", lines=True)
    assert result[2].tolist() == [0, 1, 1, 1, 1, 0, 2, 2, 2, 2, 0]


def test_dark_objects_are_bright_ones_of_the_negative():
    options = {"smoothing": 0, "seed_distance": "4 px"}
    np.testing.assert_array_equal(
        watershed(9 - BAR, objects="dark", **options), watershed(BAR, **options)
    )


def test_given_markers_keep_their_values():
    markers = np.zeros(BAR.shape, int)
    markers[2, 2], markers[2, 8] = 40000, 7
    result = watershed(BAR, smoothing=0, markers=markers)
    assert sorted(np.unique(result)) == [0, 7, 40000]
    assert result.dtype == np.uint32
    assert result[2, 1] == 40000


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint16, np.uint64])
def test_markers_of_every_dtype_leave_the_background_alone(dtype):
    markers = np.zeros(BAR.shape, dtype)
    markers[2, 2] = markers[2, 8] = 1
    result = watershed(BAR, smoothing=0, markers=markers)
    assert np.unique(result).tolist() == [0, 1]
    np.testing.assert_array_equal(result > 0, BAR > 0)


def test_markers_beyond_31_bits_are_refused():
    with pytest.raises(ValueError, match="markers has values from 0 to 4294967296"):
        watershed(BAR, smoothing=0, markers=(BAR > 0).astype(np.int64) << 32)


def test_lines_in_a_volume():
    volume = np.stack([BAR * 0, BAR, BAR, BAR, BAR * 0])
    result = watershed(volume, smoothing=0, seed_distance="4 px", lines=True)
    assert result.max() == 2
    assert result[2, 2].tolist() == [0, 1, 1, 1, 1, 0, 2, 2, 2, 2, 0]


@pytest.mark.parametrize("landscape", ["intensity", "gradient"])
def test_a_volume_of_one_plane(landscape):
    result = watershed(BAR[None], smoothing=0, landscape=landscape)
    assert result.shape == (1, 5, 11)


def test_no_foreground_means_no_objects():
    result = watershed(BAR, smoothing=0, foreground="level", level=200.0)
    assert not result.any()


def test_all_foreground_has_no_distances():
    with pytest.raises(NothingToSeparate, match="no pixel is background"):
        watershed(BAR, smoothing=0, foreground="all")


def test_markers_off_the_objects_are_refused():
    markers = np.zeros(BAR.shape, int)
    markers[0, 0] = 1
    with pytest.raises(ValueError, match="no marker inside the foreground"):
        watershed(BAR, smoothing=0, markers=markers)
    with pytest.raises(ValueError, match="no marker"):
        watershed(BAR, smoothing=0, markers=np.zeros(BAR.shape, int))


def independent(image, sigma, apart):
    """The usual recipe, written with scikit-image's own functions only."""
    from skimage.filters import gaussian, threshold_otsu

    smooth = gaussian(image.astype(np.float32), sigma, mode="reflect", preserve_range=True)
    inside = smooth > threshold_otsu(smooth, nbins=65536)
    distance = ndimage.distance_transform_edt(inside)
    peaks = feature.peak_local_max(
        distance, min_distance=apart, labels=inside.astype(int), exclude_border=False, p_norm=2
    )
    markers = np.zeros(image.shape, int)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return segmentation.watershed(-distance, markers, mask=inside, connectivity=2), inside


def test_coins_are_cut_as_by_the_usual_recipe():
    image = data.coins()
    expected, inside = independent(image, 2, 10)
    found = watershed(image, smoothing="2 px", seed_distance="10 px")
    # bins of the histogram end, or have their centre, at the level
    assert ((found > 0) != inside).sum() <= 5
    # peaks on a plateau may be chosen elsewhere: the number and most borders agree
    assert abs(int(found.max()) - int(expected.max())) <= 3
    same = segmentation.find_boundaries(found) == segmentation.find_boundaries(expected)
    assert same.mean() > 0.97


@pytest.mark.parametrize("landscape", ["intensity", "gradient"])
def test_flooding_is_that_of_scikit_image(landscape):
    image = data.coins().astype(np.float32)
    markers = np.zeros(image.shape, int)
    markers[60:260:50, 40:350:60] = np.arange(1, 25).reshape(4, 6)
    found = watershed(image, smoothing=0, landscape=landscape, markers=markers, foreground="all")
    slopes = np.gradient(image)
    relief = -image if landscape == "intensity" else np.sqrt(slopes[0] ** 2 + slopes[1] ** 2)
    np.testing.assert_array_equal(found, segmentation.watershed(relief, markers))


def test_h_maxima_find_each_hill_once():
    y, x = np.mgrid[:40, :80]
    image = np.exp(-((y - 20) ** 2 + (x - 20) ** 2) / 60) + np.exp(
        -((y - 20) ** 2 + (x - 55) ** 2) / 60
    )
    image += 0.01 * np.sin(x * 2) * np.sin(y * 2)
    result = watershed(image, smoothing=0, landscape="intensity", seeds="h-maxima", seed_height=0.2)
    assert result.max() == 2
    assert result[20, 20] != result[20, 55]


def test_distances_follow_the_voxel_size():
    # two balls in the world, 16 apart along z: 4 planes of 4
    z, y, x = np.meshgrid(np.arange(9) * 4, np.arange(24), np.arange(24), indexing="ij")
    image = np.zeros(z.shape, np.uint8)
    for centre in (8, 24):
        image[(z - centre) ** 2 + (y - 12) ** 2 + (x - 12) ** 2 <= 81] = 200
    result = watershed(image, smoothing=0, seed_distance=10, spacing=(4, 1, 1))
    assert result.max() == 2
    assert result[2, 12, 12] != result[6, 12, 12]


def test_a_mask_keeps_objects_inside():
    mask = np.zeros(BAR.shape, bool)
    mask[:, :5] = True
    result = watershed(BAR, smoothing=0, mask=mask, seed_distance="4 px")
    assert not result[:, 5:].any()
    assert result[2, 2] == 1


def test_gaps_in_the_image_are_background():
    image = BAR.astype(float)
    image[2, 2] = np.nan
    result = watershed(image, smoothing=0, seed_distance="4 px")
    assert result[2, 2] == 0
    assert result[1, 1] > 0


def test_a_constant_image_has_no_foreground():
    with pytest.raises(NothingToSeparate):
        watershed(np.ones((8, 8)))
    with pytest.raises(ValueError, match="level is missing"):
        watershed(BAR, smoothing=0, foreground="level")


def test_the_level_of_the_whole_gives_the_same_labels():
    image = data.coins()[:120, :160]
    given = {
        "smoothing": "2 px",
        "background": "30 px",
        "foreground": "otsu",
        "prefilter": "median",
    }
    found = watershed_statistics([{"image": image}], spacing=VoxelSize((1, 1)), **given)
    assert found["foreground"] == "level"
    np.testing.assert_array_equal(watershed(image, **{**given, **found}), watershed(image, **given))


def test_it_reports_and_can_be_stopped():
    shares = []
    watershed(BAR, smoothing=0, seed_distance="4 px", report=lambda p: shares.append(p.done))
    assert shares == sorted(shares)
    assert shares[-1] == 1

    def stop(progress: Progress) -> None:
        raise Stop

    with pytest.raises(Stop):
        watershed(BAR, smoothing=0, report=stop)


@pytest.mark.parametrize("scale", [1e-17, 1e-12, 1e12, 1e15])
@pytest.mark.parametrize("landscape", ["intensity", "gradient", "distance"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_unit_of_the_image_makes_no_difference(scale, landscape, dtype):
    image = np.zeros((20, 30))
    image[3:12, 3:14], image[6:17, 14:25] = 100, 60
    markers = np.zeros(image.shape, int)
    markers[7, 7], markers[12, 20] = 3, 5
    options = {"landscape": landscape, "markers": markers}
    np.testing.assert_array_equal(
        watershed((image * scale).astype(dtype), **options), watershed(image, **options)
    )


@pytest.mark.parametrize("value", [9.97e36, 1e308, 1e-30])
def test_values_of_which_no_square_is_finite_are_refused(value):
    image = np.zeros((9, 9))
    image[3:6, 3:6] = value
    with pytest.raises(ValueError, match=r"image has values from 0 to .* to compute with"):
        watershed(image, landscape="gradient")


@settings(max_examples=30, derandomize=True)
@given(st.data())
def test_what_touches_the_core_of_a_part_is_what_it_would_be_without_a_core(data):
    axes = data.draw(st.integers(2, 3))
    shape = tuple(data.draw(st.integers(20, 90 if axes == 2 else 32)) for _ in range(axes))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    image = ndimage.gaussian_filter(rng.normal(size=shape), rng.uniform(1, 2.5))
    image = np.digitize(image / image.std(), np.linspace(-2, 2, 200)).astype(np.uint8)
    options = {
        "smoothing": 0,
        "landscape": data.draw(st.sampled_from(["distance", "distance", "intensity", "gradient"])),
        "seed_distance": data.draw(st.sampled_from([1.5, 3, 6])),
        "foreground": "level",
        "level": 100 + float(rng.integers(0, 30)),
    }
    core = tuple(slice(n // 3, n // 3 + 1 + n // 4) for n in shape)
    part = PartOfWhole((100,) * axes, tuple(slice(0, n) for n in shape), core, reach=2)
    with passing(part):
        found = watershed(image, **options)
    expected = watershed(image, **options)
    here = found[part.compared]
    np.testing.assert_array_equal(here > 0, expected[part.compared] > 0)
    pairs = np.unique(np.stack([here.ravel(), expected[part.compared].ravel()]), axis=1).T
    assert len(pairs) == len(np.unique(pairs[:, 0])) == len(np.unique(pairs[:, 1]))


def test_equally_high_peaks_of_components_far_away_decide_which_of_them_is_kept():
    # each of the pixels is a component, and linked to the next: the first, third and fifth are kept
    image = np.zeros((3, 30), np.uint8)
    image[1, 2:28:2] = 100
    options = {"smoothing": 0, "seed_distance": 3, "foreground": "level", "level": 50.0}
    expected = watershed(image, **options)
    core = (slice(0, 3), slice(20, 26))
    with passing(PartOfWhole((3, 90), (slice(0, 3), slice(0, 30)), core)):
        found = watershed(image, **options)
    np.testing.assert_array_equal(found[core] > 0, expected[core] > 0)
    assert (expected[core] > 0).sum() in (1, 2)


def test_nothing_at_the_core_of_a_part_is_nothing():
    core = (slice(0, 5), slice(0, 1))
    with passing(PartOfWhole((5, 90), (slice(0, 5), slice(0, 11)), core)):
        assert not watershed(BAR, smoothing=0).any()
