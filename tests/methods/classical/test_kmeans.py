import numpy as np
import pytest
from scipy.cluster.vq import kmeans2
from skimage import color, data

from napari_tessera import kmeans, threshold
from napari_tessera.methods.classical import kmeans as module
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import NothingToSeparate
from napari_tessera.signature.words import VoxelSize

GREY = np.array([[10, 12, 200], [100, 11, 210], [98, 102, 201]], np.uint8)


@pytest.mark.parametrize(
    ("background", "expected"),
    [
        ("darkest", [[0, 0, 2], [1, 0, 2], [1, 1, 2]]),
        ("brightest", [[2, 2, 0], [1, 2, 0], [1, 1, 0]]),
        ("none", [[1, 1, 3], [2, 1, 3], [2, 2, 3]]),
    ],
)
def test_clusters_are_numbered_away_from_the_background(background, expected):
    np.testing.assert_array_equal(kmeans(GREY, background=background), expected)


def test_it_is_as_good_as_scipy_on_a_photograph():
    image = data.astronaut()[::2, ::2]
    found = kmeans(image, clusters=5, channel_axis=-1, background="none")
    values = image.reshape(-1, 3).astype(float)

    def spread(numbers):
        means = np.stack([values[numbers == n].mean(axis=0) for n in np.unique(numbers)])
        return ((values - means[np.searchsorted(np.unique(numbers), numbers)]) ** 2).sum()

    tries = [kmeans2(values, 5, iter=100, minit="++", rng=seed)[1] for seed in range(5)]
    assert spread(found.ravel()) <= 1.001 * min(spread(numbers) for numbers in tries)


def test_on_grey_it_is_nearly_the_threshold_of_several_classes():
    image = data.camera()
    found, expected = kmeans(image, clusters=3), threshold(image, classes=3)
    assert (found == expected).mean() > 0.98


def test_brightness_orders_clusters_whatever_the_seed():
    image = data.astronaut()[::4, ::4]
    first = kmeans(image, clusters=3, channel_axis=-1, seed=1)
    brightness = [image[first == n].mean() for n in range(3)]
    assert brightness == sorted(brightness)
    assert (kmeans(image, clusters=3, channel_axis=-1, seed=2) == first).mean() > 0.99


def test_lab_is_that_of_scikit_image():
    image = data.astronaut()[::4, ::4]
    lab = color.rgb2lab(image).astype(np.float32)
    found = kmeans(image, clusters=4, colour_space="lab", channel_axis=2)
    lightness = [lab[found == n, 0].mean() for n in range(4)]
    assert lightness == sorted(lightness)
    same = kmeans(lab, clusters=4, channel_axis=2, background="none")
    pairs = np.unique(np.stack([found.ravel(), same.ravel()]), axis=1)
    assert pairs.shape[1] == 4


def test_places_make_regions_compact(rng):
    image = rng.normal(0, 1, (20, 40))
    near = kmeans(image, clusters=2, position_weight=1000, background="none")
    assert {tuple(np.unique(near[:, :20])), tuple(np.unique(near[:, 20:]))} == {(1,), (2,)}
    # in a voxel ten times as tall the long side is the other one
    tall = kmeans(image, clusters=2, position_weight=1000, background="none", spacing=(10, 1))
    assert {tuple(np.unique(tall[:10])), tuple(np.unique(tall[10:]))} == {(1,), (2,)}


def test_centres_of_an_earlier_run_are_used_as_they_are():
    found = kmeans(GREY, clusters=2, centres=((200.0,), (0.0,)))
    np.testing.assert_array_equal(found, GREY > 100)


def test_what_has_no_value_or_is_outside_is_background():
    image = np.array([[np.nan, 1.0, 1.0], [9.0, 9.0, 5.0]])
    np.testing.assert_array_equal(
        kmeans(image, clusters=2, mask=np.array([[1, 1, 1], [1, 1, 0]]), background="none"),
        [[0, 1, 1], [2, 2, 0]],
    )


def test_large_images_are_sampled(monkeypatch, rng):
    image = rng.integers(0, 50, (60, 60)).astype(np.uint8)
    image[:, 30:] += 100
    whole = kmeans(image, clusters=2)
    monkeypatch.setattr(module, "SAMPLE", 500)
    np.testing.assert_array_equal(kmeans(image, clusters=2), whole)


def test_one_set_of_centres_for_a_stack():
    image = np.array([[[0, 10], [0, 10]], [[100, 110], [100, 110]]], np.uint8)
    each = run("kmeans", Source.of(image), {"clusters": 2}, walk=Walk(over="planes"))
    every = run(
        "kmeans", Source.of(image), {"clusters": 2}, walk=Walk(over="planes", levels_from="all")
    )
    np.testing.assert_array_equal(each.array[1], [[0, 1], [0, 1]])
    np.testing.assert_array_equal(every.array, [np.zeros((2, 2)), np.ones((2, 2))])
    assert sorted(every.resolved["centres"]) == [(5.0,), (105.0,)]


def test_channels_of_a_stack_come_last_or_first(rng):
    image = rng.integers(0, 255, (3, 12, 14)).astype(np.uint8)
    first = run("kmeans", Source.of(image, channel_axis=0), {}).array
    np.testing.assert_array_equal(first, kmeans(image, channel_axis=0))
    stack = np.repeat(image[:, None], 2, axis=1)
    statistics = run("kmeans", Source.of(stack, channel_axis=0), {}, walk=Walk(levels_from="all"))
    assert len(statistics.resolved["centres"][0]) == 3


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"clusters": 7}, NothingToSeparate, "clusters is 7, but image has only 6 different"),
        ({"colour_space": "lab"}, ValueError, "colour_space is 'lab', but image is grey"),
        ({"clusters": 1}, ValueError, "clusters is 1; it must be from 2 to 32"),
    ],
)
def test_bad_input_is_named(options, error, message):
    with pytest.raises(error, match=message):
        kmeans(np.array([[1, 2, 3], [4, 5, 5], [9, 9, 9]]), **options)


def test_lab_of_two_channels_is_refused():
    with pytest.raises(ValueError, match="image has 2 channels; choose 'as is'"):
        kmeans(np.zeros((4, 4, 2)), colour_space="lab", channel_axis=-1)


def test_smoothing_is_in_units():
    image = np.zeros((40, 40))
    image[::2] = 100
    image[:, 20:] += 60
    flat = kmeans(image, clusters=2, smoothing="2 um", spacing=VoxelSize((0.5, 0.5), "um"))
    assert (flat[:, :18] == 0).all()
    assert (flat[:, 22:] == 1).all()
