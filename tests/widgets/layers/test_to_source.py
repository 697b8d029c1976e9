import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels, Points
from skimage import data

from napari_tessera import METHODS, apply, threshold, watershed
from napari_tessera.pipeline.source import Region
from napari_tessera.signature.words import VoxelSize
from napari_tessera.widgets.layers.features import image_behind, recipe_of
from napari_tessera.widgets.layers.geometry import geometry, voxel_size
from napari_tessera.widgets.layers.to_source import beside, source

from ...conftest import needed
from ..conftest import same

# what napari says of showing such a layer does not matter here
oblique = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")


@oblique
def test_the_voxel_size_is_that_of_the_whole_transform():
    layer = Image(np.zeros((3, 4, 5)), scale=(2, 0.5, 0.25), units=("um", "um", "um"))
    assert voxel_size(layer) == VoxelSize((2, 0.5, 0.25), "um")
    assert voxel_size(layer).unit == "um"
    layer.affine = np.diag([2, 2, 2, 1])
    assert voxel_size(layer) == (4, 1, 0.5)
    layer.rotate = (30, 0, 0)
    assert voxel_size(layer) == pytest.approx((4, 1, 0.5))


def test_units_are_made_one():
    layer = Image(np.zeros((3, 4, 5)), scale=(0.002, 500, 0.5), units=("mm", "nm", "um"))
    assert voxel_size(layer) == pytest.approx((2, 0.5, 0.5))


def test_a_shear_is_refused():
    with pytest.raises(ValueError, match="is sheared"):
        voxel_size(Image(np.zeros((4, 5)), shear=[0.2]))


@oblique
@pytest.mark.parametrize("start", [(0, 0, 0), (1, 2, 3)])
def test_a_part_lies_where_it_was_cut_from(start):
    layer = Image(
        np.zeros((4, 5, 6)),
        scale=(2, 0.5, 0.25),
        translate=(1, 2, 3),
        rotate=(10, 20, 30),
        affine=[[0, 1, 0, 3], [1, 0, 0, 4], [0, 0, 1, 5], [0, 0, 0, 1]],
    )
    part = Labels(np.zeros((2, 2, 2), int), **geometry(layer, start))
    inside = np.array([0.5, 1, 0.25])
    np.testing.assert_allclose(
        part.data_to_world(inside), layer.data_to_world(inside + np.array(start))
    )


def test_without_its_channel_axis_a_result_lies_on_its_source():
    layer = Image(np.zeros((4, 3, 5, 6)), scale=(2, 1, 0.5, 0.25), translate=(1, 9, 2, 3))
    result = Labels(np.zeros((4, 5, 6), int), **geometry(layer, (0, 1, 1), dropped=1))
    assert result.scale.tolist() == [2, 0.5, 0.25]
    assert result.translate.tolist() == [1, 2.5, 3.25]


def test_apply_is_the_method_itself():
    layer = Image(data.coins(), name="coins", scale=(0.5, 0.5), units=("um", "um"))
    result = apply(layer, "watershed", smoothing="1 um")
    np.testing.assert_array_equal(
        result.data, watershed(data.coins(), smoothing=1, spacing=(0.5, 0.5))
    )
    assert result.name == "coins watershed"
    assert recipe_of(result).parameters["smoothing"] == "1 um"


def test_apply_takes_layers_as_markers_and_masks():
    image = Image(data.coins(), name="coins", scale=(2, 2))
    points = Points(np.array([[140.0, 100], [500, 400]]), name="seeds")
    found = apply(image, "watershed", markers=points, foreground="all", landscape="gradient")
    assert (found.data[70, 50], found.data[250, 200]) == (1, 2)
    mask = Labels((data.coins() > 100).astype(int), scale=(2, 2))
    masked = apply(image, "watershed", markers=points, foreground="all", mask=mask)
    assert not masked.data[data.coins() <= 100].any()


def test_several_layers_are_channels():
    layers = [Image(data.coins(), name="a"), Image(data.coins() // 2, name="b")]
    own = source(layers)
    assert (own.shape, own.channel_axis) == ((303, 384), 0)
    np.testing.assert_array_equal(
        apply(layers, "threshold", channel=1).data, threshold(data.coins() // 2)
    )
    both = apply(layers, "threshold")
    assert both.name == "a + b threshold"
    names = {"viewer": ViewerModel()}
    names["viewer"].layers.extend(layers)
    exec(recipe_of(both).as_python(), names)
    np.testing.assert_array_equal(names["layer"].data, both.data)
    with pytest.raises(ValueError, match=r"channels is layer 'c' of shape \(4, 4\), but 'a' has"):
        source([layers[0], Image(np.zeros((4, 4)), name="c")])


def test_the_console_form_of_a_recipe_gives_the_same_labels():
    layer = Image(np.stack([data.coins()[:80, :90]] * 3), name="coins", scale=(2, 1, 1))
    points = np.array([[2.0, 40, 45], [2, 10, 10], [0, 20, 20], [1, 5, 5]])
    first = apply(
        layer,
        "watershed",
        markers=Points(points * (2, 1, 1)),
        foreground="all",
        landscape="gradient",
        over="planes",
    )
    viewer = ViewerModel()
    viewer.layers.append(layer)
    names = {"viewer": viewer}
    exec(recipe_of(first).as_python(), names)
    np.testing.assert_array_equal(names["layer"].data, first.data)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda image: apply(image, "magic"), "method is 'magic'; choose one of threshold"),
        (lambda image: apply(image, "threshold", channel_axis=5), "channel_axis is 5"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(Image(np.zeros((5, 5)), name="image"))


def test_colours_with_points_are_repeated_in_the_console():
    layer = Image(data.astronaut()[:90, :80], name="colours", rgb=True)
    points = Points(np.array([[20.0, 20], [60, 50]]))
    first = apply(layer, "watershed", markers=points, foreground="all", landscape="gradient")
    names = {"viewer": ViewerModel()}
    names["viewer"].layers.append(layer)
    exec(recipe_of(first).as_python(), names)
    np.testing.assert_array_equal(names["layer"].data, first.data)
    assert sorted(np.unique(first.data)) == [1, 2]


@pytest.mark.parametrize("name", [n for n, method in METHODS.items() if not method.way.by_hand])
def test_the_console_form_of_every_method_gives_the_same(name):
    if METHODS[name].source.word.name == "labels":
        classes = (data.coins() > 100).astype(np.uint8)
        volume = np.stack([classes, np.zeros_like(classes), classes])
        own = classes if METHODS[name].way.takes_planes else volume
        layer = Labels(own, name="it's a layer")
    else:
        layer = Image(data.coins(), name="it's a layer", scale=(0.5, 0.5), units=("um", "um"))
    sure = {"confidence": 0.05} if name == "detect" else {}  # coins are no squares
    first = apply(layer, name, **needed(METHODS[name], layer.data.shape), **sure)
    names = {"viewer": ViewerModel()}
    names["viewer"].layers.append(layer)
    exec(recipe_of(first).as_python(), names)
    same(names["layer"], first)


def test_points_and_images_in_other_units_are_taken_where_napari_shows_them():
    picture = np.full((60, 80), 40, np.uint8)
    picture[15:26, 20:31] = 180
    nano = Image(picture, scale=(250, 250), units=("nm", "nm"), name="nm")
    micro = Labels((picture > 99).astype(int), scale=(0.25, 0.25), units=("um", "um"))
    assert apply(micro, "measure", image=nano).features["mean"].tolist() == [180]
    seed = Points([[5, 6.25]], units=("um", "um"))  # pixel (20, 25), in the square
    grown = apply(nano, "region_growing", markers=seed, smoothing="0 px")
    np.testing.assert_array_equal(grown.data > 0, picture > 99)
    assert [str(each) for each in grown.units] == ["nanometer", "nanometer"]


def test_the_unit_of_time_goes_with_a_source_and_is_no_length_of_a_volume():
    film = Image(np.ones((3, 4, 5)), scale=(2, 0.5, 0.5), units=("s", "um", "um"))
    own = source(film)
    assert (own.axes, own.time_unit, own.spacing.unit) == (("t", "y", "x"), "s", "um")
    assert own.voxel(2) == VoxelSize((0.5, 0.5), "um")
    assert (own.voxel(3), own.voxel(3).unit) == ((1, 1, 1), "pixel")
    blob = Labels(np.ones((3, 4, 5), int), scale=film.scale, units=film.units)
    assert {"area (um^2)"} <= set(apply(blob, "measure", over="planes").features)
    tracked = apply(blob, "measure", over="volume").features
    assert not any("(um" in name for name in tracked)
    assert tracked["volume"].tolist() == [60]


def option(method, name):
    return next(each for each in METHODS[method].options if each.name == name)


def test_an_image_is_cut_to_the_result_of_a_region():
    image = Image(
        np.arange(4.0 * 20 * 30).reshape(4, 20, 30), scale=(2, 0.5, 0.5), translate=(0, 3, 4)
    )
    part = np.zeros((2, 6, 8), np.uint8)
    part[1, 2:4, 3:5] = 5
    labels = Labels(part, **geometry(image, (1, 10, 20)))
    apply(labels, "measure", image=image, over="volume")
    first = 2 * 600 + 12 * 30 + 23  # the value is that of its place in the image
    assert labels.features["min"].tolist() == [first]
    assert labels.features["max"].tolist() == [first + 31]
    # and so is a mask, and a part of that part
    mask = Labels(np.ones((4, 20, 30), np.uint8), scale=image.scale, translate=image.translate)
    assert beside(option("threshold", "mask"), mask, labels).shape == (2, 6, 8)
    box = beside(option("measure", "image"), image, labels).cut(Region((1, 1, 2), (2, 3, 5)))
    np.testing.assert_array_equal(box.whole, image.data[2:3, 11:13, 22:25])


def test_scores_are_cut_to_the_labels_of_a_region():
    scores = Image(np.random.default_rng(0).random((2, 20, 30)), scale=(1, 0.5, 0.5))
    labels = Labels(np.ones((5, 6), int), scale=(0.5, 0.5), translate=(2, 3))
    np.testing.assert_array_equal(
        beside(option("crf", "scores"), scores, labels).whole, scores.data[:, 4:9, 6:12]
    )


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"translate": (0.25, 0)}, r"of shape \(20, 30\), but 'small' has \(4, 4\)"),
        ({"translate": (9, 0)}, r"of shape \(20, 30\), but 'small' has \(4, 4\)"),
        ({"translate": (0, 0), "scale": (1, 0.5)}, r"of shape \(20, 30\), but 'small' has"),
    ],
)
def test_what_is_no_part_of_the_image_is_refused(place, message):
    image = Image(np.zeros((20, 30)), scale=(0.5, 0.5))
    labels = Labels(np.ones((4, 4), int), name="small", **{"scale": (0.5, 0.5), **place})
    with pytest.raises(ValueError, match=message):
        beside(option("measure", "image"), image, labels)


def test_the_image_behind_a_result_is_found_by_its_recipe():
    coins, other = Image(data.coins(), name="coins"), Image(data.coins(), name="other")
    labels = apply(apply(coins, "watershed"), "expand", distance="3 px")
    layers = [other, labels, coins]
    assert image_behind(labels, layers) is coins
    assert image_behind(labels, [other, labels]) is None
    assert image_behind(Labels(np.ones((4, 4), int)), layers) is None
    assert image_behind(apply([other, coins], "threshold"), layers) is other
