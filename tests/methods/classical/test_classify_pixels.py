import numpy as np
import pytest
from skimage import data

from napari_tessera import METHODS, Recipe
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.methods.classical.classify_pixels import (
    classify_pixels,
    classify_pixels_halo,
    classify_pixels_statistics,
)
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Region, Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.words import VoxelSize

RNG = np.random.default_rng(0)
TRUTH = np.ones((80, 100), np.uint8)
TRUTH[20:50, 30:70] = 2
BRIGHT = RNG.normal(0, 1, TRUTH.shape) + 4.0 * (TRUTH == 2)
GRAIN = RNG.normal(0, 1, TRUTH.shape) * np.where(TRUTH == 2, 3, 1)
STROKES = np.zeros(TRUTH.shape, np.uint8)
STROKES[35, 35:65] = 2
STROKES[65, 10:90] = STROKES[5:60, 10] = 1
FINE = {"largest_scale": "2 px"}


def share(found, truth=TRUTH):
    return (found == truth).mean()


def test_a_brighter_region_is_found():
    found = classify_pixels(BRIGHT, strokes=STROKES)
    assert found.dtype == np.uint8
    assert share(found) > 0.98


def test_a_region_of_another_grain_is_found():
    found = classify_pixels(GRAIN, strokes=STROKES, texture=True)
    # but for its border, which is as blurred as the coarsest filter is wide
    inner, outer = (slice(26, 44), slice(36, 64)), (slice(58, None), slice(0, 90))
    assert (found[inner] == 2).mean() > 0.98
    assert (found[outer] == 1).mean() > 0.98


def test_the_numbers_of_classes_are_those_of_the_strokes():
    ids = np.array([0, 7, 200], np.uint8)
    found = classify_pixels(BRIGHT, strokes=ids[STROKES])
    np.testing.assert_array_equal(found, ids[classify_pixels(BRIGHT, strokes=STROKES)])


def test_a_scale_sees_what_is_as_wide():
    # pixels are dark or bright on both sides; bright ones are more frequent on one of them
    image = (RNG.random(TRUTH.shape) < np.where(TRUTH == 2, 0.65, 0.35)).astype(np.uint8)
    fine, coarse = (
        classify_pixels(image, strokes=STROKES, smallest_scale=each, largest_scale=each)
        for each in ("0.3 px", "4 px")
    )
    assert share(fine) < 0.88 < 0.94 < share(coarse)


def test_channels_tell_together():
    first, second = RNG.random((2, 80, 100)) > 0.5
    second = np.where(TRUTH == 2, first, ~first)
    image = np.stack([first, second], -1).astype(np.float32)
    strokes = STROKES.copy()
    strokes[25:45:3, 35:65] = 2
    found = classify_pixels(image, strokes=strokes, channel_axis=-1, largest_scale="1 px")
    inner = (slice(22, 48), slice(32, 68))
    assert (found[inner] == 2).mean() > 0.95
    assert (found[55:] == 1).mean() > 0.95
    # by one of them nothing can be told
    assert share(classify_pixels(image[..., 0], strokes=strokes, largest_scale="1 px")) < 0.8


def test_a_volume_is_classified_by_three_axes():
    image = RNG.normal(0, 1, (14, 50, 60))
    truth = np.ones(image.shape, np.uint8)
    truth[4:10, 15:35, 20:45] = 2
    strokes = np.zeros(image.shape, np.uint8)
    strokes[6, 25, 22:40], strokes[2, 5:45, 10], strokes[12, 30, 5:55] = 2, 1, 1
    found = classify_pixels(image + 3 * (truth == 2), strokes=strokes, spacing=(2, 1, 1), **FINE)
    assert share(found, truth) > 0.97


def test_objects_are_what_is_no_background():
    truth = np.ones((60, 90), np.uint8)
    truth[10:30, 10:30], truth[10:30, 50:80], truth[40:55, 20:70] = 2, 3, 2
    image = truth * 10.0 + RNG.normal(0, 1, truth.shape)
    strokes = np.zeros(truth.shape, np.uint8)
    strokes[5, 5:80], strokes[20, 12:28], strokes[20, 55:75] = 1, 2, 3
    found = classify_pixels(image, strokes=strokes, find="objects", **FINE)
    assert found.dtype == np.uint16
    assert len(np.unique(found[truth > 1])) >= 3
    assert ((found > 0) == (truth > 1)).mean() > 0.97
    inner = [found[15:25, 15:25], found[15:25, 55:75], found[45:50, 25:65]]
    assert len({int(each[0, 0]) for each in inner}) == 3
    assert all((each == each[0, 0]).all() for each in inner)


def test_it_is_the_same_in_blocks_and_in_stacks():
    whole = classify_pixels(BRIGHT, strokes=STROKES, **FINE)
    source = Source.of(BRIGHT)
    blocks = run("classify_pixels", source, {"strokes": STROKES, **FINE}, Walk(blocks=(32, 40)))
    np.testing.assert_array_equal(blocks.array, whole)
    # what is drawn in one plane teaches all of them
    stack = Source.of(np.stack([BRIGHT[::-1], BRIGHT]))
    strokes = np.stack([0 * STROKES, STROKES])
    found = run("classify_pixels", stack, {"strokes": strokes, **FINE}).array
    np.testing.assert_array_equal(found[1], whole)
    assert share(found[0], TRUTH[::-1]) > 0.97


def test_strokes_outside_of_a_region_teach_it_too():
    region = Region((20, 40), (50, 60))
    values = {"strokes": STROKES, **FINE}
    found = run("classify_pixels", Source.of(BRIGHT), values, Walk(region=region)).array
    assert share(found, TRUTH[20:50, 40:60]) > 0.95
    assert not np.isin(1, STROKES[20:50, 40:60])


def test_parts_without_strokes_are_not_read():
    read = []

    class Listening:
        shape, ndim, dtype = (9, 80, 100), 3, BRIGHT.dtype

        def __getitem__(self, index):
            read.append(index[0])
            return BRIGHT[index[1:]]

    strokes = np.zeros((9, 80, 100), np.uint8)
    strokes[4] = STROKES
    pieces = run_pieces(Source.of(Listening()), strokes)
    assert classify_pixels_statistics(pieces, **pieces.values, spacing=(1.0, 1.0))["forest"]
    assert read == [4]


def run_pieces(source, strokes):
    from napari_tessera.pipeline.method_run import Run

    return Run.of(METHODS["classify_pixels"], source, {"strokes": strokes}, Walk("planes")).pieces


def test_a_recipe_keeps_the_strokes():
    source = Source.of(BRIGHT, name="cells.tif")
    recipe = Recipe.of(METHODS["classify_pixels"], source, {"strokes": STROKES, **FINE})
    again = Recipe.from_dict(recipe.to_dict())
    np.testing.assert_array_equal(
        again.run(BRIGHT).array, classify_pixels(BRIGHT, strokes=STROKES, **FINE)
    )


def test_what_filters_give_is_kept_for_the_next_stroke():
    cache, made = Cache(1 << 30), []

    class Counting:
        def value(self, group, key, make, *, size):
            return cache.value(group, key, lambda: made.append(key) or make(), size=size)

    first = classify_pixels(BRIGHT, strokes=STROKES, cache=Counting())
    count = len(made)
    np.testing.assert_array_equal(first, classify_pixels(BRIGHT, strokes=STROKES))
    classify_pixels(BRIGHT, strokes=STROKES, cache=Counting(), seed=1)
    assert len(made) == count
    classify_pixels(BRIGHT + 1, strokes=STROKES, cache=Counting())
    assert len(made) == 2 * count


def test_gaps_are_none_of_a_class():
    image = BRIGHT.copy()
    image[0, :5] = np.nan
    found = classify_pixels(image, strokes=STROKES, **FINE)
    assert not found[0, :5].any()
    assert found[1:].all()


def test_the_halo_is_that_of_the_largest_scale():
    values = METHODS["classify_pixels"].complete({"strokes": STROKES, "largest_scale": "4 px"})
    assert classify_pixels_halo(values, VoxelSize((2, 1, 1))) == (9, 17, 17)
    values = {**values, "largest_scale": 8.0, "smallest_scale": 2.0, "texture": True}
    # 4 standard deviations of both scales, and one pixel for slopes
    assert classify_pixels_halo(values, VoxelSize((2, 2), "um")) == (16 + 4 + 1,) * 2


@pytest.mark.parametrize(
    ("strokes", "options", "message"),
    [
        (0 * STROKES, {}, "strokes has nothing drawn; draw in at least two classes"),
        (STROKES * (STROKES == 2), {}, "strokes has only class 2; draw in at least two classes"),
        (STROKES.astype(int) * 200, {}, "strokes has values from 0 to 400; use 1 to 255"),
        (-STROKES.astype(int), {}, "strokes has values from -2 to 0; use 1 to 255"),
        (STROKES[:-1], {}, r"strokes has shape \(79, 100\) but image has \(80, 100\)"),
        (
            STROKES,
            {"smallest_scale": "4 px", "largest_scale": "2 px"},
            "smallest_scale is '4 px' and largest_scale '2 px', 4 and 2 pixels; choose from",
        ),
        (
            STROKES,
            {"find": "objects", "background": 3},
            "background is 3, but strokes has the classes 1 and 2",
        ),
        (STROKES, {"background": 2}, "background is 2, but it is used only with find = 'objects'"),
    ],
)
def test_what_is_wrong_is_named(strokes, options, message):
    with pytest.raises(ValueError, match=message):
        classify_pixels(BRIGHT, strokes=strokes, **options)


def test_strokes_in_a_gap_are_refused():
    image = BRIGHT.copy()
    image[35, 40:42] = np.nan
    with pytest.raises(ValueError, match="strokes has 2 pixels where image has no value"):
        classify_pixels(image, strokes=STROKES)


def test_a_forest_of_other_channels_is_refused():
    forest = classify_pixels_statistics(
        [{"image": BRIGHT, "strokes": STROKES}],
        **METHODS["classify_pixels"].complete({"strokes": STROKES}),
        spacing=VoxelSize((1, 1)),
    )["forest"]
    colours = np.stack([BRIGHT] * 3, -1)
    with pytest.raises(ValueError, match="forest takes 21 numbers of a pixel, but there are 63"):
        classify_pixels(colours, strokes=STROKES, forest=forest, channel_axis=-1)


def test_coins_are_found_by_two_strokes():
    image = data.coins()
    strokes = np.zeros(image.shape, np.uint8)
    strokes[86:88, 20:370], strokes[38:54, 100:102] = 1, 2
    found = classify_pixels(image, strokes=strokes)
    assert 0.25 < (found == 2).mean() < 0.5
