import math
from dataclasses import replace

import numpy as np
import pytest

from napari_tessera import METHODS
from napari_tessera.algorithms.labels.ids import median_diameter
from napari_tessera.cli.app import main
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.cost import predict_estimate
from napari_tessera.deep.inference.decode import Thresholds, to_objects
from napari_tessera.deep.models.library import find_model, models_folder
from napari_tessera.deep.settings import Examples, Optimisation
from napari_tessera.deep.training.train import train
from napari_tessera.methods.deep.detect import detect
from napari_tessera.methods.deep.predict import (
    most_probable_class,
    objects,
    predict,
    predict_statistics,
    scores,
)
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import NothingToSeparate, Progress, Stop
from napari_tessera.signature.words import VoxelSize

from ...conftest import squares, tiny_finder, tiny_model

KEPT = Cache(1 << 28)


@pytest.fixture
def image():
    return squares(seed=3)[0]


def test_scores_are_probabilities_and_make_what_predict_makes(image):
    model = tiny_model()
    found = scores(image, model=model)
    assert found.shape == (3, 96, 96)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)
    best = find_model(model).config.thresholds
    np.testing.assert_array_equal(predict(image, model=model), objects(found, **best))
    own = to_objects(
        found, targets="boundaries", voxel=VoxelSize((1, 1)), thresholds=Thresholds(0.3)
    )
    told = {"threshold": 0.3, "seed_threshold": 0.7, "split": 0, "confidence": 0}
    np.testing.assert_array_equal(predict(image, model=model, **told), own)


def test_the_network_runs_once_for_several_thresholds(image, monkeypatch):
    from napari_tessera.deep.inference import tiling as tiled

    ran = []
    real = tiled.tiled_scores
    monkeypatch.setattr(tiled, "tiled_scores", lambda *a, **k: ran.append(1) or real(*a, **k))
    kept = Cache(10_000_000)
    low = predict(image, model=tiny_model(), threshold=0.1, cache=kept)
    high = predict(image, model=tiny_model(), threshold=0.9, cache=kept)
    assert len(ran) == 1
    assert (low > 0).sum() > (high > 0).sum() > 0
    predict(image[:-1], model=tiny_model(), cache=kept)
    assert len(ran) == 2


def test_classes_are_numbers_of_the_model(image):
    found = predict(image, model=tiny_model(kind="classes"))
    assert found.dtype == np.uint8
    assert set(np.unique(found)) == {0, 1}
    assert METHODS["predict"].kind_of({"model": tiny_model(kind="classes")}) == "classes"
    assert METHODS["predict"].kind_of({"model": tiny_model()}) == "objects"
    given = np.array([[[0.9, 0.2]], [[0.1, 0.8]]])
    np.testing.assert_array_equal(most_probable_class(given, ids=(4, 9)), [[4, 9]])


def test_a_part_with_the_intensities_of_the_whole_gives_the_whole(image):
    model = tiny_model()
    levels = predict_statistics([{"image": image}], model=model)["intensities"]
    whole = scores(image, model=model)
    part = scores(image[:64, :64], model=model, intensities=levels)
    np.testing.assert_allclose(part[:, :40, :40], whole[:, :40, :40], atol=1e-4)


def test_images_of_another_pixel_size_are_rescaled(image, tmp_path):
    import json
    import shutil

    model = find_model(tiny_model())
    folder = tmp_path / "sized"
    shutil.copytree(model.path, folder)
    config = json.loads((folder / "config.json").read_text())
    config.update(spacing=[0.5, 0.5], unit="um")
    (folder / "config.json").write_text(json.dumps(config))
    double = np.kron(image, np.ones((2, 2), np.uint8))
    fine = predict(double, model=str(folder), spacing=VoxelSize((0.25, 0.25), "um"))
    coarse = predict(image, model=str(folder), spacing=VoxelSize((500, 500), "nm"))
    np.testing.assert_array_equal(coarse, predict(image, model=model.name))
    assert fine.shape == double.shape
    assert ((fine > 0) == (np.kron(coarse, np.ones((2, 2))) > 0)).mean() > 0.95
    # without a unit on either side nothing is rescaled
    same = predict(image, model=str(folder), spacing=(3, 3))
    np.testing.assert_array_equal(same, coarse)


def test_images_with_small_objects_are_enlarged(tmp_path):
    image, labels = squares(seed=1)
    model = train(
        image,
        labels,
        model=tmp_path / "m",
        options={"depth": 2, "width": 1 / 8},
        examples=Examples(patch=32, diameter=20),
        optimisation=Optimisation(epochs=2, steps=20, batch=4, learning_rate=0.01, averaging=0.7),
    )
    assert model.config.diameter == 20
    name, unseen = str(model.path), squares(seed=3)[0]
    width = median_diameter(squares(seed=3)[1])
    own, given = (scores(unseen, model=name, diameter=d) for d in ("0 px", f"{width:.4f} px"))
    plain = scores(unseen, model=name, diameter="20 px")
    np.testing.assert_array_equal(plain, scores(unseen, model=name, diameter="28 px"))
    shrunk = scores(unseen, model=name, diameter="45 px")
    assert shrunk.shape == plain.shape
    assert np.abs(shrunk - plain).max() > 0.05
    # what is measured is nearer to the true size than no enlargement at all
    assert np.abs(given - own).mean() < np.abs(plain - own).mean()


def test_volumes_are_labelled_plane_by_plane_and_decoded_as_one(image):
    volume = np.stack([image, image, image[::-1]])
    found = scores(volume, model=tiny_model())
    assert found.shape == (3, 3, 96, 96)
    levels = predict_statistics([{"image": volume}], model=tiny_model())["intensities"]
    first = scores(image, model=tiny_model(), intensities=levels)
    np.testing.assert_allclose(found[:, 0], first, atol=1e-5)
    labels = predict(volume, model=tiny_model())
    inside = (labels[0] > 0) & (labels[1] > 0)
    assert (labels[0] == labels[1])[inside].mean() > 0.99


def test_objects_on_one_another_are_told_apart_by_their_overlap():
    from napari_tessera.deep.inference.scores import PixelScores

    there = np.zeros((4, 8, 20))  # two blocks, one above a corner of the other
    there[:2, 1:7, 1:11] = there[2:, 1:7, 8:18] = 1
    given = PixelScores(np.stack([1 - there, there, 0 * there]), find_model(tiny_model()))
    options = {"smallest": 0, "thresholds": {"threshold": 0.5, "seed_threshold": 0.5}}
    voxel = VoxelSize((1, 1, 1))
    assert given.labels(voxel, **options).max() == 1
    found = given.stitched(0.25).labels(voxel, **options)
    np.testing.assert_array_equal(found, there * np.array([1, 1, 2, 2])[:, None, None])
    assert given.stitched(0.1).labels(voxel, **options).max() == 1
    told = []
    given.stitched(0.25).labels(voxel, **options, report=lambda each: told.append(each.done))
    assert told == [0, 0.25, 0.5, 0.75]
    # 120 voxels are a ball of 6.1 pixels
    assert given.stitched(0.25).labels(voxel, **{**options, "smallest": "6 px"}).max() == 2
    assert given.stitched(0.25).labels(voxel, **{**options, "smallest": "7 px"}).max() == 0


def test_stitched_planes_are_those_of_the_planes(image):
    volume = np.stack([image, image, image[::-1]])
    options = {"model": tiny_model(), "volumes": "stitched"}
    found = predict(volume, **options)
    levels = predict_statistics([{"image": volume}], model=tiny_model())["intensities"]
    for plane, own in zip(volume, found, strict=True):
        alone = predict(plane, model=tiny_model(), intensities=levels)
        np.testing.assert_array_equal(alone > 0, own > 0)
        assert len(np.unique(alone)) == len(np.unique(own))
    np.testing.assert_array_equal(found[0], found[1])
    # of planes and of classes it makes nothing else
    np.testing.assert_array_equal(predict(image, **options), predict(image, model=tiny_model()))
    classes = tiny_model(kind="classes")
    np.testing.assert_array_equal(
        predict(volume, model=classes, volumes="stitched"), predict(volume, model=classes)
    )


@pytest.mark.parametrize("volumes", ["stitched", "averaged"])
def test_frames_of_a_series_are_no_volume(image, volumes):
    series = Source.of(np.stack([image, image]), axes="tyx")
    options = {"model": tiny_model(), "volumes": volumes}
    found = run("predict", series, options).array
    assert not set(np.unique(found[0])) & set(np.unique(found[1])) - {0}
    np.testing.assert_array_equal(found, run("predict", series, {"model": tiny_model()}).array)


def test_stacks_are_walked_with_one_network(image, monkeypatch):
    from napari_tessera.deep.models.library import Model

    loaded = []
    real = Model.load_network
    monkeypatch.setattr(Model, "load_network", lambda self: loaded.append(1) or real(self))
    stack = Source.of(np.stack([image, image[::-1]]), name="stack")
    result = run("predict", stack, {"model": tiny_model()})
    assert len(loaded) == 1
    assert result.kind == "objects"
    assert not set(np.unique(result.array[0])) & set(np.unique(result.array[1])) - {0}
    maps = run("scores", stack, {"model": tiny_model()})
    assert maps.array.shape == (3, 2, 96, 96)
    assert maps.number == 3
    both = run("scores", stack, {"model": tiny_model()}, walk=Walk(levels_from="all")).resolved
    assert len(both["intensities"]) == 1


def test_colours_are_seen_as_their_mean_by_a_network_of_one_channel(image):
    model = tiny_model()
    colours = np.stack([image // 2, image, 90 - image // 3], axis=-1)
    grey = colours.mean(axis=-1, dtype=np.float32)
    whole = predict(grey, model=model)
    assert whole.max() > 5
    np.testing.assert_array_equal(predict(colours, model=model, channel_axis=-1), whole)
    transparent = np.concatenate([colours, np.full((96, 96, 1), 255, np.uint8)], axis=-1)
    layer = replace(Source.of(transparent, channel_axis=-1), rgb=True)
    np.testing.assert_array_equal(run("predict", layer, {"model": model}).array, whole)
    stack = replace(Source.of(np.stack([colours, colours]), channel_axis=-1), rgb=True)
    both = run("predict", stack, {"model": model}, walk=Walk("planes", levels_from="all"))
    np.testing.assert_array_equal(both.array[0], whole)
    red = replace(layer, channel=0)
    np.testing.assert_array_equal(
        run("predict", red, {"model": model}).array, predict(colours[..., 0], model=model)
    )


def test_of_channels_that_are_no_colours_one_has_to_be_chosen(image):
    channels = Source.of(np.stack([image, image, image], axis=-1), channel_axis=-1)
    with pytest.raises(ValueError, match="takes 1 channel, but image has 3; choose one of them"):
        run("predict", channels, {"model": tiny_model()})
    one = run("predict", replace(channels, channel=1), {"model": tiny_model()})
    np.testing.assert_array_equal(one.array, predict(image, model=tiny_model()))


def test_flips_are_an_average(image):
    model = tiny_model()
    levels = predict_statistics([{"image": image}], model=model)["intensities"]
    options = {"model": model, "intensities": levels}
    mean = np.mean(
        [scores(image[::a, ::b], **options)[:, ::a, ::b] for a in (1, -1) for b in (1, -1)],
        axis=0,
    )
    np.testing.assert_allclose(scores(image, flips=True, **options), mean, atol=1e-4)


def test_it_can_be_stopped_between_tiles(image):
    seen = []

    def report(progress: Progress):
        seen.append(progress)
        raise Stop

    with pytest.raises(Stop):
        predict(image, model=tiny_model(), tile=32, report=report)
    assert len(seen) == 1


def test_the_smallest_objects_go(image):
    all_of_them = predict(image, model=tiny_model())
    sizes = np.bincount(all_of_them.ravel())[1:]
    diameter = math.sqrt(4 / math.pi * np.median(sizes))
    fewer = predict(image, model=tiny_model(), smallest=f"{1.1 * diameter:.3f} px")
    kept = np.bincount(fewer.ravel())[1:]
    assert 0 < len(kept) < len(sizes)
    assert kept.min() >= np.floor(np.median(sizes))


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ((96, 96), {"model": "no such model"}, "there is no such model"),
        ((3, 96, 96), {"channel_axis": 0}, "takes 1 channel, but image has 3; choose one of them"),
        ((96, 96), {"rgb": True}, r"takes 3 \(red, green, blue\) channels, but image has 1"),
        ((96, 96), {"device": "cuda:9"}, "device is 'cuda:9', but"),
        ((96, 96), {"threshold": 2}, "threshold is 2"),
        ((96, 96), {"tile": 5}, "tile is 5"),
    ],
)
def test_what_does_not_fit_is_said(given, options, message):
    own = dict(options)
    model = own.pop("model", None) or tiny_model(rgb=own.pop("rgb", False))
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        predict(np.arange(np.prod(given)).reshape(given), model=model, **own)


def test_a_recipe_notices_another_model(image, tmp_path):
    from napari_tessera import Recipe

    source = Source.of(image)
    recipe = Recipe.of(METHODS["predict"], source, {"model": tiny_model()})
    name, pin = recipe.parameters["model"].split("@")
    assert name == tiny_model()
    assert find_model(name).config.weights.startswith(pin)
    other = Recipe.from_dict(
        {**recipe.to_dict(), "parameters": {**recipe.parameters, "model": f"{name}@{'0' * 12}"}}
    )
    with pytest.raises(ValueError, match="has other weights"):
        other.run(source)


def test_costs_are_told_before(image):
    values = METHODS["predict"].complete({"model": tiny_model(), "tile": 64})
    found = predict_estimate(values, (200, 300), 4, VoxelSize((1, 1)), Cache())
    one = predict_estimate(values, (200, 300), 1, VoxelSize((1, 1)), Cache())
    assert found.tiles == 4 * one.tiles > 4
    assert found.seconds > 0
    assert found.memory > 4 * 200 * 300 * 4
    assert found.device.startswith("CPU") or "GPU" in found.device
    assert models_folder().exists()


def remarks(method, model, image, **options):
    found = {}

    def hear(progress):
        found.update(progress.values.get("remarks", {}))

    method(image, model=model, report=hear, cache=KEPT, **options)
    return found


@pytest.mark.parametrize(("method", "model"), [(predict, tiny_model), (detect, tiny_finder)])
def test_an_image_like_the_examples_is_not_remarked_and_its_negative_is(method, model):
    image = squares(seed=3)[0]
    assert remarks(method, model(), image) == {}
    said = remarks(method, model(), 255 - image)["intensities"]
    assert said.startswith("This image has dark objects on bright ground; the model was trained")


def test_large_objects_and_noise_are_remarked_whatever_is_kept():
    image = squares(seed=3)[0]
    large = np.kron(image, np.ones((4, 4), np.uint8))
    said = remarks(predict, tiny_model(), large)
    assert "shrink the image" in said["size"]
    assert remarks(predict, tiny_model(), large) == said
    noisy = image + np.random.default_rng(0).normal(0, 80, image.shape)
    assert "smooth it first" in remarks(predict, tiny_model(), noisy)["noise"]


def test_classes_have_no_size():
    large = np.kron(squares(seed=3)[0], np.ones((4, 4), np.uint8))
    assert "size" not in remarks(predict, tiny_model(kind="classes"), large)


def test_of_planes_it_is_said_once():
    image = squares(seed=3)[0]
    stack = np.stack([image, 255 - image, 255 - image])
    source = Source(stack, VoxelSize((1, 1, 1)), ("t", "y", "x"))
    notes = run("predict", source, {"model": tiny_model()}, cache=KEPT).notes
    assert notes[0].startswith("2 of 3 planes: This image has dark objects on bright ground")
    assert sum("bright ground" in note for note in notes) == 1


def test_the_command_line_says_it_beside_the_result(tmp_path, capsys):
    path, target = tmp_path / "dark.npy", tmp_path / "dark.tif"
    np.save(path, 255 - squares(seed=3)[0])
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(path), "--model", tiny_model(), "--output", str(target)])
    assert not ended.value.code
    assert target.exists()
    assert "dark.npy: This image has dark objects on bright ground" in capsys.readouterr().err


BAD = [
    (np.zeros((96, 96), np.uint8), {}, NothingToSeparate, "one value only, 0"),
    (np.full((96, 96), np.nan), {}, NothingToSeparate, "no numbers, only NaN"),
    (np.zeros((0, 96), np.uint8), {}, ValueError, "image is empty"),
    (squares()[0], {"diameter": "-3 px"}, ValueError, "diameter is '-3 px'"),
    (squares()[0], {"diameter": "97 px"}, ValueError, "choose a shorter one"),
    (np.stack([squares()[0]] * 2), {"channel_axis": 0}, ValueError, "takes 1 channel"),
]


@pytest.mark.parametrize(("method", "model"), [(predict, tiny_model), (detect, tiny_finder)])
@pytest.mark.parametrize("volume", [False, True])
@pytest.mark.parametrize(("image", "options", "error", "words"), BAD)
def test_bad_input_is_refused_with_what_to_do(method, model, volume, image, options, error, words):
    if volume:
        axis = 1 if options.get("channel_axis") == 0 else 0
        image = np.stack([image] * 2, axis)
    with pytest.raises(error, match=words):
        method(image, model=model(), cache=KEPT, **options)


def test_the_command_line_says_what_is_wrong_with_an_image(tmp_path, capsys):
    path = tmp_path / "dark.npy"
    np.save(path, np.zeros((96, 96), np.uint8))
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(path), "--model", tiny_model(), "--output", str(tmp_path / "a.tif")])
    assert ended.value.code == 1
    assert "one value only, 0; choose another plane" in capsys.readouterr().err
