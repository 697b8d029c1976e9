import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage import data, segmentation

from napari_tessera.algorithms.growth import windows
from napari_tessera.algorithms.labels.ids import from_points
from napari_tessera.methods.classical.region_growing import region_growing
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Points, Source
from napari_tessera.signature.progress import Stop
from napari_tessera.signature.words import VoxelSize

IMAGE = np.array(
    [
        [10, 11, 50, 51, 52],
        [10, 12, 50, 52, 90],
        [11, 12, 13, 91, 92],
    ]
)


def seeds(*places, shape=IMAGE.shape):
    return from_points(np.array(places), shape)


def test_regions_within_the_tolerance():
    found = region_growing(
        IMAGE, markers=seeds((0, 0), (0, 3)), tolerance=5, smoothing=0, fill_holes=False
    )
    expected = [[1, 1, 2, 2, 2], [1, 1, 2, 2, 0], [1, 1, 1, 0, 0]]
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.uint16


def test_a_partition_leaves_nothing_out():
    found = region_growing(
        IMAGE, markers=seeds((0, 0), (0, 3), (2, 4)), partition=True, smoothing=0
    )
    expected = [[1, 1, 2, 2, 2], [1, 1, 2, 2, 3], [1, 1, 1, 3, 3]]
    np.testing.assert_array_equal(found, expected)


def test_the_most_similar_pixel_joins_first():
    row = np.array([[0, 4, 5, 7, 10]])
    # 7 joins 10 first (apart 3); the mean of these is 8.5, so 5 is next (3.5); then 4 is 3.33 from
    # that region and 4 from the other
    found = region_growing(row, markers=np.array([[1, 0, 0, 0, 2]]), partition=True, smoothing=0)
    np.testing.assert_array_equal(found, [[1, 2, 2, 2, 2]])


def test_the_mean_of_the_region_moves_that_of_the_seed_does_not():
    ramp = np.arange(0, 40, 2)[None]
    marker = np.zeros_like(ramp)
    marker[0, 0] = 1
    reach = {
        compare: int(
            region_growing(ramp, markers=marker, compare=compare, tolerance=7, smoothing=0).sum()
        )
        for compare in ("seed", "region")
    }
    # mean of 0, 2, ..., 2 n is n; the next is 2 n + 2, so it goes on while n + 2 <= 7
    assert reach == {"seed": 4, "region": 7}


@pytest.mark.parametrize("tolerance", [5, 20, 40])
@pytest.mark.parametrize("connectivity", ["faces", "full"])
def test_from_one_seed_it_is_scikit_images_flood(tolerance, connectivity):
    image = data.camera()[::2, ::2]
    found = region_growing(
        image,
        markers=seeds((125, 100), shape=image.shape),
        tolerance=tolerance,
        compare="seed",
        connectivity=connectivity,
        smoothing=0,
        fill_holes=False,
    )
    expected = segmentation.flood(
        image, (125, 100), tolerance=tolerance, connectivity=1 if connectivity == "faces" else 2
    )
    np.testing.assert_array_equal(found, expected)


def test_regions_stop_at_a_size_in_units():
    flat, middle = np.ones((41, 41)), seeds((20, 20), shape=(41, 41))
    found = region_growing(flat, markers=middle, max_diameter="10 px", smoothing=0, tolerance=1)
    assert found.sum() == round(np.pi * 25)
    half = VoxelSize((0.5, 0.5), "um")
    found = region_growing(
        flat, markers=middle, max_diameter="10 um", smoothing=0, tolerance=1, spacing=half
    )
    assert found.sum() == round(np.pi * 25 * 4)


def test_holes_are_filled_but_not_with_other_regions():
    image = np.zeros((7, 9))
    image[2, 2] = image[4, 6] = 100
    markers = seeds((0, 0), (4, 6), shape=image.shape)
    found = region_growing(image, markers=markers, tolerance=10, smoothing=0)
    expected = np.ones((7, 9))
    expected[4, 6] = 2
    np.testing.assert_array_equal(found, expected)


def test_colours_are_compared_as_colours():
    image = np.zeros((4, 8, 3), np.uint8)
    image[:, :4], image[:, 4:] = (200, 0, 0), (0, 110, 0)  # about equally light
    markers = seeds((0, 0), shape=(4, 8))
    found = region_growing(
        image, markers=markers, tolerance=20, colour_space="lab", smoothing=0, channel_axis=-1
    )
    np.testing.assert_array_equal(found[0], [1, 1, 1, 1, 0, 0, 0, 0])


def test_ids_stay_and_volumes_grow():
    image = np.zeros((4, 6, 6))
    image[1:3, 1:4, 1:4] = 100
    markers = np.zeros(image.shape, int)
    markers[1, 2, 2] = 70_000
    found = region_growing(image, markers=markers, tolerance=1, smoothing=0)
    np.testing.assert_array_equal(found, np.where(image > 0, 70_000, 0))
    assert found.dtype == np.uint32


def test_points_of_one_label_grow_one_region():
    places = np.array([[0, 0], [2, 0], [0, 3]])
    points = Points(places.astype(float), np.array([4, 4, 9]))
    found = run("region_growing", Source.of(IMAGE), {"markers": points, "smoothing": "0 px"}).array
    assert sorted(np.unique(found[found > 0])) == [4, 9]


def test_the_automatic_tolerance_is_a_standard_deviation():
    image = data.coins()
    markers = seeds((70, 50), shape=image.shape)
    automatic = region_growing(image, markers=markers, smoothing=0)
    given = region_growing(image, markers=markers, smoothing=0, tolerance=float(image.std()))
    np.testing.assert_array_equal(automatic, given)


@pytest.mark.parametrize(
    ("markers", "options", "message"),
    [
        (np.zeros(IMAGE.shape, int), {}, "markers has no seeds; add points"),
        (seeds((0, 0)), {"mask": IMAGE > 80}, "markers has no seeds inside mask"),
        (-seeds((0, 0)), {}, "markers has values from -1 to 0"),
        (seeds((0, 0)), {"partition": True, "tolerance": 3.0}, "used only with partition = False"),
        (seeds((0, 0), shape=(2, 2)), {}, r"markers has shape \(2, 2\) but image has \(3, 5\)"),
    ],
)
def test_bad_seeds_are_named(markers, options, message):
    with pytest.raises(ValueError, match=message):
        region_growing(IMAGE, markers=markers, **options)


def test_seeds_without_a_value_or_outside_are_named():
    image = IMAGE.astype(float)
    image[0, 0] = np.nan
    with pytest.raises(ValueError, match="markers has 1 pixels where image has no value"):
        region_growing(image, markers=seeds((0, 0)))
    for place in ([0.0, 9.0], [-1.0, 0.0]):
        with pytest.raises(ValueError, match=r"markers has 1 points outside the image, the first"):
            run("region_growing", Source.of(IMAGE), {"markers": Points(np.array([place]))})
    stacked = Points(np.array([[7.0, 0, 0]]))
    with pytest.raises(ValueError, match=r"the first at \(7, 0, 0\)"):
        run("region_growing", Source.of(np.stack([IMAGE] * 2)), {"markers": stacked})
    twice = Points(np.array([[0.0, 0], [0.2, 0]]), np.array([1, 2]))
    with pytest.raises(ValueError, match="different labels on one pixel"):
        run("region_growing", Source.of(IMAGE), {"markers": twice})


def test_it_can_be_stopped(rng):
    def stop(progress):
        if progress.done > 0.5:
            raise Stop

    image = rng.normal(size=(1000, 1000))
    with pytest.raises(Stop):
        region_growing(image, markers=seeds((5, 5), shape=image.shape), partition=True, report=stop)


def test_the_queues_grow_with_the_need(rng):
    image = rng.normal(size=(600, 600))
    markers = np.zeros(image.shape, int)
    markers[::40, ::40] = np.arange(225).reshape(15, 15) + 1
    found = region_growing(image, markers=markers, partition=True, smoothing=0)
    assert (found > 0).all()
    assert len(np.unique(found)) == 225


def test_missing_values_are_left_out_inside_a_mask_too():
    image = np.array([[1.0, 1, np.nan, 1, 1]])
    found = region_growing(
        image, markers=np.array([[1, 0, 0, 0, 0]]), mask=np.ones((1, 5)), tolerance=1, smoothing=0
    )
    np.testing.assert_array_equal(found, [[1, 1, 0, 0, 0]])


@given(
    seed=st.integers(0, 2**32),
    tolerance=st.sampled_from([0.05, 0.2, 0.6]),
    options=st.fixed_dictionaries(
        {
            "compare": st.sampled_from(["region", "seed"]),
            "smoothing": st.sampled_from([0, 0.7, 2]),
            "connectivity": st.sampled_from(["faces", "full"]),
            "max_diameter": st.sampled_from([0, 9]),
        }
    ),
    volume=st.booleans(),
)
def test_in_a_window_regions_grow_as_in_the_whole_image(seed, tolerance, options, volume):
    random = np.random.default_rng(seed)
    shape = (9, 30, 34) if volume else (70, 90)
    image = ndimage.gaussian_filter(random.random(shape), 1.5, axes=(-2, -1))
    image /= image.std() * 4
    if seed % 5 == 0:
        image[tuple(random.integers(shape))] = np.nan
    valid = np.isfinite(image)
    markers = np.zeros(shape, np.uint16)
    middle = [length // 2 for length in shape]
    for number in range(1, 4):
        markers[tuple(at + int(random.integers(-3, 4)) for at in middle)] = 7 * number
    markers[~valid] = 0
    if not markers.any():
        return
    wanted = {"markers": markers, "tolerance": tolerance, **options}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "FIRST", 3)
        patch.setattr(windows, "LARGEST", 1)
        found = region_growing(image, **wanted)
        patch.setattr(windows, "LARGEST", 0)
        np.testing.assert_array_equal(found, region_growing(image, **wanted))


def test_a_small_region_of_a_large_image_is_cut_out_where_it_is():
    image = np.zeros((2000, 1500), np.uint8)
    image[1800:1900, 40:90] = 100
    markers = np.zeros(image.shape, np.uint8)
    markers[1850, 60] = 3
    found = region_growing(image, markers=markers, tolerance=10, smoothing=0)
    np.testing.assert_array_equal(found, np.where(image > 0, 3, 0))
