import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from napari_tessera import Recipe, classify_pixels, train_pixel_classifier
from napari_tessera.deep.models.folder import sha256
from napari_tessera.deep.models.library import find_model, models, unreadable
from napari_tessera.deep.models.places import FOREST
from napari_tessera.methods.classical.pixel_classifier import (
    Scales,
    classifiers,
    find_classifier,
    pinned_classifier,
)
from napari_tessera.pipeline.recipes.step import step
from napari_tessera.signature.words import VoxelSize

RNG = np.random.default_rng(0)
TRUTH = np.ones((60, 70), np.uint8)
TRUTH[20:40, 30:60] = 2
BRIGHT = (RNG.normal(0, 1, TRUTH.shape) + 4.0 * (TRUTH == 2)).astype(np.float32)
STROKES = np.zeros(TRUTH.shape, np.uint8)
STROKES[30, 35:55], STROKES[50, 5:60] = 2, 1
FINE = {"largest_scale": "2 px"}


@pytest.fixture(autouse=True)
def own_models(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path))
    return tmp_path


@pytest.fixture
def kept():
    found = train_pixel_classifier([BRIGHT], [STROKES], **FINE)
    found.save("bright")
    return found


def test_what_is_kept_gives_what_strokes_give(kept, own_models):
    expected = classify_pixels(BRIGHT, strokes=STROKES, **FINE)
    np.testing.assert_array_equal(classify_pixels(BRIGHT, classifier="bright"), expected)
    path = str(own_models / "bright")
    np.testing.assert_array_equal(classify_pixels(BRIGHT, classifier=path), expected)
    again = find_classifier("bright")
    assert (again.axes, again.channels, again.seed) == (2, 1, 0)
    assert again.scales == Scales("1 px", "2 px", texture=False)
    for name in ("roots", "feature", "left", "level", "shares", "gains"):
        np.testing.assert_array_equal(getattr(again.forest, name), getattr(kept.forest, name))


def test_a_folder_holds_no_pickle(kept, own_models):
    assert {each.name for each in (own_models / "bright").iterdir()} == {"config.json", FOREST}
    assert json.loads((own_models / "bright" / "config.json").read_text())["classes"] == [1, 2]


def test_strokes_are_added_to_what_it_knows(kept):
    only = STROKES * (STROKES == 2)
    both = classify_pixels(BRIGHT, classifier="bright", strokes=only)
    assert set(np.unique(both)) == {1, 2}
    third = np.where(STROKES == 1, 3, 0)
    assert {1, 2, 3} == set(find_with(third).forest.classes)
    # the same pixels once more teach what they taught
    twice = classify_pixels(BRIGHT, classifier="bright", strokes=STROKES)
    assert (twice == classify_pixels(BRIGHT, classifier="bright")).mean() > 0.98


def find_with(strokes):
    return train_pixel_classifier([BRIGHT], [strokes], classifier="bright")


def test_several_images_teach_one():
    halves = [STROKES * (number == STROKES) for number in (1, 2)]
    found = train_pixel_classifier([BRIGHT, BRIGHT], halves, **FINE)
    one = train_pixel_classifier([BRIGHT], [STROKES], **FINE)
    np.testing.assert_array_equal(found.forest.level, one.forest.level)


def test_scales_are_those_of_the_image_it_was_learnt_from():
    fine = train_pixel_classifier([BRIGHT], [STROKES], **FINE, spacing=VoxelSize((0.5, 0.5), "um"))
    assert fine.scales == Scales("0.5 um", "1 um", texture=False)
    coarse = fine.scales.bank(VoxelSize((0.25, 0.25), "um"))
    assert coarse.scales == (2, 4)
    fine.save("micrometres")
    with pytest.raises(ValueError, match="smallest_scale is '0.5 um', but the image's pixel size"):
        classify_pixels(BRIGHT, classifier="micrometres")


def test_a_recipe_asks_for_this_one_and_no_other(kept, own_models):
    pin = pinned_classifier("bright")
    assert pin == f"bright@{sha256(own_models / 'bright' / FOREST)[:12]}"
    recipe = Recipe.from_dict(step("classify_pixels", classifier="bright").to_dict())
    assert recipe.parameters["classifier"] == pin
    expected = classify_pixels(BRIGHT, classifier="bright")
    np.testing.assert_array_equal(recipe.run(BRIGHT).array, expected)
    (own_models / "bright").rename(own_models / "gone")
    train_pixel_classifier([BRIGHT], [STROKES], **FINE, seed=1).save("bright")
    with pytest.raises(ValueError, match="'bright' has another forest .* it was learnt again"):
        recipe.run(BRIGHT)


def test_it_is_no_network(kept):
    assert models() == []
    assert unreadable() == []
    with pytest.raises(ValueError, match="bright"):
        find_model("bright")


def test_the_newest_come_first(kept, own_models):
    (own_models / "another thing").mkdir()
    train_pixel_classifier([BRIGHT], [STROKES], **FINE, seed=2).save("newer")
    import os

    os.utime(own_models / "bright" / "config.json", (1, 1))
    assert classifiers() == ["newer", "bright"]


def test_nothing_is_overwritten(kept):
    with pytest.raises(FileExistsError, match="exists already; choose another name"):
        kept.save("bright")


def damaged(path, **changes):
    """Write other arrays into a folder, with the hash that belongs to them."""
    arrays = {**load_file(path / FOREST), **changes}
    save_file(arrays, path / FOREST)
    config = json.loads((path / "config.json").read_text())
    text = json.dumps({**config, "forest": sha256(path / FOREST)})
    (path / "config.json").write_text(text)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("feature", lambda a: a + 1000),
        ("left", lambda a: np.zeros_like(a)),
        ("left", lambda a: a + np.uint32(1 << 20)),
        ("roots", lambda a: a + np.uint32(1 << 20)),
        ("roots", lambda a: a[:0]),
        ("level", lambda a: a[:-1]),
        ("level", lambda a: a * np.nan),
        ("shares", lambda a: a * 3),
        ("shares", lambda a: a[:, :1].copy()),
        ("left", lambda a: a.astype(np.int64)),
    ],
)
def test_trees_that_lead_nowhere_are_refused(kept, own_models, name, change):
    """Compiled code would read whatever lies in memory there, or go in circles."""
    damaged(
        own_models / "bright", **{name: change(load_file(own_models / "bright" / FOREST)[name])}
    )
    with pytest.raises(ValueError, match="classifier 'bright': forest.safetensors is no intact"):
        find_classifier("bright")


def test_what_is_wrong_with_a_folder_is_named(kept, own_models):
    with pytest.raises(ValueError, match="classifier is 'dark', .* is not there; choose one of"):
        classify_pixels(BRIGHT, classifier="dark")
    (own_models / "bright" / FOREST).write_bytes(b"other")
    with pytest.raises(ValueError, match="forest.safetensors is damaged or was exchanged"):
        classify_pixels(BRIGHT, classifier="bright")
    (own_models / "bright" / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="classifier 'bright': config.json has no 'schema'"):
        classify_pixels(BRIGHT, classifier="bright")


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (np.stack([BRIGHT] * 3, -1), {"channel_axis": -1}, "images of 1 channels, but image has 3"),
        (np.stack([BRIGHT] * 3), {}, "images of 2 spatial axes, but image has 3"),
        (BRIGHT, {"texture": True}, "texture is True, but it is used only with classifier = None"),
    ],
)
def test_it_is_for_images_like_those_it_knows(kept, image, options, message):
    with pytest.raises(ValueError, match=message):
        classify_pixels(image, classifier="bright", **options)


def test_images_that_teach_together_are_alike():
    with pytest.raises(ValueError, match="images are 1 and strokes 2; pass strokes for each"):
        train_pixel_classifier([BRIGHT], [STROKES] * 2)
    stack = np.stack([BRIGHT] * 3)
    with pytest.raises(ValueError, match="images have 2 axes and 1 channels and 3 axes and 1"):
        train_pixel_classifier([BRIGHT, stack], [STROKES, np.stack([STROKES] * 3)], **FINE)


def test_neither_strokes_nor_a_classifier():
    with pytest.raises(ValueError, match="strokes is missing: draw .* or choose a classifier"):
        classify_pixels(BRIGHT)
